#include "report_period.h"

#include <stdio.h>
#include <string.h>

#include "civil.h"
#include "usage.h"
#include "usage_spans.h"

#define MINUTE_MS INT64_C(60000)
#define NEAR_QUARTERS 12 /* by how far clocks are ever changed at once */
#define NEAR_MINUTES (NEAR_QUARTERS * 15 + 60)

const char tg_report_kinds[] = "daily weekly monthly";

static const char *const names[TG_REPORT_KINDS] = {
    [TG_REPORT_DAILY] = "daily",
    [TG_REPORT_WEEKLY] = "weekly",
    [TG_REPORT_MONTHLY] = "monthly",
};

const char *
tg_report_kind_name(enum tg_report_kind kind)
{
    return names[kind];
}

bool
tg_report_kind_of(const char *name, enum tg_report_kind *kind)
{
    for (int i = 0; i < TG_REPORT_KINDS; i++) {
        if (strcmp(names[i], name) == 0) {
            *kind = (enum tg_report_kind)i;
            return true;
        }
    }
    return false;
}

int64_t
tg_report_day_of(const struct tg_zone *zone, int64_t at_ms)
{
    const struct tg_usage_span *days = tg_usage_span_named("day");

    return days->of(zone, at_ms / TG_QUARTER_MS - (at_ms % TG_QUARTER_MS < 0));
}

int64_t
tg_report_day_at(const struct tg_zone *zone, int64_t day)
{
    const struct tg_usage_span *days = tg_usage_span_named("day");
    int64_t quarter = tg_zone_day_at(zone, day) / TG_QUARTER_MS - NEAR_QUARTERS;

    while (days->of(zone, quarter) < day)
        quarter++;
    return quarter * TG_QUARTER_MS;
}

int64_t
tg_report_time_at(const struct tg_zone *zone, int64_t day, int64_t minutes)
{
    int64_t wanted = day * TG_MS_PER_DAY + minutes * MINUTE_MS;
    int64_t at = tg_report_day_at(zone, day);

    /* From before it, however clocks are changed on that day. */
    if (minutes > NEAR_MINUTES)
        at += (minutes - NEAR_MINUTES) * MINUTE_MS;
    while (at + tg_zone_offset_s(zone, at) * INT64_C(1000) < wanted)
        at += MINUTE_MS;
    return at;
}

/* The first day of the month that is so many after that of a day. */
static int64_t
month_begin(int64_t day, int32_t months)
{
    struct tg_civil date = {.year = 1970, .month = 1};
    int32_t begin = 0, number;

    tg_civil_of_day((int32_t)day, &date);
    number = date.year * 12 + date.month - 1 + months;
    tg_civil_to_day((struct tg_civil){number / 12, number % 12 + 1, 1}, &begin);
    return begin;
}

void
tg_report_period_of(struct tg_report_period *period, enum tg_report_kind kind,
                    const struct tg_zone *zone, int64_t day)
{
    period->kind = kind;
    switch (kind) {
    case TG_REPORT_WEEKLY:
        period->first_day = day - tg_civil_weekday(day);
        period->end_day = period->first_day + 7;
        break;
    case TG_REPORT_MONTHLY:
        period->first_day = month_begin(day, 0);
        period->end_day = month_begin(day, 1);
        break;
    default:
        period->first_day = day;
        period->end_day = day + 1;
    }
    period->from = tg_report_day_at(zone, period->first_day);
    period->to = tg_report_day_at(zone, period->end_day);
}

void
tg_report_period_before(struct tg_report_period *before,
                        const struct tg_report_period *period,
                        const struct tg_zone *zone)
{
    tg_report_period_of(before, period->kind, zone, period->first_day - 1);
}

/* ISO 8601: a week is of the year that its Thursday is in. */
static void
week_name(int64_t monday, char out[TG_REPORT_NAME_SIZE])
{
    struct tg_civil thursday = {.year = 1970, .month = 1, .day = 1};
    int32_t january = 0;

    tg_civil_of_day((int32_t)monday + 3, &thursday);
    tg_civil_to_day((struct tg_civil){thursday.year, 1, 1}, &january);
    snprintf(out, TG_REPORT_NAME_SIZE, "%04d-W%02d", thursday.year % 10000,
             (int)((monday + 3 - january) / 7 + 1) % 100);
}

void
tg_report_period_name(const struct tg_report_period *period,
                      char out[TG_REPORT_NAME_SIZE])
{
    if (period->kind == TG_REPORT_WEEKLY) {
        week_name(period->first_day, out);
        return;
    }
    tg_civil_format_date((int32_t)period->first_day, out);
    if (period->kind == TG_REPORT_MONTHLY)
        out[7] = '\0';
}
