#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alert_part.h"
#include "clock.h"
#include "err.h"
#include "log.h"

/* Episodes that begin or end, and the notices that say so. */

static void
copy_id(char to[TG_ID_TEXT_SIZE], const char *id)
{
    snprintf(to, TG_ID_TEXT_SIZE, "%s", id);
}

struct labels {
    const char *wanted; /* "name=value" */
    bool has;
};

static int
look_at_labels(void *arg, const struct tg_store_key *row)
{
    struct labels *labels = arg;
    json_t *object = json_loads(row->labels, 0, NULL);
    const char *equals = strchr(labels->wanted, '=');
    char name[TG_ALERT_SCOPE_SIZE];
    const char *value;

    if (equals != NULL) {
        snprintf(name, sizeof(name), "%.*s", (int)(equals - labels->wanted),
                 labels->wanted);
        value = json_string_value(json_object_get(object, name));
        labels->has = value != NULL && strcmp(value, equals + 1) == 0;
    }
    json_decref(object);
    return 0;
}

bool
tg_alert_covers(struct tg_alerts *alerts, const struct tg_alert_rule *rule,
                const char *key_id, const char *account_id)
{
    struct labels labels = {rule->scope, false};

    switch (rule->scope_kind) {
    case TG_ALERTS_ALL:
        return true;
    case TG_ALERTS_ACCOUNT:
        return strcmp(rule->scope, account_id) == 0;
    case TG_ALERTS_KEY:
        return strcmp(rule->scope, key_id) == 0;
    case TG_ALERTS_LABEL:
        if (key_id[0] != '\0')
            (void)alerts->store->ops->key_get(alerts->store, key_id,
                                              look_at_labels, &labels);
        return labels.has;
    }
    return false;
}

/* Room for one more: what is full is written first. */
static struct tg_alert_finding *
room(struct tg_alerts *alerts)
{
    struct tg_alert_finding *finding;

    if (alerts->finding_count == TG_ALERT_FINDINGS)
        (void)tg_alert_flush(alerts);
    finding = &alerts->findings[alerts->finding_count++];
    memset(finding, 0, sizeof(*finding));
    return finding;
}

void
tg_alert_begins(struct tg_alerts *alerts, const struct tg_alert_rule *rule,
                const struct tg_alert_sight *sight,
                const struct tg_alert_measure *measure)
{
    struct tg_alert_finding *finding = room(alerts);
    struct tg_track *track = &finding->track;

    finding->rule = rule;
    finding->value = measure->value;
    copy_id(finding->key_id, sight->key_id);
    copy_id(finding->account_id, sight->account_id);
    snprintf(finding->message, sizeof(finding->message), "%s",
             measure->message);
    snprintf(finding->evidence, sizeof(finding->evidence), "%s",
             measure->evidence);
    copy_id(track->rule_id, rule->id);
    copy_id(track->subject,
            sight->key_id[0] != '\0' ? sight->key_id : sight->account_id);
    snprintf(track->about, sizeof(track->about), "%s", measure->about);
    track->state = TG_TRACK_OPEN;
    track->severity = (uint8_t)measure->severity;
    track->is_single = measure->is_single;
    track->since_ms = track->last_ms = alerts->now_ms;
    track->threshold = measure->threshold;
    if (tg_id_mint(track->episode_id, "eps_", tg_random) != 0 ||
        tg_tracks_add(alerts->tracks, track) != 0)
        alerts->finding_count--;
}

void
tg_alert_ends(struct tg_alerts *alerts, const struct tg_alert_rule *rule,
              struct tg_track *track, const char *closed_by)
{
    struct tg_alert_finding *finding = room(alerts);

    finding->is_end = true;
    finding->rule = rule;
    finding->closed_by = closed_by;
    finding->track = *track;
    if (track->is_single && strcmp(closed_by, "recovered") == 0)
        track->state = TG_TRACK_TOLD;
    else
        tg_tracks_remove(alerts->tracks, track);
}

/* A notice for every channel that is to have it. */
struct telling {
    struct tg_alerts *alerts;
    const struct tg_alert_rule *rule;
    const char *episode_id, *what;
    enum tg_severity severity;
    char *body;
    json_t *told;
    int err;
};

static bool
has_it(json_t *told, const char *channel_id)
{
    size_t i;
    json_t *one;

    json_array_foreach(told, i, one)
    {
        if (strcmp(json_string_value(one), channel_id) == 0)
            return true;
    }
    return false;
}

static int
tell_channel(void *arg, const struct tg_store_channel *row)
{
    struct telling *telling = arg;
    struct tg_store *store = telling->alerts->store;
    char id[TG_ID_TEXT_SIZE];
    struct tg_store_notice notice = {
        .id = id,
        .channel_id = row->id,
        .channel = row->name,
        .episode_id = telling->episode_id,
        .what = telling->what,
        .severity = tg_severity_name(telling->severity),
        .body = telling->body,
        .created_at = telling->alerts->now_ms,
    };
    int err;

    if (!row->is_on || telling->severity < tg_severity_of(row->min_severity) ||
        !tg_alert_rule_tells(telling->rule, row->id) ||
        has_it(telling->told, row->id))
        return 0;
    err = tg_id_mint(id, "ntf_", tg_random);
    if (err == 0)
        err = store->ops->notice_add(store, &notice);
    if (err == 0 && telling->told != NULL)
        json_array_append_new(telling->told, json_string(row->id));
    return err;
}

/* What all shapes are made of, and what a webhook is sent. */
static json_t *
body_of(const struct tg_alert_finding *finding, int64_t now_ms)
{
    const struct tg_track *track = &finding->track;
    const struct tg_alert_rule *rule = finding->rule;

    return json_pack(
        "{s:s,s:o,s:s,s:s,s:o,s:s,s:{s:s,s:s,s:s},s:o,s:o,s:o,s:o,s:o,s:o}",
        "type", finding->is_end ? "alert.recovered" : "alert.opened", "at",
        tg_reply_instant(now_ms), "severity",
        tg_severity_name((enum tg_severity)track->severity), "title",
        rule->name, "message", tg_reply_text(finding->message), "episode_id",
        track->episode_id, "rule", "id", rule->id, "name", rule->name, "kind",
        tg_alert_kind_name(rule->kind), "opened_at",
        tg_reply_instant(track->since_ms), "key_id",
        tg_reply_text(finding->key_id), "account_id",
        tg_reply_text(finding->account_id), "upstream_id",
        tg_reply_text(finding->upstream_id), "credential_id",
        tg_reply_text(finding->credential_id), "evidence",
        tg_reply_stored(finding->evidence));
}

static int
tell(struct tg_alerts *alerts, const struct tg_alert_finding *finding,
     json_t *told)
{
    struct tg_store *store = alerts->store;
    json_t *body = body_of(finding, alerts->now_ms);
    struct telling telling = {
        .alerts = alerts,
        .rule = finding->rule,
        .episode_id = finding->track.episode_id,
        .what = finding->is_end ? "recovered" : "opened",
        .severity = (enum tg_severity)finding->track.severity,
        .body = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL,
        .told = told,
    };
    int err = TG_ERR_SYSTEM;

    if (telling.body != NULL)
        err = store->ops->channel_each(store, tell_channel, &telling);
    free(telling.body);
    json_decref(body);
    return err;
}

static int
write_begin(struct tg_alerts *alerts, const struct tg_alert_finding *finding,
            bool *is_new)
{
    const struct tg_track *track = &finding->track;
    char once[TG_ALERT_ONCE_SIZE];
    struct tg_store_episode row = {
        .id = track->episode_id,
        .rule_id = finding->rule->id,
        .rule = finding->rule->name,
        .kind = tg_alert_kind_name(finding->rule->kind),
        .severity = tg_severity_name((enum tg_severity)track->severity),
        .once = once,
        .is_single = track->is_single,
        .key_id = finding->key_id,
        .account_id = finding->account_id,
        .upstream_id = finding->upstream_id,
        .credential_id = finding->credential_id,
        .message = finding->message,
        .evidence = finding->evidence,
        .threshold = track->threshold,
        .value = finding->value,
        .opened_at = alerts->now_ms,
    };

    tg_track_once(track, once);
    return alerts->store->ops->episode_open(alerts->store, &row, is_new);
}

/* An end says what has ended. */
static int
take_begin(void *arg, const struct tg_store_episode *row)
{
    struct tg_alert_finding *end = arg;
    int64_t minutes = (end->track.last_ms - row->opened_at) / 60000;

    copy_id(end->key_id, row->key_id);
    copy_id(end->account_id, row->account_id);
    copy_id(end->upstream_id, row->upstream_id);
    copy_id(end->credential_id, row->credential_id);
    end->track.since_ms = row->opened_at;
    end->track.severity = (uint8_t)tg_severity_of(row->severity);
    if (row->count > 1)
        snprintf(end->message, sizeof(end->message),
                 "over after %lld min (%lld times): %.900s", (long long)minutes,
                 (long long)row->count, row->message);
    else
        snprintf(end->message, sizeof(end->message),
                 "over after %lld min: %.900s", (long long)minutes,
                 row->message);
    snprintf(end->evidence, sizeof(end->evidence), "%s", row->evidence);
    return 0;
}

static int
write_end(struct tg_alerts *alerts, const struct tg_alert_finding *finding)
{
    struct tg_store *store = alerts->store;
    struct tg_alert_finding end = *finding;
    int err;

    end.track.last_ms = alerts->now_ms;
    err = store->ops->episode_close(store, finding->track.episode_id,
                                    alerts->now_ms, finding->closed_by);
    if (err != 0 || finding->rule == NULL || !finding->rule->tells_recovery)
        return err == TG_ERR_NOT_FOUND ? 0 : err;
    err = store->ops->episode_get(store, finding->track.episode_id, take_begin,
                                  &end);
    return err != 0 ? err : tell(alerts, &end, NULL);
}

int
tg_alert_write(struct tg_alerts *alerts, const struct tg_alert_finding *finding,
               json_t *told, bool *is_new)
{
    int err;

    *is_new = true;
    if (finding->is_end)
        return write_end(alerts, finding);
    err = write_begin(alerts, finding, is_new);
    return err != 0 || !*is_new ? err : tell(alerts, finding, told);
}

/* It was told before, so it is not open. */
static void
correct(struct tg_alerts *alerts, const struct tg_alert_finding *finding)
{
    const struct tg_track *now = &finding->track;
    struct tg_track *track =
        tg_tracks_find(alerts->tracks, now->rule_id, now->subject, now->about);

    if (track != NULL)
        track->state = TG_TRACK_TOLD;
}

int
tg_alert_flush(struct tg_alerts *alerts)
{
    struct tg_daemon *daemon = alerts->daemon;
    int err;

    if (alerts->finding_count == 0)
        return 0;
    err = tg_daemon_begin(daemon, alerts->store);
    if (err == 0) {
        for (size_t i = 0; i < alerts->finding_count && err == 0; i++) {
            bool is_new = true;

            err = tg_alert_write(alerts, &alerts->findings[i], NULL, &is_new);
            if (err == 0 && !is_new)
                correct(alerts, &alerts->findings[i]);
        }
        err = tg_daemon_end(daemon, alerts->store, err);
    }
    /* What memory has is not what the store has: it is read again. */
    if (err != 0) {
        alerts->has_tracks = false;
        tg_log(TG_LOG_ERROR, "alerts could not be stored: %s",
               alerts->store->error.text);
    }
    alerts->finding_count = 0;
    return err;
}
