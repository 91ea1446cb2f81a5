#include "rate.h"

#include <stdbool.h>

#include "digits.h"

static struct tg_rate_standing
standing_of(enum tg_rate_limit limit, const struct tg_bucket *bucket,
            struct tg_bucket_rate rate, int64_t now_ms)
{
    struct tg_bucket_level level;

    if (rate.limit == 0)
        return (struct tg_rate_standing){TG_RATE_NONE, 0, 0, 0};
    level = tg_bucket_level(bucket, rate, now_ms);
    return (struct tg_rate_standing){limit, rate.limit, level.left,
                                     level.full_in_ms};
}

/* The two limits that are no buckets. */
static struct tg_rate_standing
count_of(enum tg_rate_limit limit, uint32_t size, uint32_t left,
         int64_t reset_ms)
{
    if (size == 0)
        return (struct tg_rate_standing){TG_RATE_NONE, 0, 0, 0};
    return (struct tg_rate_standing){limit, size, left,
                                     left == size ? 0 : reset_ms};
}

static uint32_t
calls_left(const struct tg_counters *counters, uint32_t limit)
{
    int32_t n =
        atomic_load_explicit(&counters->in_flight, memory_order_relaxed);

    if (n <= 0)
        return limit;
    return (uint32_t)n < limit ? limit - (uint32_t)n : 0;
}

struct tg_rate_standing
tg_rate_stand(const struct tg_counters *counters,
              const struct tg_key_policy *policy, int64_t now_ms, int32_t day,
              enum tg_rate_limit limit)
{
    const struct tg_rate_state *rate = &counters->rate;

    switch (limit) {
    case TG_RATE_TOKENS:
        return standing_of(
            limit, &rate->tokens,
            (struct tg_bucket_rate){policy->tokens_per_minute, 60000}, now_ms);
    case TG_RATE_MINUTE:
        return standing_of(
            limit, &rate->minute,
            (struct tg_bucket_rate){policy->requests_per_minute, 60000},
            now_ms);
    case TG_RATE_SECOND:
        return standing_of(
            limit, &rate->second,
            (struct tg_bucket_rate){policy->requests_per_second, 1000}, now_ms);
    case TG_RATE_DAY:
        return count_of(limit, policy->requests_per_day,
                        tg_rate_day_left(counters, policy, day),
                        TG_RATE_UNTIL_DAY);
    case TG_RATE_CONCURRENCY:
        return count_of(limit, policy->concurrency,
                        calls_left(counters, policy->concurrency),
                        TG_RATE_UNTIL_CALL);
    default:
        return (struct tg_rate_standing){TG_RATE_NONE, 0, 0, 0};
    }
}

/* Whether a smaller share of a than of b is left. */
static bool
is_tighter(const struct tg_rate_standing *a, const struct tg_rate_standing *b)
{
    return (uint64_t)a->left * b->size < (uint64_t)b->left * a->size;
}

void
tg_rate_report(const struct tg_counters *counters,
               const struct tg_key_policy *policy, int64_t now_ms,
               struct tg_rate_report *report)
{
    struct tg_rate_standing minute, second;

    minute = tg_rate_stand(counters, policy, now_ms, 0, TG_RATE_MINUTE);
    second = tg_rate_stand(counters, policy, now_ms, 0, TG_RATE_SECOND);
    report->tokens = tg_rate_stand(counters, policy, now_ms, 0, TG_RATE_TOKENS);
    if (minute.limit == TG_RATE_NONE ||
        (second.limit != TG_RATE_NONE && is_tighter(&second, &minute)))
        report->requests = second;
    else
        report->requests = minute;
}

static char *
put_number(char *at, uint64_t n)
{
    return at + tg_digits(at, n);
}

/* ms below 60 000, as seconds with the decimals they need. */
static char *
put_seconds(char *at, uint32_t ms)
{
    at = put_number(at, ms / 1000);
    ms %= 1000;
    if (ms != 0)
        *at++ = '.';
    for (; ms != 0; ms = ms % 100 * 10)
        *at++ = (char)('0' + ms / 100);
    *at++ = 's';
    return at;
}

size_t
tg_rate_duration(char *out, int64_t ms)
{
    uint64_t rest = ms < 0 ? 0 : (uint64_t)ms;
    char *at = out;

    if (rest > 0 && rest < 1000) {
        at = put_number(at, rest);
        *at++ = 'm';
        *at++ = 's';
        *at = '\0';
        return (size_t)(at - out);
    }
    if (rest >= 3600000) {
        at = put_number(at, rest / 3600000);
        *at++ = 'h';
    }
    if (rest >= 60000) {
        at = put_number(at, rest / 60000 % 60);
        *at++ = 'm';
    }
    at = put_seconds(at, (uint32_t)(rest % 60000));
    *at = '\0';
    return (size_t)(at - out);
}
