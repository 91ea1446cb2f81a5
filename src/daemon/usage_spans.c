#include "usage_spans.h"

#include <stdio.h>
#include <string.h>

#include "civil.h"
#include "usage.h"

#define HOUR_MS INT64_C(3600000)

static int64_t
floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static int64_t
offset_ms(const struct tg_zone *zone, int64_t quarter)
{
    return tg_zone_offset_s(zone, quarter * TG_QUARTER_MS) * INT64_C(1000);
}

static int64_t
quarter_of(const struct tg_zone *zone, int64_t quarter)
{
    (void)zone;
    return quarter;
}

/* An instant, as local hours can come twice. */
static int64_t
hour_of(const struct tg_zone *zone, int64_t quarter)
{
    int64_t offset = offset_ms(zone, quarter);
    int64_t at = quarter * TG_QUARTER_MS + offset;

    return floor_div(at, HOUR_MS) * HOUR_MS - offset;
}

static int64_t
day_of(const struct tg_zone *zone, int64_t quarter)
{
    return floor_div(quarter * TG_QUARTER_MS + offset_ms(zone, quarter),
                     TG_MS_PER_DAY);
}

/* The day on which it begins. */
static int64_t
week_of(const struct tg_zone *zone, int64_t quarter)
{
    int64_t day = day_of(zone, quarter);

    return day - tg_civil_weekday(day);
}

static int64_t
month_of(const struct tg_zone *zone, int64_t quarter)
{
    struct tg_civil date = {.year = 1970, .month = 1};

    tg_civil_of_day((int32_t)day_of(zone, quarter), &date);
    return (int64_t)date.year * 12 + date.month - 1;
}

static void
quarter_text(int64_t span, char out[TG_SPAN_TEXT_SIZE])
{
    tg_civil_format(span * TG_QUARTER_MS, out);
}

static void
hour_text(int64_t span, char out[TG_SPAN_TEXT_SIZE])
{
    tg_civil_format(span, out);
}

static void
day_text(int64_t span, char out[TG_SPAN_TEXT_SIZE])
{
    tg_civil_format_date((int32_t)span, out);
}

static void
month_text(int64_t span, char out[TG_SPAN_TEXT_SIZE])
{
    snprintf(out, TG_SPAN_TEXT_SIZE, "%04lld-%02lld", (long long)(span / 12),
             (long long)(span % 12 + 1));
}

static const struct tg_usage_span ways[] = {
    {"15m", "quarter_hour", quarter_of, quarter_text},
    {"hour", "hour", hour_of, hour_text},
    {"day", "day", day_of, day_text},
    {"week", "week", week_of, day_text},
    {"month", "month", month_of, month_text},
};

const struct tg_usage_span *
tg_usage_span_named(const char *name)
{
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        if (strcmp(ways[i].name, name) == 0)
            return &ways[i];
    }
    return NULL;
}

int64_t
tg_usage_span_of(void *arg, int64_t quarter)
{
    const struct tg_usage_spans *spans = arg;

    return spans->span->of(spans->zone, quarter);
}
