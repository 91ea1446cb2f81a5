#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "change.h"
#include "clock.h"
#include "err.h"
#include "event.h"
#include "log.h"
#include "rotation.h"
#include "sinks.h"

#define PASS_MS 5000
#define ROWS_MAX 32

/* The first wait, the longest, and after how long one is given up. */
#define FIRST_WAIT_MS 1000
#define LONGEST_WAIT_MS (15 * 60000)
#define GIVE_UP_MS ((int64_t)7 * 24 * 3600000)

/* Attempts that fail for want of an answer before anybody is told. */
#define QUIET_ATTEMPTS 3

/* One delivery, copied, so that no lock is held while it is on its way. */
struct parcel {
    struct parcel *next;
    char id[TG_ID_TEXT_SIZE], key_id[TG_ID_TEXT_SIZE];
    char secret_id[TG_ID_TEXT_SIZE], sink_id[TG_ID_TEXT_SIZE];
    char *sink, *place, *name;
    uint8_t sealed[TG_SECRET_MAX + TG_SEAL_OVERHEAD];
    size_t sealed_len;
    int64_t attempts, created_at;
    bool is_told;

    const char *state; /* what becomes of it */
    int err;
    int64_t retry_after_s, now_ms;
    struct tg_error error;
};

struct round {
    struct tg_daemon *daemon;
    struct tg_store *store;
    struct parcel *first, **last;
};

static void
free_parcel(struct parcel *parcel)
{
    free(parcel->sink);
    free(parcel->place);
    free(parcel->name);
    free(parcel);
}

static int
take_parcel(void *arg, const struct tg_store_delivery *row)
{
    struct round *round = arg;
    struct parcel *parcel = calloc(1, sizeof(*parcel));

    if (parcel == NULL)
        return TG_ERR_SYSTEM;
    snprintf(parcel->id, sizeof(parcel->id), "%s", row->id);
    snprintf(parcel->key_id, sizeof(parcel->key_id), "%s", row->key_id);
    snprintf(parcel->secret_id, sizeof(parcel->secret_id), "%s",
             row->secret_id);
    snprintf(parcel->sink_id, sizeof(parcel->sink_id), "%s", row->sink_id);
    parcel->sink = strdup(row->sink);
    parcel->place = strdup(row->place);
    parcel->name = strdup(row->name);
    if (row->sealed.len <= sizeof(parcel->sealed)) {
        memcpy(parcel->sealed, row->sealed.data, row->sealed.len);
        parcel->sealed_len = row->sealed.len;
    }
    parcel->attempts = row->attempts;
    parcel->created_at = row->created_at;
    parcel->is_told = row->is_told;
    *round->last = parcel;
    round->last = &parcel->next;
    return parcel->sink == NULL || parcel->place == NULL || parcel->name == NULL
               ? TG_ERR_SYSTEM
               : 0;
}

/* Whether the secret is still one of the key's that may call. */
struct alive {
    const struct parcel *parcel;
    bool is;
};

static int
look_at_secret(void *arg, const struct tg_store_secret *row)
{
    struct alive *alive = arg;

    if (strcmp(row->id, alive->parcel->secret_id) == 0)
        alive->is =
            row->valid_until == 0 || row->valid_until > alive->parcel->now_ms;
    return 0;
}

static int
look_at_key(void *arg, const struct tg_store_key *row)
{
    struct alive *alive = arg;

    alive->is = strcmp(row->status, "deleted") != 0 &&
                strcmp(row->status, "disabled") != 0;
    return 0;
}

static bool
is_alive(const struct round *round, const struct parcel *parcel)
{
    const struct tg_store_ops *ops = round->store->ops;
    struct alive key = {parcel, false}, secret = {parcel, false};

    return ops->key_get(round->store, parcel->key_id, look_at_key, &key) == 0 &&
           key.is &&
           ops->secret_each(round->store, parcel->key_id, look_at_secret,
                            &secret) == 0 &&
           secret.is;
}

static int
open_secret(const struct round *round, struct parcel *parcel,
            struct tg_secret *secret)
{
    long n = tg_seal_open(&round->daemon->master_key,
                          (struct tg_str){parcel->id, strlen(parcel->id)},
                          parcel->sealed, parcel->sealed_len, secret->data,
                          sizeof(secret->data));

    if (n < 0)
        return tg_error_set(&parcel->error, TG_ERR_CORRUPT,
                            "the secret does not open with this home's "
                            "master.key");
    secret->len = (size_t)n;
    return 0;
}

/* The way itself, without any lock. */
static void
carry(struct round *round, struct parcel *parcel)
{
    struct tg_secret secret = {0};
    struct tg_sinks_loaded loaded;
    struct tg_sink_work work = {
        .daemon = round->daemon,
        .place = parcel->place,
        .name = parcel->name,
        .id = parcel->id,
        .secret = &secret,
    };
    int err =
        tg_sinks_load(round->daemon, round->store, parcel->sink_id, &loaded);

    if (err != 0)
        err = tg_error_set(&parcel->error, err,
                           err == TG_ERR_CRYPTO
                               ? "the sink's credentials do not open with "
                                 "this home's master.key"
                               : "the sink cannot be read");
    if (err == 0)
        err = open_secret(round, parcel, &secret);
    if (err == 0) {
        work.config = loaded.config;
        work.credentials = loaded.credentials;
        err = tg_sink_deliver(loaded.kind, &work);
        parcel->error = work.error;
        parcel->retry_after_s = work.retry_after_s;
    }
    tg_secret_wipe(&secret);
    tg_sinks_release(&loaded);
    parcel->err = err;
}

/* Twice as long after each attempt; what a server asks for counts, in bounds.
 */
static int64_t
wait_ms(const struct parcel *parcel)
{
    int64_t wait = FIRST_WAIT_MS;

    for (int64_t i = 1; i < parcel->attempts && wait < LONGEST_WAIT_MS; i++)
        wait *= 2;
    if (parcel->retry_after_s > wait / 1000)
        wait = parcel->retry_after_s > LONGEST_WAIT_MS / 1000
                   ? LONGEST_WAIT_MS
                   : parcel->retry_after_s * 1000;
    return wait < LONGEST_WAIT_MS ? wait : LONGEST_WAIT_MS;
}

/* A server that does not answer may be back at once; all else is told. */
static bool
should_tell(const struct parcel *parcel)
{
    return !parcel->is_told &&
           (parcel->err != TG_ERR_BUSY || parcel->attempts >= QUIET_ATTEMPTS);
}

static void
decide(struct parcel *parcel)
{
    if (parcel->state != NULL)
        return;
    parcel->attempts++;
    parcel->state = parcel->err == 0 ? "done"
                    : parcel->now_ms - parcel->created_at > GIVE_UP_MS
                        ? "failed"
                        : "waiting";
}

static int
store_parcel(const struct round *round, const struct parcel *parcel,
             bool is_told)
{
    bool waits = strcmp(parcel->state, "waiting") == 0;
    struct tg_store_delivery row = {
        .id = parcel->id,
        .state = parcel->state,
        .sealed = {waits ? (const char *)parcel->sealed : "",
                   waits ? parcel->sealed_len : 0},
        .attempts = parcel->attempts,
        .next_at = waits ? parcel->now_ms + wait_ms(parcel) : 0,
        .is_told = is_told,
        .error = parcel->err != 0 ? parcel->error.text : "",
        .ended_at = waits ? 0 : parcel->now_ms,
    };

    return round->store->sinks->delivery_set(round->store, &row);
}

static json_t *
details_of(const struct parcel *parcel)
{
    return json_pack("{s:s,s:s,s:s,s:s,s:s,s:I}", "delivery", parcel->id,
                     "secret", parcel->secret_id, "sink", parcel->sink, "place",
                     parcel->place, "name", parcel->name, "attempts",
                     (json_int_t)parcel->attempts);
}

struct telling {
    const struct round *round;
    const struct parcel *parcel;
};

static int
tell_row(void *arg, const struct tg_store_key *row)
{
    const struct telling *telling = arg;
    const struct parcel *parcel = telling->parcel;
    struct tg_store *store = telling->round->store;
    bool is_done = strcmp(parcel->state, "done") == 0;
    char once[80];
    struct tg_event event = {
        .key_id = row->id,
        .account_id = row->account_id,
        .type = is_done ? "delivery_done" : "delivery_failed",
        .severity = is_done ? "info" : "warning",
        .once = once,
        .evidence = details_of(parcel),
    };

    snprintf(once, sizeof(once), "%s/%s", event.type, parcel->id);
    if (is_done)
        return tg_event_tell(store, &event, parcel->now_ms,
                             "the secret of %s is in %s, at %.200s: written, "
                             "read back and verified",
                             row->name, parcel->sink, parcel->place);
    json_object_set_new(event.evidence, "error",
                        json_string(parcel->error.text));
    return tg_event_tell(store, &event, parcel->now_ms,
                         "the secret of %s is not in %s yet, at %.120s: %.250s",
                         row->name, parcel->sink, parcel->place,
                         parcel->error.text);
}

/* What came of it, its event and its entry, together. */
static int
write_down(const struct round *round, const struct parcel *parcel)
{
    struct telling telling = {round, parcel};
    bool is_done = strcmp(parcel->state, "done") == 0;
    bool tells = is_done || should_tell(parcel);
    int err = tg_daemon_begin(round->daemon, round->store);

    if (err != 0)
        return err;
    err = store_parcel(round, parcel, parcel->is_told || tells);
    if (err == 0 && tells && strcmp(parcel->state, "dropped") != 0)
        err = round->store->ops->key_get(round->store, parcel->key_id, tell_row,
                                         &telling);
    if (err == 0 && strcmp(parcel->state, "waiting") != 0)
        err = tg_change_own(round->store,
                            is_done ? "delivery.done"
                            : strcmp(parcel->state, "failed") == 0
                                ? "delivery.fail"
                                : "delivery.drop",
                            parcel->key_id, details_of(parcel));
    return tg_daemon_end(round->daemon, round->store, err);
}

/* Behind the admin lock, as rounds.h says: a daemon that ends keeps it. */
static void
settle(const struct round *round, const struct parcel *parcel)
{
    int err;

    pthread_mutex_lock(&round->daemon->admin_lock);
    err = write_down(round, parcel);
    if (err != 0 && err != TG_ERR_NOT_FOUND)
        tg_log(TG_LOG_ERROR, "what came of %s could not be stored: %s",
               parcel->id, round->store->error.text);
    pthread_mutex_unlock(&round->daemon->admin_lock);
}

/* Whether it is the last one of its secret that is out. */
static bool
is_last(const struct round *round, const struct parcel *parcel)
{
    int64_t waiting = 0, failed = 0;

    return round->store->sinks->delivery_count(round->store, parcel->secret_id,
                                               &waiting, &failed) == 0 &&
           waiting == 1 && failed == 0;
}

/*
 * Rotation hears of the last delivery before its row says that it is done: a
 * daemon that is killed in between delivers once more, and says it again.
 */
static void
deliver(struct round *round, struct parcel *parcel)
{
    parcel->now_ms = tg_clock_ms();
    if (is_alive(round, parcel))
        carry(round, parcel);
    else
        parcel->state = "dropped";
    decide(parcel);
    if (strcmp(parcel->state, "done") == 0 && is_last(round, parcel))
        tg_rotation_delivered(round->daemon, parcel->key_id, parcel->secret_id);
    if (parcel->err != 0 && should_tell(parcel))
        tg_rotation_undelivered(round->daemon, parcel->key_id,
                                parcel->secret_id);
    settle(round, parcel);
}

void
tg_sinks_pass(struct tg_daemon *daemon, struct tg_store *store, int64_t now_ms)
{
    struct tg_store_delivery_filter due = {.due_at = now_ms, .limit = ROWS_MAX};
    struct round round = {.daemon = daemon, .store = store};
    int64_t until_ms = tg_clock_forward_ms() + PASS_MS;

    round.last = &round.first;
    if (store->sinks->delivery_each(store, &due, take_parcel, &round) != 0)
        tg_log(TG_LOG_ERROR, "deliveries could not be read: %s",
               store->error.text);
    while (round.first != NULL) {
        struct parcel *parcel = round.first;

        round.first = parcel->next;
        if (tg_clock_forward_ms() < until_ms)
            deliver(&round, parcel);
        free_parcel(parcel);
    }
}
