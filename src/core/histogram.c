#include "histogram.h"

#include <stdbool.h>
#include <string.h>

#include "err.h"

#define EXACT 32 /* values with a bucket of their own */
#define PARTS 16 /* buckets of a power of two */

/* 32 has five bits below its highest one, of which four choose the part. */
uint32_t
tg_histogram_bucket(uint32_t value)
{
    uint32_t power;

    if (value < EXACT)
        return value;
    power = 31 - (uint32_t)__builtin_clz(value);
    return EXACT + (power - 5) * PARTS + ((value >> (power - 4)) & (PARTS - 1));
}

uint32_t
tg_histogram_largest(uint32_t bucket)
{
    uint32_t power, part;

    if (bucket < EXACT)
        return bucket;
    power = 5 + (bucket - EXACT) / PARTS;
    part = PARTS + (bucket - EXACT) % PARTS;
    return (uint32_t)((((uint64_t)part + 1) << (power - 4)) - 1);
}

#define WORDS ((TG_HISTOGRAM_BUCKETS + 63) / 64)

static inline void
count(struct tg_histogram *histogram, uint32_t bucket, uint64_t more)
{
    uint64_t *to = &histogram->counts[bucket];

    if (more > 0)
        histogram->used[bucket / 64] |= UINT64_C(1) << (bucket % 64);
    if (__builtin_add_overflow(*to, more, to))
        *to = UINT64_MAX;
}

/* What is used stands together: whole words are quicker than their bits. */
void
tg_histogram_clear(struct tg_histogram *histogram)
{
    for (uint32_t word = 0; word < WORDS; word++) {
        uint32_t first = word * 64, left = TG_HISTOGRAM_BUCKETS - first;

        if (histogram->used[word] == 0)
            continue;
        memset(&histogram->counts[first], 0,
               (left < 64 ? left : 64) * sizeof(histogram->counts[0]));
        histogram->used[word] = 0;
    }
}

void
tg_histogram_add(struct tg_histogram *histogram, uint32_t value)
{
    count(histogram, tg_histogram_bucket(value), 1);
}

/* A pair of which a number takes more than a byte; NULL: it is cut off. */
static const uint8_t *
get_pair(const uint8_t *at, const uint8_t *end, uint64_t *step, uint64_t *more)
{
    return tg_varint_get(&at, end, step) == 0 &&
                   tg_varint_get(&at, end, more) == 0
               ? at
               : NULL;
}

/* Pairs being read, and the last of them. */
struct pairs {
    const uint8_t *at, *end;
    uint64_t bucket, count;
};

static inline struct pairs
open_pairs(const void *bytes, size_t len)
{
    const uint8_t *at = bytes;

    return (struct pairs){.at = at, .end = len > 0 ? at + len : at};
}

/* 1, 0 at the end, or TG_ERR_CORRUPT. */
static inline int
next_pair(struct pairs *pairs)
{
    const uint8_t *at = pairs->at;
    uint64_t pair[2];

    if (at == pairs->end)
        return 0;
    if (pairs->end - at >= 2 && ((at[0] | at[1]) & 0x80) == 0) {
        pairs->bucket += at[0];
        pairs->count = at[1];
        pairs->at = at + 2;
    } else {
        at = get_pair(at, pairs->end, &pair[0], &pair[1]);
        if (at == NULL || pair[0] >= TG_HISTOGRAM_BUCKETS)
            return TG_ERR_CORRUPT;
        pairs->bucket += pair[0];
        pairs->count = pair[1];
        pairs->at = at;
    }
    return pairs->bucket < TG_HISTOGRAM_BUCKETS ? 1 : TG_ERR_CORRUPT;
}

int
tg_histogram_merge(struct tg_histogram *histogram, const void *bytes,
                   size_t len)
{
    struct pairs pairs = open_pairs(bytes, len);
    int got;

    while ((got = next_pair(&pairs)) > 0)
        count(histogram, (uint32_t)pairs.bucket, pairs.count);
    return got;
}

/* Puts a pair behind one of the bucket last; returns its length. */
static size_t
put_pair(uint8_t *out, uint64_t last, uint64_t bucket, uint64_t more)
{
    size_t len;

    if (more == 0)
        return 0;
    len = tg_varint_put(out, bucket - last);
    return len + tg_varint_put(out + len, more);
}

int
tg_histogram_join(struct tg_str a, struct tg_str b, uint8_t *out, size_t *len)
{
    struct pairs x = open_pairs(a.data, a.len), y = open_pairs(b.data, b.len);
    int got_x = next_pair(&x), got_y = next_pair(&y);
    uint64_t last = 0, bucket = 0, sum = 0;

    *len = 0;
    while (got_x > 0 || got_y > 0) {
        bool is_x = got_y == 0 || (got_x > 0 && x.bucket <= y.bucket);
        const struct pairs *next = is_x ? &x : &y;

        if (got_x < 0 || got_y < 0)
            break;
        if (next->bucket != bucket) {
            *len += put_pair(out + *len, last, bucket, sum);
            last = sum > 0 ? bucket : last;
            bucket = next->bucket;
            sum = 0;
        }
        if (__builtin_add_overflow(sum, next->count, &sum))
            sum = UINT64_MAX;
        if (is_x)
            got_x = next_pair(&x);
        else
            got_y = next_pair(&y);
    }
    *len += put_pair(out + *len, last, bucket, sum);
    return got_x < 0 || got_y < 0 ? TG_ERR_CORRUPT : 0;
}

int
tg_histogram_subtract(struct tg_histogram *histogram,
                      const struct tg_histogram *less)
{
    for (uint32_t word = 0; word < WORDS; word++) {
        for (uint64_t left = less->used[word]; left != 0; left &= left - 1) {
            uint32_t i = word * 64 + (uint32_t)__builtin_ctzll(left);

            if (histogram->counts[i] < less->counts[i])
                return TG_ERR_CORRUPT;
            histogram->counts[i] -= less->counts[i];
            if (histogram->counts[i] == 0)
                histogram->used[word] &= ~(left & -left);
        }
    }
    return 0;
}

size_t
tg_histogram_encode(const struct tg_histogram *histogram, uint8_t *out)
{
    uint32_t last = 0;
    size_t len = 0;

    for (uint32_t word = 0; word < WORDS; word++) {
        for (uint64_t left = histogram->used[word]; left != 0;
             left &= left - 1) {
            uint32_t i = word * 64 + (uint32_t)__builtin_ctzll(left);

            len += tg_varint_put(out + len, i - last);
            len += tg_varint_put(out + len, histogram->counts[i]);
            last = i;
        }
    }
    return len;
}

uint64_t
tg_histogram_count(const struct tg_histogram *histogram)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < TG_HISTOGRAM_BUCKETS; i++) {
        if (__builtin_add_overflow(sum, histogram->counts[i], &sum))
            return UINT64_MAX;
    }
    return sum;
}

uint32_t
tg_histogram_quantile(const struct tg_histogram *histogram,
                      uint32_t share_permille)
{
    uint64_t count = tg_histogram_count(histogram), sum = 0;
    uint64_t wanted =
        (uint64_t)(((unsigned __int128)count * share_permille + 999) / 1000);
    uint32_t last = 0;

    for (uint32_t i = 0; i < TG_HISTOGRAM_BUCKETS; i++) {
        if (histogram->counts[i] == 0)
            continue;
        last = i;
        if (__builtin_add_overflow(sum, histogram->counts[i], &sum) ||
            sum >= wanted)
            break;
    }
    return count == 0 ? 0 : tg_histogram_largest(last);
}
