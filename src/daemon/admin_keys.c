#include <string.h>

#include "admin.h"
#include "admin_key.h"
#include "change.h"
#include "clock.h"
#include "draft.h"
#include "err.h"
#include "etag.h"
#include "policy.h"
#include "shapes.h"

struct walk {
    struct tg_daemon *daemon;
    struct tg_store *store;
    int64_t now_ms;
    json_t *one;
};

int
tg_key_secrets_add(void *arg, const struct tg_store_secret *row)
{
    struct tg_key_secrets *secrets = arg;

    if (json_array_size(secrets->list) == 0) {
        strncpy(secrets->prefix, row->prefix, sizeof(secrets->prefix) - 1);
        strncpy(secrets->last4, row->last4, sizeof(secrets->last4) - 1);
    }
    if (row->last_used_at > secrets->last_used_at)
        secrets->last_used_at = row->last_used_at;
    json_array_append_new(
        secrets->list,
        json_pack("{s:s,s:o,s:o,s:o,s:o,s:o}", "id", row->id, "created_at",
                  tg_reply_instant(row->created_at), "valid_until",
                  tg_reply_instant(row->valid_until), "last_used_at",
                  tg_reply_instant(row->last_used_at), "last_used_ip",
                  tg_reply_text(row->last_used_ip), "last_used_agent",
                  tg_reply_text(row->last_used_agent)));
    return 0;
}

static json_t *
number_or_null(int64_t n)
{
    return n == 0 ? json_null() : json_integer(n);
}

static json_t *
limits_object(const struct tg_store_key *row)
{
    return json_pack(
        "{s:o,s:o,s:o,s:o,s:o,s:I}", "requests_per_second",
        number_or_null(row->requests_per_second), "requests_per_minute",
        number_or_null(row->requests_per_minute), "requests_per_day",
        number_or_null(row->requests_per_day), "tokens_per_minute",
        number_or_null(row->tokens_per_minute), "concurrency",
        number_or_null(row->concurrency), "max_queue_ms",
        (json_int_t)row->max_queue_ms);
}

static const char *
status_of(const struct tg_store_key *row, int64_t now_ms)
{
    if (strcmp(row->status, "active") == 0 && row->expires_at != 0 &&
        row->expires_at <= now_ms)
        return "expired";
    return row->status;
}

int64_t
tg_admin_key_used_at(struct tg_daemon *daemon, const char *key_id)
{
    uint32_t slot;
    int64_t at = 0;

    pthread_mutex_lock(&daemon->publish_lock);
    if (daemon->publisher != NULL &&
        tg_publisher_key_slot(daemon->publisher, key_id, &slot) == 0)
        at = atomic_load(&daemon->state.keys[slot].counters.last_used_at_ms);
    pthread_mutex_unlock(&daemon->publish_lock);
    return at;
}

/* The last use goes to the newest secret. */
static int
add_use(void *arg, const struct tg_store_call *call)
{
    struct tg_key_secrets *secrets = arg;
    json_t *newest = json_array_get(secrets->list, 0);

    if (newest == NULL || call->at < secrets->last_used_at)
        return 0;
    secrets->last_used_at = call->at;
    json_object_set_new(newest, "last_used_at", tg_reply_instant(call->at));
    json_object_set_new(newest, "last_used_ip", tg_reply_text(call->ip));
    json_object_set_new(newest, "last_used_agent",
                        tg_reply_text(call->user_agent));
    return 0;
}

json_t *
tg_admin_key_object(struct tg_daemon *daemon, const struct tg_store_key *row,
                    struct tg_key_secrets *secrets, int64_t now_ms)
{
    int64_t used_at = tg_admin_key_used_at(daemon, row->id);

    if (used_at < secrets->last_used_at)
        used_at = secrets->last_used_at;
    return json_pack(
        "{s:s,s:s,s:s,s:s,s:o,s:o,s:o,s:s,s:s,s:s,s:s,s:o,s:o,s:o,s:o,"
        "s:{s:o,s:o,s:s},s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:{s:n,s:i},s:o}",
        "object", "key", "id", row->id, "account_id", row->account_id, "name",
        row->name, "description", tg_reply_text(row->description), "owner",
        tg_reply_text(row->owner), "labels", tg_reply_stored(row->labels),
        "kind", row->kind, "status", status_of(row, now_ms), "prefix",
        secrets->prefix, "last4", secrets->last4, "scopes",
        tg_reply_stored(row->scopes), "models", tg_reply_stored(row->models),
        "endpoints", tg_reply_stored(row->endpoints), "limits",
        limits_object(row), "budget", "monthly",
        tg_reply_money_or_null(row->monthly_nanos), "daily",
        tg_reply_money_or_null(row->daily_nanos), "timezone", row->timezone,
        "allowed_ips", tg_reply_stored(row->allowed_ips), "allowed_referrers",
        tg_reply_stored(row->allowed_referrers), "hours",
        tg_reply_text(row->hours), "created_at",
        tg_reply_instant(row->created_at), "expires_at",
        tg_reply_instant(row->expires_at), "ended_at",
        tg_reply_instant(row->ended_at), "last_used_at",
        tg_reply_instant(used_at), "rotation", "interval_days", "grace_days", 7,
        "secrets", secrets->list);
}

static int
one_key(void *arg, const struct tg_store_key *row)
{
    struct walk *walk = arg;
    struct tg_store *store = walk->store;
    struct tg_key_secrets secrets = {.list = json_array()};
    struct tg_store_filter of_key = {.key_id = row->id};
    int err =
        store->ops->secret_each(store, row->id, tg_key_secrets_add, &secrets);

    if (err == 0)
        err = store->ops->call_each(store, &of_key, NULL, 1, add_use, &secrets);
    if (err != 0) {
        json_decref(secrets.list);
        return err;
    }
    walk->one = tg_admin_key_object(walk->daemon, row, &secrets, walk->now_ms);
    return 0;
}

json_t *
tg_admin_key_read(struct tg_request *request, struct tg_reply *reply,
                  const char *id)
{
    struct tg_store *store = request->daemon->admin;
    struct walk walk = {
        .daemon = request->daemon, .store = store, .now_ms = tg_clock_ms()};
    int err = store->ops->key_get(store, id, one_key, &walk);

    if (err != 0)
        tg_reply_store(reply, store, err, "key");
    else
        tg_etag_of_key(reply, walk.one);
    return walk.one;
}

void
tg_admin_key_show(struct tg_request *request, struct tg_reply *reply)
{
    json_t *object;

    tg_daemon_catch_up(request->daemon);
    pthread_mutex_lock(&request->daemon->admin_lock);
    object = tg_admin_key_read(request, reply, request->subject);
    if (object != NULL)
        tg_reply_json(reply, 200, object);
    pthread_mutex_unlock(&request->daemon->admin_lock);
}

/* Makes the secret, and what may be kept of it. */
static int
mint(struct tg_secret *secret, enum tg_key_kind kind,
     struct tg_store_secret *row, char prefix[TG_KEY_PREFIX_LEN + 1],
     char last4[5])
{
    int err = tg_key_mint(secret, kind, tg_random);

    if (err == 0)
        err = tg_digest_of(tg_secret_str(secret), &row->digest);
    if (err != 0)
        return err;
    memcpy(prefix, secret->data, TG_KEY_PREFIX_LEN);
    prefix[TG_KEY_PREFIX_LEN] = '\0';
    memcpy(last4, secret->data + secret->len - 4, 4);
    last4[4] = '\0';
    row->prefix = prefix;
    row->last4 = last4;
    return 0;
}

json_t *
tg_admin_key_details(struct tg_daemon *daemon, const char *id)
{
    struct walk walk = {
        .daemon = daemon, .store = daemon->admin, .now_ms = tg_clock_ms()};

    (void)walk.store->ops->key_get(walk.store, id, one_key, &walk);
    return walk.one;
}

static int
store_key(struct tg_request *request, const struct tg_store_key *key,
          const struct tg_store_secret *secret)
{
    struct tg_store *store = request->daemon->admin;
    json_t *made = NULL, *details = NULL;
    int err = tg_change_begin(request);

    if (err != 0)
        return err;
    err = store->ops->key_add(store, key);
    if (err == 0)
        err = store->ops->secret_add(store, secret);
    if (err == 0) {
        made = tg_admin_key_details(request->daemon, key->id);
        details = tg_change_diff(NULL, made, TG_ADMIN_KEY_UNSAID);
        json_decref(made);
    }
    return tg_change_end(request, err, key->id, details);
}

static void
create(struct tg_request *request, struct tg_reply *reply,
       struct tg_draft *draft, struct tg_secret *secret)
{
    char id[TG_ID_TEXT_SIZE], secret_id[TG_ID_TEXT_SIZE];
    char account_id[TG_ID_TEXT_SIZE], prefix[TG_KEY_PREFIX_LEN + 1], last4[5];
    struct tg_daemon *daemon = request->daemon;
    struct tg_store_secret row = {.id = secret_id, .key_id = id};
    json_t *object;
    int err;

    if (!tg_shapes_account(daemon->admin, reply, "account", draft->account,
                           account_id))
        return;
    if (tg_id_mint(id, "key_", tg_random) != 0 ||
        tg_id_mint(secret_id, "sec_", tg_random) != 0 ||
        mint(secret, draft->kind, &row, prefix, last4) != 0) {
        tg_reply_error(reply, 500, "internal_error", NULL,
                       "the kernel gives no random bytes");
        return;
    }
    draft->row.id = id;
    draft->row.account_id = account_id;
    draft->row.created_at = row.created_at = tg_clock_ms();
    err = store_key(request, &draft->row, &row);
    if (err != 0) {
        tg_reply_store(reply, daemon->admin, err, "key");
        return;
    }
    if (tg_policy_key(daemon, daemon->admin, id) != 0) {
        tg_shapes_not_in_force(reply);
        return;
    }
    object = tg_admin_key_read(request, reply, id);
    if (object == NULL)
        return;
    json_object_set_new(object, "key", json_stringn(secret->data, secret->len));
    tg_reply_json(reply, 201, object);
}

void
tg_admin_key_create(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_secret secret;
    struct tg_draft draft;

    if (tg_draft_read(&draft, request->body, tg_clock_ms(), reply)) {
        pthread_mutex_lock(&request->daemon->admin_lock);
        create(request, reply, &draft, &secret);
        pthread_mutex_unlock(&request->daemon->admin_lock);
        tg_secret_wipe(&secret);
    }
    tg_draft_release(&draft);
}
