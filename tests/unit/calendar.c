/*
 * Goal: days, months and hours in a zone are those of the C library's
 * local time, at every minute and over every change of the clocks.
 */
#include "tap.h"

#include <dirent.h>
#include <stdlib.h>
#include <time.h>

#include "calendar.h"
#include "civil.h"
#include "err.h"
#include "hours.h"
#include "zone.h"

#define MINUTE INT64_C(60000)
#define DAY TG_MS_PER_DAY

static const struct tg_str absent = {NULL, 0};

static struct tg_str
str_of(const struct tg_zone_blob *blob)
{
    return (struct tg_str){blob->bytes, blob->len};
}

static struct tg_str
text(const char *literal)
{
    return (struct tg_str){literal, strlen(literal)};
}

static int64_t
instant(const char *literal)
{
    int64_t at_ms;

    if (tg_civil_parse(text(literal), &at_ms) != 0) {
        printf("Bail out! '%s' is no instant\n", literal);
        exit(1);
    }
    return at_ms;
}

static void
compile(struct tg_zone_blob *blob, const char *zone, int64_t now_ms)
{
    if (tg_zone_compile(blob, zone, now_ms) != 0) {
        printf("Bail out! the zone %s does not compile\n", zone);
        exit(1);
    }
}

/* The C library, which the calendar is compared with. */
static void
use_zone(const char *zone)
{
    setenv("TZ", zone, 1);
    tzset();
}

static struct tm
local(int64_t at_ms)
{
    time_t seconds = (time_t)(at_ms / 1000);
    struct tm tm;

    localtime_r(&seconds, &tm);
    return tm;
}

static int32_t
local_day(int64_t at_ms)
{
    struct tm tm = local(at_ms);
    struct tg_civil date = {tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday};
    int32_t day = 0;

    (void)tg_civil_to_day(date, &day);
    return day;
}

static int
local_minute_of_week(int64_t at_ms)
{
    struct tm tm = local(at_ms);

    return ((tm.tm_wday + 6) % 7 * 24 + tm.tm_hour) * 60 + tm.tm_min;
}

/* What went wrong on a walk; all must stay 0. */
struct faults {
    int offset, day, month, day_end, month_end;
};

/*
 * Every minute of a walk: the day is the latest that the local clock ever
 * showed, and the ends that were announced are the minutes where it changes.
 */
static void
walk_days(const char *zone, int64_t from_ms, int64_t until_ms,
          struct faults *faults)
{
    struct tg_zone_blob blob = {.len = 0};
    int64_t day_end_ms = 0, month_end_ms = 0, compiled_ms = INT64_MIN;
    int32_t day = INT32_MIN, month = 0;

    use_zone(zone);
    for (int64_t at = from_ms; at < until_ms; at += MINUTE) {
        int32_t shown = local_day(at), now_day;
        bool is_first = day == INT32_MIN;
        struct tg_civil date;
        struct tg_str calendar;

        /* 300 days on, the same blob must still be right. */
        if (compiled_ms == INT64_MIN || at - compiled_ms > 300 * DAY) {
            compile(&blob, zone, at);
            compiled_ms = at;
        }
        calendar = str_of(&blob);
        now_day = shown > day ? shown : day;
        (void)tg_civil_of_day(now_day, &date);
        faults->offset +=
            tg_calendar_offset_s(calendar, at) != local(at).tm_gmtoff;
        faults->day += tg_calendar_day(calendar, at) != now_day;
        faults->month +=
            tg_calendar_month(calendar, at) != date.year * 12 + date.month;
        if (!is_first && now_day != day)
            faults->day_end += day_end_ms != at;
        if (!is_first && date.year * 12 + date.month != month)
            faults->month_end += month_end_ms != at;
        if (now_day != day)
            day_end_ms = tg_calendar_day_end_ms(calendar, at);
        if (date.year * 12 + date.month != month)
            month_end_ms = tg_calendar_month_end_ms(calendar, at);
        faults->day_end += tg_calendar_day_end_ms(calendar, at) != day_end_ms;
        faults->month_end +=
            tg_calendar_month_end_ms(calendar, at) != month_end_ms;
        day = now_day;
        month = date.year * 12 + date.month;
    }
}

static const struct {
    const char *zone, *from, *until;
} walks[] = {
    {"UTC", "2027-12-01T00:00:00Z", "2028-03-03T00:00:00Z"},
    {"Europe/Berlin", "2026-01-01T00:00:00Z", "2027-12-01T00:00:00Z"},
    {"America/New_York", "2026-01-01T00:00:00Z", "2027-12-01T00:00:00Z"},
    {"Asia/Shanghai", "2026-11-01T00:00:00Z", "2027-02-01T00:00:00Z"},
    {"Asia/Kathmandu", "2026-11-01T00:00:00Z", "2027-02-01T00:00:00Z"},
    /* The day 2011-12-30 was left out; it changed on Sundays at 03:00. */
    {"Pacific/Apia", "2011-09-01T00:00:00Z", "2012-10-01T00:00:00Z"},
    /* Midnight was left out in October and came twice in February. */
    {"America/Sao_Paulo", "2016-09-01T00:00:00Z", "2019-03-01T00:00:00Z"},
    /* Clocks were set back at 00:01, when a new day had begun. */
    {"America/St_Johns", "2010-01-01T00:00:00Z", "2010-12-01T00:00:00Z"},
    {"America/Havana", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"},
    {"America/Asuncion", "2023-01-01T00:00:00Z", "2024-12-01T00:00:00Z"},
    {"Asia/Beirut", "2025-01-01T00:00:00Z", "2026-01-01T00:00:00Z"},
    {"Africa/Cairo", "2010-01-01T00:00:00Z", "2011-01-01T00:00:00Z"},
    /* Half an hour, two hours, a dozen times a year zone by zone. */
    {"Australia/Lord_Howe", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"},
    {"Antarctica/Troll", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"},
    {"Africa/Casablanca", "2026-01-01T00:00:00Z", "2027-06-01T00:00:00Z"},
    {"Asia/Gaza", "2026-01-01T00:00:00Z", "2027-12-01T00:00:00Z"},
    {"America/Scoresbysund", "2024-01-01T00:00:00Z", "2025-01-01T00:00:00Z"},
    {"Pacific/Kiritimati", "1994-12-01T00:00:00Z", "1995-02-01T00:00:00Z"},
    {"Asia/Pyongyang", "2015-07-01T00:00:00Z", "2018-06-01T00:00:00Z"},
};

static void
test_every_minute(void)
{
    for (size_t i = 0; i < sizeof(walks) / sizeof(walks[0]); i++) {
        struct faults f = {0};

        walk_days(walks[i].zone, instant(walks[i].from),
                  instant(walks[i].until), &f);
        is_int(f.offset + f.day + f.month + f.day_end + f.month_end, 0,
               "%s, each minute of %.7s to %.7s", walks[i].zone, walks[i].from,
               walks[i].until);
        if (f.offset + f.day + f.month + f.day_end + f.month_end > 0)
            printf("# offset %d, day %d, month %d, ends %d and %d\n", f.offset,
                   f.day, f.month, f.day_end, f.month_end);
    }
}

/* Written down by hand, against the official rules. */
static const struct {
    const char *zone, *now, *day, *day_ends, *month_ends;
} ends[] = {
    {"UTC", "2026-02-28T23:59:59.999Z", "2026-02-28", "2026-03-01T00:00:00Z",
     "2026-03-01T00:00:00Z"},
    {"UTC", "2026-03-01T00:00:00Z", "2026-03-01", "2026-03-02T00:00:00Z",
     "2026-04-01T00:00:00Z"},
    {"UTC", "2028-02-28T12:00:00Z", "2028-02-28", "2028-02-29T00:00:00Z",
     "2028-03-01T00:00:00Z"},
    {"UTC", "2026-12-31T23:59:59Z", "2026-12-31", "2027-01-01T00:00:00Z",
     "2027-01-01T00:00:00Z"},
    {"Asia/Shanghai", "2026-12-31T15:59:59.999Z", "2026-12-31",
     "2026-12-31T16:00:00Z", "2026-12-31T16:00:00Z"},
    {"Asia/Shanghai", "2026-12-31T16:00:00Z", "2027-01-01",
     "2027-01-01T16:00:00Z", "2027-01-31T16:00:00Z"},
    {"Asia/Kathmandu", "2026-05-31T18:14:59.999Z", "2026-05-31",
     "2026-05-31T18:15:00Z", "2026-05-31T18:15:00Z"},
    /* Days of 23 and 25 hours; months that begin and end in other offsets. */
    {"Europe/Berlin", "2026-03-28T23:00:00Z", "2026-03-29",
     "2026-03-29T22:00:00Z", "2026-03-31T22:00:00Z"},
    {"Europe/Berlin", "2026-03-01T12:00:00Z", "2026-03-01",
     "2026-03-01T23:00:00Z", "2026-03-31T22:00:00Z"},
    {"Europe/Berlin", "2026-10-24T22:00:00Z", "2026-10-25",
     "2026-10-25T23:00:00Z", "2026-10-31T23:00:00Z"},
    {"America/New_York", "2026-03-08T05:00:00Z", "2026-03-08",
     "2026-03-09T04:00:00Z", "2026-04-01T04:00:00Z"},
    {"America/New_York", "2026-11-01T04:00:00Z", "2026-11-01",
     "2026-11-02T05:00:00Z", "2026-12-01T05:00:00Z"},
    {"America/New_York", "2026-11-01T03:59:59.999Z", "2026-10-31",
     "2026-11-01T04:00:00Z", "2026-11-01T04:00:00Z"},
    /* 2018-11-04 began at 01:00, 2018-02-17 had 25 hours. */
    {"America/Sao_Paulo", "2018-11-03T12:00:00Z", "2018-11-03",
     "2018-11-04T03:00:00Z", "2018-12-01T02:00:00Z"},
    {"America/Sao_Paulo", "2018-11-04T03:00:00Z", "2018-11-04",
     "2018-11-05T02:00:00Z", "2018-12-01T02:00:00Z"},
    {"America/Sao_Paulo", "2018-02-18T02:30:00Z", "2018-02-17",
     "2018-02-18T03:00:00Z", "2018-03-01T03:00:00Z"},
    /* Thursday 29 December 2011, then Saturday the 31st. */
    {"Pacific/Apia", "2011-12-29T12:00:00Z", "2011-12-29",
     "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"},
    {"Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-31",
     "2011-12-31T10:00:00Z", "2011-12-31T10:00:00Z"},
    /* 2010-11-07 began, went back to the 6th at 00:01, and went on. */
    {"America/St_Johns", "2010-11-07T02:30:30Z", "2010-11-07",
     "2010-11-08T03:30:00Z", "2010-12-01T03:30:00Z"},
    {"America/St_Johns", "2010-11-07T02:31:00Z", "2010-11-07",
     "2010-11-08T03:30:00Z", "2010-12-01T03:30:00Z"},
    {"America/St_Johns", "2010-11-07T03:29:59Z", "2010-11-07",
     "2010-11-08T03:30:00Z", "2010-12-01T03:30:00Z"},
};

static void
test_ends(void)
{
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        int64_t now_ms = instant(ends[i].now);
        struct tg_zone_blob blob;
        int32_t day;

        if (tg_civil_parse_date(text(ends[i].day), &day) != 0)
            abort();
        /* Compiled long before: what is to come is known. */
        compile(&blob, ends[i].zone, now_ms - 300 * DAY);
        is_int(tg_calendar_day(str_of(&blob), now_ms), day, "%s, %s: the day",
               ends[i].zone, ends[i].now);
        is_int(tg_calendar_day_end_ms(str_of(&blob), now_ms),
               instant(ends[i].day_ends), "its end");
        is_int(tg_calendar_month_end_ms(str_of(&blob), now_ms),
               instant(ends[i].month_ends), "the end of its month");
    }
}

static const int years[] = {2005, 2010, 2011, 2015, 2020, 2024, 2026, 2030};

/* Every sixth hour of a year, by the C library; a blob covers 2 days back, 400
 * on. */
static int
compare_year(const char *zone, int year)
{
    int64_t now_ms, at;
    struct tg_zone_blob blob;
    int32_t first, day = INT32_MIN;
    int wrong = 0;

    (void)tg_civil_to_day((struct tg_civil){year, 1, 1}, &first);
    now_ms = first * DAY;
    compile(&blob, zone, now_ms);
    for (at = now_ms - 2 * DAY; at < now_ms + 400 * DAY; at += 360 * MINUTE) {
        int32_t next = tg_calendar_day(str_of(&blob), at);

        wrong += tg_calendar_offset_s(str_of(&blob), at) != local(at).tm_gmtoff;
        wrong += next < day || tg_calendar_day_end_ms(str_of(&blob), at) <= at;
        day = next;
    }
    return wrong;
}

static int64_t
zone_day(const struct tg_zone *zone, int64_t at_ms)
{
    at_ms += tg_zone_offset_s(zone, at_ms) * INT64_C(1000);
    return at_ms / DAY - (at_ms % DAY < 0);
}

/* Days of which the begin is not their first millisecond. */
static int
count_wrong_begins(const struct tg_zone *zone)
{
    int64_t day = instant("2015-01-01T00:00:00Z") / DAY;
    int64_t end = instant("2037-01-01T00:00:00Z") / DAY;
    int wrong = 0;

    for (; day < end; day++) {
        int64_t at_ms = tg_zone_day_at(zone, day);

        wrong += zone_day(zone, at_ms) != day ||
                 zone_day(zone, at_ms - 1) != day - 1;
    }
    return wrong;
}

static int wrong_begins;

/* All zones of a folder of the database, those in folders below too. */
static void
compare_folder(const char *folder, int *zones, int *wrong)
{
    char path[256];
    struct dirent *entry;
    DIR *dir;

    snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", folder);
    dir = opendir(path);
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        char name[300];
        struct tg_zone zone;

        if (strchr(entry->d_name, '.') != NULL)
            continue;
        snprintf(name, sizeof(name), "%s/%s", folder, entry->d_name);
        if (tg_zone_open(&zone, name) != 0) {
            compare_folder(name, zones, wrong);
            continue;
        }
        wrong_begins += count_wrong_begins(&zone);
        tg_zone_close(&zone);
        use_zone(name);
        ++*zones;
        for (size_t i = 0; i < sizeof(years) / sizeof(years[0]); i++) {
            int n = compare_year(name, years[i]);

            if (n > 0)
                printf("# %s: %d wrong in %d\n", name, n, years[i]);
            *wrong += n;
        }
    }
    if (dir != NULL)
        closedir(dir);
}

static void
test_every_zone(void)
{
    static const char *const folders[] = {
        "Africa",    "America", "Antarctica", "Asia",   "Atlantic",
        "Australia", "Etc",     "Europe",     "Indian", "Pacific"};
    int zones = 0, wrong = 0;

    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
        compare_folder(folders[i], &zones, &wrong);
    ok(zones > 300, "the database has %d zones", zones);
    is_int(wrong, 0, "all of them, four times a day for eight years");
    is_int(wrong_begins, 0, "a day begins with its first millisecond");
}

/* Hours, and the same as minutes of the week, end not included. */
static const struct {
    const char *hours, *zone;
    int spans[24]; /* pairs; 0 0 ends them */
} weeks[] = {
#define AT(day, hour, minute) (((day)*24 + (hour)) * 60 + (minute))
    {"mon-fri 08:00-19:00 Asia/Shanghai",
     "Asia/Shanghai",
     {AT(0, 8, 0), AT(0, 19, 0), AT(1, 8, 0), AT(1, 19, 0), AT(2, 8, 0),
      AT(2, 19, 0), AT(3, 8, 0), AT(3, 19, 0), AT(4, 8, 0), AT(4, 19, 0)}},
    {"sat,sun 00:00-24:00", "UTC", {AT(5, 0, 0), AT(7, 0, 0)}},
    {"daily 00:00-24:00 Europe/Berlin", "Europe/Berlin", {0, AT(7, 0, 0)}},
    {"wed 01:45-03:15 Europe/Berlin",
     "Europe/Berlin",
     {AT(2, 1, 45), AT(2, 3, 15)}},
    /* Over midnight, and from Sunday into Monday. */
    {"fri 22:00-06:00 America/New_York",
     "America/New_York",
     {AT(4, 22, 0), AT(5, 6, 0)}},
    {"sun 22:30-06:15 Asia/Kathmandu",
     "Asia/Kathmandu",
     {0, AT(0, 6, 15), AT(6, 22, 30), AT(7, 0, 0)}},
    {"sun 23:45-00:00", "UTC", {AT(6, 23, 45), AT(7, 0, 0)}},
    /* Several spans, rules, days that go over Sunday. */
    {"mon,wed 08:00-12:00,13:30-17:00 Europe/Berlin",
     "Europe/Berlin",
     {AT(0, 8, 0), AT(0, 12, 0), AT(0, 13, 30), AT(0, 17, 0), AT(2, 8, 0),
      AT(2, 12, 0), AT(2, 13, 30), AT(2, 17, 0)}},
    {"thu 09:00-10:00, sat 09:00-12:00,22:00-01:00 America/New_York",
     "America/New_York",
     {AT(3, 9, 0), AT(3, 10, 0), AT(5, 9, 0), AT(5, 12, 0), AT(5, 22, 0),
      AT(6, 1, 0)}},
    {"Sat-Mon 10:00-11:00,tue 10:00-10:15",
     "UTC",
     {AT(0, 10, 0), AT(0, 11, 0), AT(1, 10, 0), AT(1, 10, 15), AT(5, 10, 0),
      AT(5, 11, 0), AT(6, 10, 0), AT(6, 11, 0)}},
    {"sun 02:00-03:00 Europe/Berlin",
     "Europe/Berlin",
     {AT(6, 2, 0), AT(6, 3, 0)}},
};

static bool
is_on(const int *spans, int minute)
{
    for (; spans[1] != 0; spans += 2) {
        if (minute >= spans[0] && minute < spans[1])
            return true;
    }
    return false;
}

#define WALK_MINUTES (25 * 24 * 60)

/* Every minute of 25 days, and the opening that is announced for each. */
static void
walk_hours(size_t row, int64_t from_ms)
{
    static bool is_open[WALK_MINUTES];
    int wrong = 0, wrong_opening = 0;
    struct tg_zone_blob blob;
    int64_t opens_ms = -1;

    if (tg_hours_compile(&blob, weeks[row].hours, from_ms) != 0) {
        ok(false, "'%s' compiles", weeks[row].hours);
        return;
    }
    use_zone(weeks[row].zone);
    for (int i = 0; i < WALK_MINUTES; i++) {
        int64_t at = from_ms + i * MINUTE;

        is_open[i] = is_on(weeks[row].spans, local_minute_of_week(at));
        wrong +=
            tg_calendar_is_open(str_of(&blob), at) != is_open[i] ||
            tg_calendar_is_open(str_of(&blob), at + MINUTE - 1) != is_open[i];
    }
    for (int i = WALK_MINUTES - 1; i >= 0; i--) {
        int64_t at = from_ms + i * MINUTE;

        if (is_open[i])
            opens_ms = at;
        if (opens_ms >= 0)
            wrong_opening +=
                tg_calendar_opens_at_ms(str_of(&blob), at) != opens_ms;
    }
    is_int(wrong + wrong_opening, 0, "'%s' from day %lld on", weeks[row].hours,
           (long long)(from_ms / DAY));
}

static void
test_hours(void)
{
    /* Plain weeks; clocks forward and back in Europe and in America. */
    static const char *const starts[] = {
        "2026-01-07T00:00:00Z", "2026-03-01T00:00:00Z", "2026-03-20T00:00:00Z",
        "2026-10-15T00:00:00Z", "2026-12-20T00:00:00Z"};

    for (size_t i = 0; i < sizeof(weeks) / sizeof(weeks[0]); i++) {
        for (size_t j = 0; j < sizeof(starts) / sizeof(starts[0]); j++)
            walk_hours(i, instant(starts[j]));
    }
}

static void
test_openings(void)
{
    int64_t now_ms = instant("2011-12-25T00:00:00Z");
    struct tg_zone_blob blob;

    (void)tg_hours_compile(&blob, "fri 10:00-11:00 Pacific/Apia", now_ms);
    is_int(tg_calendar_opens_at_ms(str_of(&blob), now_ms),
           instant("2012-01-05T20:00:00Z"), "a Friday that was left out");
    (void)tg_hours_compile(&blob, "sun 02:30-02:45 Europe/Berlin",
                           instant("2026-03-23T00:00:00Z"));
    is_int(
        tg_calendar_opens_at_ms(str_of(&blob), instant("2026-03-23T00:00:00Z")),
        instant("2026-04-05T00:30:00Z"), "a quarter-hour that was left out");
    now_ms = instant("2026-10-25T00:30:00Z") - 1;
    is_int(tg_calendar_opens_at_ms(str_of(&blob), now_ms), now_ms + 1,
           "one that comes twice");
    ok(tg_calendar_is_open(str_of(&blob), now_ms + 1), "it is on");
    ok(!tg_calendar_is_open(str_of(&blob), now_ms + 1 + 15 * MINUTE), "off");
    ok(tg_calendar_is_open(str_of(&blob), now_ms + 1 + 60 * MINUTE),
       "and on again");
    now_ms = instant("2010-11-07T02:31:00Z");
    (void)tg_hours_compile(&blob, "sat 23:00-23:15 America/St_Johns", now_ms);
    is_int(tg_calendar_opens_at_ms(str_of(&blob), now_ms - 30000), now_ms,
           "clocks that change within a quarter-hour");
    tg_hours_shut(&blob);
    ok(!tg_calendar_is_open(str_of(&blob), now_ms), "hours that are never on");
    is_int(tg_calendar_opens_at_ms(str_of(&blob), now_ms), TG_CALENDAR_NEVER,
           "do not open");
}

static void
test_hours_text(void)
{
    static const char *const good[] = {
        "mon 08:00-19:00",
        "MON-fri 08:00-19:00 UTC",
        "mon,tue,wed-fri 00:00-24:00",
        "daily 22:00-06:00 Asia/Shanghai",
        "Daily 00:15-00:00",
        "mon 08:00-09:00,tue 08:00-09:00, wed 08:00-09:00 Europe/Berlin"};
    static const struct {
        const char *text;
        int err;
    } bad[] = {
        {"", TG_ERR_FORMAT},
        {"mon", TG_ERR_FORMAT},
        {"mon ", TG_ERR_FORMAT},
        {"mon 08:00", TG_ERR_FORMAT},
        {"mon 08:00-", TG_ERR_FORMAT},
        {"mon 08:00-09:0", TG_ERR_FORMAT},
        {"08:00-19:00", TG_ERR_FORMAT},
        {"monday 08:00-19:00", TG_ERR_FORMAT},
        {"mon- 08:00-19:00", TG_ERR_FORMAT},
        {"mon,, 08:00-19:00", TG_ERR_FORMAT},
        {"mon, tue 08:00-19:00", TG_ERR_FORMAT},
        {"mon-tue-wed 08:00-19:00", TG_ERR_FORMAT},
        {"daily,mon 08:00-19:00", TG_ERR_FORMAT},
        {" mon 08:00-19:00", TG_ERR_FORMAT},
        {"mon  08:00-19:00", TG_ERR_FORMAT},
        {"mon 8:00-19:00", TG_ERR_FORMAT},
        {"mon 08.00-19.00", TG_ERR_FORMAT},
        {"mon 08:00-08:00", TG_ERR_FORMAT},
        {"mon 24:00-08:00", TG_ERR_FORMAT},
        {"mon 08:00-24:15", TG_ERR_FORMAT},
        {"mon 08:00-25:00", TG_ERR_FORMAT},
        {"mon 08:60-09:00", TG_ERR_FORMAT},
        {"mon 08:00-09:00,", TG_ERR_FORMAT},
        {"mon 08:00-09:00, ", TG_ERR_FORMAT},
        {"mon 08:00-09:00, 10:00-11:00", TG_ERR_FORMAT},
        {"mon 08:00-09:00;tue", TG_ERR_FORMAT},
        {"mon 08:00-09:00Asia/Shanghai", TG_ERR_FORMAT},
        {"mon 08:01-09:00", TG_ERR_RANGE},
        {"mon 08:00-18:59", TG_ERR_RANGE},
        {"mon 08:00-09:00,10:10-11:00", TG_ERR_RANGE},
        {"mon 08:00-09:00 ", TG_ERR_NOT_FOUND},
        {"mon 08:00-09:00  UTC", TG_ERR_NOT_FOUND},
        {"mon 08:00-09:00 UTC ", TG_ERR_NOT_FOUND},
        {"mon 08:00-09:00 Mars/Base", TG_ERR_NOT_FOUND},
        {"mon 08:00-09:00 Asia", TG_ERR_NOT_FOUND},
        {"mon 08:00-09:00 ../../etc/passwd", TG_ERR_NOT_FOUND},
        {"mon 08:00-09:00 tue 10:00-11:00", TG_ERR_NOT_FOUND},
    };

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        is_int(tg_hours_check(good[i]), 0, "'%s' is hours", good[i]);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        is_int(tg_hours_check(bad[i].text), bad[i].err, "'%s' is none",
               bad[i].text);
    ok(tg_hours_is_valid(good[0]) && !tg_hours_is_valid(bad[1].text),
       "and so they are called");
}

static void
test_too_long(void)
{
    char hours[600] = "mon 08:00-09:00";
    struct tg_zone_blob blob;

    while (strlen(hours) + 12 <= TG_CALENDAR_TEXT_MAX)
        strcat(hours, ",10:00-11:00");
    is_int(tg_hours_compile(&blob, hours, 0), 0, "hours of %zu bytes",
           strlen(hours));
    strcat(hours, ",10:00-11:00");
    is_int(tg_hours_compile(&blob, hours, 0), TG_ERR_LIMIT, "of %zu bytes",
           strlen(hours));
}

static void
is_text(struct tg_str got, const char *want)
{
    ok(tg_str_eq(got, text(want)), "the text is '%s'", want);
}

static void
test_absent_and_texts(void)
{
    int64_t now_ms = instant("2026-11-21T23:59:59.999Z");
    struct tg_zone_blob blob;

    is_int(tg_calendar_offset_s(absent, now_ms), 0, "no calendar is UTC");
    is_int(tg_calendar_day_end_ms(absent, now_ms), now_ms + 1, "its day ends");
    is_int(tg_calendar_month(absent, now_ms), 2026 * 12 + 11, "its month");
    ok(tg_calendar_is_open(absent, now_ms), "it is always open");
    is_int(tg_calendar_opens_at_ms(absent, now_ms), now_ms, "now");
    is_text(tg_calendar_text(absent), "UTC");
    compile(&blob, "Asia/Kathmandu", now_ms);
    is_text(tg_calendar_text(str_of(&blob)), "Asia/Kathmandu");
    ok(tg_calendar_is_open(str_of(&blob), now_ms), "a zone is always open");
    is_int(blob.len, 8 + 16 + 14, "one offset, 38 bytes");
    (void)tg_hours_compile(&blob, "mon 08:00-19:00 Europe/Berlin", now_ms);
    is_text(tg_calendar_text(str_of(&blob)), "mon 08:00-19:00 Europe/Berlin");
    is_int(tg_calendar_month(absent, INT64_MAX), 9999 * 12 + 12, "the far end");
    is_int(tg_calendar_month(absent, INT64_MIN), 12 + 1, "and the other");
    (void)tg_calendar_month_end_ms(absent, INT64_MAX);
    (void)tg_calendar_opens_at_ms(str_of(&blob), INT64_MAX);
}

/* Keys of one zone share a blob: it changes with its offsets alone. */
static void
test_same_bytes(void)
{
    int64_t from_ms = instant("2026-01-01T00:00:00Z");
    struct tg_zone_blob last, blob;
    int changes = 0;

    compile(&last, "Europe/Berlin", from_ms);
    for (int hour = 1; hour < 365 * 24; hour++) {
        compile(&blob, "Europe/Berlin", from_ms + hour * 60 * MINUTE);
        if (!tg_str_eq(str_of(&blob), str_of(&last)))
            changes++;
        last = blob;
    }
    is_int(changes, 4, "in a year two changes enter a blob and two leave it");
    compile(&blob, "Europe/London", instant("1968-06-01T00:00:00Z"));
    is_int(blob.len, 8 + 16 + 13, "another name for an offset is no change");
}

static void
use_all(struct tg_str calendar)
{
    static const int64_t at[] = {INT64_MIN, -1, 0, 1795305600000, INT64_MAX};

    for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
        (void)tg_calendar_offset_s(calendar, at[i]);
        (void)tg_calendar_day(calendar, at[i]);
        (void)tg_calendar_month(calendar, at[i]);
        (void)tg_calendar_day_end_ms(calendar, at[i]);
        (void)tg_calendar_month_end_ms(calendar, at[i]);
        (void)tg_calendar_is_open(calendar, at[i]);
        (void)tg_calendar_opens_at_ms(calendar, at[i]);
    }
    (void)tg_calendar_text(calendar);
}

/* A reader may see half of two blobs, and asks again only afterwards. */
static void
test_damaged(void)
{
    int64_t now_ms = instant("2026-11-23T12:00:00Z"); /* a Monday */
    struct tg_zone_blob blob, bad;
    int open = 0;
    char *heap;

    (void)tg_hours_compile(&blob, "daily 00:00-24:00 Europe/Berlin", now_ms);
    ok(tg_calendar_is_open(str_of(&blob), now_ms), "whole, it is open");
    for (size_t len = 1; len < blob.len; len++) {
        struct tg_str part;

        heap = malloc(len); /* so that a sanitizer sees its end */
        memcpy(heap, blob.bytes, len);
        part = (struct tg_str){heap, len};
        open += tg_calendar_is_open(part, now_ms) ||
                tg_calendar_opens_at_ms(part, now_ms) != TG_CALENDAR_NEVER ||
                tg_calendar_offset_s(part, now_ms) != 0 ||
                tg_calendar_text(part).len != 0;
        free(heap);
    }
    is_int(open, 0, "cut anywhere, it is never on, and UTC");
    bad = blob;
    bad.len++;
    ok(!tg_calendar_is_open(str_of(&bad), now_ms), "nor with more bytes");
    for (size_t i = 0; i < blob.len; i++) {
        for (int byte = 0; byte < 256; byte += i < 8 ? 1 : 17) {
            bad = blob;
            bad.bytes[i] = (char)byte;
            use_all(str_of(&bad));
        }
    }
    for (int seed = 1; seed <= 2000; seed++) {
        bad = blob;
        srand((unsigned)seed);
        for (size_t i = 8; i < bad.len; i++)
            bad.bytes[i] = (char)rand();
        use_all(str_of(&bad));
    }
    ok(true, "with any bytes, it harms nobody");
    open = tg_calendar_is_open(text("mon-fri 08:00-19:00 UTC"), now_ms);
    is_int(open, 0, "a text is no calendar");
    memcpy(bad.bytes + 1, blob.bytes, blob.len);
    ok(tg_calendar_is_open((struct tg_str){bad.bytes + 1, blob.len}, now_ms),
       "it may stand at any address");
}

static int64_t
nanoseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* For people: nothing is asserted about time. */
static void
print_cost(void)
{
    int64_t now_ms = instant("2026-11-21T12:00:00Z"), begun, sum = 0;
    struct tg_zone_blob zone, hours;
    const int n = 1000000;

    compile(&zone, "Europe/Berlin", now_ms);
    (void)tg_hours_compile(&hours, "mon 08:00-08:15 Europe/Berlin", now_ms);
    begun = nanoseconds();
    for (int i = 0; i < n; i++)
        sum += tg_calendar_is_open(str_of(&hours), now_ms + i * 1000);
    printf("# is_open %lld ns\n", (long long)((nanoseconds() - begun) / n));
    begun = nanoseconds();
    for (int i = 0; i < n; i++)
        sum += tg_calendar_day(str_of(&zone), now_ms + i * 1000);
    printf("# day %lld ns\n", (long long)((nanoseconds() - begun) / n));
    begun = nanoseconds();
    for (int i = 0; i < n; i++)
        sum += tg_calendar_month_end_ms(str_of(&zone), now_ms + i * 1000);
    printf("# month_end %lld ns\n", (long long)((nanoseconds() - begun) / n));
    begun = nanoseconds();
    for (int i = 0; i < 1000; i++)
        sum += tg_calendar_opens_at_ms(str_of(&hours), now_ms + i * 600000);
    printf("# opens_at %lld ns (%lld)\n",
           (long long)((nanoseconds() - begun) / 1000), (long long)(sum & 1));
}

int
main(void)
{
    test_ends();
    test_every_minute();
    test_every_zone();
    test_hours();
    test_openings();
    test_hours_text();
    test_too_long();
    test_absent_and_texts();
    test_same_bytes();
    test_damaged();
    print_cost();
    return done();
}
