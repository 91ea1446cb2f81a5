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
#define AHEAD 4 /* keys that are fetched before they are looked at */

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
    for (size_t i = 0; i < alerts->window_count; i++)
        tg_tally_free(alerts->windows[i]);
    alerts->window_count = 0;
    alerts->longest_ms = MINUTE_MS;
}

void
tg_alerts_free(struct tg_alerts *alerts)
{
    if (alerts == NULL)
        return;
    free_windows(alerts);
    tg_tally_free(alerts->minute);
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

const struct tg_tally *
tg_alert_window(const struct tg_alerts *alerts, int64_t window_ms)
{
    for (size_t i = 0; i < alerts->window_count; i++) {
        if (tg_tally_window_ms(alerts->windows[i]) == window_ms)
            return alerts->windows[i];
    }
    return NULL;
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
            tg_alert_window(alerts, ms) == NULL)
            return true;
    }
    return false;
}

/*
 * All are made anew, and filled from the calls they are of.  Not handled:
 * more than TG_ALERT_WINDOWS different windows; a rule with another one finds
 * nothing.
 */
static int
make_windows(struct tg_alerts *alerts)
{
    free_windows(alerts);
    tg_tally_free(alerts->minute);
    alerts->minute = NULL;
    alerts->seq = -1;
    alerts->is_filled = false;
    for (size_t i = 0; i < alerts->rule_count; i++) {
        int64_t ms = alerts->rules[i].params.window_minutes * MINUTE_MS;

        if (!alerts->rules[i].is_on || ms == 0 ||
            tg_alert_window(alerts, ms) != NULL ||
            alerts->window_count == TG_ALERT_WINDOWS)
            continue;
        if (tg_tally_new(&alerts->windows[alerts->window_count], ms) != 0)
            return TG_ERR_SYSTEM;
        alerts->window_count++;
        if (ms > alerts->longest_ms)
            alerts->longest_ms = ms;
    }
    return tg_tally_new(&alerts->minute, MINUTE_MS);
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
    if (err == 0 && (alerts->minute == NULL || lacks_window(alerts)))
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

/* Keys whose turn it is. */
struct turn {
    struct tg_alerts *alerts;
    char (*key_ids)[TG_ID_TEXT_SIZE];
    size_t count, room;
    uint32_t calls;
};

/* Many keys are far apart in memory. */
static void
expect(const struct tg_alerts *alerts, const char *key_id)
{
    tg_tally_expect(alerts->minute, key_id);
    for (size_t i = 0; i < alerts->window_count; i++)
        tg_tally_expect(alerts->windows[i], key_id);
}

static int
count_call(void *arg, const struct tg_store_tally *row)
{
    struct turn *turn = arg;
    struct tg_alerts *alerts = turn->alerts;
    int err;

    expect(alerts, row->key_id);
    err = tg_tally_add(alerts->minute, row->key_id, row->at, row->is_error,
                       row->tokens);
    for (size_t i = 0; i < alerts->window_count && err == 0; i++)
        err = tg_tally_add(alerts->windows[i], row->key_id, row->at,
                           row->is_error, row->tokens);
    if (err != 0)
        return err;
    alerts->seq = row->seq;
    turn->calls++;
    if (!tg_tally_is_first(alerts->minute, row->key_id, alerts->round))
        return 0;
    if (turn->count == turn->room) {
        size_t room = turn->room * 2 + 256;
        void *grown = realloc(turn->key_ids, room * sizeof(*turn->key_ids));

        if (grown == NULL)
            return TG_ERR_SYSTEM;
        turn->key_ids = grown;
        turn->room = room;
    }
    strncpy(turn->key_ids[turn->count], row->key_id, TG_ID_TEXT_SIZE - 1);
    turn->key_ids[turn->count++][TG_ID_TEXT_SIZE - 1] = '\0';
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

static void
look_at_key(void *arg, uint32_t slot)
{
    struct tg_alerts *alerts = arg;
    struct tg_alert_sight sight;

    if (tg_alert_sight_key(&sight, alerts->daemon, slot, alerts->now_ms) == 0)
        look_at(alerts, &sight);
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
    for (size_t i = 0; i < turn.count && err == 0 && alerts->is_filled; i++) {
        if (i + AHEAD < turn.count)
            expect(alerts, turn.key_ids[i + AHEAD]);
        look_at_key_of(alerts, turn.key_ids[i]);
    }
    free(turn.key_ids);
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
            err = tg_alert_sight_key(&sight, alerts->daemon, slot,
                                     alerts->now_ms);
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

    if (alerts->minute != NULL &&
        (alerts->now_ms >= alerts->trim_at_ms ||
         alerts->trim_at_ms - alerts->now_ms > HOUR_MS)) {
        tg_tally_trim(alerts->minute, alerts->now_ms);
        for (size_t i = 0; i < alerts->window_count; i++)
            tg_tally_trim(alerts->windows[i], alerts->now_ms);
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
