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

/* A pair of which a number takes more than a byte; NULL: it is cut off. */
static const uint8_t *
get_pair(const uint8_t *at, const uint8_t *end, uint64_t *step, uint64_t *more)
{
    return tg_varint_get(&at, end, step) == 0 &&
                   tg_varint_get(&at, end, more) == 0
               ? at
               : NULL;
}

int
tg_times_merge(struct tg_times_pool *pool, struct tg_times *times,
               const void *bytes, size_t len)
{
    const uint8_t *at = bytes, *end = len > 0 ? at + len : at;
    uint64_t bucket = 0;
    int err = 0;

    while (at < end && err == 0) {
        uint64_t step, more;

        if (end - at >= 2 && ((at[0] | at[1]) & 0x80) == 0) {
            step = at[0];
            more = at[1];
            at += 2;
        } else {
            uint64_t pair[2];

            at = get_pair(at, end, &pair[0], &pair[1]);
            if (at == NULL || pair[0] >= TG_HISTOGRAM_BUCKETS)
                return TG_ERR_CORRUPT;
            step = pair[0];
            more = pair[1];
        }
        bucket += step;
        if (bucket >= TG_HISTOGRAM_BUCKETS)
            return TG_ERR_CORRUPT;
        err = count(pool, times, (uint32_t)bucket, more);
    }
    return err;
}

/* Adds the buckets of a page of a histogram that used has a bit for. */
static int
add_buckets(struct tg_times_pool *pool, uint32_t *number, uint64_t used,
            const uint64_t *from)
{
    uint64_t *to;

    if (*number == 0 && add_page(pool, number) != 0)
        return TG_ERR_SYSTEM;
    to = pool->pages[*number - 1];
    for (; used != 0; used &= used - 1) {
        uint32_t i = (uint32_t)__builtin_ctzll(used);

        if (__builtin_add_overflow(to[i], from[i], &to[i]))
            to[i] = UINT64_MAX;
    }
    return 0;
}

#define PAGES_OF_WORD (64 / TG_TIMES_BUCKETS)

int
tg_times_add_all(struct tg_times_pool *pool, struct tg_times *times,
                 const struct tg_histogram *more)
{
    int err = 0;

    for (uint32_t word = 0; word * 64 < TG_HISTOGRAM_BUCKETS; word++) {
        uint64_t left = more->used[word];

        for (uint32_t page = word * PAGES_OF_WORD; left != 0 && err == 0;
             page++, left >>= TG_TIMES_BUCKETS) {
            uint64_t used = left & ((1u << TG_TIMES_BUCKETS) - 1);

            if (used != 0)
                err = add_buckets(pool, &times->pages[page], used,
                                  &more->counts[page * TG_TIMES_BUCKETS]);
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

/* The counts of a page, and sum. */
static uint64_t
add_up(uint64_t sum, const uint64_t counts[TG_TIMES_BUCKETS])
{
    for (uint32_t i = 0; i < TG_TIMES_BUCKETS; i++) {
        if (__builtin_add_overflow(sum, counts[i], &sum))
            return UINT64_MAX;
    }
    return sum;
}

/* How many of all are a share of them. */
static uint64_t
share_of(uint64_t all, uint32_t share)
{
    return (uint64_t)(((unsigned __int128)all * share + 999) / 1000);
}

/* Quantiles being looked for. */
struct search {
    const uint32_t *shares;
    size_t count, done;
    int64_t *values;
    uint64_t all;
    uint64_t next; /* how many values the next share is */
};

/* In a page, of whose values the first has so many before it. */
static void
search_page(struct search *search, const uint64_t *counts, uint32_t first,
            uint64_t sum)
{
    for (uint32_t i = 0; i < TG_TIMES_BUCKETS; i++) {
        if (counts[i] == 0)
            continue;
        if (__builtin_add_overflow(sum, counts[i], &sum))
            sum = UINT64_MAX;
        while (search->done < search->count && sum >= search->next) {
            search->values[search->done++] = tg_histogram_largest(first + i);
            if (search->done < search->count)
                search->next =
                    share_of(search->all, search->shares[search->done]);
        }
    }
}

void
tg_times_quantiles(const struct tg_times_pool *pool,
                   const struct tg_times *times, const uint32_t *shares,
                   size_t count, int64_t *values)
{
    struct search search = {.shares = shares, .count = count, .values = values};
    uint64_t sums[TG_TIMES_PAGES]; /* up to the end of a page that is there */
    uint32_t pages[TG_TIMES_PAGES], page_count = 0;

    for (uint32_t i = 0; i < TG_TIMES_PAGES; i++) {
        if (times->pages[i] == 0)
            continue;
        search.all = add_up(search.all, pool->pages[times->pages[i] - 1]);
        sums[page_count] = search.all;
        pages[page_count++] = i;
    }
    for (size_t i = 0; search.all == 0 && i < count; i++)
        values[i] = -1;
    if (search.all == 0 || count == 0)
        return;
    search.next = share_of(search.all, shares[0]);
    for (uint32_t i = 0; i < page_count && search.done < count; i++) {
        if (sums[i] >= search.next)
            search_page(&search, pool->pages[times->pages[pages[i]] - 1],
                        pages[i] * TG_TIMES_BUCKETS, i > 0 ? sums[i - 1] : 0);
    }
}

void
tg_times_release(struct tg_times_pool *pool)
{
    free(pool->pages);
    *pool = (struct tg_times_pool){.pages = NULL};
}
