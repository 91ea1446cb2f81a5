/*
 * advice_rules.h: which limits follow from what a key was used for.
 *
 * Whole numbers throughout.  docs/advice.md says why.
 */
#ifndef TG_ADVICE_RULES_H
#define TG_ADVICE_RULES_H

#include <stdint.h>

/* No limit is suggested below these, however little was used. */
#define TG_ADVICE_REQUESTS_FLOOR 100 /* a minute */
#define TG_ADVICE_TOKENS_FLOOR 10000

/* 120 % of a peak, rounded up, and at least floor.  peak is not negative. */
int64_t tg_advice_rate(int64_t peak, int64_t floor);

/* 120 % of the busiest second, rounded down: at most that. */
int64_t tg_advice_second(int64_t peak);

/* Days that have begun in a time that lasted so long; at least one. */
int64_t tg_advice_days(int64_t lasted_ms);

/* Three times the mean of a day, rounded up. */
int64_t tg_advice_daily(int64_t calls, int64_t lasted_ms);

#endif
