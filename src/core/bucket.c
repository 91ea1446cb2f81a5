#include "bucket.h"

#include <assert.h>
#include <stdbool.h>

/* Later instants would not fit into a word of grains with what is owed. */
#define LAST_MS INT64_C(3600000000000)

/* How far a word can be ahead of a clock that it belongs to. */
#define SLACK_MS 60000

/* A rate in its own units. */
struct measure {
    uint64_t tick_ms;
    uint64_t tick_grains;
    uint64_t limit; /* also the parts that come back in a tick */
    uint64_t token_parts;
    uint64_t full_parts;
    uint64_t farthest_grains;
};

static struct measure
measure_of(struct tg_bucket_rate rate)
{
    struct measure m = {.tick_ms = 1, .limit = rate.limit};

    assert(rate.limit > 0 && rate.period_ms > 0 && rate.period_ms % 1000 == 0 &&
           rate.period_ms <= 3600000);
    /* 1000 ticks of a millisecond are above 2^32, so this ends there. */
    while (m.tick_ms * TG_BUCKET_GRAINS_PER_MS < m.limit)
        m.tick_ms *= 10;
    m.tick_grains = m.tick_ms * TG_BUCKET_GRAINS_PER_MS;
    m.token_parts = rate.period_ms / m.tick_ms;
    m.full_parts = m.limit * m.token_parts;
    m.farthest_grains =
        (TG_BUCKET_OWED_PERIODS * (uint64_t)rate.period_ms + SLACK_MS) *
        TG_BUCKET_GRAINS_PER_MS;
    return m;
}

static uint64_t
ms_of(int64_t now_ms)
{
    return (uint64_t)(now_ms < 0 ? 0 : now_ms > LAST_MS ? LAST_MS : now_ms);
}

static uint64_t
tick_of(const struct measure *m, int64_t now_ms)
{
    return ms_of(now_ms) / m->tick_ms;
}

/* What is owed at most keeps every product below 2^75, its quotient in 64. */
static uint64_t
parts_of(const struct measure *m, uint64_t grains)
{
    return (uint64_t)((unsigned __int128)grains * m->limit / m->tick_grains);
}

static uint64_t
grains_of(const struct measure *m, uint64_t parts)
{
    unsigned __int128 product = (unsigned __int128)parts * m->tick_grains;

    return (uint64_t)((product + m->limit - 1) / m->limit);
}

/* Parts taken and not yet back. */
static uint64_t
used_at(const struct measure *m, uint64_t full_at_grains, uint64_t tick)
{
    uint64_t now = tick * m->tick_grains;

    if (full_at_grains <= now || full_at_grains - now > m->farthest_grains)
        return 0;
    return parts_of(m, full_at_grains - now);
}

static uint64_t
word_of(const struct measure *m, uint64_t used, uint64_t tick)
{
    return tick * m->tick_grains + grains_of(m, used);
}

static uint64_t
word(const struct tg_bucket *bucket)
{
    return atomic_load_explicit(&bucket->full_at_grains, memory_order_relaxed);
}

/* *old becomes the word in force when it was another. */
static bool
replace(struct tg_bucket *bucket, uint64_t *old, uint64_t new)
{
    return atomic_compare_exchange_weak_explicit(&bucket->full_at_grains, old,
                                                 new, memory_order_relaxed,
                                                 memory_order_relaxed);
}

/* Milliseconds from now_ms to the first tick with `parts` more back. */
static int64_t
ms_until(const struct measure *m, uint64_t parts, int64_t now_ms)
{
    uint64_t ticks = (parts + m->limit - 1) / m->limit;

    return (int64_t)((tick_of(m, now_ms) + ticks) * m->tick_ms - ms_of(now_ms));
}

int64_t
tg_bucket_take(struct tg_bucket *bucket, struct tg_bucket_rate rate,
               uint64_t cost, int64_t now_ms)
{
    struct measure m = measure_of(rate);
    uint64_t tick = tick_of(&m, now_ms), old = word(bucket), used;

    if (cost > m.limit)
        return TG_BUCKET_NEVER;
    do {
        used = used_at(&m, old, tick) + cost * m.token_parts;
        if (used > m.full_parts)
            return ms_until(&m, used - m.full_parts, now_ms);
    } while (!replace(bucket, &old, word_of(&m, used, tick)));
    return 0;
}

/* ahead, cost and what is owed are below 2^61 parts together. */
int64_t
tg_bucket_wait_behind(const struct tg_bucket *bucket,
                      struct tg_bucket_rate rate, uint64_t ahead, uint64_t cost,
                      int64_t now_ms)
{
    struct measure m = measure_of(rate);
    uint64_t used;

    assert(ahead <= UINT64_C(1) << 44);
    if (cost > m.limit)
        return TG_BUCKET_NEVER;
    used = used_at(&m, word(bucket), tick_of(&m, now_ms)) +
           (ahead + cost) * m.token_parts;
    if (used <= m.full_parts)
        return 0;
    return ms_until(&m, used - m.full_parts, now_ms);
}

int64_t
tg_bucket_wait(const struct tg_bucket *bucket, struct tg_bucket_rate rate,
               uint64_t cost, int64_t now_ms)
{
    return tg_bucket_wait_behind(bucket, rate, 0, cost, now_ms);
}

/* The word of a bucket with `parts` more in it than one with this word. */
static uint64_t
word_before(const struct measure *m, uint64_t old, uint64_t parts)
{
    uint64_t tick = old / m->tick_grains;
    uint64_t used = parts_of(m, old % m->tick_grains), ticks = 0;

    if (parts > used)
        ticks = (parts - used + m->limit - 1) / m->limit;
    if (ticks > tick)
        return 0;
    return word_of(m, used + ticks * m->limit - parts, tick - ticks);
}

/* More than a bucket can be owed means all of it. */
static uint64_t
parts_of_cost(const struct measure *m, uint64_t cost)
{
    uint64_t most = TG_BUCKET_OWED_PERIODS * m->limit;

    return (cost < most ? cost : most) * m->token_parts;
}

void
tg_bucket_refund(struct tg_bucket *bucket, struct tg_bucket_rate rate,
                 uint64_t cost)
{
    struct measure m = measure_of(rate);
    uint64_t parts = parts_of_cost(&m, cost), old = word(bucket);

    while (!replace(bucket, &old, word_before(&m, old, parts)))
        ;
}

void
tg_bucket_charge(struct tg_bucket *bucket, struct tg_bucket_rate rate,
                 uint64_t cost, int64_t now_ms)
{
    struct measure m = measure_of(rate);
    uint64_t most = TG_BUCKET_OWED_PERIODS * m.full_parts;
    uint64_t tick = tick_of(&m, now_ms), old = word(bucket), used;

    do {
        used = used_at(&m, old, tick) + parts_of_cost(&m, cost);
        if (used > most)
            used = most;
    } while (!replace(bucket, &old, word_of(&m, used, tick)));
}

struct tg_bucket_level
tg_bucket_level(const struct tg_bucket *bucket, struct tg_bucket_rate rate,
                int64_t now_ms)
{
    struct measure m = measure_of(rate);
    uint64_t used = used_at(&m, word(bucket), tick_of(&m, now_ms));
    uint64_t left = used < m.full_parts ? m.full_parts - used : 0;

    return (struct tg_bucket_level){
        .left = (uint32_t)(left / m.token_parts),
        .full_in_ms = used == 0 ? 0 : ms_until(&m, used, now_ms),
    };
}
