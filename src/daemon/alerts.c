#include "alerts.h"

#include <stdlib.h>
#include <string.h>

#include "alert_part.h"
#include "err.h"
#include "log.h"

#define CALLS_MAX 200000 /* a pass */
#define SWEEP_MAX 2000   /* keys and accounts that nothing points at */
#define TRACKS_MAX 5000
#define MINUTE_MS INT64_C(60000)
#define HOUR_MS (60 * MINUTE_MS)
#define KEPT_MS (90 * 24 * HOUR_MS)
#define FORGET_MAX 1000
#define AHEAD 4 /* so many keys before it, more of a key is fetched */

int
tg_alerts_new(struct tg_alerts **alerts, struct tg_daemon *daemon)
{
    struct tg_alerts *self = calloc(1, sizeof(*self));

    if (self == NULL || tg_tracks_new(&self->tracks) != 0 ||
        tg_baselines_new(&self->baselines) != 0) {
        tg_alerts_free(self);
        return TG_ERR_SYSTEM;
    }
    self->daemon = daemon;
    self->seq = -1;
    *alerts = self;
    return 0;
}

static void
free_windows(struct tg_alerts *alerts)
{
    tg_tally_free(alerts->tally);
    alerts->tally = NULL;
    alerts->windows_ms[0] = alerts->longest_ms = MINUTE_MS;
    alerts->window_count = 1;
}

void
tg_alerts_free(struct tg_alerts *alerts)
{
    if (alerts == NULL)
        return;
    free_windows(alerts);
    tg_tracks_free(alerts->tracks);
    tg_baselines_free(alerts->baselines);
    free(alerts->rules);
    free(alerts);
}

void
tg_alerts_changed(struct tg_daemon *daemon)
{
    atomic_fetch_add(&daemon->alerts_generation, 1);
}

/* The number of a window; that of none: window_count. */
static size_t
find_window(const struct tg_alerts *alerts, int64_t window_ms)
{
    size_t i = 0;

    while (i < alerts->window_count && alerts->windows_ms[i] != window_ms)
        i++;
    return i;
}

struct tg_tally_sums
tg_alert_sums(struct tg_alerts *alerts, const struct tg_alert_sight *sight,
              int64_t window_ms)
{
    size_t window = find_window(alerts, window_ms);
    struct tg_tally_sums none = {0};

    return window == alerts->window_count
               ? none
               : tg_tally_look(alerts->tally, sight->tallied, window,
                               sight->now_ms);
}

const struct tg_alert_rule *
tg_alert_rule_of(const struct tg_alerts *alerts, const char *id)
{
    for (size_t i = 0; i < alerts->rule_count; i++) {
        if (strcmp(alerts->rules[i].id, id) == 0)
            return &alerts->rules[i];
    }
    return NULL;
}

static int
take_rule(void *arg, const struct tg_store_rule *row)
{
    struct tg_alerts *alerts = arg;
    struct tg_alert_rule *grown =
        realloc(alerts->rules, (alerts->rule_count + 1) * sizeof(*grown));

    if (grown == NULL)
        return TG_ERR_SYSTEM;
    alerts->rules = grown;
    tg_alert_rule_read(&grown[alerts->rule_count++], row);
    return 0;
}

static bool
lacks_window(const struct tg_alerts *alerts)
{
    for (size_t i = 0; i < alerts->rule_count; i++) {
        int64_t ms = alerts->rules[i].params.window_minutes * MINUTE_MS;

        if (alerts->rules[i].is_on && ms != 0 &&
            find_window(alerts, ms) == alerts->window_count)
            return true;
    }
    return false;
}

/*
 * All are made anew, and filled from the calls they are of.  The first one is
 * of a minute, for limits.  Not handled: more than TG_TALLY_WINDOWS in
 * all; a rule with another one finds nothing.
 */
static int
make_windows(struct tg_alerts *alerts)
{
    free_windows(alerts);
    alerts->seq = -1;
    alerts->is_filled = false;
    for (size_t i = 0; i < alerts->rule_count; i++) {
        int64_t ms = alerts->rules[i].params.window_minutes * MINUTE_MS;

        if (!alerts->rules[i].is_on || ms == 0 ||
            find_window(alerts, ms) < alerts->window_count ||
            alerts->window_count == TG_TALLY_WINDOWS)
            continue;
        alerts->windows_ms[alerts->window_count++] = ms;
        if (ms > alerts->longest_ms)
            alerts->longest_ms = ms;
    }
    return tg_tally_new(&alerts->tally, alerts->windows_ms,
                        alerts->window_count);
}

static int
read_rules(struct tg_alerts *alerts)
{
    uint32_t generation = atomic_load(&alerts->daemon->alerts_generation);
    int err;

    if (alerts->rules != NULL && alerts->generation == generation)
        return 0;
    strcpy(alerts->currency, "USD");
    (void)alerts->store->ops->meta_get(
        alerts->store, "currency", alerts->currency, sizeof(alerts->currency));
    alerts->rule_count = 0;
    err = alerts->store->ops->rule_each(alerts->store, take_rule, alerts);
    if (err == 0 && (alerts->tally == NULL || lacks_window(alerts)))
        err = make_windows(alerts);
    alerts->generation = err == 0 ? generation : generation - 1;
    return err;
}

static int
take_track(void *arg, const struct tg_store_episode *row)
{
    struct tg_alerts *alerts = arg;
    struct tg_track track = {.state = TG_TRACK_OPEN,
                             .is_single = row->is_single,
                             .since_ms = row->opened_at,
                             .last_ms = row->last_at,
                             .threshold = row->threshold};

    track.severity = (uint8_t)tg_severity_of(row->severity);
    strncpy(track.episode_id, row->id, TG_ID_LEN);
    return tg_track_read(&track, row->once)
               ? tg_tracks_add(alerts->tracks, &track)
               : 0;
}

static int
read_tracks(struct tg_alerts *alerts)
{
    struct tg_store_episode_filter open = {.is_open = true};
    struct tg_tracks *fresh;
    int err;

    if (alerts->has_tracks)
        return 0;
    if (tg_tracks_new(&fresh) != 0)
        return TG_ERR_SYSTEM;
    tg_tracks_free(alerts->tracks);
    alerts->tracks = fresh;
    alerts->next_track = 0;
    err = alerts->store->ops->episode_each(alerts->store, &open, take_track,
                                           alerts);
    alerts->has_tracks = err == 0;
    return err;
}

/* Keys whose turn it is, by their numbers in the tally. */
struct turn {
    struct tg_alerts *alerts;
    uint32_t *keys;
    size_t count, room;
    uint32_t calls;
};

static int
count_call(void *arg, const struct tg_store_tally *row)
{
    struct turn *turn = arg;
    struct tg_alerts *alerts = turn->alerts;
    uint32_t key;
    int err;

    if (row->soon[0] != '\0')
        tg_tally_expect_add(alerts->tally, row->soon);
    err = tg_tally_add(alerts->tally, row->key_id, row->at, row->is_error,
                       row->tokens, &key);
    if (err != 0)
        return err;
    alerts->seq = row->seq;
    turn->calls++;
    if (!tg_tally_is_first(alerts->tally, key, alerts->round))
        return 0;
    if (turn->count == turn->room) {
        size_t room = turn->room * 2 + 256;
        void *grown = realloc(turn->keys, room * sizeof(turn->keys[0]));

        if (grown == NULL)
            return TG_ERR_SYSTEM;
        turn->keys = grown;
        turn->room = room;
    }
    turn->keys[turn->count++] = key;
    return 0;
}

/* After a start, from where the longest window begins. */
static int
find_begin(struct tg_alerts *alerts)
{
    if (alerts->seq >= 0)
        return 0;
    return alerts->store->ops->call_before(
        alerts->store, alerts->now_ms - alerts->longest_ms, &alerts->seq);
}

static void
look_at(struct tg_alerts *alerts, const struct tg_alert_sight *sight)
{
    for (size_t i = 0; i < alerts->rule_count; i++) {
        if (alerts->rules[i].is_on)
            tg_alert_look(alerts, &alerts->rules[i], sight, NULL);
    }
}

/* Whether there is a key in a slot, which calls. */
static bool
sees_key(struct tg_alerts *alerts, uint32_t slot, struct tg_alert_sight *sight)
{
    return tg_alert_sight_key(sight, alerts->daemon, slot, alerts->now_ms,
                              &alerts->zone) == 0;
}

static void
look_at_key(void *arg, uint32_t slot)
{
    struct tg_alerts *alerts = arg;
    struct tg_alert_sight sight;

    if (!sees_key(alerts, slot, &sight))
        return;
    sight.tallied = tg_tally_number(alerts->tally, sight.key_id);
    look_at(alerts, &sight);
}

/* One that is in the tally, which notes where it was found last. */
static void
look_at_tallied(struct tg_alerts *alerts, uint32_t key)
{
    const char *id = tg_tally_key(alerts->tally, key);
    uint32_t *slot = tg_tally_note(alerts->tally, key);
    struct tg_alert_sight sight;

    if (!sees_key(alerts, *slot, &sight) ||
        memcmp(sight.key_id, id, TG_ID_LEN) != 0) {
        if (tg_alert_key_slot(alerts->daemon, id, slot) != 0 ||
            !sees_key(alerts, *slot, &sight))
            return;
    }
    sight.tallied = key;
    look_at(alerts, &sight);
}

/* Each in its turn; what is far away in memory is fetched ahead. */
static void
look_at_turn(struct tg_alerts *alerts, const uint32_t *keys, size_t count)
{
    struct tg_tally *tally = alerts->tally;

    for (size_t i = 0; i < count; i++) {
        if (i + 3 * AHEAD < count)
            tg_tally_expect_look(tally, keys[i + 3 * AHEAD]);
        if (i + 2 * AHEAD < count)
            tg_alert_expect_counters(
                alerts->daemon, *tg_tally_note(tally, keys[i + 2 * AHEAD]));
        if (i + AHEAD < count)
            tg_alert_expect_policy(alerts->daemon,
                                   *tg_tally_note(tally, keys[i + AHEAD]));
        look_at_tallied(alerts, keys[i]);
    }
}

/* A key has many calls in flight; once a round is enough of most. */
static void
look_at_caller(void *arg, uint32_t slot)
{
    struct tg_alerts *alerts = arg;
    uint32_t at = slot % TG_ALERT_SEEN;

    if (alerts->seen[at].round == alerts->round &&
        alerts->seen[at].slot == slot)
        return;
    alerts->seen[at].round = alerts->round;
    alerts->seen[at].slot = slot;
    look_at_key(alerts, slot);
}

static void
look_at_key_of(void *arg, const char *key_id)
{
    struct tg_alerts *alerts = arg;
    uint32_t slot;

    if (tg_alert_key_slot(alerts->daemon, key_id, &slot) == 0)
        look_at_key(alerts, slot);
}

static void
look_at_account(struct tg_alerts *alerts, uint32_t slot)
{
    struct tg_alert_sight sight;

    if (tg_alert_sight_account(&sight, alerts->daemon, slot, alerts->now_ms) ==
        0)
        look_at(alerts, &sight);
}

/* Whether ingest has taken in what the journal held at the start. */
static bool
has_caught_up(struct tg_daemon *daemon)
{
    bool has;

    pthread_mutex_lock(&daemon->pass_lock);
    has = daemon->last_fine != 0;
    pthread_mutex_unlock(&daemon->pass_lock);
    return has;
}

/*
 * Nothing is looked at before the windows are full: what is open would seem
 * to be over.
 */
static int
follow_calls(struct tg_alerts *alerts)
{
    struct turn turn = {.alerts = alerts};
    bool has_caught_up_before = has_caught_up(alerts->daemon);
    int err = find_begin(alerts);

    alerts->round++;
    if (err == 0)
        err = alerts->store->ops->call_tally(alerts->store, alerts->seq,
                                             CALLS_MAX, count_call, &turn);
    if (err == 0 && turn.calls < CALLS_MAX && has_caught_up_before)
        alerts->is_filled = true;
    if (err == 0 && alerts->is_filled)
        look_at_turn(alerts, turn.keys, turn.count);
    free(turn.keys);
    return err;
}

/* A part of all keys and accounts, whether they call or not. */
static void
sweep(struct tg_alerts *alerts)
{
    struct tg_state_header *header = alerts->daemon->state.header;
    uint32_t keys = atomic_load(&header->key_high_water);
    uint32_t accounts = atomic_load(&header->account_high_water);

    for (int i = 0; i < SWEEP_MAX && (uint32_t)i < keys; i++) {
        if (alerts->next_key >= keys)
            alerts->next_key = 0;
        tg_alert_expect_counters(alerts->daemon, alerts->next_key + 2 * AHEAD);
        tg_alert_expect_policy(alerts->daemon, alerts->next_key + AHEAD);
        look_at_key(alerts, alerts->next_key++);
    }
    for (int i = 0; i < SWEEP_MAX && (uint32_t)i < accounts; i++) {
        if (alerts->next_account >= accounts)
            alerts->next_account = 0;
        look_at_account(alerts, alerts->next_account++);
    }
}

/* An episode of events ends when there was none for a while. */
static void
look_at_quiet(struct tg_alerts *alerts, const struct tg_alert_rule *rule,
              struct tg_track *track)
{
    if (alerts->now_ms - track->last_ms >=
        rule->params.quiet_minutes * MINUTE_MS)
        tg_alert_ends(alerts, rule, track, "recovered");
}

static void
drop(struct tg_alerts *alerts, struct tg_track *track, const char *why)
{
    if (track->state == TG_TRACK_OPEN)
        tg_alert_ends(alerts, NULL, track, why);
    else
        tg_tracks_remove(alerts->tracks, track);
}

static void
look_again(struct tg_alerts *alerts, struct tg_track *track)
{
    const struct tg_alert_rule *rule = tg_alert_rule_of(alerts, track->rule_id);
    struct tg_alert_sight sight;
    uint32_t slot;
    int err;

    if (rule == NULL || !rule->is_on) {
        drop(alerts, track, rule == NULL ? "rule_deleted" : "rule_off");
        return;
    }
    if (rule->kind == TG_ALERT_EVENT) {
        look_at_quiet(alerts, rule, track);
        return;
    }
    if (rule->kind == TG_ALERT_BALANCE) {
        err = tg_alert_account_slot(alerts->daemon, track->subject, &slot);
        if (err == 0)
            err = tg_alert_sight_account(&sight, alerts->daemon, slot,
                                         alerts->now_ms);
    } else {
        err = tg_alert_key_slot(alerts->daemon, track->subject, &slot);
        if (err == 0)
            err = sees_key(alerts, slot, &sight) ? 0 : TG_ERR_NOT_FOUND;
        sight.tallied = tg_tally_number(alerts->tally, track->subject);
    }
    if (err != 0)
        drop(alerts, track, "subject_gone");
    else if (!tg_alert_covers(alerts, rule, sight.key_id, sight.account_id))
        drop(alerts, track, "rule_changed");
    else
        tg_alert_look(alerts, rule, &sight, track);
}

static void
look_at_tracks(struct tg_alerts *alerts)
{
    for (int i = 0; i < TRACKS_MAX; i++) {
        struct tg_track *track =
            tg_tracks_next(alerts->tracks, &alerts->next_track);

        if (track == NULL)
            return;
        look_again(alerts, track);
    }
}

static void
tidy(struct tg_alerts *alerts)
{
    struct tg_store *store = alerts->store;
    int err;

    if (alerts->tally != NULL &&
        (alerts->now_ms >= alerts->trim_at_ms ||
         alerts->trim_at_ms - alerts->now_ms > HOUR_MS)) {
        tg_tally_trim(alerts->tally, alerts->now_ms);
        alerts->trim_at_ms = alerts->now_ms + MINUTE_MS;
    }
    if (alerts->now_ms < alerts->forget_at_ms &&
        alerts->forget_at_ms - alerts->now_ms <= HOUR_MS)
        return;
    alerts->forget_at_ms = alerts->now_ms + HOUR_MS;
    err = tg_daemon_begin(alerts->daemon, store);
    if (err == 0)
        err = tg_daemon_end(alerts->daemon, store,
                            store->ops->alerts_forget(
                                store, alerts->now_ms - KEPT_MS, FORGET_MAX));
    if (err != 0)
        tg_log(TG_LOG_WARNING, "old alerts could not be taken away: %s",
               store->error.text);
}

static int
look_at_all(struct tg_alerts *alerts)
{
    int err = read_rules(alerts);

    if (err == 0)
        err = read_tracks(alerts);
    if (err == 0)
        err = tg_alert_events(alerts);
    if (err == 0)
        err = follow_calls(alerts);
    if (err != 0 || !alerts->is_filled)
        return err;
    tg_alert_in_flight(alerts->daemon, look_at_caller, alerts);
    sweep(alerts);
    look_at_tracks(alerts);
    return tg_baselines_fill(alerts->baselines, alerts->store, alerts->now_ms,
                             alerts->longest_ms, look_at_key_of, alerts);
}

/* What was found is written by all means: the next pass may read new rules. */
static int
pass(struct tg_alerts *alerts)
{
    int err = look_at_all(alerts);
    int flushed = tg_alert_flush(alerts);

    tidy(alerts);
    return err != 0 ? err : flushed;
}

void
tg_alerts_pass(struct tg_daemon *daemon, struct tg_store *store, int64_t now_ms)
{
    struct tg_alerts *alerts = daemon->alerts;

    alerts->store = store;
    alerts->now_ms = now_ms;
    if (pass(alerts) != 0)
        tg_log(TG_LOG_ERROR, "alerts were not looked at: %s",
               store->error.text);
}
