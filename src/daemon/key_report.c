#include "key_report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "book.h"
#include "civil.h"
#include "clock.h"
#include "err.h"

#define MINUTE_MS INT64_C(60000)
#define YEAR_MS (366 * TG_MS_PER_DAY)

static const struct unit {
    char letter;
    int64_t ms;
} units[] = {
    {'w', 7 * TG_MS_PER_DAY},
    {'d', TG_MS_PER_DAY},
    {'h', 60 * MINUTE_MS},
    {'m', MINUTE_MS},
};

#define UNITS (sizeof(units) / sizeof(units[0]))

static int
take_key(void *arg, const struct tg_store_key *row)
{
    struct tg_key_report *report = arg;

    snprintf(report->timezone, sizeof(report->timezone), "%s", row->timezone);
    report->created_at = row->created_at;
    report->daily_nanos = row->daily_nanos;
    report->monthly_nanos = row->monthly_nanos;
    return 0;
}

bool
tg_key_report_find(struct tg_key_report *report, struct tg_store *store,
                   const struct tg_request *request, struct tg_reply *reply)
{
    int err;

    report->key_id = request->subject;
    report->filter.key_id = request->subject;
    err = store->ops->key_get(store, request->subject, take_key, report);
    return err == 0 || tg_reply_store(reply, store, err, "key");
}

/* A number of up to four digits and a unit. */
static int64_t
period_ms(const char *text)
{
    size_t digits = strspn(text, "0123456789");

    if (digits == 0 || digits > 4 || text[digits] == '\0' ||
        text[digits + 1] != '\0')
        return 0;
    for (size_t i = 0; i < UNITS; i++) {
        if (units[i].letter == text[digits])
            return strtoll(text, NULL, 10) * units[i].ms;
    }
    return 0;
}

bool
tg_key_report_period(struct tg_key_report *report,
                     const struct tg_request *request, struct tg_reply *reply,
                     int64_t by_default_ms)
{
    const char *text = tg_request_argument(request, "period");
    int64_t ms = text != NULL ? period_ms(text) : by_default_ms;

    if (ms < MINUTE_MS || ms > YEAR_MS)
        return tg_reply_invalid(reply, "period",
                                "period is how far back from now, such as "
                                "90m, 24h, 7d or 4w, up to 366d");
    report->now_ms = tg_clock_ms();
    report->period_ms = ms;
    report->filter.until = report->now_ms;
    report->filter.since = report->now_ms - ms;
    return true;
}

struct tg_usage_question
tg_key_report_question(const struct tg_key_report *report)
{
    return (struct tg_usage_question){
        .key_id = report->filter.key_id,
        .since = report->filter.since,
        .until = report->filter.until,
    };
}

void
tg_period_text(int64_t ms, char out[TG_PERIOD_TEXT_SIZE])
{
    size_t i = 0;

    /* A week is said as seven days, as a day is as 24 hours. */
    if (ms < 2 * units[1].ms)
        i = 2;
    else if (ms % units[0].ms != 0 || ms < 4 * units[0].ms)
        i = 1;
    while (i + 1 < UNITS && ms % units[i].ms != 0)
        i++;
    snprintf(out, TG_PERIOD_TEXT_SIZE, "%lld%c", (long long)(ms / units[i].ms),
             units[i].letter);
}

json_t *
tg_key_report_object(const struct tg_key_report *report, const char *name)
{
    return json_pack(
        "{s:s,s:s,s:o,s:o,s:s}", "object", name, "key_id", report->key_id,
        "from", tg_reply_instant(report->filter.since), "to",
        tg_reply_instant(report->filter.until), "currency", TG_BOOK_CURRENCY);
}
