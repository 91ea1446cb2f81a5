/*
 * times.h: many histograms at once, each with room only for where its values
 * are.
 *
 * The buckets are those of histogram.h, in pages of sixteen, which is a power
 * of two of values.  Tens of thousands of rows have times of a few pages each,
 * where as many struct tg_histogram would take hundreds of megabytes.
 */
#ifndef TG_TIMES_H
#define TG_TIMES_H

#include "histogram.h"

#define TG_TIMES_BUCKETS 16 /* of a page */
#define TG_TIMES_PAGES (TG_HISTOGRAM_BUCKETS / TG_TIMES_BUCKETS)

/* Numbers of its pages, from 1; 0: no value is there.  All 0: empty. */
struct tg_times {
    uint32_t pages[TG_TIMES_PAGES];
};

/* The pages of all of them.  All 0: none. */
struct tg_times_pool {
    uint64_t (*pages)[TG_TIMES_BUCKETS];
    uint32_t count, room;
};

/* Counts stop at their largest value.  0 or TG_ERR_SYSTEM. */
int tg_times_add(struct tg_times_pool *pool, struct tg_times *times,
                 uint32_t value);

/* Adds an encoded one.  Or TG_ERR_CORRUPT, with a part of it added. */
int tg_times_merge(struct tg_times_pool *pool, struct tg_times *times,
                   const void *bytes, size_t len);

/* Adds one that is in no pool.  0 or TG_ERR_SYSTEM. */
int tg_times_add_all(struct tg_times_pool *pool, struct tg_times *times,
                     const struct tg_histogram *more);

/* Adds another one of the pool.  0 or TG_ERR_SYSTEM. */
int tg_times_sum(struct tg_times_pool *pool, struct tg_times *times,
                 const struct tg_times *more);

/* Writes into out[TG_HISTOGRAM_BYTES_MAX] as tg_histogram_encode does. */
size_t tg_times_encode(const struct tg_times_pool *pool,
                       const struct tg_times *times, uint8_t *out);

/*
 * As tg_histogram_quantile, of count shares in thousandths, which rise; all -1
 * when it is empty.
 */
void tg_times_quantiles(const struct tg_times_pool *pool,
                        const struct tg_times *times, const uint32_t *shares,
                        size_t count, int64_t *values);

void tg_times_release(struct tg_times_pool *pool);

#endif
