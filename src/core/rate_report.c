#include "rate.h"

#include <stdbool.h>

static struct tg_rate_standing
standing_of(enum tg_rate_limit limit, const struct tg_bucket *bucket,
            struct tg_bucket_rate rate, int64_t now_ms)
{
    if (rate.limit == 0)
        return (struct tg_rate_standing){TG_RATE_NONE, 0, 0, 0};
    return (struct tg_rate_standing){
        limit, rate.limit, tg_bucket_left(bucket, rate, now_ms),
        tg_bucket_full_in_ms(bucket, rate, now_ms)};
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
    const struct tg_rate_state *rate = &counters->rate;
    struct tg_rate_standing minute, second;

    minute = standing_of(
        TG_RATE_MINUTE, &rate->minute,
        (struct tg_bucket_rate){policy->requests_per_minute, 60000}, now_ms);
    second = standing_of(
        TG_RATE_SECOND, &rate->second,
        (struct tg_bucket_rate){policy->requests_per_second, 1000}, now_ms);
    report->tokens = standing_of(
        TG_RATE_TOKENS, &rate->tokens,
        (struct tg_bucket_rate){policy->tokens_per_minute, 60000}, now_ms);
    if (minute.limit == TG_RATE_NONE ||
        (second.limit != TG_RATE_NONE && is_tighter(&second, &minute)))
        report->requests = second;
    else
        report->requests = minute;
}

static char *
put_number(char *at, uint64_t n)
{
    char digits[20];
    size_t len = 0;

    do
        digits[len++] = (char)('0' + n % 10);
    while ((n /= 10) != 0);
    while (len > 0)
        *at++ = digits[--len];
    return at;
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
