#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin.h"
#include "change.h"
#include "clock.h"
#include "err.h"
#include "members.h"
#include "operators.h"
#include "own.h"
#include "roles.h"
#include "shapes.h"

#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyz0123456789._@+-"
#define NAME_MAX_LEN 64
#define ROLES "owner admin auditor billing"

/* What is asked for; NULL leaves a member as it is. */
struct draft {
    const char *role, *status;
    char name[NAME_MAX_LEN + 1]; /* "": as it is */
    char *accounts;              /* owned */
};

struct walk {
    struct tg_store *store;
    struct tg_page_list list;
};

static int
list_operator(void *arg, const struct tg_store_operator *row)
{
    struct walk *walk = arg;

    tg_page_list_add(&walk->list, row->id,
                     tg_operator_object(walk->store, row));
    return 0;
}

void
tg_admin_operator_list(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_store *store = request->daemon->admin;
    struct walk walk = {.store = store};
    struct tg_store_page page;
    int err;

    if (!tg_request_page(request, reply, "op_", &page))
        return;
    walk.list.limit = page.limit;
    walk.list.data = json_array();
    pthread_mutex_lock(&request->daemon->admin_lock);
    err = store->operators->each(store, page.after, page.limit + 1,
                                 list_operator, &walk);
    tg_page_list_reply(&walk.list, reply, store, err);
    pthread_mutex_unlock(&request->daemon->admin_lock);
}

void
tg_admin_operator_show(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_operator_row row;

    pthread_mutex_lock(&request->daemon->admin_lock);
    if (tg_operator_read(request, reply, request->subject, &row))
        tg_reply_json(reply, 200, json_incref(row.object));
    tg_operator_release(&row);
    pthread_mutex_unlock(&request->daemon->admin_lock);
}

/* Names are folded once, here, so that no two differ in case only. */
static bool
read_name(const json_t *body, struct tg_reply *reply, bool is_needed,
          char name[NAME_MAX_LEN + 1])
{
    char folded[TG_OPERATOR_NAME_SIZE];
    const char *text = NULL;

    if (!is_needed && json_object_get(body, "name") == NULL)
        return true;
    if (!tg_members_text(reply, body, "name", 1, NAME_MAX_LEN, &text))
        return false;
    tg_operator_fold(text, folded);
    if (strlen(folded) > NAME_MAX_LEN ||
        strspn(folded, NAME_CHARACTERS) != strlen(folded) ||
        strncmp(folded, "op_", 3) == 0 || strcmp(folded, "me") == 0)
        return tg_reply_invalid(reply, "name",
                                "a name has letters of ASCII, digits and "
                                "._@+-, does not begin like an id, and is not "
                                "'me'");
    memcpy(name, folded, strlen(folded) + 1);
    return true;
}

static bool
any_text(struct tg_reply *reply, const char *param, const char *text)
{
    (void)reply;
    (void)param;
    (void)text;
    return true;
}

/* The list with each name's id in its place. */
static bool
read_accounts(struct tg_request *request, struct tg_reply *reply,
              struct draft *draft)
{
    const json_t *given = NULL, *item;
    json_t *ids;
    size_t i;

    if (json_object_get(request->body, "accounts") == NULL)
        return true;
    if (!tg_members_texts(reply, request->body, "accounts",
                          TG_OPERATOR_ACCOUNTS, any_text, &given))
        return false;
    ids = json_array();
    json_array_foreach((json_t *)given, i, item)
    {
        char id[TG_ID_TEXT_SIZE];

        if (!tg_shapes_account(request->daemon->admin, reply, "accounts",
                               json_string_value(item), id)) {
            json_decref(ids);
            return false;
        }
        json_array_append_new(ids, json_string(id));
    }
    draft->accounts = json_dumps(ids, JSON_COMPACT);
    json_decref(ids);
    return true;
}

/* Nobody gives what he has not, and an owner is of all accounts. */
static bool
may_give(const struct tg_request *request, struct tg_reply *reply,
         const char *role, const char *accounts)
{
    unsigned permissions = tg_role_permissions(tg_role_named(role));

    if (!tg_operator_has(request, permissions))
        return tg_reply_error(reply, 403, "permission_denied", "role",
                              "nobody gives a role that may do more than he "
                              "may himself");
    if (strcmp(role, "owner") == 0 && strcmp(accounts, "[]") != 0)
        return tg_reply_invalid(reply, "accounts",
                                "an owner is of all accounts");
    return true;
}

static int
store_new(struct tg_request *request, const struct tg_store_operator *row)
{
    struct tg_store *store = request->daemon->admin;
    int err = tg_change_begin(request);
    json_t *details;

    if (err != 0)
        return err;
    details = json_pack("{s:[n,s],s:[n,s],s:[n,o]}", "name", row->name, "role",
                        row->role, "accounts", tg_reply_stored(row->accounts));
    return tg_change_end(request, store->operators->add(store, row), row->id,
                         details);
}

static void
create(struct tg_request *request, struct tg_reply *reply, struct draft *draft)
{
    struct tg_store *store = request->daemon->admin;
    char id[TG_ID_TEXT_SIZE];
    struct tg_store_operator row = {.id = id,
                                    .name = draft->name,
                                    .role = draft->role,
                                    .status = "active",
                                    .accounts = "[]",
                                    .created_at = tg_clock_ms()};
    int err;

    if (!read_accounts(request, reply, draft))
        return;
    if (draft->accounts != NULL)
        row.accounts = draft->accounts;
    if (!may_give(request, reply, row.role, row.accounts))
        return;
    if (tg_id_mint(id, "op_", tg_random) != 0) {
        tg_reply_error(reply, 500, "internal_error", NULL,
                       "the kernel gives no random bytes");
        return;
    }
    err = store_new(request, &row);
    if (err == TG_ERR_DUPLICATE)
        tg_reply_error(reply, 409, "already_exists", "name",
                       "there is or was an operator '%s' already", row.name);
    else if (err != 0)
        tg_reply_store(reply, store, err, "operator");
    else
        tg_reply_json(reply, 201, tg_operator_object(store, &row));
}

void
tg_admin_operator_create(struct tg_request *request, struct tg_reply *reply)
{
    struct draft draft = {0};

    if (!tg_members_only(reply, request->body, "", "name role accounts") ||
        !read_name(request->body, reply, true, draft.name) ||
        !tg_members_choice(reply, request->body, "role", ROLES, &draft.role))
        return;
    if (draft.role == NULL) {
        tg_reply_invalid(reply, "role", "role is missing: one of " ROLES);
        return;
    }
    pthread_mutex_lock(&request->daemon->admin_lock);
    create(request, reply, &draft);
    pthread_mutex_unlock(&request->daemon->admin_lock);
    free(draft.accounts);
}

/* What a change makes of the row, and of what its operator is known by. */
struct change {
    struct tg_request *request;
    struct tg_reply *reply;
    const struct draft *draft;
    json_t *before, *after;
};

static int
change_row(void *arg, const struct tg_store_operator *row)
{
    struct change *change = arg;
    const struct draft *draft = change->draft;
    struct tg_store *store = change->request->daemon->admin;
    struct tg_store_operator to = *row;
    int64_t now_ms = tg_clock_ms();
    bool is_disabled;
    int err;

    if (draft->name[0] != '\0')
        to.name = draft->name;
    if (draft->role != NULL)
        to.role = draft->role;
    if (draft->status != NULL)
        to.status = draft->status;
    if (draft->accounts != NULL)
        to.accounts = draft->accounts;
    is_disabled = strcmp(to.status, "disabled") == 0;
    if (is_disabled)
        to.ended_at = now_ms;
    if (!may_give(change->request, change->reply, to.role, to.accounts))
        return TG_ERR_FORMAT;
    change->before = tg_operator_object(store, row);
    change->after = tg_operator_object(store, &to);
    err = store->operators->set(store, &to);
    if (err == 0 &&
        (strcmp(to.role, row->role) != 0 || strcmp(to.status, "active") != 0))
        err = store->operators->end_all(store, row->id, is_disabled, now_ms);
    return err;
}

static int
keep_an_owner(struct change *change)
{
    struct tg_store *store = change->request->daemon->admin;
    int64_t owners = 0;
    int err = store->operators->count_owners(store, &owners);

    if (err != 0 || owners > 0)
        return err;
    tg_reply_error(change->reply, 409, "last_owner", NULL,
                   "there would be no owner left: make another one first");
    return TG_ERR_FORMAT;
}

static int
store_change(struct change *change, const char *id)
{
    struct tg_request *request = change->request;
    struct tg_store *store = request->daemon->admin;
    int err = tg_change_begin(request);
    json_t *diff;

    if (err != 0)
        return err;
    err = store->operators->get(store, id, change_row, change);
    if (err == 0)
        err = keep_an_owner(change);
    diff = tg_change_diff(change->before, change->after, "ended_at");
    err = tg_change_end(request, err, id, diff);
    json_decref(change->before);
    json_decref(change->after);
    return err;
}

static void
apply(struct tg_request *request, struct tg_reply *reply,
      const struct draft *draft)
{
    struct change change = {.request = request, .reply = reply, .draft = draft};
    struct tg_store *store = request->daemon->admin;
    struct tg_operator_row row;
    int err = 0;

    if (!tg_operator_read(request, reply, request->subject, &row))
        return;
    if (row.is_disabled)
        tg_reply_error(reply, 409, "operator_disabled", NULL,
                       "'%s' was disabled for good; make a new one", row.name);
    else if (tg_operator_may_act(request, reply, &row))
        err = store_change(&change, row.id);
    tg_operator_release(&row);
    if (err == TG_ERR_DUPLICATE)
        tg_reply_error(reply, 409, "already_exists", "name",
                       "there is or was an operator '%s' already", draft->name);
    else if (err != 0 && reply->status == 0)
        tg_reply_store(reply, store, err, "operator");
    if (reply->status != 0)
        return;
    if (tg_operator_read(
            request, reply,
            draft->name[0] != '\0' ? draft->name : request->subject, &row))
        tg_reply_json(reply, 200, json_incref(row.object));
    tg_operator_release(&row);
}

void
tg_admin_operator_update(struct tg_request *request, struct tg_reply *reply)
{
    struct draft draft = {0};

    if (!tg_members_only(reply, request->body, "",
                         "name role status accounts") ||
        !read_name(request->body, reply, false, draft.name) ||
        !tg_members_choice(reply, request->body, "role", ROLES, &draft.role) ||
        !tg_members_choice(reply, request->body, "status", "active suspended",
                           &draft.status))
        return;
    pthread_mutex_lock(&request->daemon->admin_lock);
    if (read_accounts(request, reply, &draft))
        apply(request, reply, &draft);
    pthread_mutex_unlock(&request->daemon->admin_lock);
    free(draft.accounts);
}

void
tg_admin_operator_disable(struct tg_request *request, struct tg_reply *reply)
{
    static const struct draft disabled = {.status = "disabled"};

    if (!tg_members_only(reply, request->body, "", ""))
        return;
    pthread_mutex_lock(&request->daemon->admin_lock);
    apply(request, reply, &disabled);
    pthread_mutex_unlock(&request->daemon->admin_lock);
}
