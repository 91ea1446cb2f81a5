#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alert_part.h"
#include "clock.h"
#include "err.h"
#include "log.h"

/* Events become episodes: the first one opens it, more are counted. */

#define EVENTS_MAX 200 /* a pass */
#define TOLD "alerts_events_told"

/* Of what an event of the first type was, one of the second is the end. */
static const char *const ends[][2] = {
    {"credential_failed", "credential_recovered"},
};

struct following {
    struct tg_alerts *alerts;
    int64_t number;
};

/* Whom it is about: what is narrowest. */
static const char *
subject_of(const struct tg_store_event *event)
{
    if (event->credential_id[0] != '\0')
        return event->credential_id;
    if (event->key_id[0] != '\0')
        return event->key_id;
    if (event->upstream_id[0] != '\0')
        return event->upstream_id;
    return event->account_id[0] != '\0' ? event->account_id : "gate";
}

static int
open_episode(struct tg_alerts *alerts, const struct tg_alert_rule *rule,
             const struct tg_store_event *event, json_t *told)
{
    struct tg_alert_finding *finding = calloc(1, sizeof(*finding));
    struct tg_track *track;
    bool is_new = false;
    int err;

    if (finding == NULL)
        return TG_ERR_SYSTEM;
    track = &finding->track;
    finding->rule = rule;
    snprintf(finding->key_id, TG_ID_TEXT_SIZE, "%s", event->key_id);
    snprintf(finding->account_id, TG_ID_TEXT_SIZE, "%s", event->account_id);
    snprintf(finding->upstream_id, TG_ID_TEXT_SIZE, "%s", event->upstream_id);
    snprintf(finding->credential_id, TG_ID_TEXT_SIZE, "%s",
             event->credential_id);
    snprintf(finding->message, sizeof(finding->message), "%s: %.900s",
             event->type, event->message);
    /* One that is longer than there is room for is left out, not cut. */
    snprintf(finding->evidence, sizeof(finding->evidence), "%s",
             strlen(event->evidence) < sizeof(finding->evidence)
                 ? event->evidence
                 : "{}");
    snprintf(track->rule_id, TG_ID_TEXT_SIZE, "%s", rule->id);
    snprintf(track->subject, TG_ID_TEXT_SIZE, "%s", subject_of(event));
    snprintf(track->about, sizeof(track->about), "%.60s", event->type);
    track->state = TG_TRACK_OPEN;
    track->severity = (uint8_t)tg_severity_of(event->severity);
    track->since_ms = track->last_ms = alerts->now_ms;
    err = tg_id_mint(track->episode_id, "eps_", tg_random);
    if (err == 0)
        err = tg_alert_write(alerts, finding, told, &is_new);
    if (err == 0 && is_new)
        err = tg_tracks_add(alerts->tracks, track);
    free(finding);
    return err;
}

static int
go_on(struct tg_alerts *alerts, struct tg_track *track)
{
    char once[TG_ALERT_ONCE_SIZE];

    track->last_ms = alerts->now_ms;
    tg_track_once(track, once);
    return alerts->store->ops->episode_again(alerts->store, once,
                                             alerts->now_ms);
}

/* What the event puts an end to. */
static int
end_episode(struct tg_alerts *alerts, const struct tg_alert_rule *rule,
            const struct tg_store_event *event)
{
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        struct tg_alert_finding *finding;
        struct tg_track *track = NULL;
        bool is_new;
        int err;

        if (strcmp(ends[i][1], event->type) == 0)
            track = tg_tracks_find(alerts->tracks, rule->id, subject_of(event),
                                   ends[i][0]);
        if (track == NULL)
            continue;
        finding = calloc(1, sizeof(*finding));
        if (finding == NULL)
            return TG_ERR_SYSTEM;
        finding->is_end = true;
        finding->rule = rule;
        finding->closed_by = "recovered";
        finding->track = *track;
        tg_tracks_remove(alerts->tracks, track);
        err = tg_alert_write(alerts, finding, NULL, &is_new);
        free(finding);
        return err;
    }
    return 0;
}

static int
apply_rule(struct tg_alerts *alerts, const struct tg_alert_rule *rule,
           const struct tg_store_event *event, json_t *told)
{
    struct tg_track *track;
    int err = end_episode(alerts, rule, event);

    if (err != 0 ||
        !tg_alert_rule_wants(rule, event->type,
                             tg_severity_of(event->severity)) ||
        !tg_alert_covers(alerts, rule, event->key_id, event->account_id))
        return err;
    track = tg_tracks_find(alerts->tracks, rule->id, subject_of(event),
                           event->type);
    return track != NULL ? go_on(alerts, track)
                         : open_episode(alerts, rule, event, told);
}

/* A channel that cannot be reached is not told so. */
static json_t *
told_of(const struct tg_store_event *event)
{
    json_t *told = json_array();
    json_t *evidence = json_loads(event->evidence, 0, NULL);
    const char *id = json_string_value(json_object_get(evidence, "channel_id"));

    if (id != NULL && strcmp(event->type, "alert_undelivered") == 0)
        json_array_append_new(told, json_string(id));
    json_decref(evidence);
    return told;
}

static int
follow(void *arg, int64_t number, const struct tg_store_event *event)
{
    struct following *following = arg;
    struct tg_alerts *alerts = following->alerts;
    json_t *told = told_of(event);
    int err = 0;

    for (size_t i = 0; i < alerts->rule_count && err == 0; i++) {
        if (alerts->rules[i].is_on && alerts->rules[i].kind == TG_ALERT_EVENT)
            err = apply_rule(alerts, &alerts->rules[i], event, told);
    }
    json_decref(told);
    following->number = number;
    return err;
}

static int
any(void *arg, int64_t number, const struct tg_store_event *event)
{
    (void)number, (void)event;
    *(bool *)arg = true;
    return 1;
}

static int
note_number(struct tg_store *store, int64_t number)
{
    char text[24];

    snprintf(text, sizeof(text), "%lld", (long long)number);
    return store->ops->meta_set(store, TOLD, text);
}

int
tg_alert_events(struct tg_alerts *alerts)
{
    struct tg_store *store = alerts->store;
    struct following following = {.alerts = alerts};
    char text[24] = "0";
    bool has_new = false;
    int err = store->ops->meta_get(store, TOLD, text, sizeof(text));

    if (err != 0 && err != TG_ERR_NOT_FOUND)
        return err;
    following.number = strtoll(text, NULL, 10);
    err = store->ops->event_behind(store, following.number, 1, any, &has_new);
    if (!has_new)
        return err;
    err = tg_daemon_begin(alerts->daemon, store);
    if (err == 0) {
        err = store->ops->event_behind(store, following.number, EVENTS_MAX,
                                       follow, &following);
        if (err == 0)
            err = note_number(store, following.number);
        err = tg_daemon_end(alerts->daemon, store, err);
    }
    if (err != 0) {
        alerts->has_tracks = false;
        tg_log(TG_LOG_ERROR, "events could not be made into alerts: %s",
               store->error.text);
    }
    return err;
}
