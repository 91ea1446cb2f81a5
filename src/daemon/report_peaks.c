#include <stdlib.h>

#include "err.h"
#include "report_part.h"
#include "reply.h"

/*
 * The busiest day, hour, quarter-hour and minute.  Minutes are not summed: the
 * calls of the busiest quarter-hours are read, until no other can have a
 * busier minute.  Where that is too many, or calls are gone, no minute is
 * named.
 */

#define MINUTE_MS INT64_C(60000)
#define CALLS_MAX 30000 /* about 100 ms */

struct peak {
    const struct tg_usage_span *span;
    struct tg_report_stretch most;
};

static int
take_stretch(void *arg, const struct tg_report_stretch *stretch)
{
    struct peak *peak = arg;

    if (stretch->sums.requests > peak->most.sums.requests)
        peak->most = *stretch;
    return 0;
}

static json_t *
peak_of(const struct tg_report_making *making, const char *span)
{
    struct peak peak = {.span = tg_usage_span_named(span)};
    char text[TG_SPAN_TEXT_SIZE];
    json_t *row;

    tg_report_stretches(making, peak.span, take_stretch, &peak);
    if (peak.most.sums.requests == 0)
        return json_null();
    peak.span->text(peak.most.span, text);
    row = json_pack("{s:s,s:o}", peak.span->member, text, "from",
                    tg_reply_instant(peak.most.at));
    tg_report_row(row, &peak.most.sums);
    return row;
}

/* Quarter-hours whose calls are being counted by minutes. */
struct minutes {
    int64_t now, count; /* the minute that is being counted */
    int64_t best_at, best;
    int64_t calls;
};

static void
end_minute(struct minutes *minutes)
{
    if (minutes->count > minutes->best) {
        minutes->best = minutes->count;
        minutes->best_at = minutes->now;
    }
    minutes->count = 0;
}

/* In the order of their time, so that a minute's come together. */
static int
take_call(void *arg, const struct tg_store_call *call)
{
    struct minutes *minutes = arg;

    if (call->at / MINUTE_MS != minutes->now) {
        end_minute(minutes);
        minutes->now = call->at / MINUTE_MS;
    }
    minutes->count++;
    minutes->calls++;
    return 0;
}

static int
count_quarter(const struct tg_report_making *making, int64_t at,
              struct minutes *minutes)
{
    struct tg_store_filter filter = {
        .key_id = making->question->key_id,
        .account_id = making->question->account_id,
        .since = at,
        .until = at + TG_QUARTER_MS < making->now.until ? at + TG_QUARTER_MS
                                                        : making->now.until,
    };
    int err = making->store->ops->call_each(making->store, &filter, NULL,
                                            CALLS_MAX, take_call, minutes);

    end_minute(minutes);
    return err;
}

/* The quarter-hour that has most calls of those that are left; -1: none. */
static int64_t
busiest(const struct tg_report_making *making, const bool *is_done)
{
    int64_t found = -1;

    for (size_t i = 0; i < making->quarter_count; i++) {
        int64_t requests = making->quarters[i].requests;

        if (!is_done[i] && requests > 0 &&
            (found < 0 || requests > making->quarters[found].requests))
            found = (int64_t)i;
    }
    return found;
}

/* *is_sure: the minute is the busiest there is. */
static int
find_minute(const struct tg_report_making *making, struct minutes *minutes,
            bool *is_done, bool *is_sure)
{
    int64_t left = CALLS_MAX, at;
    int err = 0;

    *is_sure = false;
    while ((at = busiest(making, is_done)) >= 0 && err == 0) {
        int64_t requests = making->quarters[at].requests;

        if (requests <= minutes->best)
            break;
        if (requests > left)
            return 0;
        left -= requests;
        is_done[at] = true;
        minutes->calls = 0;
        err = count_quarter(
            making, making->now.period.from + at * TG_QUARTER_MS, minutes);
        if (err == 0 && minutes->calls != requests)
            return 0;
    }
    *is_sure = err == 0 && minutes->best > 0;
    return err;
}

static json_t *
minute_of(const struct tg_report_making *making, int *err)
{
    bool *is_done = calloc(making->quarter_count + 1, sizeof(*is_done));
    struct minutes minutes = {.now = -1};
    bool is_sure = false;

    *err = is_done == NULL ? TG_ERR_SYSTEM
                           : find_minute(making, &minutes, is_done, &is_sure);
    free(is_done);
    if (*err != 0 || !is_sure)
        return json_null();
    return json_pack("{s:o,s:I}", "from",
                     tg_reply_instant(minutes.best_at * MINUTE_MS), "requests",
                     (json_int_t)minutes.best);
}

json_t *
tg_report_peaks(const struct tg_report_making *making, int *err)
{
    json_t *object = json_object();

    json_object_set_new(object, "day", peak_of(making, "day"));
    json_object_set_new(object, "hour", peak_of(making, "hour"));
    json_object_set_new(object, "quarter_hour", peak_of(making, "15m"));
    json_object_set_new(object, "minute", minute_of(making, err));
    return object;
}
