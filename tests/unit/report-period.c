/*
 * Goal: a period is the days it says, in the hours that they have; a time of
 * the day is there once on each day, also where clocks are changed.
 */
#include "report_period.h"

#include <string.h>

#include "civil.h"
#include "tap.h"

static int64_t
instant(const char *text)
{
    int64_t at = -1;

    tg_civil_parse((struct tg_str){text, strlen(text)}, &at);
    return at;
}

static int64_t
day_of(const char *text)
{
    int32_t day = -1;

    tg_civil_parse_date((struct tg_str){text, strlen(text)}, &day);
    return day;
}

static void
test_periods(void)
{
    static const struct {
        enum tg_report_kind kind;
        const char *zone, *day, *from, *to, *name;
    } rows[] = {
        {TG_REPORT_DAILY, "UTC", "2026-11-26", "2026-11-26T00:00:00Z",
         "2026-11-27T00:00:00Z", "2026-11-26"},
        {TG_REPORT_DAILY, "Asia/Shanghai", "2026-11-26", "2026-11-25T16:00:00Z",
         "2026-11-26T16:00:00Z", "2026-11-26"},
        /* 23 hours, and 25. */
        {TG_REPORT_DAILY, "America/New_York", "2026-03-08",
         "2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z", "2026-03-08"},
        {TG_REPORT_DAILY, "America/New_York", "2026-11-01",
         "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z", "2026-11-01"},
        /* Clocks skip midnight: the day begins at one. */
        {TG_REPORT_DAILY, "Africa/Cairo", "2026-04-24", "2026-04-23T22:00:00Z",
         "2026-04-24T21:00:00Z", "2026-04-24"},
        /* And are set back at it: the day before has 25 hours. */
        {TG_REPORT_DAILY, "Africa/Cairo", "2026-10-29", "2026-10-28T21:00:00Z",
         "2026-10-29T22:00:00Z", "2026-10-29"},
        {TG_REPORT_DAILY, "Pacific/Chatham", "2026-06-01",
         "2026-05-31T11:15:00Z", "2026-06-01T11:15:00Z", "2026-06-01"},
        {TG_REPORT_WEEKLY, "UTC", "2026-11-29", "2026-11-23T00:00:00Z",
         "2026-11-30T00:00:00Z", "2026-W48"},
        {TG_REPORT_WEEKLY, "UTC", "2026-12-31", "2026-12-28T00:00:00Z",
         "2027-01-04T00:00:00Z", "2026-W53"},
        {TG_REPORT_WEEKLY, "UTC", "2025-12-31", "2025-12-29T00:00:00Z",
         "2026-01-05T00:00:00Z", "2026-W01"},
        {TG_REPORT_MONTHLY, "UTC", "2028-02-29", "2028-02-01T00:00:00Z",
         "2028-03-01T00:00:00Z", "2028-02"},
        {TG_REPORT_MONTHLY, "Asia/Kolkata", "2026-12-31",
         "2026-11-30T18:30:00Z", "2026-12-31T18:30:00Z", "2026-12"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tg_report_period period, before;
        char name[TG_REPORT_NAME_SIZE];
        struct tg_zone zone;

        ok(tg_zone_open(&zone, rows[i].zone) == 0, "row %zu: zone", i);
        tg_report_period_of(&period, rows[i].kind, &zone, day_of(rows[i].day));
        ok(period.from == instant(rows[i].from), "row %zu: from", i);
        ok(period.to == instant(rows[i].to), "row %zu: to", i);
        tg_report_period_name(&period, name);
        ok(strcmp(name, rows[i].name) == 0, "row %zu: %s", i, name);
        tg_report_period_before(&before, &period, &zone);
        ok(before.to == period.from && before.end_day == period.first_day,
           "row %zu: before", i);
        tg_zone_close(&zone);
    }
}

static void
test_times(void)
{
    static const struct {
        const char *zone, *day;
        int64_t minutes;
        const char *at;
    } rows[] = {
        {"Asia/Shanghai", "2026-11-30", 8 * 60, "2026-11-30T00:00:00Z"},
        {"UTC", "2026-11-30", 0, "2026-11-30T00:00:00Z"},
        /* Not there: as soon as clocks show more. */
        {"America/New_York", "2026-03-08", 150, "2026-03-08T07:00:00Z"},
        {"America/New_York", "2026-03-08", 119, "2026-03-08T06:59:00Z"},
        {"America/New_York", "2026-03-08", 180, "2026-03-08T07:00:00Z"},
        /* There twice: the first. */
        {"America/New_York", "2026-11-01", 90, "2026-11-01T05:30:00Z"},
        {"Africa/Cairo", "2026-04-24", 30, "2026-04-23T22:00:00Z"},
        {"Africa/Cairo", "2026-04-24", 60, "2026-04-23T22:00:00Z"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tg_zone zone;

        ok(tg_zone_open(&zone, rows[i].zone) == 0, "time %zu: zone", i);
        ok(tg_report_time_at(&zone, day_of(rows[i].day), rows[i].minutes) ==
               instant(rows[i].at),
           "time %zu", i);
        tg_zone_close(&zone);
    }
}

/* Hour by hour for twelve years: days follow each other without a gap. */
static void
test_days_have_no_gaps(void)
{
    static const char *const zones[] = {
        "America/New_York", "Africa/Cairo",   "Australia/Lord_Howe",
        "Asia/Beirut",      "America/Havana", "Asia/Kathmandu"};
    bool is_fine = true;

    for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
        int64_t first = day_of("2024-01-01"), last = day_of("2036-01-01");
        struct tg_zone zone;

        if (tg_zone_open(&zone, zones[i]) != 0) {
            is_fine = false;
            continue;
        }
        for (int64_t day = first; day < last && is_fine; day++) {
            int64_t from = tg_report_day_at(&zone, day);

            is_fine = tg_report_day_of(&zone, from) == day &&
                      tg_report_day_of(&zone, from - 1) == day - 1 &&
                      tg_report_day_at(&zone, day + 1) - from >= 23 * 3600000;
        }
        tg_zone_close(&zone);
    }
    ok(is_fine, "days begin where the ones before end");
}

int
main(void)
{
    test_periods();
    test_times();
    test_days_have_no_gaps();
    return done();
}
