/*
 * usage_sums.h: sums over calls, as reports show them.
 */
#ifndef TG_USAGE_SUMS_H
#define TG_USAGE_SUMS_H

#include "reply.h"
#include "sums.h"
#include "usage.h"

/* Sets the members that every row of a usage report has: the sums, and what
 * follows from them, which is null where it would be of nothing. */
void tg_usage_sums_set(json_t *row, const struct tg_sums *sums);

/* The same, and the quantiles of times: latency_ms and ttft_ms. */
void tg_usage_figures_set(json_t *row, const struct tg_store_usage *usage);

/* {"p50":…,"p95":…,"p99":…}, or null when they are of nothing. */
json_t *tg_usage_quantiles(const int64_t times_ms[TG_USAGE_QUANTILES]);

/*
 * part / whole as a JSON number with at most so many decimals (0 to 6),
 * rounded half up; 0 when whole is 0.  Neither is negative.
 */
json_t *tg_usage_ratio(int64_t part, int64_t whole, int decimals);

#endif
