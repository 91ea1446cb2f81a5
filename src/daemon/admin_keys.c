#include <string.h>

#include "admin.h"
#include "admin_key.h"
#include "agenda.h"
#include "change.h"
#include "clock.h"
#include "draft.h"
#include "err.h"
#include "etag.h"
#include "idempotency.h"
#include "mint.h"
#include "policy.h"
#include "respond.h"
#include "shapes.h"

struct walk {
    struct tg_daemon *daemon;
    struct tg_store *store;
    int64_t now_ms;
    bool is_whole; /* each secret's last use, too, to the last call */
    json_t *one;
};

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

json_t *
tg_admin_key_object(struct tg_daemon *daemon, const struct tg_store_key *row,
                    struct tg_key_secrets *secrets, int64_t now_ms)
{
    int64_t used_at = tg_admin_key_used_at(daemon, row->id);
    json_t *key;

    if (used_at < secrets->last_used_at)
        used_at = secrets->last_used_at;
    key = json_pack(
        "{s:s,s:s,s:s,s:s,s:o,s:o,s:o,s:s,s:s,s:o,s:o,s:o,s:o,"
        "s:{s:o,s:o,s:s},s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}",
        "object", "key", "id", row->id, "account_id", row->account_id, "name",
        row->name, "description", tg_reply_text(row->description), "owner",
        tg_reply_text(row->owner), "labels", tg_reply_stored(row->labels),
        "kind", row->kind, "status", status_of(row, now_ms), "scopes",
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
        tg_reply_instant(used_at), "responses",
        tg_respond_policy(row->responses), "response",
        tg_respond_object(row, now_ms), "secrets", secrets->list);
    tg_key_secrets_say(secrets, row, key);
    return key;
}

static int
one_key(void *arg, const struct tg_store_key *row)
{
    struct walk *walk = arg;
    const struct tg_store_ops *ops = walk->store->ops;
    struct tg_key_secrets secrets = {.list = json_array(),
                                     .now_ms = walk->now_ms};
    int err = (walk->is_whole ? ops->secret_uses : ops->secret_each)(
        walk->store, row->id, tg_key_secrets_add, &secrets);

    if (err != 0) {
        json_decref(secrets.list);
        return err;
    }
    walk->one = tg_admin_key_object(walk->daemon, row, &secrets, walk->now_ms);
    return 0;
}

static json_t *
read_key(struct walk *walk, struct tg_reply *reply, const char *id)
{
    int err = walk->store->ops->key_get(walk->store, id, one_key, walk);

    if (err != 0)
        tg_reply_store(reply, walk->store, err, "key");
    else
        tg_etag_of_key(reply, walk->one);
    return walk->one;
}

json_t *
tg_admin_key_read(struct tg_request *request, struct tg_reply *reply,
                  const char *id)
{
    struct walk walk = {.daemon = request->daemon,
                        .store = request->daemon->admin,
                        .now_ms = tg_clock_ms()};

    return read_key(&walk, reply, id);
}

/* Its calls are walked, so no change waits for it. */
void
tg_admin_key_show(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_daemon *daemon = request->daemon;
    struct walk walk = {.daemon = daemon,
                        .store = daemon->reports,
                        .now_ms = tg_clock_ms(),
                        .is_whole = true};
    json_t *object;

    tg_daemon_catch_up(daemon);
    pthread_mutex_lock(&daemon->reports_lock);
    object = read_key(&walk, reply, request->subject);
    if (object != NULL)
        tg_reply_json(reply, 200, object);
    pthread_mutex_unlock(&daemon->reports_lock);
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
          const struct tg_store_secret *secret, const struct tg_secret *plain)
{
    struct tg_store *store = request->daemon->admin;
    json_t *made = NULL, *details = NULL;
    int err = tg_change_begin(request);

    if (err != 0)
        return err;
    err = store->ops->key_add(store, key);
    if (err == 0)
        err = store->ops->secret_add(store, secret);
    if (err == 0)
        err = tg_agenda_change(store, NULL, key, key->created_at);
    if (err == 0) {
        made = tg_admin_key_details(request->daemon, key->id);
        details = tg_change_diff(NULL, made, TG_ADMIN_KEY_UNSAID);
        json_decref(made);
    }
    tg_idempotency_tell(request, "key", tg_secret_str(plain));
    return tg_change_end(request, err, key->id, details);
}

static void
create(struct tg_request *request, struct tg_reply *reply,
       struct tg_draft *draft, struct tg_minted *minted)
{
    char id[TG_ID_TEXT_SIZE], account_id[TG_ID_TEXT_SIZE];
    struct tg_daemon *daemon = request->daemon;
    int64_t now_ms = tg_clock_ms();
    json_t *object;
    int err;

    if (!tg_shapes_account(daemon->admin, reply, "account", draft->account,
                           account_id))
        return;
    if (tg_id_mint(id, "key_", tg_random) != 0 ||
        tg_mint(minted, draft->kind, id, now_ms) != 0) {
        tg_reply_error(reply, 500, "internal_error", NULL,
                       "the kernel gives no random bytes");
        return;
    }
    draft->row.id = id;
    draft->row.account_id = account_id;
    draft->row.created_at = draft->row.rotated_at = now_ms;
    err = store_key(request, &draft->row, &minted->row, &minted->secret);
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
    json_object_set_new(object, "key",
                        json_stringn(minted->secret.data, minted->secret.len));
    tg_reply_json(reply, 201, object);
}

void
tg_admin_key_create(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_minted minted;
    struct tg_draft draft;

    if (tg_draft_read(&draft, request->body, tg_clock_ms(), reply)) {
        pthread_mutex_lock(&request->daemon->admin_lock);
        create(request, reply, &draft, &minted);
        pthread_mutex_unlock(&request->daemon->admin_lock);
        tg_minted_wipe(&minted);
    }
    tg_draft_release(&draft);
}
