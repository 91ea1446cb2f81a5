/*
 * histogram.h: how many values fell where, in a form that can be added up.
 *
 * Values below 32 have a bucket each; above, each power of two has sixteen.
 * So a quantile is at most 1/16 above what it stands for, and two histograms
 * are merged by adding their buckets: no figure is lost by merging.
 *
 * Encoded, it is a pair of varints for each bucket that is not empty: by how
 * much its index is above the one before (the first: above 0), and its count.
 */
#ifndef TG_HISTOGRAM_H
#define TG_HISTOGRAM_H

#include "str.h"
#include "varint.h"

#define TG_HISTOGRAM_BUCKETS 464
#define TG_HISTOGRAM_BYTES_MAX (TG_HISTOGRAM_BUCKETS * (2 + TG_VARINT_MAX))

/* All 0: empty.  used has a bit for each bucket whose count is not 0. */
struct tg_histogram {
    uint64_t used[(TG_HISTOGRAM_BUCKETS + 63) / 64];
    uint64_t counts[TG_HISTOGRAM_BUCKETS];
};

/* Makes it empty; cheaper than zeroing it where few buckets are used. */
void tg_histogram_clear(struct tg_histogram *histogram);

/* Counts stop at their largest value; a value takes all 32 bits. */
void tg_histogram_add(struct tg_histogram *histogram, uint32_t value);

/* Adds an encoded one.  0, or TG_ERR_CORRUPT with a part of it added. */
int tg_histogram_merge(struct tg_histogram *histogram, const void *bytes,
                       size_t len);

/*
 * Writes the sum of two encoded ones into out[TG_HISTOGRAM_BYTES_MAX]: cheaper
 * than to merge them where few buckets are used.  0, or TG_ERR_CORRUPT.
 */
int tg_histogram_join(struct tg_str a, struct tg_str b, uint8_t *out,
                      size_t *len);

/*
 * Takes away what was added to it with less, as if it never had been.  0, or
 * TG_ERR_CORRUPT when it was not, with a part of it taken.
 */
int tg_histogram_subtract(struct tg_histogram *histogram,
                          const struct tg_histogram *less);

/* Writes into out[TG_HISTOGRAM_BYTES_MAX] and returns the length. */
size_t tg_histogram_encode(const struct tg_histogram *histogram, uint8_t *out);

/* The bucket of a value, and the largest value of a bucket. */
uint32_t tg_histogram_bucket(uint32_t value);
uint32_t tg_histogram_largest(uint32_t bucket);

uint64_t tg_histogram_count(const struct tg_histogram *histogram);

/*
 * The largest value of the bucket in which the share of all, in thousandths
 * (500: the median), is reached; 0 when it is empty.
 */
uint32_t tg_histogram_quantile(const struct tg_histogram *histogram,
                               uint32_t share_permille);

#endif
