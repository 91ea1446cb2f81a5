#include "rate.h"

#include <stdbool.h>

#include "err.h"

/*
 * The order of taking is that of enum tg_rate_limit.  Tokens come first: it
 * is the only limit of which calls take different amounts.  A call that is
 * given back was refused by a limit of which each call takes one, so whoever
 * saw it in the way would have been refused there.
 */

/* What a call takes from one bucket. */
struct ask {
    enum tg_rate_limit limit;
    struct tg_bucket *bucket;
    struct tg_bucket_rate rate;
    uint64_t cost;
    uint64_t ahead; /* what others take before */
};

struct asks {
    struct ask of[3];
    size_t count;
};

static void
add_ask(struct asks *asks, struct ask ask)
{
    if (ask.rate.limit != 0)
        asks->of[asks->count++] = ask;
}

static void
asks_of(struct asks *asks, struct tg_rate_state *rate,
        const struct tg_key_policy *policy, const struct tg_rate_line *line)
{
    asks->count = 0;
    add_ask(asks, (struct ask){TG_RATE_TOKENS,
                               &rate->tokens,
                               {policy->tokens_per_minute, 60000},
                               line->own < 0 ? 0 : (uint64_t)line->own,
                               line->tokens});
    add_ask(asks, (struct ask){TG_RATE_MINUTE,
                               &rate->minute,
                               {policy->requests_per_minute, 60000},
                               1,
                               line->calls});
    add_ask(asks, (struct ask){TG_RATE_SECOND,
                               &rate->second,
                               {policy->requests_per_second, 1000},
                               1,
                               line->calls});
}

/* A day's word: its number above the requests in it. */

static int32_t
day_of(uint64_t word)
{
    return (int32_t)(uint32_t)(word >> 32);
}

static uint32_t
count_of(uint64_t word)
{
    return (uint32_t)word;
}

static uint64_t
word_of(int32_t day, uint32_t count)
{
    return (uint64_t)(uint32_t)day << 32 | count;
}

/* The word as a call of this day counts in it. */
static uint64_t
word_on(uint64_t word, int32_t day)
{
    int64_t ahead = (int64_t)day_of(word) - day;

    return ahead == 0 || ahead == 1 ? word : word_of(day, 0);
}

static bool
replace(_Atomic uint64_t *word, uint64_t *old, uint64_t new)
{
    return atomic_compare_exchange_weak_explicit(
        word, old, new, memory_order_relaxed, memory_order_relaxed);
}

uint32_t
tg_rate_day_left(const struct tg_counters *counters,
                 const struct tg_key_policy *policy, int32_t day)
{
    uint32_t limit = policy->requests_per_day;
    uint64_t on = word_on(
        atomic_load_explicit(&counters->rate.day, memory_order_relaxed), day);

    return count_of(on) < limit ? limit - count_of(on) : 0;
}

static bool
take_day(_Atomic uint64_t *word, uint32_t limit, int32_t day)
{
    uint64_t old = atomic_load_explicit(word, memory_order_relaxed), on;

    if (limit == 0)
        return true;
    do {
        on = word_on(old, day);
        if (count_of(on) >= limit)
            return false;
    } while (!replace(word, &old, on + 1));
    return true;
}

/* Nothing to give when the day has been left behind. */
static void
give_day(_Atomic uint64_t *word, uint32_t limit, int32_t day)
{
    uint64_t old = atomic_load_explicit(word, memory_order_relaxed);

    if (limit == 0)
        return;
    do {
        if (word_on(old, day) != old || count_of(old) == 0)
            return;
    } while (!replace(word, &old, old - 1));
}

/*
 * Counts without a limit, too: in_flight is everybody's.  The highest number,
 * which is in a damaged file only, is followed by the lowest, as in leave().
 */
static bool
enter(_Atomic int32_t *in_flight, uint32_t limit)
{
    int32_t old = atomic_load_explicit(in_flight, memory_order_relaxed), new;

    do {
        if (limit != 0 && old > 0 && (uint32_t)old >= limit)
            return false;
        new = (int32_t)((uint32_t)old + 1);
    } while (!atomic_compare_exchange_weak_explicit(
        in_flight, &old, new, memory_order_relaxed, memory_order_relaxed));
    return true;
}

static void
leave(_Atomic int32_t *in_flight)
{
    atomic_fetch_sub_explicit(in_flight, 1, memory_order_relaxed);
}

static void
give_buckets(const struct asks *asks, size_t taken)
{
    while (taken-- > 0)
        tg_bucket_refund(asks->of[taken].bucket, asks->of[taken].rate,
                         asks->of[taken].cost);
}

/* Returns the limit that refuses; then nothing is taken. */
static enum tg_rate_limit
take_buckets(const struct asks *asks, int64_t now_ms)
{
    for (size_t i = 0; i < asks->count; i++) {
        const struct ask *ask = &asks->of[i];

        if (tg_bucket_take(ask->bucket, ask->rate, ask->cost, now_ms) != 0) {
            give_buckets(asks, i);
            return ask->limit;
        }
    }
    return TG_RATE_NONE;
}

static enum tg_rate_limit
take_all(struct tg_counters *counters, const struct tg_key_policy *policy,
         const struct asks *asks, int64_t now_ms, int32_t day)
{
    enum tg_rate_limit refused = take_buckets(asks, now_ms);

    if (refused != TG_RATE_NONE)
        return refused;
    if (!take_day(&counters->rate.day, policy->requests_per_day, day)) {
        give_buckets(asks, asks->count);
        return TG_RATE_DAY;
    }
    if (!enter(&counters->in_flight, policy->concurrency)) {
        give_day(&counters->rate.day, policy->requests_per_day, day);
        give_buckets(asks, asks->count);
        return TG_RATE_CONCURRENCY;
    }
    return TG_RATE_NONE;
}

static struct tg_rate_verdict
verdict_of_ask(const struct ask *ask, int64_t now_ms)
{
    int64_t wait_ms = tg_bucket_wait_behind(ask->bucket, ask->rate, ask->ahead,
                                            ask->cost, now_ms);

    return (struct tg_rate_verdict){
        ask->limit, ask->rate.limit,
        tg_bucket_level(ask->bucket, ask->rate, now_ms).left,
        wait_ms == TG_BUCKET_NEVER ? TG_RATE_NEVER : wait_ms};
}

/* The bucket that is waited for longest; TG_RATE_NONE when none is. */
static struct tg_rate_verdict
longest_wait(const struct asks *asks, enum tg_rate_limit refused,
             int64_t now_ms)
{
    struct tg_rate_verdict longest = {TG_RATE_NONE, 0, 0, 0};

    for (size_t i = 0; i < asks->count; i++) {
        struct tg_rate_verdict verdict = verdict_of_ask(&asks->of[i], now_ms);

        if (verdict.wait_ms == TG_RATE_NEVER)
            return verdict;
        /* It refused, and somebody has given back since. */
        if (verdict.wait_ms == 0 && verdict.limit == refused)
            verdict.wait_ms = 1;
        if (verdict.wait_ms > longest.wait_ms)
            longest = verdict;
    }
    return longest;
}

/* Of all that is in the way by now, what is so for longest. */
static struct tg_rate_verdict
verdict_of(const struct tg_counters *counters,
           const struct tg_key_policy *policy, const struct asks *asks,
           enum tg_rate_limit refused, int64_t now_ms, int32_t day)
{
    struct tg_rate_verdict verdict = longest_wait(asks, refused, now_ms);
    uint32_t daily = policy->requests_per_day;

    if (verdict.wait_ms == TG_RATE_NEVER)
        return verdict;
    if (refused == TG_RATE_DAY ||
        (daily != 0 && tg_rate_day_left(counters, policy, day) == 0))
        return (struct tg_rate_verdict){TG_RATE_DAY, daily, 0,
                                        TG_RATE_UNTIL_DAY};
    if (verdict.limit != TG_RATE_NONE)
        return verdict;
    return (struct tg_rate_verdict){TG_RATE_CONCURRENCY, policy->concurrency, 0,
                                    TG_RATE_UNTIL_CALL};
}

int
tg_rate_take(struct tg_counters *counters, const struct tg_key_policy *policy,
             int64_t now_ms, int32_t day, int64_t tokens_estimate,
             struct tg_rate_verdict *verdict)
{
    const struct tg_rate_line line = {.own = tokens_estimate};
    struct asks asks;
    enum tg_rate_limit refused;

    asks_of(&asks, &counters->rate, policy, &line);
    refused = take_all(counters, policy, &asks, now_ms, day);
    if (refused == TG_RATE_NONE)
        return 0;
    *verdict = verdict_of(counters, policy, &asks, refused, now_ms, day);
    return TG_ERR_LIMIT;
}

static bool
is_crowded(const struct tg_counters *counters,
           const struct tg_key_policy *policy, uint32_t ahead)
{
    int32_t n =
        atomic_load_explicit(&counters->in_flight, memory_order_relaxed);

    return policy->concurrency != 0 &&
           (n < 0 ? 0 : (uint64_t)n) + ahead >= policy->concurrency;
}

int
tg_rate_peek_behind(struct tg_counters *counters,
                    const struct tg_key_policy *policy, int64_t now_ms,
                    int32_t day, const struct tg_rate_line *line,
                    struct tg_rate_verdict *verdict)
{
    struct tg_rate_verdict longest;
    struct asks asks;
    bool has_day;

    asks_of(&asks, &counters->rate, policy, line);
    longest = longest_wait(&asks, TG_RATE_NONE, now_ms);
    has_day = policy->requests_per_day == 0 ||
              tg_rate_day_left(counters, policy, day) > line->calls;
    if (longest.limit == TG_RATE_NONE && has_day &&
        !is_crowded(counters, policy, line->calls))
        return 0;
    *verdict = verdict_of(counters, policy, &asks,
                          has_day ? TG_RATE_NONE : TG_RATE_DAY, now_ms, day);
    return TG_ERR_LIMIT;
}

int
tg_rate_peek(struct tg_counters *counters, const struct tg_key_policy *policy,
             int64_t now_ms, int32_t day, int64_t tokens_estimate,
             struct tg_rate_verdict *verdict)
{
    const struct tg_rate_line line = {.own = tokens_estimate};

    return tg_rate_peek_behind(counters, policy, now_ms, day, &line, verdict);
}

void
tg_rate_refund(struct tg_counters *counters, const struct tg_key_policy *policy,
               int32_t day, int64_t tokens_estimate)
{
    const struct tg_rate_line line = {.own = tokens_estimate};
    struct asks asks;

    asks_of(&asks, &counters->rate, policy, &line);
    leave(&counters->in_flight);
    give_day(&counters->rate.day, policy->requests_per_day, day);
    give_buckets(&asks, asks.count);
}

void
tg_rate_settle(struct tg_counters *counters, const struct tg_key_policy *policy,
               int64_t tokens_estimate, int64_t tokens_actual, int64_t now_ms)
{
    struct tg_bucket_rate rate = {policy->tokens_per_minute, 60000};
    uint64_t estimate = tokens_estimate < 0 ? 0 : (uint64_t)tokens_estimate;
    uint64_t actual = tokens_actual < 0 ? 0 : (uint64_t)tokens_actual;

    if (rate.limit == 0 || actual == estimate)
        return;
    if (actual > estimate)
        tg_bucket_charge(&counters->rate.tokens, rate, actual - estimate,
                         now_ms);
    else
        tg_bucket_refund(&counters->rate.tokens, rate, estimate - actual);
}
