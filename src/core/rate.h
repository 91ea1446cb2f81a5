/*
 * rate.h: the rates of a key together: all of them let a call pass, or none
 * counts it.
 *
 * Exact for any number of workers: of calls at one instant, precisely those
 * pass that would pass one after the other.  While a call that a later limit
 * refuses is being given back, another may find an earlier limit used up; the
 * order in rate.c is such that the later limit refuses that one, too.
 *
 * Not handled: a worker killed inside one of these, between two words, leaves
 * the call counted in the first.  Buckets forget it as they fill, the day at
 * its end; in_flight until the daemon looks (crowd.h in src/daemon).
 */
#ifndef TG_RATE_H
#define TG_RATE_H

#include <stddef.h>

#include "layout.h"

enum tg_rate_limit {
    TG_RATE_NONE = 0,
    TG_RATE_TOKENS,      /* tokens_per_minute */
    TG_RATE_MINUTE,      /* requests_per_minute */
    TG_RATE_SECOND,      /* requests_per_second */
    TG_RATE_DAY,         /* requests_per_day */
    TG_RATE_CONCURRENCY, /* calls at once */
    TG_RATE_LINE,        /* of calls that wait: queue.h */
};

/* Values of wait_ms that are no time. */
#define TG_RATE_NEVER (-1)      /* the estimate is above the limit itself */
#define TG_RATE_UNTIL_DAY (-2)  /* until the key's day ends */
#define TG_RATE_UNTIL_CALL (-3) /* until one of its calls ends */

/* Why a call may not pass now. */
struct tg_rate_verdict {
    enum tg_rate_limit limit; /* of those it fails, the one it waits longest */
    uint32_t size;            /* of that limit */
    uint32_t left;            /* of that limit, before this call */
    int64_t wait_ms;          /* until it would pass, or TG_RATE_… */
};

/*
 * Takes a call with an estimate of its tokens (0 or more) from every limit of
 * the policy.  day is the civil day at now_ms in the key's zone.  Returns 0,
 * and the call counts in counters->in_flight: tg_settle takes it out again,
 * tg_area_begin must not count it for the key; or TG_ERR_LIMIT, nothing taken
 * and verdict written.
 *
 * A day's count begins when the limit is first set.  A day before the one
 * counted last counts in that, so that a worker behind at midnight neither
 * loses nor gives a call; one further back is a clock that was set back, and
 * begins anew.
 */
int tg_rate_take(struct tg_counters *counters,
                 const struct tg_key_policy *policy, int64_t now_ms,
                 int32_t day, int64_t tokens_estimate,
                 struct tg_rate_verdict *verdict);

/*
 * What tg_rate_take would return now, and the verdict; takes nothing, so it
 * may be otherwise by the time it is taken.
 */
int tg_rate_peek(struct tg_counters *counters,
                 const struct tg_key_policy *policy, int64_t now_ms,
                 int32_t day, int64_t tokens_estimate,
                 struct tg_rate_verdict *verdict);

/* A call and those of its key that go first. */
struct tg_rate_line {
    uint32_t calls;  /* ahead of it, up to 2^12 */
    uint64_t tokens; /* all of theirs, up to 2^44 */
    int64_t own;     /* its own estimate of tokens */
};

/*
 * The same for a call in line, once those ahead have gone, each as soon as it
 * can: wait_ms includes them.
 */
int tg_rate_peek_behind(struct tg_counters *counters,
                        const struct tg_key_policy *policy, int64_t now_ms,
                        int32_t day, const struct tg_rate_line *line,
                        struct tg_rate_verdict *verdict);

/*
 * Undoes a tg_rate_take that returned 0, for a call that goes no further: of
 * the same day and estimate.  Once, and not besides tg_settle.
 */
void tg_rate_refund(struct tg_counters *counters,
                    const struct tg_key_policy *policy, int32_t day,
                    int64_t tokens_estimate);

/*
 * Corrects tokens a minute at the end of a call: the difference goes back, or
 * is charged even if it must be owed (tg_bucket_charge).
 */
void tg_rate_settle(struct tg_counters *counters,
                    const struct tg_key_policy *policy, int64_t tokens_estimate,
                    int64_t tokens_actual, int64_t now_ms);

/* One limit as it stands; limit TG_RATE_NONE: the key has none. */
struct tg_rate_standing {
    enum tg_rate_limit limit;
    uint32_t size;
    uint32_t left;
    int64_t reset_ms; /* until it is completely full again, or TG_RATE_… */
};

/* How limit stands now; day is the civil day in the key's zone. */
struct tg_rate_standing tg_rate_stand(const struct tg_counters *counters,
                                      const struct tg_key_policy *policy,
                                      int64_t now_ms, int32_t day,
                                      enum tg_rate_limit limit);

/* What is left of requests_per_day; the policy has that limit. */
uint32_t tg_rate_day_left(const struct tg_counters *counters,
                          const struct tg_key_policy *policy, int32_t day);

/* For x-ratelimit-*. */
struct tg_rate_report {
    struct tg_rate_standing requests; /* a second's or a minute's */
    struct tg_rate_standing tokens;
};

/*
 * What is left now.  Of requests a second and a minute the one with the
 * smaller share left; a minute's when they are equal.
 */
void tg_rate_report(const struct tg_counters *counters,
                    const struct tg_key_policy *policy, int64_t now_ms,
                    struct tg_rate_report *report);

#define TG_RATE_DURATION_SIZE 32

/*
 * Writes a time as Go does, "0s", "12ms", "1.5s", "6m0s", "1h0m0.25s", into
 * out[TG_RATE_DURATION_SIZE], with a NUL; below 0 is "0s".  Returns the length
 * without the NUL.
 */
size_t tg_rate_duration(char *out, int64_t ms);

#endif
