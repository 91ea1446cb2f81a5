#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "calendar.h"
#include "clock.h"
#include "alert_deliver.h"
#include "err.h"
#include "hours.h"
#include "log.h"
#include "alert_quiet.h"

/* The outbox, and what is on its way. */

#define FLIGHTS 16
#define ROUND_MS 300 /* a pass waits so long for what flies */
#define GIVE_UP_MS (INT64_C(24) * 3600 * 1000)
#define REFUSALS_MAX 5
#define TRIES_LEAST 4 /* a machine that slept for a day has not tried */
#define RETRY_MOST_S 3600

enum phase { FREE = 0, FLYING, LANDED };

struct flight {
    enum phase phase; /* under the courier's lock */
    struct tg_courier *courier;
    struct tg_daemon *daemon;
    struct tg_channel channel;
    char notice_id[TG_ID_TEXT_SIZE];
    json_t *notice;
    int64_t attempts, created_at;
    struct tg_delivery delivery;
};

struct tg_courier {
    pthread_mutex_t lock;
    pthread_cond_t landed;
    struct flight flights[FLIGHTS];
};

int
tg_courier_new(struct tg_courier **courier)
{
    struct tg_courier *self = calloc(1, sizeof(*self));

    if (self == NULL)
        return TG_ERR_SYSTEM;
    pthread_mutex_init(&self->lock, NULL);
    pthread_cond_init(&self->landed, NULL);
    *courier = self;
    return 0;
}

static void
release_flight(struct flight *flight)
{
    tg_channel_release(&flight->channel);
    json_decref(flight->notice);
    flight->notice = NULL;
    flight->phase = FREE;
}

static void *
fly(void *arg)
{
    struct flight *flight = arg;
    struct tg_courier *courier = flight->courier;

    tg_deliver(&flight->delivery, flight->daemon, &flight->channel,
               flight->notice_id, flight->notice);
    pthread_mutex_lock(&courier->lock);
    flight->phase = LANDED;
    pthread_cond_signal(&courier->landed);
    pthread_mutex_unlock(&courier->lock);
    return NULL;
}

/* A channel that may have something to be told. */
struct stop {
    char id[TG_ID_TEXT_SIZE], name[TG_ALERT_NAME_SIZE];
    char quiet_hours[TG_CALENDAR_TEXT_MAX + 1];
    bool is_of_people;
};

/* The next notice of one, copied: what comes of it writes to the store. */
struct next {
    bool is_there;
    bool may_wait; /* for quiet hours to end */
    char id[TG_ID_TEXT_SIZE];
    json_t *body;
    int64_t attempts, next_at, created_at, last_status;
    char last_error[512];
};

/* A pass over the outbox. */
struct pass {
    struct tg_daemon *daemon;
    struct tg_courier *courier;
    struct tg_store *store;
    int64_t now_ms;
    struct stop stops[TG_CHANNELS_MAX];
    size_t stop_count;
};

static bool
has_flight(struct tg_courier *courier, const char *channel_id)
{
    bool has = false;

    pthread_mutex_lock(&courier->lock);
    for (int i = 0; i < FLIGHTS; i++)
        has |= courier->flights[i].phase != FREE &&
               strcmp(courier->flights[i].channel.id, channel_id) == 0;
    pthread_mutex_unlock(&courier->lock);
    return has;
}

static struct flight *
free_flight(struct tg_courier *courier)
{
    struct flight *found = NULL;

    pthread_mutex_lock(&courier->lock);
    for (int i = 0; i < FLIGHTS && found == NULL; i++) {
        if (courier->flights[i].phase == FREE)
            found = &courier->flights[i];
    }
    pthread_mutex_unlock(&courier->lock);
    return found;
}

struct opening {
    struct tg_daemon *daemon;
    struct tg_channel *channel;
};

static int
open_channel(void *arg, const struct tg_store_channel *row)
{
    struct opening *opening = arg;

    return tg_channel_open(opening->channel, &opening->daemon->master_key, row);
}

static bool
start_thread(struct flight *flight)
{
    pthread_attr_t attr;
    pthread_t thread;
    int result;

    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    result = pthread_create(&thread, &attr, fly, flight);
    pthread_attr_destroy(&attr);
    return result == 0;
}

/* The courier's own thread alone begins flights and ends them. */
static int
take_off(struct pass *pass, const struct stop *stop, struct next *next)
{
    struct flight *flight = free_flight(pass->courier);
    struct opening opening;
    int err;

    if (flight == NULL)
        return 0;
    opening = (struct opening){pass->daemon, &flight->channel};
    err = pass->store->ops->channel_get(pass->store, stop->id, open_channel,
                                        &opening);
    if (err != 0) {
        release_flight(flight);
        return err == TG_ERR_NOT_FOUND ? 0 : err;
    }
    flight->courier = pass->courier;
    flight->daemon = pass->daemon;
    snprintf(flight->notice_id, TG_ID_TEXT_SIZE, "%s", next->id);
    flight->notice = next->body;
    next->body = NULL;
    flight->attempts = next->attempts;
    flight->created_at = next->created_at;
    pthread_mutex_lock(&pass->courier->lock);
    flight->phase = FLYING;
    pthread_mutex_unlock(&pass->courier->lock);
    if (!start_thread(flight))
        release_flight(flight);
    return 0;
}

static int
give_up(struct pass *pass, const struct flight *flight)
{
    char id[TG_ID_TEXT_SIZE], once[64], message[1024];
    json_t *evidence = json_pack(
        "{s:s,s:s,s:s,s:o}", "channel_id", flight->channel.id, "channel",
        flight->channel.name, "notice_id", flight->notice_id, "last_error",
        tg_reply_text(flight->delivery.error));
    char *text = evidence != NULL ? json_dumps(evidence, JSON_COMPACT) : NULL;
    struct tg_store_event event = {
        .id = id,
        .at = pass->now_ms,
        .type = "alert_undelivered",
        .severity = "warning",
        .key_id = "",
        .account_id = "",
        .upstream_id = "",
        .credential_id = "",
        .message = message,
        .evidence = text,
        .once = once,
    };
    bool is_new;
    int err = text == NULL ? TG_ERR_SYSTEM : tg_id_mint(id, "evt_", tg_random);

    snprintf(once, sizeof(once), "alert/%s", flight->notice_id);
    snprintf(message, sizeof(message),
             "the channel %s did not take the alert %s, which is given up: "
             "%.400s",
             flight->channel.name, flight->notice_id, flight->delivery.error);
    if (err == 0)
        err = pass->store->ops->event_add(pass->store, &event, &is_new);
    free(text);
    json_decref(evidence);
    return err;
}

/* What becomes of a notice by how it fared; NULL last_error: none. */
static struct tg_store_fate
fate_of(const struct flight *flight, int64_t now_ms)
{
    const struct tg_delivery *delivery = &flight->delivery;
    struct tg_store_fate fate = {.status = "pending",
                                 .attempts = flight->attempts + 1,
                                 .last_status = delivery->status,
                                 .last_error = delivery->error};
    int64_t pause =
        tg_deliver_pause_ms(flight->attempts, randombytes_uniform(1024));
    int64_t asked_s = delivery->retry_after_s;

    if (delivery->fate == TG_SHAPE_TAKEN)
        fate.status = "delivered";
    else if ((delivery->fate == TG_SHAPE_REFUSED &&
              fate.attempts >= REFUSALS_MAX) ||
             (now_ms - flight->created_at >= GIVE_UP_MS &&
              fate.attempts >= TRIES_LEAST))
        fate.status = "given_up";
    if (strcmp(fate.status, "pending") != 0) {
        fate.ended_at = now_ms;
        return fate;
    }
    if (asked_s > RETRY_MOST_S)
        asked_s = RETRY_MOST_S;
    if (pause < asked_s * 1000)
        pause = asked_s * 1000;
    fate.next_at = now_ms + pause;
    return fate;
}

static int
land(struct pass *pass, struct flight *flight)
{
    struct tg_store_fate fate = fate_of(flight, pass->now_ms);
    int err = tg_daemon_begin(pass->daemon, pass->store);

    if (err != 0)
        return err;
    err = pass->store->ops->notice_set(pass->store, flight->notice_id, &fate);
    if (err == TG_ERR_NOT_FOUND) /* with its channel */
        err = 0;
    else if (err == 0 && strcmp(fate.status, "given_up") == 0)
        err = give_up(pass, flight);
    return tg_daemon_end(pass->daemon, pass->store, err);
}

/* One that cannot be noted is sent once more, under the same id. */
static void
land_all(struct pass *pass)
{
    for (int i = 0; i < FLIGHTS; i++) {
        struct flight *flight = &pass->courier->flights[i];
        enum phase phase;

        pthread_mutex_lock(&pass->courier->lock);
        phase = flight->phase;
        pthread_mutex_unlock(&pass->courier->lock);
        if (phase != LANDED)
            continue;
        if (land(pass, flight) != 0)
            tg_log(TG_LOG_ERROR, "how an alert fared could not be stored: %s",
                   pass->store->error.text);
        release_flight(flight);
    }
}

static int
hold(struct pass *pass, const struct next *next)
{
    struct tg_store_fate fate = {.status = "held",
                                 .attempts = next->attempts,
                                 .last_status = next->last_status,
                                 .last_error = next->last_error};
    int err = tg_daemon_begin(pass->daemon, pass->store);

    if (err != 0)
        return err;
    return tg_daemon_end(
        pass->daemon, pass->store,
        pass->store->ops->notice_set(pass->store, next->id, &fate));
}

static int
take_next(void *arg, const struct tg_store_notice *row)
{
    struct next *next = arg;

    next->is_there = true;
    snprintf(next->id, sizeof(next->id), "%s", row->id);
    /* A report comes at the time that somebody has set for it. */
    next->may_wait = tg_severity_of(row->severity) != TG_CRITICAL &&
                     strcmp(row->what, "report") != 0;
    next->body = json_loads(row->body, 0, NULL);
    next->attempts = row->attempts;
    next->next_at = row->next_at;
    next->created_at = row->created_at;
    next->last_status = row->last_status;
    snprintf(next->last_error, sizeof(next->last_error), "%s", row->last_error);
    return 0;
}

/*
 * The oldest of a channel; what may wait does so while it is quiet.
 * *is_done: its next one flies, or is not due, or there is none.
 */
static int
send_next(struct pass *pass, const struct stop *stop, bool is_quiet,
          bool *is_done)
{
    struct next next = {0};
    struct tg_store *store = pass->store;
    int err = store->ops->notice_waiting(store, stop->id, "pending", 1,
                                         take_next, &next);

    *is_done = true;
    /* A clock that was set back must not put it off for long. */
    if (err != 0 || !next.is_there ||
        (next.next_at > pass->now_ms &&
         next.next_at - pass->now_ms <= RETRY_MOST_S * 1000)) {
        json_decref(next.body);
        return err;
    }
    if (is_quiet && next.may_wait) {
        *is_done = false;
        err = hold(pass, &next);
    } else {
        err = take_off(pass, stop, &next);
    }
    json_decref(next.body);
    return err;
}

static int
visit_stop(struct pass *pass, const struct stop *stop)
{
    bool is_quiet, is_done = false;
    int err = 0;

    if (has_flight(pass->courier, stop->id))
        return 0;
    is_quiet = tg_quiet_is(stop->quiet_hours, pass->now_ms);
    if (!is_quiet)
        err = tg_quiet_end(pass->daemon, pass->store, stop->id, stop->name,
                           pass->now_ms);
    if (err == 0 && !is_quiet && stop->is_of_people)
        err = tg_quiet_storm(pass->daemon, pass->store, stop->id, stop->name,
                             pass->now_ms);
    while (err == 0 && !is_done)
        err = send_next(pass, stop, is_quiet, &is_done);
    return err;
}

static int
take_stop(void *arg, const struct tg_store_channel *row)
{
    struct pass *pass = arg;
    struct stop *stop = &pass->stops[pass->stop_count];

    if (!row->is_on || pass->stop_count == TG_CHANNELS_MAX)
        return 0;
    snprintf(stop->id, sizeof(stop->id), "%s", row->id);
    snprintf(stop->name, sizeof(stop->name), "%s", row->name);
    snprintf(stop->quiet_hours, sizeof(stop->quiet_hours), "%s",
             row->quiet_hours);
    stop->is_of_people = tg_channel_kind_of(row->kind) != TG_CHANNEL_WEBHOOK;
    pass->stop_count++;
    return 0;
}

/* One that cannot be told must not keep the others from it. */
static int
visit_all(struct pass *pass)
{
    int err, first;

    pass->stop_count = 0;
    first = pass->store->ops->channel_each(pass->store, take_stop, pass);
    for (size_t i = 0; i < pass->stop_count; i++) {
        err = visit_stop(pass, &pass->stops[i]);
        if (first == 0)
            first = err;
    }
    return first;
}

/* Waits for something to land; false when nothing flies, or time is over. */
static bool
wait_for_one(struct tg_courier *courier, const struct timespec *until)
{
    bool has_landed = false, flies = false;

    pthread_mutex_lock(&courier->lock);
    for (;;) {
        flies = false;
        for (int i = 0; i < FLIGHTS; i++) {
            has_landed |= courier->flights[i].phase == LANDED;
            flies |= courier->flights[i].phase == FLYING;
        }
        if (has_landed || !flies ||
            pthread_cond_clockwait(&courier->landed, &courier->lock,
                                   CLOCK_MONOTONIC, until) == ETIMEDOUT)
            break;
    }
    pthread_mutex_unlock(&courier->lock);
    return has_landed;
}

void
tg_deliver_pass(struct tg_daemon *daemon, struct tg_store *store,
                int64_t now_ms)
{
    static struct pass pass; /* of the one courier: large */
    struct timespec until;
    int err;

    pass = (struct pass){.daemon = daemon,
                         .courier = daemon->courier,
                         .store = store,
                         .now_ms = now_ms};
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += ROUND_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    do {
        land_all(&pass);
        err = visit_all(&pass);
        if (err != 0)
            tg_log(TG_LOG_ERROR, "alerts could not be delivered: %s",
                   store->error.text);
        pass.now_ms = tg_clock_ms();
    } while (err == 0 && wait_for_one(pass.courier, &until));
}
