#include "hours.h"

#include <string.h>
#include <strings.h>

#include "err.h"

#define MINUTES_PER_QUARTER 15
#define QUARTERS_PER_DAY 96
#define EVERY_DAY 0x7f

/* What is read of a text so far. */
struct reader {
    const char *at;
    unsigned days; /* of the rule: bit 0 is Monday */
    uint8_t week[TG_CALENDAR_WEEK_BYTES];
};

static int
take_day(struct reader *reader, unsigned *day)
{
    static const char names[] = "montuewedthufrisatsun";

    for (unsigned i = 0; i < 7; i++) {
        if (strncasecmp(reader->at, names + 3 * i, 3) == 0) {
            reader->at += 3;
            *day = i;
            return 0;
        }
    }
    return TG_ERR_FORMAT;
}

/* "mon" or "fri-mon", which goes over Sunday. */
static int
take_days(struct reader *reader)
{
    unsigned first, last;

    if (take_day(reader, &first) != 0)
        return TG_ERR_FORMAT;
    last = first;
    if (*reader->at == '-') {
        reader->at++;
        if (take_day(reader, &last) != 0)
            return TG_ERR_FORMAT;
    }
    for (; first != last; first = (first + 1) % 7)
        reader->days |= 1u << first;
    reader->days |= 1u << last;
    return 0;
}

/* The days of a rule and the blank behind them. */
static int
take_all_days(struct reader *reader)
{
    int err = 0;

    reader->days = 0;
    if (strncasecmp(reader->at, "daily", 5) == 0) {
        reader->days = EVERY_DAY;
        reader->at += 5;
    } else {
        for (err = take_days(reader); err == 0 && *reader->at == ',';) {
            reader->at++;
            err = take_days(reader);
        }
    }
    return err != 0 || *reader->at++ != ' ' ? TG_ERR_FORMAT : 0;
}

static bool
take_digits(struct reader *reader, unsigned *number)
{
    *number = 0;
    for (int i = 0; i < 2; i++, reader->at++) {
        if (*reader->at < '0' || *reader->at > '9')
            return false;
        *number = *number * 10 + (unsigned)(*reader->at - '0');
    }
    return true;
}

/* "08:15" as a quarter-hour of the day, up to 96 for 24:00. */
static int
take_quarter(struct reader *reader, unsigned *quarter)
{
    unsigned hour, minute;

    if (!take_digits(reader, &hour) || *reader->at++ != ':' ||
        !take_digits(reader, &minute) || minute > 59 ||
        hour * 60 + minute > 24 * 60)
        return TG_ERR_FORMAT;
    if (minute % MINUTES_PER_QUARTER != 0)
        return TG_ERR_RANGE;
    *quarter = (hour * 60 + minute) / MINUTES_PER_QUARTER;
    return 0;
}

static void
open_quarters(struct reader *reader, unsigned start, unsigned end)
{
    for (unsigned day = 0; day < 7; day++) {
        if (!(reader->days >> day & 1))
            continue;
        for (unsigned i = start; i < end; i++) {
            unsigned n = (day * QUARTERS_PER_DAY + i) % TG_CALENDAR_QUARTERS;

            reader->week[n / 8] |= (uint8_t)(1 << n % 8);
        }
    }
}

static int
take_span(struct reader *reader)
{
    unsigned start, end;
    int err = take_quarter(reader, &start);

    if (err == 0 && *reader->at++ != '-')
        err = TG_ERR_FORMAT;
    if (err == 0)
        err = take_quarter(reader, &end);
    if (err != 0)
        return err;
    if (start == QUARTERS_PER_DAY || start == end)
        return TG_ERR_FORMAT;
    open_quarters(reader, start, end > start ? end : end + QUARTERS_PER_DAY);
    return 0;
}

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Days and spans; stops behind the last, or at the next rule. */
static int
take_rule(struct reader *reader)
{
    int err = take_all_days(reader);

    if (err == 0)
        err = take_span(reader);
    while (err == 0 && reader->at[0] == ',' && is_digit(reader->at[1])) {
        reader->at++;
        err = take_span(reader);
    }
    return err;
}

/* All rules; at stands on the end or on the zone's name behind a blank. */
static int
take_rules(struct reader *reader)
{
    int err = take_rule(reader);

    while (err == 0 && *reader->at == ',') {
        reader->at++;
        if (*reader->at == ' ')
            reader->at++;
        err = take_rule(reader);
    }
    if (err != 0 || *reader->at == '\0')
        return err;
    return *reader->at++ == ' ' ? 0 : TG_ERR_FORMAT;
}

int
tg_hours_compile(struct tg_zone_blob *blob, const char *text, int64_t now_ms)
{
    struct reader reader = {.at = text};
    bool has_zone;
    struct tg_zone zone;
    int err = take_rules(&reader);

    if (err != 0)
        return err;
    has_zone = reader.at > text && reader.at[-1] == ' ';
    if (!has_zone)
        return tg_zone_write_hours(blob, NULL, reader.week, text, now_ms);
    err = tg_zone_open(&zone, reader.at);
    if (err != 0)
        return err;
    err = tg_zone_write_hours(blob, &zone, reader.week, text, now_ms);
    tg_zone_close(&zone);
    return err;
}

int
tg_hours_week(const char *text, uint8_t week[TG_CALENDAR_WEEK_BYTES])
{
    struct reader reader = {.at = text};
    int err = take_rules(&reader);

    if (err == 0 && *reader.at != '\0')
        err = TG_ERR_FORMAT;
    if (err == 0)
        memcpy(week, reader.week, sizeof(reader.week));
    return err;
}

int
tg_hours_check(const char *text)
{
    struct tg_zone_blob blob;

    return tg_hours_compile(&blob, text, 0);
}

bool
tg_hours_is_valid(const char *text)
{
    return tg_hours_check(text) == 0;
}

void
tg_hours_shut(struct tg_zone_blob *blob)
{
    static const uint8_t never[TG_CALENDAR_WEEK_BYTES];

    (void)tg_zone_write_hours(blob, NULL, never, "", 0);
}
