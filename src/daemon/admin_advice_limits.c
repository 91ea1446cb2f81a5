/*
 * Limits that are suggested for a key: docs/advice.md.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin.h"
#include "advice_calls.h"
#include "advice_limits.h"
#include "advice_rules.h"
#include "civil.h"
#include "clock.h"
#include "code.h"
#include "err.h"
#include "plural.h"

#define DEFAULT_DAYS 30
#define TEXT_SIZE 320

/* The key as it is, and what is known of its calls. */
struct look {
    struct tg_request *request;
    struct tg_reply *reply;
    char name[4 * 100 + 1], account_id[TG_ID_TEXT_SIZE];
    int64_t since, until, kept_since, created_at;
    int64_t now[TG_ADVISED_LIMITS];
    struct tg_peak_call *calls;
    size_t count;
    bool is_cut, is_deleted;
    struct tg_throttled throttled;
    /* Of the quarter-hour whose refusals are read. */
    int64_t quarter, refused, first_at, last_at;
};

static const char *const members[TG_ADVISED_LIMITS] = {
    [TG_ADVISED_SECOND] = "requests_per_second",
    [TG_ADVISED_MINUTE] = "requests_per_minute",
    [TG_ADVISED_DAY] = "requests_per_day",
    [TG_ADVISED_TOKENS] = "tokens_per_minute",
    [TG_ADVISED_AT_ONCE] = "concurrency",
};

static const char *const changes[] = {
    [TG_LIMIT_UNCHANGED] = "unchanged",
    [TG_LIMIT_ENOUGH] = "enough",
    [TG_LIMIT_TIGHTENED] = "tightened",
    [TG_LIMIT_LOOSENED] = "loosened",
};

static int
take_key(void *arg, const struct tg_store_key *row)
{
    struct look *look = arg;

    snprintf(look->name, sizeof(look->name), "%s", row->name);
    snprintf(look->account_id, sizeof(look->account_id), "%s", row->account_id);
    look->created_at = row->created_at;
    look->is_deleted = strcmp(row->status, "deleted") == 0;
    look->now[TG_ADVISED_SECOND] = row->requests_per_second;
    look->now[TG_ADVISED_MINUTE] = row->requests_per_minute;
    look->now[TG_ADVISED_DAY] = row->requests_per_day;
    look->now[TG_ADVISED_TOKENS] = row->tokens_per_minute;
    look->now[TG_ADVISED_AT_ONCE] = row->concurrency;
    return 0;
}

static void
end_quarter(struct look *look)
{
    if (look->refused > 0)
        tg_throttled_add(&look->throttled, look->refused, look->first_at,
                         look->last_at);
    look->refused = 0;
}

/* Newest first, a row for each address, so a quarter's come together. */
static int
take_denial(void *arg, const struct tg_store_denial *row)
{
    struct look *look = arg;
    int64_t quarter = row->last_at / TG_QUARTER_MS;

    if (look->refused > 0 && quarter != look->quarter)
        end_quarter(look);
    if (look->refused == 0) {
        look->quarter = quarter;
        look->first_at = row->first_at;
        look->last_at = row->last_at;
    }
    if (row->first_at < look->first_at)
        look->first_at = row->first_at;
    if (row->last_at > look->last_at)
        look->last_at = row->last_at;
    look->refused += row->count;
    return 0;
}

static bool
find(struct look *look)
{
    struct tg_store *store = look->request->daemon->reports;
    struct tg_store_denial_filter filter = {
        .key_id = look->request->subject,
        .code = TG_CODE_RATE_LIMIT_EXCEEDED,
        .since = look->since,
        .until = look->until,
    };
    int err;

    pthread_mutex_lock(&look->request->daemon->reports_lock);
    err = store->ops->key_get(store, look->request->subject, take_key, look);
    if (err == 0)
        err = tg_advice_kept_since(store, &look->kept_since);
    if (err == 0)
        err = store->ops->denial_each(store, &filter, take_denial, look);
    end_quarter(look);
    if (err != 0)
        tg_reply_store(look->reply, store, err, "key");
    pthread_mutex_unlock(&look->request->daemon->reports_lock);
    if (err == 0 && look->is_deleted)
        return tg_reply_error(look->reply, 409, "key_deleted", NULL,
                              "the key was deleted: it has no limits any more");
    return err == 0;
}

/* The newest of them, as advice_peaks.h takes them. */
static bool
take_loads(struct look *look, const struct tg_store_load *loads, size_t count)
{
    look->is_cut = count > TG_ADVICE_CALLS_MAX;
    look->count = look->is_cut ? TG_ADVICE_CALLS_MAX : count;
    look->calls = calloc(look->count + 1, sizeof(*look->calls));
    if (look->calls == NULL)
        return tg_reply_error(look->reply, 500, "internal_error", NULL,
                              "out of memory");
    for (size_t i = 0; i < look->count; i++) {
        int64_t took = loads[i].latency_ms > 0 ? loads[i].latency_ms : 1;

        look->calls[i] = (struct tg_peak_call){
            .at = loads[i].at,
            .end = loads[i].at + took,
            .tokens = loads[i].tokens,
        };
    }
    return true;
}

static bool
read_calls(struct look *look)
{
    struct tg_daemon *daemon = look->request->daemon;
    struct tg_store *store = daemon->reports;
    struct tg_store_filter filter = {.key_id = look->request->subject,
                                     .since = look->since,
                                     .until = look->until};
    struct tg_store_load *loads = NULL;
    size_t count = 0;
    bool is_read;
    int err;

    pthread_mutex_lock(&daemon->reports_lock);
    err = store->ops->key_loads(store, &filter, &loads, &count);
    if (err != 0)
        tg_reply_store(look->reply, store, err, "calls");
    pthread_mutex_unlock(&daemon->reports_lock);
    is_read = err == 0 && take_loads(look, loads, count);
    free(loads);
    return is_read;
}

/* From when on the calls say what the key was used for. */
static int64_t
looked_since(const struct look *look)
{
    int64_t since = look->since;

    if (look->created_at > since)
        since = look->created_at;
    if (look->kept_since > since)
        since = look->kept_since;
    if (look->is_cut)
        since = look->calls[look->count - 1].at;
    return since < look->until ? since : look->until;
}

static json_t *
why(const struct look *look, enum tg_advised_limit which,
    const struct tg_limit_advice *advice, int64_t lasted_ms)
{
    const long long peak = advice->peak, asked = advice->asked;
    const char *refused =
        look->throttled.requests > 0 ? ", with what was refused" : "";
    char text[TEXT_SIZE] = "";

    switch (which) {
    case TG_ADVISED_SECOND:
        snprintf(text, sizeof(text),
                 "at most 120 %% of the busiest second: %lld", peak);
        break;
    case TG_ADVISED_MINUTE:
        snprintf(text, sizeof(text),
                 "120 %% of the busiest minute%s: %lld; at least %d", refused,
                 asked, TG_ADVICE_REQUESTS_FLOOR);
        break;
    case TG_ADVISED_TOKENS:
        snprintf(text, sizeof(text),
                 "120 %% of the busiest minute%s: %lld; at least %d", refused,
                 asked, TG_ADVICE_TOKENS_FLOOR);
        break;
    case TG_ADVISED_DAY:
        snprintf(text, sizeof(text),
                 "three times the mean of %lld in %lld day%s%s; at least the "
                 "busiest 24 hours: %lld",
                 asked, (long long)tg_advice_days(lasted_ms),
                 tg_plural(tg_advice_days(lasted_ms)), refused, peak);
        break;
    case TG_ADVISED_AT_ONCE:
        snprintf(text, sizeof(text),
                 "120 %% of the most that ran at once: %lld", peak);
        break;
    case TG_ADVISED_LIMITS:
        break;
    }
    return json_string(text);
}

static json_t *
count_or_null(int64_t count)
{
    return count == 0 ? json_null() : json_integer(count);
}

static json_t *
advice_object(const struct look *look, enum tg_advised_limit which,
              const struct tg_limit_advice *advice, int64_t lasted_ms)
{
    return json_pack(
        "{s:s,s:o,s:I,s:s,s:I,s:o,s:I,s:o}", "limit", members[which], "now",
        count_or_null(advice->now), "suggested", (json_int_t)advice->suggested,
        "change", changes[advice->change], "peak", (json_int_t)advice->peak,
        "peak_at", tg_reply_instant(advice->peak_at), "asked",
        (json_int_t)advice->asked, "why", why(look, which, advice, lasted_ms));
}

__attribute__((format(printf, 2, 3))) static void
note(json_t *notes, const char *format, ...)
{
    char text[TEXT_SIZE];
    va_list ap;

    va_start(ap, format);
    vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);
    json_array_append_new(notes, json_string(text));
}

static json_t *
notes_of(const struct look *look)
{
    json_t *notes = json_array();

    if (look->count < TG_ADVICE_CALLS_MIN)
        note(notes,
             "%zu call%s too few to suggest limits: it takes at least %d",
             look->count, look->count == 1 ? " is" : "s are",
             TG_ADVICE_CALLS_MIN);
    if (look->throttled.requests > 0)
        note(notes,
             "%lld request%s refused with 429: its limits have cut the "
             "peaks, so what was refused is counted as asked for. Programs "
             "that try again are counted each time",
             (long long)look->throttled.requests,
             look->throttled.requests == 1 ? " was" : "s were");
    if (look->is_cut)
        note(notes,
             "there are more calls than are read: the newest %d are "
             "looked at",
             TG_ADVICE_CALLS_MAX);
    return notes;
}

static void
advise(const struct look *look, const struct tg_peaks *peaks, int64_t lasted_ms,
       json_t *object)
{
    struct tg_limit_facts facts = {
        .peaks = peaks, .throttled = &look->throttled, .lasted_ms = lasted_ms};
    struct tg_limit_advice advice[TG_ADVISED_LIMITS];
    json_t *limits = json_object_get(object, "limits");
    json_t *list = json_object_get(object, "suggestions");

    for (int i = 0; i < TG_ADVISED_LIMITS; i++)
        facts.now[i] = look->now[i];
    tg_advice_limits(&facts, advice);
    for (int i = 0; i < TG_ADVISED_LIMITS; i++) {
        json_array_append_new(list,
                              advice_object(look, (enum tg_advised_limit)i,
                                            &advice[i], lasted_ms));
        if (advice[i].change == TG_LIMIT_TIGHTENED ||
            advice[i].change == TG_LIMIT_LOOSENED)
            json_object_set_new(limits, members[i],
                                json_integer(advice[i].suggested));
    }
}

static void
answer(const struct look *look)
{
    int64_t since = looked_since(look), lasted_ms = look->until - since;
    int64_t *ends = calloc(look->count + 1, sizeof(*ends));
    struct tg_peaks peaks = {0};
    json_t *object;

    if (ends == NULL) {
        tg_reply_error(look->reply, 500, "internal_error", NULL,
                       "out of memory");
        return;
    }
    tg_advice_peaks(look->calls, look->count, ends, &peaks);
    free(ends);
    object = json_pack(
        "{s:s,s:s,s:s,s:s,s:o,s:o,s:I,s:I,s:I,s:o,s:o,s:b,s:b,"
        "s:{s:I,s:I,s:o,s:o},s:[],s:{},s:o}",
        "object", "limits_suggestion", "key_id", look->request->subject,
        "key_name", look->name, "account_id", look->account_id, "from",
        tg_reply_instant(since), "to", tg_reply_instant(look->until), "days",
        (json_int_t)tg_advice_days(lasted_ms), "requests",
        (json_int_t)peaks.requests, "tokens", (json_int_t)peaks.tokens,
        "first_at", tg_reply_instant(peaks.first_at), "last_at",
        tg_reply_instant(peaks.last_at), "is_cut", look->is_cut, "has_enough",
        look->count >= TG_ADVICE_CALLS_MIN, "refused", "requests",
        (json_int_t)look->throttled.requests, "a_minute",
        (json_int_t)look->throttled.a_minute, "first_at",
        tg_reply_instant(look->throttled.first_at), "last_at",
        tg_reply_instant(look->throttled.last_at), "suggestions", "limits",
        "notes", notes_of(look));
    if (look->count >= TG_ADVICE_CALLS_MIN)
        advise(look, &peaks, lasted_ms, object);
    tg_reply_json(look->reply, 200, object);
}

void
tg_admin_advice_limits(struct tg_request *request, struct tg_reply *reply)
{
    struct look look = {
        .request = request, .reply = reply, .until = tg_clock_ms()};

    look.since = look.until - DEFAULT_DAYS * TG_MS_PER_DAY;
    if (!tg_request_instant(request, reply, "since", &look.since))
        return;
    if (look.since >= look.until) {
        tg_reply_invalid(reply, "since", "since is an instant that has been");
        return;
    }
    tg_daemon_catch_up(request->daemon);
    if (find(&look) && read_calls(&look))
        answer(&look);
    free(look.calls);
}
