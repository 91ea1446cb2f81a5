#include "when.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SECOND_MS INT64_C(1000)
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)

bool
tg_duration_parse(const char *text, int64_t *ms)
{
    static const struct {
        const char *name;
        int64_t ms;
    } units[] = {{"ms", 1},      {"s", SECOND_MS}, {"m", MINUTE_MS},
                 {"h", HOUR_MS}, {"d", DAY_MS},    {"w", 7 * DAY_MS}};
    size_t digits = strspn(text, "0123456789"), i;
    int64_t n;

    if (digits == 0 || digits > 12)
        return false;
    n = strtoll(text, NULL, 10);
    for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(text + digits, units[i].name) == 0)
            return !__builtin_mul_overflow(n, units[i].ms, ms);
    }
    return false;
}

/* Reads exactly len digits into *value, which must lie in lo..hi. */
static bool
take_number(const char **text, size_t len, int lo, int hi, int *value)
{
    int n = 0;

    while (len-- > 0) {
        if (!isdigit((unsigned char)**text))
            return false;
        n = n * 10 + *(*text)++ - '0';
    }
    if (n < lo || n > hi)
        return false;
    *value = n;
    return true;
}

static bool
take_char(const char **text, const char *set)
{
    if (**text == '\0' || strchr(set, **text) == NULL)
        return false;
    (*text)++;
    return true;
}

static bool
take_date(const char **text, struct tm *tm)
{
    struct tm copy;
    time_t at;

    memset(tm, 0, sizeof(*tm));
    if (!take_number(text, 4, 1970, 9999, &tm->tm_year) ||
        !take_char(text, "-") || !take_number(text, 2, 1, 12, &tm->tm_mon) ||
        !take_char(text, "-") || !take_number(text, 2, 1, 31, &tm->tm_mday))
        return false;
    tm->tm_year -= 1900;
    tm->tm_mon -= 1;
    /* 30 February comes back as another day. */
    copy = *tm;
    at = timegm(&copy);
    return at != (time_t)-1 && copy.tm_mday == tm->tm_mday;
}

static bool
take_fraction(const char **text, int *ms)
{
    int scale = 100;

    *ms = 0;
    if (**text != '.')
        return true;
    if (!isdigit((unsigned char)*++*text))
        return false;
    for (; isdigit((unsigned char)**text); (*text)++) {
        *ms += (**text - '0') * scale;
        scale /= 10;
    }
    return true;
}

static bool
take_offset(const char **text, int *minutes)
{
    int hour, minute, sign;

    *minutes = 0;
    if (take_char(text, "Zz"))
        return true;
    sign = **text == '-' ? -1 : 1;
    if (!take_char(text, "+-") || !take_number(text, 2, 0, 23, &hour) ||
        !take_char(text, ":") || !take_number(text, 2, 0, 59, &minute))
        return false;
    *minutes = sign * (hour * 60 + minute);
    return true;
}

bool
tg_instant_parse(const char *text, int64_t *at_ms)
{
    struct tm tm;
    int ms, offset;

    if (!take_date(&text, &tm) || !take_char(&text, "Tt ") ||
        !take_number(&text, 2, 0, 23, &tm.tm_hour) || !take_char(&text, ":") ||
        !take_number(&text, 2, 0, 59, &tm.tm_min) || !take_char(&text, ":") ||
        !take_number(&text, 2, 0, 60, &tm.tm_sec) ||
        !take_fraction(&text, &ms) || !take_offset(&text, &offset) ||
        *text != '\0')
        return false;
    *at_ms = (int64_t)timegm(&tm) * SECOND_MS + ms - offset * MINUTE_MS;
    return true;
}

void
tg_instant_text(int64_t at_ms, char *out)
{
    time_t at = (time_t)(at_ms / SECOND_MS);
    int ms = (int)(at_ms % SECOND_MS);
    struct tm tm;
    size_t len;

    gmtime_r(&at, &tm);
    len = strftime(out, TG_WHEN_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
    if (ms != 0)
        snprintf(out + len, TG_WHEN_SIZE - len, ".%03dZ", ms % 1000);
    else
        snprintf(out + len, TG_WHEN_SIZE - len, "Z");
}

bool
tg_zone_exists(const char *zone)
{
    char path[256];

    if (strcmp(zone, "UTC") == 0)
        return true;
    if (*zone == '/' || *zone == '.' || strstr(zone, "..") != NULL ||
        (size_t)snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", zone) >=
            sizeof(path))
        return false;
    return access(path, R_OK) == 0;
}

static bool
is_utc(const char *zone)
{
    return zone == NULL || strcmp(zone, "UTC") == 0;
}

static void
go_to(const char *zone)
{
    setenv("TZ", is_utc(zone) ? "UTC0" : zone, 1);
    tzset();
}

static int64_t
midnight_ms(struct tm *tm, const char *zone)
{
    if (is_utc(zone))
        return (int64_t)timegm(tm) * SECOND_MS;
    go_to(zone);
    tm->tm_isdst = -1;
    return (int64_t)mktime(tm) * SECOND_MS;
}

bool
tg_when_parse(const char *text, const char *zone, int64_t now_ms,
              int64_t *at_ms)
{
    const char *at = text;
    struct tm tm;
    int64_t ms;

    if (tg_duration_parse(text, &ms)) {
        *at_ms = ms > now_ms ? 0 : now_ms - ms;
        return true;
    }
    if (tg_instant_parse(text, at_ms))
        return true;
    if (!take_date(&at, &tm) || *at != '\0')
        return false;
    *at_ms = midnight_ms(&tm, zone);
    return true;
}

void
tg_instant_local(int64_t at_ms, const char *zone, char *out)
{
    time_t at = (time_t)(at_ms / SECOND_MS);
    struct tm tm;

    go_to(zone);
    localtime_r(&at, &tm);
    strftime(out, TG_WHEN_SIZE, is_utc(zone) ? "%F %R" : "%F %R %z", &tm);
}

static void
put_date(const struct tm *tm, int months, int days, char out[TG_DATE_SIZE])
{
    struct tm day = {.tm_year = tm->tm_year,
                     .tm_mon = tm->tm_mon + months,
                     .tm_mday = tm->tm_mday + days};

    timegm(&day);
    strftime(out, TG_DATE_SIZE, "%F", &day);
}

bool
tg_period_dates(const char *period, const char *zone, int64_t now_ms,
                char since[TG_DATE_SIZE], char until[TG_DATE_SIZE])
{
    time_t now = (time_t)(now_ms / SECOND_MS);
    int months = 0, days = 0;
    struct tm tm;

    go_to(zone);
    localtime_r(&now, &tm);
    *until = '\0';
    if (strcmp(period, "yesterday") == 0) {
        days = -1;
        put_date(&tm, 0, 0, until);
    } else if (strcmp(period, "week") == 0) {
        days = -((tm.tm_wday + 6) % 7);
    } else if (strcmp(period, "month") == 0) {
        days = 1 - tm.tm_mday;
    } else if (strcmp(period, "last-month") == 0) {
        months = -1;
        days = 1 - tm.tm_mday;
        put_date(&tm, 0, days, until);
    } else if (strcmp(period, "today") != 0) {
        return false;
    }
    put_date(&tm, months, days, since);
    return true;
}

void
tg_instant_relative(int64_t at_ms, int64_t now_ms, char *out)
{
    static const struct {
        int64_t ms, below_ms;
        const char *name, *names;
    } units[] = {{SECOND_MS, 2 * MINUTE_MS, "s", "s"},
                 {MINUTE_MS, 2 * HOUR_MS, "min", "min"},
                 {HOUR_MS, 2 * DAY_MS, "hour", "hours"},
                 {DAY_MS, 100 * DAY_MS, "day", "days"}};
    int64_t away = at_ms < now_ms ? now_ms - at_ms : at_ms - now_ms, n;
    size_t i;

    for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (away >= units[i].below_ms)
            continue;
        n = away / units[i].ms;
        snprintf(out, TG_WHEN_SIZE, "%s%lld %s%s", at_ms > now_ms ? "in " : "",
                 (long long)n, n == 1 ? units[i].name : units[i].names,
                 at_ms > now_ms ? "" : " ago");
        return;
    }
    tg_instant_text(at_ms - at_ms % DAY_MS, out);
    out[10] = '\0';
}
