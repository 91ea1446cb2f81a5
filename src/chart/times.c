#include "times.h"

#include <stdio.h>

#include "civil.h"

#define MINUTE_MS INT64_C(60000)
#define HOUR_MS (60 * MINUTE_MS)
#define QUARTER_MS (15 * MINUTE_MS)

enum kind { MINUTES, DAYS, MONTHS };

static const struct level {
    enum kind kind;
    int64_t n;
} levels[] = {
    {MINUTES, 15},  {MINUTES, 30},  {MINUTES, 60},  {MINUTES, 120},
    {MINUTES, 180}, {MINUTES, 360}, {MINUTES, 720}, {DAYS, 1},
    {DAYS, 2},      {DAYS, 7},      {DAYS, 14},     {MONTHS, 1},
    {MONTHS, 2},    {MONTHS, 3},    {MONTHS, 6},    {MONTHS, 12},
    {MONTHS, 24},   {MONTHS, 60},   {MONTHS, 120},
};

const size_t tg_chart_levels = sizeof(levels) / sizeof(levels[0]);

/* The least that one of a kind lasts. */
static const int64_t lasts_ms[] = {
    [MINUTES] = MINUTE_MS,
    [DAYS] = TG_MS_PER_DAY - 3 * HOUR_MS,
    [MONTHS] = 28 * TG_MS_PER_DAY - 3 * HOUR_MS,
};

static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/* A local day is numbered from Thursday; weeks begin on Monday. */
#define MONDAY 4

int32_t
tg_chart_offset_s(const struct tg_chart_sheet *sheet, int64_t at_ms)
{
    size_t i = sheet->offset_count - 1;

    while (i > 0 && sheet->offsets[i].from_ms > at_ms)
        i--;
    return sheet->offsets[i].offset_s;
}

static int64_t
local_ms(const struct tg_chart_sheet *sheet, int64_t at_ms)
{
    return at_ms + tg_chart_offset_s(sheet, at_ms) * INT64_C(1000);
}

/* The instant of a local time; one near it where clocks skip it. */
static int64_t
instant_of(const struct tg_chart_sheet *sheet, int64_t local)
{
    int64_t guess = local - tg_chart_offset_s(sheet, local) * INT64_C(1000);

    return local - tg_chart_offset_s(sheet, guess) * INT64_C(1000);
}

static void
date_text(int64_t day, enum kind kind, int64_t n, char *text)
{
    struct tg_civil date = {.year = 1970, .month = 1};

    tg_civil_of_day((int32_t)day, &date);
    if (kind == MONTHS && (n >= 12 || date.month == 1))
        snprintf(text, TG_CHART_TIME_SIZE, "%d", date.year);
    else if (kind == MONTHS)
        snprintf(text, TG_CHART_TIME_SIZE, "%s", months[date.month - 1]);
    else
        snprintf(text, TG_CHART_TIME_SIZE, "%s %d", months[date.month - 1],
                 date.day);
}

static void
clock_text(int64_t local, char *text)
{
    int64_t minute = local / MINUTE_MS % (24 * 60);

    if (minute == 0)
        date_text(tg_civil_day_at(local), DAYS, 1, text);
    else
        snprintf(text, TG_CHART_TIME_SIZE, "%02d:%02d", (int)(minute / 60),
                 (int)(minute % 60));
}

static size_t
every_minutes(const struct tg_chart_sheet *sheet, int64_t n,
              struct tg_chart_time *times)
{
    int64_t end = sheet->edges_ms[sheet->point_count];
    int64_t at = (sheet->edges_ms[0] + QUARTER_MS - 1) / QUARTER_MS;
    size_t count = 0;

    for (at *= QUARTER_MS; at < end && count < TG_CHART_TIMES;
         at += QUARTER_MS) {
        int64_t local = local_ms(sheet, at);

        if (local % (n * MINUTE_MS) != 0)
            continue;
        times[count].at_ms = at;
        clock_text(local, times[count++].text);
    }
    return at < end ? 0 : count;
}

static size_t
add_day(const struct tg_chart_sheet *sheet, const struct level *level,
        int64_t day, struct tg_chart_time *times, size_t count)
{
    int64_t at = instant_of(sheet, day * TG_MS_PER_DAY);

    if (count == TG_CHART_TIMES || at < sheet->edges_ms[0] ||
        at >= sheet->edges_ms[sheet->point_count])
        return count;
    times[count].at_ms = at;
    date_text(day, level->kind, level->n, times[count].text);
    return count + 1;
}

static size_t
every_days(const struct tg_chart_sheet *sheet, const struct level *level,
           int64_t first, int64_t last, struct tg_chart_time *times)
{
    int64_t day = (first - MONDAY) / level->n * level->n + MONDAY - level->n;
    size_t count = 0;

    for (; day <= last; day += level->n)
        count = add_day(sheet, level, day, times, count);
    return count;
}

static size_t
every_months(const struct tg_chart_sheet *sheet, const struct level *level,
             int64_t first, int64_t last, struct tg_chart_time *times)
{
    struct tg_civil date = {.year = 1970, .month = 1};
    int64_t month;
    int32_t day = 0;
    size_t count = 0;

    tg_civil_of_day((int32_t)first, &date);
    month = (date.year * INT64_C(12) + date.month - 1) / level->n * level->n;
    for (; day <= last; month += level->n) {
        date = (struct tg_civil){(int32_t)(month / 12),
                                 (int32_t)(month % 12 + 1), 1};
        if (tg_civil_to_day(date, &day) != 0)
            break;
        count = add_day(sheet, level, day, times, count);
    }
    return count;
}

size_t
tg_chart_times(const struct tg_chart_sheet *sheet, size_t number,
               struct tg_chart_time times[TG_CHART_TIMES])
{
    const struct level *level = &levels[number];
    int64_t begin = sheet->edges_ms[0];
    int64_t end = sheet->edges_ms[sheet->point_count];
    int64_t last = tg_civil_day_at(local_ms(sheet, end));
    int64_t first = tg_civil_day_at(local_ms(sheet, begin));
    int64_t step_ms = level->n * lasts_ms[level->kind];

    if ((end - begin) / step_ms > TG_CHART_TIMES ||
        (sheet->is_of_days && level->kind == MINUTES) ||
        (sheet->is_of_days && sheet->point_count > 2 &&
         step_ms < (sheet->edges_ms[2] - sheet->edges_ms[1]) * 3 / 4))
        return 0;
    if (level->kind == MINUTES)
        return every_minutes(sheet, level->n, times);
    return level->kind == DAYS ? every_days(sheet, level, first, last, times)
                               : every_months(sheet, level, first, last, times);
}

void
tg_chart_time_text(const struct tg_chart_sheet *sheet, int64_t at_ms,
                   char text[TG_CHART_TIME_SIZE])
{
    int64_t local = local_ms(sheet, at_ms);

    if (sheet->is_of_days)
        date_text(tg_civil_day_at(local), DAYS, 1, text);
    else
        clock_text(local, text);
}
