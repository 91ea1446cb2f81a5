#include "respond.h"

#include <stdio.h>
#include <string.h>

#include "change.h"
#include "clock.h"
#include "conf.h"
#include "err.h"
#include "key.h"
#include "log.h"
#include "policy.h"
#include "reply.h"

#define MINUTE_MS INT64_C(60000)
#define UNLIMITED_PER_MINUTE 60 /* what a percentage of no limit is of */
#define PASS_KEYS 20            /* in one go: the admin API waits */

const char *const tg_respond_actions[] = {"alert", "throttle", "pause", NULL};

static int
type_of(const char *type)
{
    for (int i = 0; tg_conf_response_types[i] != NULL; i++) {
        if (strcmp(tg_conf_response_types[i], type) == 0)
            return i;
    }
    return -1;
}

/* What tollgate.conf says: of the kind, or of all. */
static const char *
configured(struct tg_daemon *daemon, const char *kind, int type)
{
    int row = tg_key_kind_of((struct tg_str){kind, strlen(kind)});
    uint32_t action = atomic_load(&daemon->responses.actions[row][type]);

    if (action == 0)
        action = atomic_load(&daemon->responses.actions[0][type]);
    return tg_respond_actions[action == 0 ? 0 : action - 1];
}

/* What an object says of a type, NULL: nothing. */
static const char *
said(const char *responses, const char *type)
{
    json_t *object = json_loads(responses, 0, NULL);
    const char *text = json_string_value(json_object_get(object, type));
    const char *action = NULL;

    for (int i = 0; text != NULL && tg_respond_actions[i] != NULL; i++) {
        if (strcmp(tg_respond_actions[i], text) == 0)
            action = tg_respond_actions[i];
    }
    json_decref(object);
    return action;
}

struct of_account {
    const char *type, *action;
};

static int
take_account(void *arg, const struct tg_store_account *row)
{
    struct of_account *of = arg;

    of->action = said(row->responses, of->type);
    return 0;
}

const char *
tg_respond_choice(struct tg_daemon *daemon, const struct tg_store_key *key,
                  const char *type)
{
    struct tg_store *store = daemon->admin;
    struct of_account of = {type, NULL};
    const char *action = said(key->responses, type);
    int number = type_of(type);

    if (action == NULL)
        (void)store->ops->account_get(store, key->account_id, take_account,
                                      &of);
    if (action == NULL)
        action = of.action;
    if (action == NULL)
        action = number < 0 ? tg_respond_actions[0]
                            : configured(daemon, key->kind, number);
    return action;
}

uint32_t
tg_respond_rate(const struct tg_daemon *daemon, int64_t per_minute)
{
    int64_t percent = atomic_load(&daemon->responses.throttle_percent);
    int64_t rate =
        (per_minute != 0 ? per_minute : UNLIMITED_PER_MINUTE) * percent / 100;

    return rate < 1 ? 1 : (uint32_t)rate;
}

bool
tg_respond_is_throttled(const struct tg_store_key *key, int64_t now_ms)
{
    return strcmp(key->response, "throttle") == 0 &&
           key->response_until > now_ms;
}

static int
pause_key(struct tg_store *store, const struct tg_store_key *key,
          const struct tg_store_response *response)
{
    int err = store->ops->key_end(store, key->id, "inactive", 0);

    return err != 0 ? err : store->ops->key_respond(store, key->id, response);
}

static json_t *
response_object(const struct tg_store_response *response)
{
    return json_pack("{s:s,s:s,s:o,s:o}", "action", response->action,
                     "event_id", response->event_id, "at",
                     tg_reply_instant(response->at), "until",
                     tg_reply_instant(response->until));
}

/* Takes the kind of event with it, for whoever reads the log. */
static int
add_entry(struct tg_store *store, const char *key_id, const char *type,
          const struct tg_store_response *response)
{
    json_t *details =
        json_pack("{s:s,s:s,s:o}", "event_id", response->event_id, "type", type,
                  "until", tg_reply_instant(response->until));

    return tg_change_own(store,
                         response->until != 0 ? "key.throttle" : "key.pause",
                         key_id, details);
}

int
tg_respond(struct tg_daemon *daemon, const struct tg_store_key *key,
           const char *type, const char *event_id, json_t *evidence,
           bool *is_done)
{
    struct tg_store *store = daemon->admin;
    const char *action = tg_respond_choice(daemon, key, type);
    bool is_pause = strcmp(action, "pause") == 0;
    int64_t now_ms = tg_clock_ms();
    struct tg_store_response response = {
        .action = action, .event_id = event_id, .at = now_ms};
    int err;

    *is_done = false;
    if (strcmp(action, "alert") == 0 || strcmp(key->status, "active") != 0)
        return 0;
    if (!is_pause)
        response.until =
            now_ms + MINUTE_MS * (int64_t)atomic_load(
                                     &daemon->responses.throttle_minutes);
    if (!is_pause && key->response_until >= response.until)
        return 0;
    err = is_pause ? pause_key(store, key, &response)
                   : store->ops->key_respond(store, key->id, &response);
    if (err == 0)
        err = add_entry(store, key->id, type, &response);
    json_object_set_new(evidence, "response", response_object(&response));
    *is_done = err == 0;
    return err;
}

json_t *
tg_respond_object(const struct tg_store_key *key, int64_t now_ms)
{
    struct tg_store_response response = {key->response, key->response_event,
                                         key->response_at, key->response_until};

    if (key->response[0] == '\0' ||
        (response.until != 0 && response.until <= now_ms))
        return json_null();
    return response_object(&response);
}

json_t *
tg_respond_policy(const char *responses)
{
    json_t *object = json_loads(responses, 0, NULL);
    json_t *all = json_object();

    for (int i = 0; tg_conf_response_types[i] != NULL; i++) {
        const char *type = tg_conf_response_types[i];
        json_t *action = json_object_get(object, type);

        json_object_set_new(all, type,
                            action != NULL ? json_incref(action) : json_null());
    }
    json_decref(object);
    return all;
}

struct due {
    char ids[PASS_KEYS][TG_ID_TEXT_SIZE];
    size_t count;
};

static int
note_due(void *arg, const char *id)
{
    struct due *due = arg;

    snprintf(due->ids[due->count++], TG_ID_TEXT_SIZE, "%s", id);
    return due->count == PASS_KEYS;
}

/* One of them, unless a person was faster. */
struct lift {
    struct tg_store *store;
    int64_t now_ms;
    bool is_done;
};

static int
lift_row(void *arg, const struct tg_store_key *row)
{
    static const struct tg_store_response over = {"", "", 0, 0};
    struct lift *lift = arg;
    struct tg_store *store = lift->store;
    int err;

    if (row->response_until == 0 || row->response_until > lift->now_ms)
        return 0;
    err = store->ops->key_respond(store, row->id, &over);
    if (err == 0)
        err =
            tg_change_own(store, "key.unthrottle", row->id,
                          json_pack("{s:s}", "event_id", row->response_event));
    lift->is_done = err == 0;
    return err;
}

static int
lift_key(struct tg_daemon *daemon, const char *id, int64_t now_ms)
{
    struct tg_store *store = daemon->admin;
    struct lift lift = {.store = store, .now_ms = now_ms};
    int err = tg_daemon_begin(daemon, store);

    if (err == 0)
        err = tg_daemon_end(daemon, store,
                            store->ops->key_get(store, id, lift_row, &lift));
    if (err == 0 && lift.is_done) {
        tg_policy_key(daemon, store, id);
        tg_log(TG_LOG_INFO, "%s is throttled no more", id);
    }
    return err;
}

void
tg_respond_pass(struct tg_daemon *daemon, struct tg_store *store,
                int64_t now_ms)
{
    struct due due = {.count = 0};
    int err = store->ops->key_respite(store, now_ms, PASS_KEYS, note_due, &due);

    if (due.count == 0 || err < 0)
        return;
    pthread_mutex_lock(&daemon->admin_lock);
    err = 0;
    for (size_t i = 0; i < due.count && err == 0; i++)
        err = lift_key(daemon, due.ids[i], now_ms);
    if (err != 0)
        tg_log(TG_LOG_ERROR, "a throttled key waits to go on: %s",
               daemon->admin->error.text);
    pthread_mutex_unlock(&daemon->admin_lock);
}
