#include <stdlib.h>
#include <string.h>

#include "admin.h"
#include "change.h"
#include "clock.h"
#include "err.h"
#include "etag.h"
#include "members.h"
#include "money.h"
#include "policy.h"
#include "respond.h"
#include "response_draft.h"
#include "shapes.h"

struct walk {
    struct tg_daemon *daemon;
    struct tg_page_list list;
    json_t *one;
};

/* What of an account the state file knows best. */
struct use {
    int64_t spent_nanos; /* what is older than the state file, and it */
    int64_t held_nanos;  /* for calls in flight */
};

static struct use
use_of(struct tg_daemon *daemon, const struct tg_store_account *row)
{
    struct use use = {row->base_nanos, 0};
    uint32_t slot;

    pthread_mutex_lock(&daemon->publish_lock);
    if (tg_publisher_account_slot(daemon->publisher, row->id, &slot) == 0) {
        struct tg_counters *counters = &daemon->state.accounts[slot].counters;

        use.spent_nanos += atomic_load(&counters->settled_nanos);
        use.held_nanos = atomic_load(&counters->held_nanos);
    }
    pthread_mutex_unlock(&daemon->publish_lock);
    return use;
}

/* Granted money is spent first; what is owed is owed by what was paid. */
static json_t *
account_object(struct tg_daemon *daemon, const struct tg_store_account *row)
{
    struct use use = use_of(daemon, row);
    int64_t granted = row->granted_nanos - use.spent_nanos;
    int64_t topped_up = row->topped_up_nanos;

    if (granted < 0) {
        topped_up += granted;
        granted = 0;
    }
    return json_pack(
        "{s:s,s:s,s:s,s:o,s:s,s:s,s:s,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}",
        "object", "account", "id", row->id, "name", row->name, "plan",
        tg_reply_text(row->plan), "status", row->status, "verification",
        row->verification, "billing", row->billing, "granted",
        tg_reply_money(row->granted_nanos), "topped_up",
        tg_reply_money(row->topped_up_nanos), "spent",
        tg_reply_money(use.spent_nanos), "held", tg_reply_money(use.held_nanos),
        "balance", tg_reply_money(granted + topped_up), "granted_balance",
        tg_reply_money(granted), "topped_up_balance", tg_reply_money(topped_up),
        "created_at", tg_reply_instant(row->created_at), "responses",
        tg_respond_policy(row->responses));
}

static int
list_account(void *arg, const struct tg_store_account *row)
{
    struct walk *walk = arg;

    tg_page_list_add(&walk->list, row->id, account_object(walk->daemon, row));
    return 0;
}

static int
one_account(void *arg, const struct tg_store_account *row)
{
    struct walk *walk = arg;

    walk->one = account_object(walk->daemon, row);
    return 0;
}

/* The accounts that an operator is bound to, one by one. */
static int
each_own(const struct tg_request *request, const struct tg_store_page *page,
         struct walk *walk)
{
    struct tg_store *store = request->daemon->admin;
    const struct tg_operator *operator= & request->operator;
    size_t i = 0;
    int err = 0;

    while (page->after != NULL &&
           i < operator->account_count &&
                   strcmp(operator->accounts[i++], page->after) !=
               0)
        ;
    for (; i < operator->account_count && err == 0; i++) {
        err = store->ops->account_get(store, operator->accounts[i],
                                      list_account, walk);
        err = err == TG_ERR_NOT_FOUND ? 0 : err;
    }
    return err;
}

void
tg_admin_account_list(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_daemon *daemon = request->daemon;
    struct tg_store *store = daemon->admin;
    struct walk walk = {.daemon = daemon};
    struct tg_store_page page;
    int err;

    if (!tg_request_page(request, reply, "acct_", &page))
        return;
    walk.list.limit = page.limit++;
    walk.list.data = json_array();
    pthread_mutex_lock(&daemon->admin_lock);
    err = request->operator.is_bound
              ? each_own(request, &page, &walk)
              : store->ops->account_each(store, &page, list_account, &walk);
    tg_page_list_reply(&walk.list, reply, store, err);
    pthread_mutex_unlock(&daemon->admin_lock);
}

static bool
refuse(struct tg_reply *reply, const struct tg_store *store, int err,
       const char *id_or_name)
{
    if (err != TG_ERR_NOT_FOUND)
        return tg_reply_store(reply, store, err, "account");
    return tg_shapes_no_account(reply, id_or_name);
}

/* Its ETag is of what operators set, not of its money. */
static void
tag(struct tg_reply *reply, const json_t *account)
{
    static const char *const members[] = {"id",     "name",         "plan",
                                          "status", "verification", "billing"};
    json_t *part = json_object();

    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
        json_object_set(part, members[i], json_object_get(account, members[i]));
    tg_etag_of(reply, part);
    json_decref(part);
}

static void
reply_account(struct tg_request *request, struct tg_reply *reply,
              unsigned status, const char *id_or_name)
{
    struct tg_store *store = request->daemon->admin;
    struct walk walk = {.daemon = request->daemon};
    int err = store->ops->account_get(store, id_or_name, one_account, &walk);

    if (err != 0) {
        refuse(reply, store, err, id_or_name);
        return;
    }
    tag(reply, walk.one);
    tg_reply_json(reply, status, walk.one);
}

void
tg_admin_account_show(struct tg_request *request, struct tg_reply *reply)
{
    pthread_mutex_lock(&request->daemon->admin_lock);
    reply_account(request, reply, 200, request->subject);
    pthread_mutex_unlock(&request->daemon->admin_lock);
}

/* For the audit log: what operators set, none of what calls change. */
static json_t *
details_of(const struct tg_store_account *row)
{
    return json_pack("{s:s,s:s,s:s,s:s,s:s,s:o,s:o}", "name", row->name, "plan",
                     row->plan, "status", row->status, "verification",
                     row->verification, "billing", row->billing, "granted",
                     tg_reply_money(row->granted_nanos), "topped_up",
                     tg_reply_money(row->topped_up_nanos));
}

static int
take_details(void *arg, const struct tg_store_account *row)
{
    *(json_t **)arg = details_of(row);
    return 0;
}

static bool
add_account(struct tg_request *request, struct tg_reply *reply,
            const struct tg_store_account *row)
{
    struct tg_daemon *daemon = request->daemon;
    struct tg_store *store = daemon->admin;
    int err = tg_change_begin(request);

    if (err == 0) {
        json_t *made = details_of(row);
        json_t *diff = tg_change_diff(NULL, made, "");

        json_decref(made);
        err = tg_change_end(request, store->ops->account_add(store, row),
                            row->id, diff);
    }
    if (err == TG_ERR_DUPLICATE)
        return tg_reply_error(reply, 409, "already_exists", "name",
                              "there is an account '%s' already", row->name);
    if (err != 0)
        return tg_reply_store(reply, store, err, "account");
    return tg_policy_account(daemon, store, row->id) == 0 ||
           tg_shapes_not_in_force(reply);
}

static bool
read_name(struct tg_reply *reply, const json_t *body, const char **name)
{
    if (!tg_members_text(reply, body, "name", 1, 100, name))
        return false;
    return strncmp(*name, "acct_", 5) != 0 ||
           tg_reply_invalid(reply, "name", "a name does not begin like an id");
}

void
tg_admin_account_create(struct tg_request *request, struct tg_reply *reply)
{
    char id[TG_ID_TEXT_SIZE], *responses = NULL;
    struct tg_store_account row = {
        .id = id,
        .plan = "",
        .status = "active",
        .verification = "unverified",
        .billing = "prepaid",
        .created_at = tg_clock_ms(),
    };

    if (!tg_members_only(reply, request->body, "",
                         "name plan billing granted responses") ||
        !read_name(reply, request->body, &row.name) ||
        !tg_members_text(reply, request->body, "plan", 0, 64, &row.plan) ||
        !tg_members_choice(reply, request->body, "billing", "prepaid postpaid",
                           &row.billing) ||
        !tg_members_money(reply, request->body, "granted",
                          &row.granted_nanos) ||
        !tg_responses_read(reply, request->body, NULL, &responses))
        return;
    if (tg_id_mint(id, "acct_", tg_random) != 0) {
        tg_reply_error(reply, 500, "internal_error", NULL,
                       "the kernel gives no random bytes");
        goto out;
    }
    row.responses = responses;
    pthread_mutex_lock(&request->daemon->admin_lock);
    if (add_account(request, reply, &row))
        reply_account(request, reply, 201, id);
    pthread_mutex_unlock(&request->daemon->admin_lock);
out:
    free(responses);
}

/*
 * What a change sets, by a row whose NULLs leave things as they are, and what
 * of money it adds: granted_nanos and topped_up_nanos of the row.
 */
struct change {
    struct tg_store_account row;
    const json_t *body; /* of which responses are applied; NULL: none */
};

static int
take_id(void *arg, const struct tg_store_account *row)
{
    memcpy(arg, row->id, strlen(row->id) + 1);
    return 0;
}

static int
take_responses(void *arg, const struct tg_store_account *row)
{
    *(char **)arg = strdup(row->responses);
    return 0;
}

/* Those that come of a change; *text is the caller's, and NULL for none. */
static int
merge_responses(struct tg_store *store, const char *id,
                const struct change *change, char **text)
{
    struct tg_reply reply = {.status = 0}; /* it was checked before */
    char *stored = NULL;
    int err = 0;

    if (change->body != NULL)
        err = store->ops->account_get(store, id, take_responses, &stored);
    if (err == 0 && change->body != NULL &&
        !tg_responses_read(&reply, change->body, stored, text))
        err = TG_ERR_FORMAT;
    free(stored);
    json_decref(reply.body);
    return err;
}

static int
store_change(struct tg_request *request, const char *id,
             const struct change *change)
{
    char *responses = NULL;
    struct tg_store_account row = change->row;
    struct tg_store *store = request->daemon->admin;
    json_t *before = NULL, *after = NULL, *diff;
    int err = tg_change_begin(request);

    if (err != 0)
        return err;
    row.id = id;
    err = store->ops->account_get(store, id, take_details, &before);
    if (err == 0)
        err = merge_responses(store, id, change, &responses);
    row.responses = responses;
    if (err == 0)
        err = store->ops->account_set(store, &row);
    free(responses);
    if (err == 0)
        err = store->ops->account_credit(store, id, row.granted_nanos,
                                         row.topped_up_nanos);
    if (err == 0)
        err = store->ops->account_get(store, id, take_details, &after);
    diff = tg_change_diff(before, after, "");
    json_decref(before);
    json_decref(after);
    return tg_change_end(request, err, id, diff);
}

static bool
apply_change(struct tg_request *request, struct tg_reply *reply,
             const struct change *change, char id[TG_ID_TEXT_SIZE])
{
    struct tg_daemon *daemon = request->daemon;
    struct tg_store *store = daemon->admin;
    int err = store->ops->account_get(store, request->subject, take_id, id);

    if (err == 0)
        err = store_change(request, id, change);
    if (err == TG_ERR_RANGE)
        return tg_reply_invalid(reply, "amount",
                                "with so much more, the account would have "
                                "been given more than can be counted: "
                                "9223372036.854775807");
    if (err == TG_ERR_DUPLICATE)
        return tg_reply_error(reply, 409, "already_exists", "name",
                              "there is an account '%s' already",
                              change->row.name);
    if (err != 0)
        return refuse(reply, store, err, request->subject);
    return tg_policy_account(daemon, store, id) == 0 ||
           tg_shapes_not_in_force(reply);
}

/* Whether the account is still the one that the request has seen. */
static bool
is_meant(struct tg_request *request, struct tg_reply *reply)
{
    if (request->if_match == NULL)
        return true;
    reply_account(request, reply, 200, request->subject);
    if (reply->status != 200)
        return false;
    return tg_etag_matches(request, reply);
}

static void
change_account(struct tg_request *request, struct tg_reply *reply,
               const struct change *change)
{
    char id[TG_ID_TEXT_SIZE];

    pthread_mutex_lock(&request->daemon->admin_lock);
    if (is_meant(request, reply) && apply_change(request, reply, change, id))
        reply_account(request, reply, 200, id);
    pthread_mutex_unlock(&request->daemon->admin_lock);
}

static bool
read_amount(const struct tg_request *request, struct tg_reply *reply,
            int64_t *nanos)
{
    const json_t *amount = json_object_get(request->body, "amount");

    if (!tg_members_only(reply, request->body, "", "amount"))
        return false;
    if (json_is_string(amount) &&
        tg_money_parse((struct tg_str){json_string_value(amount),
                                       json_string_length(amount)},
                       nanos) == 0 &&
        *nanos > 0)
        return true;
    return tg_reply_invalid(reply, "amount",
                            "amount is how much to add: a decimal string "
                            "above zero with at most nine decimals, such as "
                            "\"12.50\"; the most is 9223372036.854775807");
}

void
tg_admin_account_top_up(struct tg_request *request, struct tg_reply *reply)
{
    struct change change = {0};

    if (read_amount(request, reply, &change.row.topped_up_nanos))
        change_account(request, reply, &change);
}

void
tg_admin_account_grant(struct tg_request *request, struct tg_reply *reply)
{
    struct change change = {0};

    if (read_amount(request, reply, &change.row.granted_nanos))
        change_account(request, reply, &change);
}

void
tg_admin_account_verify(struct tg_request *request, struct tg_reply *reply)
{
    static const struct change verified = {.row.verification = "verified"};

    if (tg_members_only(reply, request->body, "", ""))
        change_account(request, reply, &verified);
}

void
tg_admin_account_suspend(struct tg_request *request, struct tg_reply *reply)
{
    static const struct change suspended = {.row.status = "suspended"};

    if (tg_members_only(reply, request->body, "", ""))
        change_account(request, reply, &suspended);
}

void
tg_admin_account_resume(struct tg_request *request, struct tg_reply *reply)
{
    static const struct change resumed = {.row.status = "active"};

    if (tg_members_only(reply, request->body, "", ""))
        change_account(request, reply, &resumed);
}

/* null takes the plan away, and nothing else can be. */
void
tg_admin_account_update(struct tg_request *request, struct tg_reply *reply)
{
    const json_t *body = request->body;
    struct change change = {.body = body};
    struct tg_store_account *row = &change.row;
    char *responses = NULL;

    if (json_is_null(json_object_get(body, "plan")))
        row->plan = "";
    if (!tg_members_only(reply, body, "",
                         "name plan billing verification status responses") ||
        !tg_responses_read(reply, body, NULL, &responses) ||
        (json_object_get(body, "name") != NULL &&
         !read_name(reply, body, &row->name)) ||
        !tg_members_text(reply, body, "plan", 0, 64, &row->plan) ||
        !tg_members_choice(reply, body, "billing", "prepaid postpaid",
                           &row->billing) ||
        !tg_members_choice(reply, body, "verification",
                           "unverified pending verified", &row->verification) ||
        !tg_members_choice(reply, body, "status", "active suspended",
                           &row->status))
        goto out;
    change_account(request, reply, &change);
out:
    free(responses);
}
