/*
 * The busiest minutes of a key.  Sums are kept by quarter-hours, so the calls
 * themselves are read: about three microseconds each.
 */
#include "admin.h"
#include "civil.h"
#include "err.h"
#include "key_report.h"
#include "minutes.h"

#define DEFAULT_DAYS 7

struct peaks {
    struct tg_minutes minutes;
    int64_t calls;
};

/* Newest first. */
static int
take_call(void *arg, const struct tg_store_call *call)
{
    struct peaks *peaks = arg;

    tg_minutes_add(&peaks->minutes, call->at,
                   call->prompt_tokens + call->completion_tokens);
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
                        json_integer(peaks->minutes.active));
    json_object_set_new(object, "peak_requests_per_minute",
                        json_integer(peaks->minutes.requests.requests));
    json_object_set_new(object, "peak_requests_at",
                        tg_reply_instant(peaks->minutes.requests.at));
    json_object_set_new(object, "peak_tokens_per_minute",
                        json_integer(peaks->minutes.tokens.tokens));
    json_object_set_new(object, "peak_tokens_at",
                        tg_reply_instant(peaks->minutes.tokens.at));
    return object;
}

static void
answer(struct tg_request *request, struct tg_reply *reply,
       struct tg_key_report *report)
{
    struct tg_store *store = request->daemon->reports;
    struct peaks peaks = {0};
    int err;

    if (!tg_key_report_find(report, store, request, reply))
        return;
    err = store->ops->call_each(store, &report->filter, NULL, UINT32_MAX,
                                take_call, &peaks);
    tg_minutes_end(&peaks.minutes);
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
