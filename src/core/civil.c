#include "civil.h"

#include <stdbool.h>

#include "err.h"

#define YEAR_MAX 9999
#define MS_PER_MINUTE 60000

static bool
is_leap(int32_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

int32_t
tg_civil_days_in_month(struct tg_civil date)
{
    static const int8_t days[] = {31, 28, 31, 30, 31, 30,
                                  31, 31, 30, 31, 30, 31};

    return days[date.month - 1] + (date.month == 2 && is_leap(date.year));
}

/*
 * Both ways count in years that begin with March, so that the leap day is
 * the last of its year, and in eras of 400 years, which have 146097 days
 * each.  Source: Howard Hinnant, chrono-Compatible Low-Level Date
 * Algorithms.  Years 1 to 9999 keep every term positive and small.
 */
#define DAYS_PER_ERA 146097
#define EPOCH_SHIFT 719468 /* days from 0000-03-01 to 1970-01-01 */

int
tg_civil_to_day(struct tg_civil date, int32_t *day)
{
    int32_t year, era, year_of_era, day_of_year;

    if (date.year < 1 || date.year > YEAR_MAX || date.month < 1 ||
        date.month > 12 || date.day < 1 ||
        date.day > tg_civil_days_in_month(date))
        return TG_ERR_RANGE;
    year = date.year - (date.month <= 2);
    era = year / 400;
    year_of_era = year % 400;
    day_of_year = (153 * ((date.month + 9) % 12) + 2) / 5 + date.day - 1;
    *day = era * DAYS_PER_ERA + year_of_era * 365 + year_of_era / 4 -
           year_of_era / 100 + day_of_year - EPOCH_SHIFT;
    return 0;
}

#define DAY_MIN (-719162) /* 0001-01-01 */
#define DAY_MAX 2932896   /* 9999-12-31 */

/*
 * As above, from March on, in quarters of a day: a century has 146097 of
 * them a year, on average.  Behind a first division multiplications find both
 * what is whole, in the high bits, and what is left, in the low ones.
 * Source: Cassio Neri and Lorenz Schneider, Euclidean affine functions and
 * their application to calendar algorithms (arXiv 2102.06959).
 */
#define QUARTER_OF_YEAR 2939745 /* a 1461st of 2^32, rounded up */
#define DAY_OF_MONTH 2141       /* 5 153rds of 2^16, cut off */
#define MONTHS_SHIFT 197913     /* makes March 3, and up for what was cut */
#define DAYS_TO_JANUARY 306

int
tg_civil_of_day(int32_t day, struct tg_civil *date)
{
    uint32_t quarters, century, year, day_of_year, month;
    uint64_t years;
    bool is_next;

    if (day < DAY_MIN || day > DAY_MAX)
        return TG_ERR_RANGE;
    quarters = (uint32_t)(day + EPOCH_SHIFT) * 4 + 3;
    century = quarters / DAYS_PER_ERA;
    quarters = quarters % DAYS_PER_ERA | 3;
    years = (uint64_t)quarters * QUARTER_OF_YEAR;
    year = century * 100 + (uint32_t)(years >> 32);
    day_of_year = (uint32_t)years / QUARTER_OF_YEAR / 4;
    month = day_of_year * DAY_OF_MONTH + MONTHS_SHIFT;
    is_next = day_of_year >= DAYS_TO_JANUARY;
    date->day = (int32_t)(month % 65536 / DAY_OF_MONTH + 1);
    date->month = (int32_t)(month / 65536 - (is_next ? 12 : 0));
    date->year = (int32_t)(year + is_next);
    return 0;
}

int64_t
tg_civil_day_at(int64_t instant_ms)
{
    return instant_ms / TG_MS_PER_DAY - (instant_ms % TG_MS_PER_DAY < 0);
}

int
tg_civil_weekday(int64_t day)
{
    int64_t weekday = (day % 7 + 3) % 7; /* 1970-01-01 was a Thursday */

    return (int)(weekday < 0 ? weekday + 7 : weekday);
}

/* Takes count digits off the front of text, then the byte behind if any. */
static bool
take_number(struct tg_str *text, size_t count, char behind, int32_t *number)
{
    size_t len = count + (behind != 0);

    if (text->len < len || (behind != 0 && text->data[count] != behind))
        return false;
    *number = 0;
    for (size_t i = 0; i < count; i++) {
        if (text->data[i] < '0' || text->data[i] > '9')
            return false;
        *number = *number * 10 + (text->data[i] - '0');
    }
    text->data += len;
    text->len -= len;
    return true;
}

static bool
take_date(struct tg_str *text, struct tg_civil *date)
{
    return take_number(text, 4, '-', &date->year) &&
           take_number(text, 2, '-', &date->month) &&
           take_number(text, 2, 0, &date->day);
}

/* Takes ".123456", which may be absent, as milliseconds. */
static bool
take_fraction(struct tg_str *text, int32_t *ms)
{
    int32_t scale = 100;
    size_t n = 1;

    *ms = 0;
    if (text->len == 0 || *text->data != '.')
        return true;
    for (; n < text->len && text->data[n] >= '0' && text->data[n] <= '9'; n++) {
        *ms += (text->data[n] - '0') * scale;
        scale /= 10;
    }
    text->data += n;
    text->len -= n;
    return n > 1;
}

/* Takes "Z" or "+08:00" to the end of text, as minutes east of UTC. */
static int
take_offset(struct tg_str text, int32_t *minutes)
{
    int32_t hour, minute, sign = 1;

    *minutes = 0;
    if (text.len == 1 && (*text.data == 'Z' || *text.data == 'z'))
        return 0;
    if (text.len != 6 || (*text.data != '+' && *text.data != '-'))
        return TG_ERR_FORMAT;
    if (*text.data == '-')
        sign = -1;
    text = (struct tg_str){text.data + 1, 5};
    if (!take_number(&text, 2, ':', &hour) ||
        !take_number(&text, 2, 0, &minute))
        return TG_ERR_FORMAT;
    if (hour > 23 || minute > 59)
        return TG_ERR_RANGE;
    *minutes = sign * (hour * 60 + minute);
    return 0;
}

static bool
take_separator(struct tg_str *text)
{
    if (text->len == 0 || (*text->data != 'T' && *text->data != 't'))
        return false;
    text->data++;
    text->len--;
    return true;
}

int
tg_civil_parse(struct tg_str text, int64_t *instant_ms)
{
    struct tg_civil date;
    int32_t hour, minute, second, ms, offset_minutes, day;
    int64_t instant;
    int err;

    if (!take_date(&text, &date) || !take_separator(&text) ||
        !take_number(&text, 2, ':', &hour) ||
        !take_number(&text, 2, ':', &minute) ||
        !take_number(&text, 2, 0, &second) || !take_fraction(&text, &ms))
        return TG_ERR_FORMAT;
    err = take_offset(text, &offset_minutes);
    if (err != 0)
        return err;
    if (hour > 23 || minute > 59 || second > 59)
        return TG_ERR_RANGE;
    err = tg_civil_to_day(date, &day);
    if (err != 0)
        return err;
    instant = day * TG_MS_PER_DAY + ms + second * 1000 +
              (hour * 60 + minute - offset_minutes) * MS_PER_MINUTE;
    if (instant < DAY_MIN * TG_MS_PER_DAY ||
        instant >= (DAY_MAX + 1) * TG_MS_PER_DAY)
        return TG_ERR_RANGE;
    *instant_ms = instant;
    return 0;
}

int
tg_civil_parse_date(struct tg_str text, int32_t *day)
{
    struct tg_civil date;

    if (!take_date(&text, &date) || text.len > 0)
        return TG_ERR_FORMAT;
    return tg_civil_to_day(date, day);
}

static char *
put_number(char *out, int32_t number, size_t width, char behind)
{
    for (size_t i = width; i > 0; i--) {
        out[i - 1] = (char)('0' + number % 10);
        number /= 10;
    }
    out[width] = behind;
    return out + width + 1;
}

int
tg_civil_format(int64_t instant_ms, char *out)
{
    int64_t day = tg_civil_day_at(instant_ms);
    int32_t ms;

    if (day < DAY_MIN || day > DAY_MAX)
        return TG_ERR_RANGE;
    ms = (int32_t)(instant_ms - day * TG_MS_PER_DAY);
    tg_civil_format_date((int32_t)day, out);
    out[TG_CIVIL_DATE_SIZE - 1] = 'T';
    out += TG_CIVIL_DATE_SIZE;
    out = put_number(out, ms / 3600000, 2, ':');
    out = put_number(out, ms / 60000 % 60, 2, ':');
    out = put_number(out, ms / 1000 % 60, 2, '.');
    out = put_number(out, ms % 1000, 3, 'Z');
    *out = '\0';
    return 0;
}

int
tg_civil_format_date(int32_t day, char *out)
{
    struct tg_civil date;
    int err = tg_civil_of_day(day, &date);

    if (err != 0)
        return err;
    out = put_number(out, date.year, 4, '-');
    out = put_number(out, date.month, 2, '-');
    put_number(out, date.day, 2, '\0');
    return 0;
}
