#include <stdio.h>

#include "civil.h"
#include "report_part.h"
#include "usage_sums.h"

#define MINUTE_MS INT64_C(60000)

/* Rounded half up, away from 0 where it is less than that. */
static __int128
quotient(__int128 part, __int128 whole)
{
    return part < 0 ? -((-part + whole / 2) / whole)
                    : (part + whole / 2) / whole;
}

json_t *
tg_report_money(int64_t nanos, int64_t times, int64_t whole)
{
    if (whole == 0)
        return json_null();
    return tg_reply_money((int64_t)quotient((__int128)nanos * times, whole));
}

/* part * times / whole as a number of two decimals; null when whole is 0. */
static json_t *
rate_of(int64_t part, int64_t times, int64_t whole)
{
    int64_t hundredths;

    if (whole == 0)
        return json_null();
    hundredths = (int64_t)quotient((__int128)part * times * 100, whole);
    if (hundredths % 100 == 0)
        return json_integer(hundredths / 100);
    return json_real((double)hundredths / 100);
}

json_t *
tg_report_total(const struct tg_report_sums *sums)
{
    json_t *object = json_object();

    tg_usage_figures_set(object, &sums->total);
    return object;
}

void
tg_report_row(json_t *row, const struct tg_sums *sums)
{
    json_object_set_new(row, "requests", json_integer(sums->requests));
    json_object_set_new(row, "errors", json_integer(sums->errors));
    json_object_set_new(
        row, "total_tokens",
        json_integer(sums->prompt_tokens + sums->completion_tokens));
    json_object_set_new(row, "cost", tg_reply_money(sums->cost_nanos));
}

/* Units of time in so many minutes, written as times / whole. */
struct pace {
    int64_t times, whole;
};

static struct pace
per_hour(const struct tg_report_sums *sums)
{
    int64_t minutes = (sums->until - sums->period.from) / MINUTE_MS;

    return (struct pace){60, minutes > 0 ? minutes : 1};
}

/* Of a whole period its days, be they of 23 or of 25 hours. */
static struct pace
per_day(const struct tg_report_sums *sums)
{
    struct pace hours = per_hour(sums);

    if (sums->until == sums->period.to)
        return (struct pace){1, sums->period.end_day - sums->period.first_day};
    return (struct pace){24 * hours.times, hours.whole};
}

static json_t *
paced(const struct tg_sums *sums, struct pace pace)
{
    return json_pack(
        "{s:o,s:o,s:o}", "requests",
        rate_of(sums->requests, pace.times, pace.whole), "total_tokens",
        rate_of(sums->prompt_tokens + sums->completion_tokens, pace.times,
                pace.whole),
        "cost", tg_report_money(sums->cost_nanos, pace.times, pace.whole));
}

json_t *
tg_report_average(const struct tg_report_sums *sums)
{
    return json_pack("{s:o,s:o}", "per_day",
                     paced(&sums->total.sums, per_day(sums)), "per_hour",
                     paced(&sums->total.sums, per_hour(sums)));
}

/* By how many per cent, one decimal; null when there was nothing before. */
static json_t *
percent_of(__int128 now, __int128 before)
{
    int64_t tenths;

    if (before == 0)
        return json_null();
    tenths = (int64_t)quotient((now - before) * 1000, before);
    if (tenths % 10 == 0)
        return json_integer(tenths / 10);
    return json_real((double)tenths / 10);
}

static json_t *
changed(int64_t now, int64_t before)
{
    return json_pack("{s:I,s:o}", "absolute", (json_int_t)(now - before),
                     "percent", percent_of(now, before));
}

static json_t *
changed_cost(int64_t now, int64_t before)
{
    return json_pack("{s:o,s:o}", "absolute", tg_reply_money(now - before),
                     "percent", percent_of(now, before));
}

/* An amount a day, compared without rounding it first. */
static json_t *
changed_pace(int64_t now, struct pace n, int64_t before, struct pace b)
{
    return percent_of((__int128)now * n.times * b.whole,
                      (__int128)before * b.times * n.whole);
}

/* In parts of all requests, four decimals. */
static json_t *
changed_rate(const struct tg_sums *now, const struct tg_sums *before)
{
    int64_t parts;

    if (now->requests == 0 || before->requests == 0)
        return json_null();
    parts =
        (int64_t)(quotient((__int128)now->errors * 10000, now->requests) -
                  quotient((__int128)before->errors * 10000, before->requests));
    return json_real((double)parts / 10000);
}

json_t *
tg_report_change(const struct tg_report_sums *now,
                 const struct tg_report_sums *before)
{
    const struct tg_sums *n = &now->total.sums, *b = &before->total.sums;
    int64_t n_tokens = n->prompt_tokens + n->completion_tokens;
    int64_t b_tokens = b->prompt_tokens + b->completion_tokens;
    struct pace n_pace = per_day(now), b_pace = per_day(before);
    json_t *object = json_object();

    json_object_set_new(object, "requests", changed(n->requests, b->requests));
    json_object_set_new(object, "errors", changed(n->errors, b->errors));
    json_object_set_new(object, "total_tokens", changed(n_tokens, b_tokens));
    json_object_set_new(object, "cost",
                        changed_cost(n->cost_nanos, b->cost_nanos));
    json_object_set_new(object, "error_rate", changed_rate(n, b));
    json_object_set_new(
        object, "per_day_percent",
        json_pack("{s:o,s:o,s:o}", "requests",
                  changed_pace(n->requests, n_pace, b->requests, b_pace),
                  "total_tokens",
                  changed_pace(n_tokens, n_pace, b_tokens, b_pace), "cost",
                  changed_pace(n->cost_nanos, n_pace, b->cost_nanos, b_pace)));
    return object;
}

struct series {
    const struct tg_usage_span *span;
    json_t *rows;
};

static int
take_stretch(void *arg, const struct tg_report_stretch *stretch)
{
    struct series *series = arg;
    char text[TG_SPAN_TEXT_SIZE];
    json_t *row = json_object();

    series->span->text(stretch->span, text);
    json_object_set_new(row, series->span->member, json_string(text));
    json_object_set_new(row, "from", tg_reply_instant(stretch->at));
    tg_report_row(row, &stretch->sums);
    json_object_set_new(row, "prompt_tokens",
                        json_integer(stretch->sums.prompt_tokens));
    json_object_set_new(row, "prompt_cache_hit_tokens",
                        json_integer(stretch->sums.prompt_cache_hit_tokens));
    json_object_set_new(row, "completion_tokens",
                        json_integer(stretch->sums.completion_tokens));
    json_array_append_new(series->rows, row);
    return 0;
}

json_t *
tg_report_series(const struct tg_report_making *making)
{
    bool is_day = making->now.period.kind == TG_REPORT_DAILY;
    struct series series = {tg_usage_span_named(is_day ? "hour" : "day"),
                            json_array()};

    tg_report_stretches(making, series.span, take_stretch, &series);
    return series.rows;
}
