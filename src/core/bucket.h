/*
 * bucket.h: a token bucket in one word, exact to the last part of a token.
 *
 * A bucket of `limit` tokens a period is full at birth and never holds more.
 * All of it is integers:
 *
 *   A token has period_ms parts, and `limit` parts come back each
 *   millisecond, so `limit` tokens a period, for ever.  Let used be the parts
 *   taken and not yet back.  As time goes from t to t' (ms),
 *       used = max(0, used - limit * (t' - t))
 *   and a take of `cost` tokens passes exactly when
 *       used + cost * period_ms <= limit * period_ms
 *   and adds cost * period_ms to used.
 *
 * Limits above 5 000 000 count by ticks of 10 ms, above 50 000 000 of 100,
 * above 500 000 000 of 1000: for "millisecond" read "tick", and a token has
 * period_ms / tick_ms parts.  Instants round down to ticks.
 *
 * The word is the instant at which the bucket will be full (GCRA's theoretical
 * arrival time) in grains, 5 000 000 a millisecond.  A part takes at least a
 * grain to come back, so the instant rounded up to a grain tells the parts
 * again: nothing is lost, however often it is taken from.  As the word is an
 * instant, a limit that changes keeps the share that is used, to less than a
 * part.
 *
 * Clocks.  A caller whose clock is behind sees less in the bucket, never
 * more.  A word further ahead than what may be owed (TG_BUCKET_OWED_PERIODS)
 * and a minute can only come from a clock that was set back, and reads as
 * full.  So a clock set back closes a bucket for at most that long, and one
 * set forward or far back opens it once, by one capacity.
 *
 * Any thread of any process that maps the word may call these; each is one
 * compare-and-swap, and waits for nobody.
 */
#ifndef TG_BUCKET_H
#define TG_BUCKET_H

#include <stdatomic.h>
#include <stdint.h>

struct tg_bucket {
    _Atomic uint64_t full_at_grains; /* since 1970; 0: full */
};

#define TG_BUCKET_GRAINS_PER_MS 5000000

/* How full a bucket can be owed: 1 is empty, the rest is debt. */
#define TG_BUCKET_OWED_PERIODS 10

/*
 * limit is 1 to 2^32 - 1, period_ms a multiple of 1000 up to 3 600 000.
 * Instants (now_ms) are Unix time; outside 0 to the year 2084 they are taken
 * for the nearest in it.
 */
struct tg_bucket_rate {
    uint32_t limit;
    uint32_t period_ms;
};

/* No wait helps: the cost is above the limit. */
#define TG_BUCKET_NEVER (-1)

/*
 * Takes cost tokens.  Returns 0; or, with the bucket as it was, the least
 * number of milliseconds after which the same would pass if nobody else took
 * any, or TG_BUCKET_NEVER.
 */
int64_t tg_bucket_take(struct tg_bucket *bucket, struct tg_bucket_rate rate,
                       uint64_t cost, int64_t now_ms);

/* What tg_bucket_take would return; takes nothing. */
int64_t tg_bucket_wait(const struct tg_bucket *bucket,
                       struct tg_bucket_rate rate, uint64_t cost,
                       int64_t now_ms);

/*
 * The same, when others take `ahead` tokens before, each as soon as it can;
 * ahead is at most 2^44.  It may be a millisecond more for each of them that
 * waits for a bucket that is full.
 */
int64_t tg_bucket_wait_behind(const struct tg_bucket *bucket,
                              struct tg_bucket_rate rate, uint64_t ahead,
                              uint64_t cost, int64_t now_ms);

/*
 * Gives back cost tokens that were taken: used becomes max(0, used - cost *
 * period_ms).  At once after a take it undoes it.  Tokens that came back by
 * time meanwhile are given back on top, up to full: then more may pass in one
 * burst, but never more since birth than time and capacity allow.
 */
void tg_bucket_refund(struct tg_bucket *bucket, struct tg_bucket_rate rate,
                      uint64_t cost);

/*
 * Takes cost tokens whether they are there or not.  What is missing is owed,
 * up to TG_BUCKET_OWED_PERIODS times the limit; beyond, it is forgiven.
 */
void tg_bucket_charge(struct tg_bucket *bucket, struct tg_bucket_rate rate,
                      uint64_t cost, int64_t now_ms);

/* How a bucket stands, of one reading of it. */
struct tg_bucket_level {
    uint32_t left;      /* whole tokens that can be taken now; 0 while owed */
    int64_t full_in_ms; /* until it is full again; 0: it is */
};

struct tg_bucket_level tg_bucket_level(const struct tg_bucket *bucket,
                                       struct tg_bucket_rate rate,
                                       int64_t now_ms);

#endif
