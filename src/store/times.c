#include "times.h"

#include <stdlib.h>
#include <string.h>

#include "err.h"

#define ROOM_LEAST 64

_Static_assert(TG_HISTOGRAM_BUCKETS % TG_TIMES_BUCKETS == 0, "whole pages");

/* Gives the page a number, and zeros. */
static int
add_page(struct tg_times_pool *pool, uint32_t *number)
{
    if (pool->count == pool->room) {
        uint32_t room = pool->room ? pool->room * 2 : ROOM_LEAST;
        void *pages = room > pool->room
                          ? realloc(pool->pages, room * sizeof(pool->pages[0]))
                          : NULL;

        if (pages == NULL)
            return TG_ERR_SYSTEM;
        pool->pages = pages;
        pool->room = room;
    }
    memset(pool->pages[pool->count], 0, sizeof(pool->pages[0]));
    *number = ++pool->count;
    return 0;
}

static inline int
count(struct tg_times_pool *pool, struct tg_times *times, uint32_t bucket,
      uint64_t more)
{
    uint32_t *number = &times->pages[bucket / TG_TIMES_BUCKETS];
    uint64_t *to;

    if (*number == 0 && add_page(pool, number) != 0)
        return TG_ERR_SYSTEM;
    to = &pool->pages[*number - 1][bucket % TG_TIMES_BUCKETS];
    if (__builtin_add_overflow(*to, more, to))
        *to = UINT64_MAX;
    return 0;
}

int
tg_times_add(struct tg_times_pool *pool, struct tg_times *times, uint32_t value)
{
    return count(pool, times, tg_histogram_bucket(value), 1);
}

/* Most numbers here are below 128. */
static inline int
get(const uint8_t **at, const uint8_t *end, uint64_t *value)
{
    if (*at < end && **at < 0x80) {
        *value = *(*at)++;
        return 0;
    }
    return tg_varint_get(at, end, value);
}

int
tg_times_merge(struct tg_times_pool *pool, struct tg_times *times,
               const void *bytes, size_t len)
{
    const uint8_t *at = bytes, *end = len > 0 ? at + len : at;
    uint64_t step, more, bucket = 0;
    int err = 0;

    while (at < end && err == 0) {
        if (get(&at, end, &step) != 0 || get(&at, end, &more) != 0 ||
            step >= TG_HISTOGRAM_BUCKETS ||
            (bucket += step) >= TG_HISTOGRAM_BUCKETS)
            return TG_ERR_CORRUPT;
        err = count(pool, times, (uint32_t)bucket, more);
    }
    return err;
}

int
tg_times_add_all(struct tg_times_pool *pool, struct tg_times *times,
                 const struct tg_histogram *more)
{
    int err = 0;

    for (uint32_t word = 0; word * 64 < TG_HISTOGRAM_BUCKETS; word++) {
        uint64_t left = more->used[word];

        for (; left != 0 && err == 0; left &= left - 1) {
            uint32_t bucket = word * 64 + (uint32_t)__builtin_ctzll(left);

            err = count(pool, times, bucket, more->counts[bucket]);
        }
    }
    return err;
}

int
tg_times_sum(struct tg_times_pool *pool, struct tg_times *times,
             const struct tg_times *more)
{
    for (uint32_t page = 0; page < TG_TIMES_PAGES; page++) {
        const uint64_t *from;
        uint64_t *to;

        if (more->pages[page] == 0)
            continue;
        if (times->pages[page] == 0 && add_page(pool, &times->pages[page]) != 0)
            return TG_ERR_SYSTEM;
        from = pool->pages[more->pages[page] - 1];
        to = pool->pages[times->pages[page] - 1];
        for (uint32_t i = 0; i < TG_TIMES_BUCKETS; i++) {
            uint64_t sum = to[i] + from[i];

            to[i] = sum >= from[i] ? sum : UINT64_MAX;
        }
    }
    return 0;
}

size_t
tg_times_encode(const struct tg_times_pool *pool, const struct tg_times *times,
                uint8_t *out)
{
    uint32_t last = 0;
    size_t len = 0;

    for (uint32_t i = 0; i < TG_HISTOGRAM_BUCKETS; i++) {
        uint32_t number = times->pages[i / TG_TIMES_BUCKETS];
        uint64_t here;

        if (number == 0) {
            i += TG_TIMES_BUCKETS - 1;
            continue;
        }
        here = pool->pages[number - 1][i % TG_TIMES_BUCKETS];
        if (here == 0)
            continue;
        len += tg_varint_put(out + len, i - last);
        len += tg_varint_put(out + len, here);
        last = i;
    }
    return len;
}

static uint64_t
count_all(const struct tg_times_pool *pool, const struct tg_times *times)
{
    uint64_t sum = 0;

    for (uint32_t page = 0; page < TG_TIMES_PAGES; page++) {
        const uint64_t *counts = times->pages[page] != 0
                                     ? pool->pages[times->pages[page] - 1]
                                     : NULL;

        for (uint32_t i = 0; counts != NULL && i < TG_TIMES_BUCKETS; i++) {
            if (__builtin_add_overflow(sum, counts[i], &sum))
                return UINT64_MAX;
        }
    }
    return sum;
}

/* How many of all are a share of them. */
static uint64_t
share_of(uint64_t all, uint32_t share)
{
    return (uint64_t)(((unsigned __int128)all * share + 999) / 1000);
}

void
tg_times_quantiles(const struct tg_times_pool *pool,
                   const struct tg_times *times, const uint32_t *shares,
                   size_t count, int64_t *values)
{
    uint64_t all = count_all(pool, times), sum = 0, next = 0;
    size_t done = 0;

    for (size_t i = 0; all == 0 && i < count; i++)
        values[i] = -1;
    if (all > 0 && count > 0)
        next = share_of(all, shares[0]);
    for (uint32_t i = 0; all > 0 && i < TG_HISTOGRAM_BUCKETS && done < count;
         i++) {
        uint32_t number = times->pages[i / TG_TIMES_BUCKETS];
        uint64_t more;

        if (number == 0) {
            i += TG_TIMES_BUCKETS - 1;
            continue;
        }
        more = pool->pages[number - 1][i % TG_TIMES_BUCKETS];
        if (more == 0)
            continue;
        if (__builtin_add_overflow(sum, more, &sum))
            sum = UINT64_MAX;
        while (done < count && sum >= next) {
            values[done++] = tg_histogram_largest(i);
            if (done < count)
                next = share_of(all, shares[done]);
        }
    }
}

void
tg_times_release(struct tg_times_pool *pool)
{
    free(pool->pages);
    *pool = (struct tg_times_pool){.pages = NULL};
}
