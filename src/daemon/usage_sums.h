/*
 * usage_sums.h: sums over calls, as reports show them.
 */
#ifndef TG_USAGE_SUMS_H
#define TG_USAGE_SUMS_H

#include "reply.h"
#include "usage.h"

/* Sets the members that every row about usage has: see usage_text.h. */
void tg_usage_figures_set(json_t *row, const struct tg_store_usage *usage);

/*
 * part / whole as a JSON number with at most so many decimals (0 to 6),
 * rounded half up; 0 when whole is 0.  Neither is negative.
 */
json_t *tg_usage_ratio(int64_t part, int64_t whole, int decimals);

#endif
