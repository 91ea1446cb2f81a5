/*
 * report_period.h: the days, weeks and months that reports are of, in a time
 * zone.
 *
 * A week is Monday to Sunday.  A period begins at the first quarter-hour that
 * usage_spans.h counts to its first day, so its sums are those of its days,
 * also where clocks are changed: a day has 23 or 25 hours then.
 */
#ifndef TG_REPORT_PERIOD_H
#define TG_REPORT_PERIOD_H

#include <stdbool.h>

#include "zone.h"

enum tg_report_kind {
    TG_REPORT_DAILY = 0,
    TG_REPORT_WEEKLY,
    TG_REPORT_MONTHLY,
    TG_REPORT_KINDS
};

extern const char tg_report_kinds[]; /* their names, with blanks between */

const char *tg_report_kind_name(enum tg_report_kind kind);

/* False when it is none. */
bool tg_report_kind_of(const char *name, enum tg_report_kind *kind);

/* Days as civil.h counts them; instants in ms. */
struct tg_report_period {
    enum tg_report_kind kind;
    int64_t first_day, end_day; /* end_day and to are not of it */
    int64_t from, to;
};

/* The one that a day is in. */
void tg_report_period_of(struct tg_report_period *period,
                         enum tg_report_kind kind, const struct tg_zone *zone,
                         int64_t day);

/* The one that ends where another begins. */
void tg_report_period_before(struct tg_report_period *before,
                             const struct tg_report_period *period,
                             const struct tg_zone *zone);

/* The day that it is at an instant, and the instant at which one begins. */
int64_t tg_report_day_of(const struct tg_zone *zone, int64_t at_ms);
int64_t tg_report_day_at(const struct tg_zone *zone, int64_t day);

/*
 * The first instant of a day at which its clocks show so many minutes after
 * midnight, or more where they skip that: never before the day begins.
 */
int64_t tg_report_time_at(const struct tg_zone *zone, int64_t day,
                          int64_t minutes);

/* "2026-11-26", "2026-W48", "2026-11". */
#define TG_REPORT_NAME_SIZE 16
void tg_report_period_name(const struct tg_report_period *period,
                           char out[TG_REPORT_NAME_SIZE]);

#endif
