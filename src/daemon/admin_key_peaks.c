/*
 * The busiest minutes of a key.  Sums are kept by quarter-hours, so the calls
 * themselves are read: about three microseconds each.
 */
#include "admin.h"
#include "civil.h"
#include "err.h"
#include "key_report.h"

#define MINUTE_MS INT64_C(60000)
#define DEFAULT_DAYS 7

/* What happened within a minute. */
struct minute {
    int64_t at; /* Unix time in minutes */
    int64_t requests, tokens;
};

struct peaks {
    struct minute now; /* the one that is being counted */
    struct minute requests, tokens;
    int64_t calls;
    int64_t active_minutes;
};

static void
end_minute(struct peaks *peaks)
{
    peaks->active_minutes += peaks->now.requests != 0;
    if (peaks->now.requests > peaks->requests.requests)
        peaks->requests = peaks->now;
    if (peaks->now.tokens > peaks->tokens.tokens)
        peaks->tokens = peaks->now;
}

/* Newest first, so a minute's calls come together. */
static int
take_call(void *arg, const struct tg_store_call *call)
{
    struct peaks *peaks = arg;
    int64_t minute = call->at / MINUTE_MS;

    if (minute != peaks->now.at) {
        end_minute(peaks);
        peaks->now = (struct minute){.at = minute};
    }
    peaks->now.requests++;
    peaks->now.tokens += call->prompt_tokens + call->completion_tokens;
    peaks->calls++;
    return 0;
}

static json_t *
object_of(const struct tg_key_report *report, const struct peaks *peaks)
{
    json_t *object = tg_key_report_object(report, "usage_patterns");
    char period[TG_PERIOD_TEXT_SIZE];

    tg_period_text(report->period_ms, period);
    json_object_del(object, "currency");
    json_object_set_new(object, "period", json_string(period));
    json_object_set_new(object, "requests", json_integer(peaks->calls));
    json_object_set_new(object, "active_minutes",
                        json_integer(peaks->active_minutes));
    json_object_set_new(object, "peak_requests_per_minute",
                        json_integer(peaks->requests.requests));
    json_object_set_new(object, "peak_requests_at",
                        tg_reply_instant(peaks->requests.at * MINUTE_MS));
    json_object_set_new(object, "peak_tokens_per_minute",
                        json_integer(peaks->tokens.tokens));
    json_object_set_new(object, "peak_tokens_at",
                        tg_reply_instant(peaks->tokens.at * MINUTE_MS));
    return object;
}

static void
answer(struct tg_request *request, struct tg_reply *reply,
       struct tg_key_report *report)
{
    struct tg_store *store = request->daemon->reports;
    struct peaks peaks = {.now = {.at = -1}};
    int err;

    if (!tg_key_report_find(report, store, request, reply))
        return;
    err = store->ops->call_each(store, &report->filter, NULL, UINT32_MAX,
                                take_call, &peaks);
    end_minute(&peaks);
    if (err != 0)
        tg_reply_store(reply, store, err, "usage");
    else
        tg_reply_json(reply, 200, object_of(report, &peaks));
}

void
tg_admin_key_patterns(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_key_report report = {0};

    if (!tg_key_report_period(&report, request, reply,
                              DEFAULT_DAYS * TG_MS_PER_DAY))
        return;
    tg_daemon_catch_up(request->daemon);
    pthread_mutex_lock(&request->daemon->reports_lock);
    answer(request, reply, &report);
    pthread_mutex_unlock(&request->daemon->reports_lock);
}
