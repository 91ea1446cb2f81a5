/*
 * civil.h: days, dates and instants in UTC, computed, without a clock or a
 * time zone database.
 *
 * A day is a number of days since 1970-01-01, in the proleptic Gregorian
 * calendar; an instant is Unix time in milliseconds.  Leap seconds do not
 * exist.
 */
#ifndef TG_CIVIL_H
#define TG_CIVIL_H

#include <stddef.h>
#include <stdint.h>

#include "str.h"

#define TG_MS_PER_DAY INT64_C(86400000)

/* Years 1 to 9999. */
struct tg_civil {
    int32_t year;
    int32_t month; /* 1 to 12 */
    int32_t day;   /* 1 to 31 */
};

/* Day of a date.  Returns 0, or TG_ERR_RANGE when there is no such date. */
int tg_civil_to_day(struct tg_civil date, int32_t *day);

/* How many days the month of a date has. */
int32_t tg_civil_days_in_month(struct tg_civil date);

/* Date of a day.  Returns 0, or TG_ERR_RANGE outside years 1 to 9999. */
int tg_civil_of_day(int32_t day, struct tg_civil *date);

/* The day in which an instant lies; rounds down before 1970, too. */
int64_t tg_civil_day_at(int64_t instant_ms);

/* 0 Monday to 6 Sunday. */
int tg_civil_weekday(int64_t day);

/*
 * Reads RFC 3339: "2026-09-10T04:00:00Z", with a fraction (cut after the
 * milliseconds) or an offset "+08:00".  Returns 0; TG_ERR_FORMAT when it is
 * not that; TG_ERR_RANGE when it is, but there is no such instant (second 60
 * included) or it is outside years 1 to 9999.
 */
int tg_civil_parse(struct tg_str text, int64_t *instant_ms);

/* Reads a date "2026-09-10" as a day; errors as above. */
int tg_civil_parse_date(struct tg_str text, int32_t *day);

#define TG_CIVIL_TEXT_SIZE 25
#define TG_CIVIL_DATE_SIZE 11

/*
 * Writes "2026-09-10T04:00:00.000Z" into out[TG_CIVIL_TEXT_SIZE].  Returns 0,
 * or TG_ERR_RANGE outside years 1 to 9999.
 */
int tg_civil_format(int64_t instant_ms, char *out);

/* Writes "2026-09-10" into out[TG_CIVIL_DATE_SIZE]; errors as above. */
int tg_civil_format_date(int32_t day, char *out);

#endif
