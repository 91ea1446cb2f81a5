#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access.h"
#include "admin.h"
#include "change.h"
#include "clock.h"
#include "draft_text.h"
#include "err.h"
#include "idempotency.h"
#include "members.h"
#include "operators.h"
#include "own.h"
#include "roles.h"
#include "shapes.h"

/* A token as it is asked for. */
struct draft {
    const char *operator, * name, *expires, *account;
    const json_t *scopes;
    unsigned permissions; /* of scopes; 0: all */
    char account_id[TG_ID_TEXT_SIZE];
    char *scopes_text; /* owned */
    int64_t expires_at;
};

static const char *
status_of(const struct tg_store_access *row,
          const struct tg_store_operator *who, int64_t now_ms)
{
    if (row->ended_at != 0)
        return "revoked";
    if (row->expires_at != 0 && row->expires_at <= now_ms)
        return "expired";
    return strcmp(who->status, "active") == 0 ? "active" : "suspended";
}

static json_t *
token_object(const struct tg_store_access *row,
             const struct tg_store_operator *who)
{
    return json_pack(
        "{s:s,s:s,s:s,s:s,s:s,s:s,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}",
        "object", "token", "id", row->id, "operator_id", row->operator_id,
        "operator", who->name, "name", row->name, "status",
        status_of(row, who, tg_clock_ms()), "last4", tg_reply_text(row->last4),
        "scopes", tg_reply_stored(row->scopes), "account_id",
        tg_reply_text(row->account_id), "created_at",
        tg_reply_instant(row->created_at), "expires_at",
        tg_reply_instant(row->expires_at), "revoked_at",
        tg_reply_instant(row->ended_at), "last_used_at",
        tg_reply_instant(row->last_used_at), "last_used_ip",
        tg_reply_text(row->last_used_ip), "last_used_agent",
        tg_reply_text(row->last_used_agent));
}

static int
list_token(void *arg, const struct tg_store_access *row,
           const struct tg_store_operator *who)
{
    tg_page_list_add(arg, row->id, token_object(row, who));
    return 0;
}

static int
one_token(void *arg, const struct tg_store_access *row,
          const struct tg_store_operator *who)
{
    *(json_t **)arg = token_object(row, who);
    return 0;
}

bool
tg_admin_access_of(struct tg_request *request, struct tg_reply *reply,
                   char id[TG_ID_TEXT_SIZE], const char **operator_id)
{
    const char *given = tg_request_argument(request, "operator");
    bool sees_all = !request->operator.is_bound &&
                     tg_operator_has(request, TG_BIT(TG_MAY_READ));
    struct tg_operator_row row;
    bool is_found;

    *operator_id = sees_all ? NULL : request->operator.id;
    if (given == NULL)
        return true;
    is_found = tg_operator_read(request, reply, given, &row);
    tg_operator_release(&row);
    if (is_found && !sees_all && strcmp(row.id, request->operator.id) != 0)
        is_found = tg_reply_store(reply, request->daemon->admin,
                                  TG_ERR_NOT_FOUND, "operator");
    snprintf(id, TG_ID_TEXT_SIZE, "%s", row.id);
    *operator_id = id;
    return is_found;
}

void
tg_admin_token_list(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_store *store = request->daemon->admin;
    struct tg_page_list list = {.data = NULL};
    struct tg_store_access_filter filter = {0};
    char id[TG_ID_TEXT_SIZE];
    struct tg_store_page page;
    int err;

    if (!tg_request_page(request, reply, "tok_", &page))
        return;
    pthread_mutex_lock(&request->daemon->admin_lock);
    if (tg_admin_access_of(request, reply, id, &filter.operator_id)) {
        list.limit = page.limit;
        list.data = json_array();
        filter.after = page.after;
        filter.limit = page.limit + 1;
        err = store->operators->access_each(store, &filter, list_token, &list);
        tg_page_list_reply(&list, reply, store, err);
    }
    pthread_mutex_unlock(&request->daemon->admin_lock);
}

static bool
is_scope(struct tg_reply *reply, const char *param, const char *text)
{
    return tg_permission_named(text) != TG_MAY_NOTHING ||
           tg_reply_invalid(reply, param,
                            "there is no scope '%s'; a token's are: read "
                            "usage keys budgets accounts …, as in "
                            "tollgate-operators(1)",
                            text);
}

static bool
read_draft(struct tg_request *request, struct tg_reply *reply,
           struct draft *draft)
{
    const json_t *body = request->body, *item;
    int64_t now_ms = tg_clock_ms();
    size_t i;

    if (!tg_members_only(reply, body, "",
                         "operator name expires_at scopes account") ||
        !tg_members_text(reply, body, "operator", 0, 64, &draft->operator) ||
        !tg_members_text(reply, body, "name", 1, 100, &draft->name) ||
        !tg_members_text(reply, body, "expires_at", 0, 64, &draft->expires) ||
        !tg_members_text(reply, body, "account", 0, 100, &draft->account) ||
        !tg_members_texts(reply, body, "scopes", TG_PERMISSIONS, is_scope,
                          &draft->scopes))
        return false;
    if (draft->expires != NULL &&
        (tg_draft_expiry(draft->expires, now_ms, &draft->expires_at) != 0 ||
         draft->expires_at <= now_ms))
        return tg_reply_invalid(reply, "expires_at",
                                "expires_at is a date or an instant to come, "
                                "or 90d from now");
    json_array_foreach((json_t *)draft->scopes, i, item)
    {
        draft->permissions |=
            TG_BIT(tg_permission_named(json_string_value(item)));
    }
    return true;
}

/* Nobody hands on more than he may himself by what he asks with. */
static bool
may_hand_on(const struct tg_request *request, struct tg_reply *reply,
            const struct draft *draft, const struct tg_operator_row *row)
{
    unsigned all = tg_role_permissions(row->role);
    unsigned some = draft->permissions != 0 ? draft->permissions : all;

    if ((some & ~all) != 0)
        return tg_reply_error(reply, 403, "permission_denied", "scopes",
                              "the role '%s' has not all of these scopes",
                              tg_role_name(row->role));
    if (!tg_operator_has(request, some))
        return tg_reply_error(reply, 403, "permission_denied", "scopes",
                              "nobody hands on scopes that he has not himself; "
                              "name the ones it needs");
    return true;
}

/* What is asked for with a token of one account is of that account, too. */
static bool
read_account(struct tg_request *request, struct tg_reply *reply,
             struct draft *draft)
{
    struct tg_store *store = request->daemon->admin;
    const struct tg_operator *operator= & request->operator;

    if (draft->account == NULL && operator->is_bound &&
                                  operator->account_count <= 1)
        draft->account = operator->account_count == 1 ? operator->accounts[0]
            : "";
    if (draft->account == NULL)
        return true;
    return tg_shapes_account(store, reply, "account", draft->account,
                             draft->account_id) &&
           (tg_own_account(request, draft->account_id) ||
            tg_shapes_unknown_account(reply, "account", draft->account));
}

static int
store_token(struct tg_request *request, const struct tg_store_access *row,
            const char *text)
{
    struct tg_store *store = request->daemon->admin;
    int err = tg_change_begin(request);
    json_t *details;

    if (err != 0)
        return err;
    details = json_pack("{s:[n,s],s:[n,s],s:[n,o],s:[n,o],s:[n,o]}",
                        "operator_id", row->operator_id, "name", row->name,
                        "scopes", tg_reply_stored(row->scopes), "account_id",
                        tg_reply_text(row->account_id), "expires_at",
                        tg_reply_instant(row->expires_at));
    tg_idempotency_tell(request, "token", (struct tg_str){text, strlen(text)});
    return tg_change_end(request, store->operators->token_add(store, row),
                         row->id, details);
}

static void
make(struct tg_request *request, struct tg_reply *reply, struct draft *draft,
     const struct tg_operator_row *who, char text[TG_TOKEN_SIZE])
{
    struct tg_store *store = request->daemon->admin;
    char id[TG_ID_TEXT_SIZE];
    struct tg_store_access row = {.id = id,
                                  .operator_id = who->id,
                                  .name = draft->name,
                                  .scopes = "[]",
                                  .account_id = draft->account_id,
                                  .created_at = tg_clock_ms(),
                                  .expires_at = draft->expires_at};
    json_t *object = NULL;
    int err;

    if (tg_id_mint(id, "tok_", tg_random) != 0 ||
        tg_access_mint(text, TG_TOKEN_PREFIX, &row.digest) != 0) {
        tg_reply_error(reply, 500, "internal_error", NULL,
                       "the kernel gives no random bytes");
        return;
    }
    row.last4 = text + TG_TOKEN_LEN - 4;
    if (draft->scopes != NULL)
        row.scopes = draft->scopes_text = json_dumps(draft->scopes, 0);
    err = store_token(request, &row, text);
    if (err == 0)
        err = store->operators->access_get(store, id, one_token, &object);
    if (err != 0) {
        tg_reply_store(reply, store, err, "token");
        return;
    }
    json_object_set_new(object, "token", json_string(text));
    tg_reply_json(reply, 201, object);
}

void
tg_admin_token_create(struct tg_request *request, struct tg_reply *reply)
{
    struct draft draft = {.operator= "me" };
    struct tg_operator_row row;
    char text[TG_TOKEN_SIZE];

    if (!read_draft(request, reply, &draft))
        return;
    pthread_mutex_lock(&request->daemon->admin_lock);
    if (tg_operator_read(request, reply, draft.operator, & row) &&
        tg_operator_may_act(request, reply, &row) &&
        may_hand_on(request, reply, &draft, &row) &&
        read_account(request, reply, &draft)) {
        if (row.is_disabled)
            tg_reply_error(reply, 409, "operator_disabled", NULL,
                           "'%s' was disabled for good", row.name);
        else
            make(request, reply, &draft, &row, text);
    }
    tg_operator_release(&row);
    pthread_mutex_unlock(&request->daemon->admin_lock);
    sodium_memzero(text, sizeof(text));
    free(draft.scopes_text);
}

static int
take_operator(void *arg, const struct tg_store_access *row,
              const struct tg_store_operator *who)
{
    (void)who;
    snprintf(arg, TG_ID_TEXT_SIZE, "%s", row->operator_id);
    return 0;
}

bool
tg_admin_access_end(struct tg_request *request, struct tg_reply *reply,
                    const char *id, const char *what)
{
    struct tg_store *store = request->daemon->admin;
    char operator_id[TG_ID_TEXT_SIZE];
    struct tg_operator_row row;
    bool may;
    int err =
        store->operators->access_get(store, id, take_operator, operator_id);

    if (err != 0)
        return tg_reply_store(reply, store, err, what);
    may = tg_operator_read(request, reply, operator_id, &row);
    if (may && strcmp(row.id, request->operator.id) != 0 &&
        (request->operator.is_bound || !tg_operator_has(request,
                                                        TG_BIT(TG_MAY_READ))))
        may = tg_reply_store(reply, store, TG_ERR_NOT_FOUND, what);
    may = may && tg_operator_may_act(request, reply, &row);
    tg_operator_release(&row);
    if (!may)
        return false;
    err = tg_change_begin(request);
    if (err == 0)
        err = tg_change_end(
            request, store->operators->access_end(store, id, tg_clock_ms()), id,
            json_pack("{s:s}", "operator_id", operator_id));
    return err == 0 || tg_reply_store(reply, store, err, what);
}

void
tg_admin_token_revoke(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_store *store = request->daemon->admin;
    json_t *object = NULL;

    if (!tg_members_only(reply, request->body, "", ""))
        return;
    pthread_mutex_lock(&request->daemon->admin_lock);
    if (strncmp(request->subject, "tok_", 4) != 0)
        tg_reply_store(reply, store, TG_ERR_NOT_FOUND, "token");
    else if (tg_admin_access_end(request, reply, request->subject, "token") &&
             store->operators->access_get(store, request->subject, one_token,
                                          &object) == 0)
        tg_reply_json(reply, 200, object);
    pthread_mutex_unlock(&request->daemon->admin_lock);
}
