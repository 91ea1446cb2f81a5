#include "alert_quiet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alert_rule.h"
#include "clock.h"
#include "err.h"
#include "hours.h"

#define HELD_MAX 1000 /* in one summary */
#define LINES 20

bool
tg_quiet_is(const char *hours, int64_t now_ms)
{
    struct tg_zone_blob blob;

    if (hours[0] == '\0' || tg_hours_compile(&blob, hours, now_ms) != 0)
        return false;
    return tg_calendar_is_open((struct tg_str){blob.bytes, blob.len}, now_ms);
}

/* Notices that one is to stand for. */
struct held {
    const char *why; /* in its title */
    bool is_fresh;   /* take only those never sent, and none that is critical */
    char ids[HELD_MAX][TG_ID_TEXT_SIZE];
    size_t count;
    enum tg_severity most;
    char lines[LINES * 320];
    size_t len;
};

static const char *
text_of(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));

    return text != NULL ? text : "";
}

static int
take_held(void *arg, const struct tg_store_notice *row)
{
    struct held *held = arg;
    enum tg_severity severity = tg_severity_of(row->severity);
    size_t room = sizeof(held->lines) - held->len;
    json_t *body;
    int n;

    if (held->is_fresh &&
        (severity == TG_CRITICAL || row->attempts != 0 ||
         strcmp(row->what, "summary") == 0 || strcmp(row->what, "report") == 0))
        return 0;
    body = json_loads(row->body, 0, NULL);

    snprintf(held->ids[held->count++], TG_ID_TEXT_SIZE, "%s", row->id);
    if (severity > held->most)
        held->most = severity;
    if (held->count <= LINES && room > 1) {
        n = snprintf(held->lines + held->len, room, "[%s] %.80s: %.200s\n",
                     strcmp(row->what, "recovered") == 0 ? "recovered"
                                                         : row->severity,
                     text_of(body, "title"), text_of(body, "message"));
        held->len += (size_t)n < room ? (size_t)n : room - 1;
    }
    json_decref(body);
    return 0;
}

/* A cut in a character becomes a mark that JSON can hold. */
static json_t *
summary_body(struct held *held, int64_t now_ms)
{
    char title[64], more[64] = "";
    json_t *text;
    json_t *body;

    snprintf(title, sizeof(title), "%zu alerts %s", held->count, held->why);
    if (held->count > LINES)
        snprintf(more, sizeof(more), "and %zu more", held->count - LINES);
    if (held->len + strlen(more) < sizeof(held->lines))
        strcpy(held->lines + held->len, more);
    text = tg_reply_text(held->lines);
    body = json_pack("{s:s,s:o,s:s,s:s,s:o,s:i}", "type", "alert.summary", "at",
                     tg_reply_instant(now_ms), "severity",
                     tg_severity_name(held->most), "title", title, "message",
                     text, "count", (int)held->count);
    return body;
}

static int
set_all(struct tg_store *store, const struct held *held, const char *status,
        int64_t ended_at)
{
    struct tg_store_fate fate = {
        .status = status, .last_error = "", .ended_at = ended_at};
    int err = 0;

    for (size_t i = 0; i < held->count && err == 0; i++)
        err = store->ops->notice_set(store, held->ids[i], &fate);
    return err;
}

static int
add_summary(struct tg_store *store, const char *channel_id, const char *channel,
            struct held *held, int64_t now_ms)
{
    json_t *body = summary_body(held, now_ms);
    char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
    char id[TG_ID_TEXT_SIZE];
    struct tg_store_notice notice = {
        .id = id,
        .channel_id = channel_id,
        .channel = channel,
        .episode_id = "",
        .what = "summary",
        .severity = tg_severity_name(held->most),
        .body = text,
        .created_at = now_ms,
    };
    int err = text == NULL ? TG_ERR_SYSTEM : tg_id_mint(id, "ntf_", tg_random);

    if (err == 0)
        err = store->ops->notice_add(store, &notice);
    free(text);
    json_decref(body);
    return err;
}

static int
sum_up(struct tg_daemon *daemon, struct tg_store *store, const char *channel_id,
       const char *channel, struct held *held, int64_t now_ms)
{
    int err = tg_daemon_begin(daemon, store);

    if (err != 0)
        return err;
    if (held->count == 1)
        err = set_all(store, held, "pending", 0);
    else
        err = set_all(store, held, "summarised", now_ms);
    if (err == 0 && held->count > 1)
        err = add_summary(store, channel_id, channel, held, now_ms);
    return tg_daemon_end(daemon, store, err);
}

int
tg_quiet_end(struct tg_daemon *daemon, struct tg_store *store,
             const char *channel_id, const char *channel, int64_t now_ms)
{
    struct held *held = calloc(1, sizeof(*held));
    int err;

    if (held == NULL)
        return TG_ERR_SYSTEM;
    held->why = "while it was quiet";
    err = store->ops->notice_waiting(store, channel_id, "held", HELD_MAX,
                                     take_held, held);
    if (err == 0 && held->count > 0)
        err = sum_up(daemon, store, channel_id, channel, held, now_ms);
    free(held);
    return err;
}

int
tg_quiet_storm(struct tg_daemon *daemon, struct tg_store *store,
               const char *channel_id, const char *channel, int64_t now_ms)
{
    struct held *held = calloc(1, sizeof(*held));
    int err;

    if (held == NULL)
        return TG_ERR_SYSTEM;
    held->why = "at once";
    held->is_fresh = true;
    err = store->ops->notice_waiting(store, channel_id, "pending", HELD_MAX,
                                     take_held, held);
    if (err == 0 && held->count > TG_QUIET_STORM)
        err = sum_up(daemon, store, channel_id, channel, held, now_ms);
    free(held);
    return err;
}
