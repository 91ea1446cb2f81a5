/* Goal: days, dates and instants agree with the calendar. */
#include "tap.h"

#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include "civil.h"
#include "err.h"

static void
test_every_day(void)
{
    bool is_same = true, is_next = true;
    int32_t first, day;
    struct tg_civil date;

    tg_civil_to_day((struct tg_civil){1, 1, 1}, &first);
    for (int32_t n = first; n <= 2932896; n++) {
        time_t seconds = (time_t)n * 86400;
        struct tm tm;

        gmtime_r(&seconds, &tm);
        is_next &= tg_civil_of_day(n, &date) == 0 &&
                   date.year == tm.tm_year + 1900 &&
                   date.month == tm.tm_mon + 1 && date.day == tm.tm_mday &&
                   tg_civil_weekday(n) == (tm.tm_wday + 6) % 7;
        is_same &= tg_civil_to_day(date, &day) == 0 && day == n;
    }
    ok(is_next, "every date and weekday of years 1 to 9999 is the C library's");
    ok(is_same, "and goes back to its day");
    is_int(first, -719162, "1 January of year 1");
}

static void
test_no_such_date(void)
{
    static const struct tg_civil dates[] = {
        {0, 1, 1},     {10000, 1, 1}, {2026, 0, 1},  {2026, 13, 1},
        {2026, 1, 0},  {2026, 1, 32}, {2026, 2, 29}, {2024, 2, 30},
        {1900, 2, 29}, {2026, 4, 31}, {-5, 1, 1},
    };
    int32_t day = 7;
    struct tg_civil date = {1, 2, 3};

    for (size_t i = 0; i < sizeof(dates) / sizeof(dates[0]); i++)
        is_int(tg_civil_to_day(dates[i], &day), TG_ERR_RANGE, "no date %zu", i);
    is_int(day, 7, "and no day");
    is_int(tg_civil_of_day(-719163, &date), TG_ERR_RANGE, "before year 1");
    is_int(tg_civil_of_day(2932897, &date), TG_ERR_RANGE, "after year 9999");
    is_int(tg_civil_of_day(INT32_MIN, &date), TG_ERR_RANGE, "long before");
    is_int(date.day, 3, "and no date");
}

static void
test_day_at(void)
{
    is_int(tg_civil_day_at(0), 0, "the epoch");
    is_int(tg_civil_day_at(86399999), 0, "its last millisecond");
    is_int(tg_civil_day_at(86400000), 1, "the next day");
    is_int(tg_civil_day_at(-1), -1, "the millisecond before");
    is_int(tg_civil_day_at(-86400000), -1, "the first of the day before");
    is_int(tg_civil_day_at(-86400001), -2, "the day before that");
    ok(tg_civil_day_at(INT64_MIN) < 0, "the least instant");
    is_int(tg_civil_weekday(0), 3, "1970-01-01 was a Thursday");
    is_int(tg_civil_weekday(-4), 6, "1969-12-28 was a Sunday");
    ok(tg_civil_weekday(INT64_MIN) >= 0, "the least day has a weekday");
    ok(tg_civil_weekday(INT64_MAX) <= 6, "the largest, too");
}

static const struct {
    const char *text;
    int err;
    int64_t instant_ms;
} parses[] = {
    {"1970-01-01T00:00:00Z", 0, 0},
    {"1969-12-31T23:59:59.999Z", 0, -1},
    {"2026-09-10T04:00:00Z", 0, 1789012800000},
    {"2026-09-10t04:00:00z", 0, 1789012800000},
    {"2026-09-10T04:00:00.5Z", 0, 1789012800500},
    {"2026-09-10T04:00:00.123999999Z", 0, 1789012800123},
    {"2026-09-10T12:00:00+08:00", 0, 1789012800000},
    {"2026-09-09T23:30:00.25-04:30", 0, 1789012800250},
    {"2024-02-29T23:59:59Z", 0, 1709251199000},
    {"0001-01-01T00:00:00Z", 0, -62135596800000},
    {"9999-12-31T23:59:59.999Z", 0, 253402300799999},
    {"0001-01-01T00:00:00+00:01", TG_ERR_RANGE, 0},
    {"9999-12-31T23:59:59-00:01", TG_ERR_RANGE, 0},
    {"0000-01-01T00:00:00Z", TG_ERR_RANGE, 0},
    {"2026-02-29T00:00:00Z", TG_ERR_RANGE, 0},
    {"2026-13-01T00:00:00Z", TG_ERR_RANGE, 0},
    {"2026-09-10T24:00:00Z", TG_ERR_RANGE, 0},
    {"2026-09-10T04:60:00Z", TG_ERR_RANGE, 0},
    {"2026-09-10T04:00:60Z", TG_ERR_RANGE, 0},
    {"2026-09-10T04:00:00+24:00", TG_ERR_RANGE, 0},
    {"2026-09-10T04:00:00", TG_ERR_FORMAT, 0},
    {"2026-09-10 04:00:00Z", TG_ERR_FORMAT, 0},
    {"2026-09-10T04:00Z", TG_ERR_FORMAT, 0},
    {"2026-09-10T04:00:00.Z", TG_ERR_FORMAT, 0},
    {"2026-09-10T04:00:00ZZ", TG_ERR_FORMAT, 0},
    {"2026-09-10T04:00:00+0800", TG_ERR_FORMAT, 0},
    {"2026-09-10T04:00:00+08", TG_ERR_FORMAT, 0},
    {"2026-9-10T04:00:00Z", TG_ERR_FORMAT, 0},
    {"-026-09-10T04:00:00Z", TG_ERR_FORMAT, 0},
    {"2026-09-10", TG_ERR_FORMAT, 0},
    {"20260910T040000Z", TG_ERR_FORMAT, 0},
    {"now", TG_ERR_FORMAT, 0},
    {"", TG_ERR_FORMAT, 0},
};

static void
test_parse(void)
{
    for (size_t i = 0; i < sizeof(parses) / sizeof(parses[0]); i++) {
        int64_t instant_ms = 7;
        struct tg_str text = {parses[i].text, strlen(parses[i].text)};

        is_int(tg_civil_parse(text, &instant_ms), parses[i].err, "parse '%s'",
               parses[i].text);
        is_int(instant_ms, parses[i].err == 0 ? parses[i].instant_ms : 7,
               "instant of '%s'", parses[i].text);
    }
}

static void
test_cut(void)
{
    static const char text[] = "2026-09-10T04:00:00.123+08:00";
    int accepted = 0;
    int64_t instant_ms;

    for (size_t len = 0; len < sizeof(text) - 1; len++) {
        char *copy = malloc(len > 0 ? len : 1);

        memcpy(copy, text, len);
        accepted +=
            tg_civil_parse((struct tg_str){copy, len}, &instant_ms) == 0;
        free(copy);
    }
    is_int(accepted, 0, "no beginning of an instant is one");
}

static void
test_format(void)
{
    char text[TG_CIVIL_TEXT_SIZE], date[TG_CIVIL_DATE_SIZE];
    int32_t day = 0;

    is_int(tg_civil_format(1789012800123, text), 0, "format");
    is_str(text, "2026-09-10T04:00:00.123Z", "an instant");
    tg_civil_format(-1, text);
    is_str(text, "1969-12-31T23:59:59.999Z", "before 1970");
    tg_civil_format(-62135596800000, text);
    is_str(text, "0001-01-01T00:00:00.000Z", "the first");
    tg_civil_format(253402300799999, text);
    is_str(text, "9999-12-31T23:59:59.999Z", "the last");
    is_int(tg_civil_format(253402300800000, text), TG_ERR_RANGE, "too late");
    is_int(tg_civil_format(INT64_MIN, text), TG_ERR_RANGE, "too early");
    is_int(tg_civil_format_date(20706, date), 0, "format a date");
    is_str(date, "2026-09-10", "a date");
    is_int(tg_civil_parse_date(TG_STR("2026-09-10"), &day), 0, "parse it");
    is_int(day, 20706, "and it is the day");
    is_int(tg_civil_parse_date(TG_STR("2026-02-29"), &day), TG_ERR_RANGE,
           "no such date");
    is_int(tg_civil_parse_date(TG_STR("2026-09-10T"), &day), TG_ERR_FORMAT,
           "more than a date");
}

int
main(void)
{
    test_every_day();
    test_no_such_date();
    test_day_at();
    test_parse();
    test_cut();
    test_format();
    return done();
}
