#include "advice_limits.h"

#include <stdbool.h>

#include "advice_rules.h"

static int64_t
ceil_div(int64_t a, int64_t b)
{
    return a / b + (a % b != 0);
}

static int64_t
larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

void
tg_throttled_add(struct tg_throttled *throttled, int64_t requests,
                 int64_t first_at, int64_t last_at)
{
    int64_t minutes = last_at / TG_MINUTE_MS - first_at / TG_MINUTE_MS + 1;
    int64_t a_minute = ceil_div(requests, minutes > 0 ? minutes : 1);

    throttled->requests += requests;
    throttled->a_minute = larger(throttled->a_minute, a_minute);
    throttled->last_at = larger(throttled->last_at, last_at);
    if (throttled->first_at == 0 || first_at < throttled->first_at)
        throttled->first_at = first_at;
}

/* Of what was refused, tokens are not known: those of the mean call. */
static int64_t
refused_tokens(const struct tg_limit_facts *facts)
{
    const struct tg_peaks *peaks = facts->peaks;
    int64_t tokens;

    if (peaks->requests == 0 ||
        __builtin_mul_overflow(facts->throttled->a_minute,
                               ceil_div(peaks->tokens, peaks->requests),
                               &tokens))
        return 0;
    return tokens;
}

static void
set(struct tg_limit_advice *advice, int64_t now, int64_t suggested,
    int64_t needed)
{
    advice->now = now;
    advice->suggested = suggested;
    if (now == 0 || suggested < now)
        advice->change = TG_LIMIT_TIGHTENED;
    else if (suggested == now)
        advice->change = TG_LIMIT_UNCHANGED;
    else
        advice->change = needed <= now ? TG_LIMIT_ENOUGH : TG_LIMIT_LOOSENED;
}

/* Refusals are not counted by the second: a limit that was hit stays. */
static void
set_short(struct tg_limit_advice *advice, const struct tg_limit_facts *facts,
          int64_t now, int64_t suggested)
{
    if (facts->throttled->requests > 0 && now != 0)
        suggested = larger(suggested, now);
    set(advice, now, suggested, suggested);
}

static void
set_daily(const struct tg_limit_facts *facts, struct tg_limit_advice *advice)
{
    const struct tg_peaks *peaks = facts->peaks;
    int64_t asked = peaks->requests + facts->throttled->requests;
    int64_t mean = tg_advice_daily(asked, facts->lasted_ms);

    advice->peak = peaks->day.count;
    advice->peak_at = peaks->day.at;
    advice->asked = asked;
    mean = larger(mean, peaks->day.count);
    set(advice, facts->now[TG_ADVISED_DAY], mean, mean);
}

void
tg_advice_limits(const struct tg_limit_facts *facts,
                 struct tg_limit_advice advice[TG_ADVISED_LIMITS])
{
    const struct tg_peaks *peaks = facts->peaks;
    const struct tg_minute *requests = &peaks->minutes.requests,
                           *tokens = &peaks->minutes.tokens;
    int64_t minute = requests->requests + facts->throttled->a_minute;
    int64_t in_tokens = tokens->tokens + refused_tokens(facts);

    advice[TG_ADVISED_SECOND] = (struct tg_limit_advice){
        .peak = peaks->second.count,
        .peak_at = peaks->second.at,
        .asked = peaks->second.count,
    };
    advice[TG_ADVISED_MINUTE] = (struct tg_limit_advice){
        .peak = requests->requests, .peak_at = requests->at, .asked = minute};
    advice[TG_ADVISED_TOKENS] = (struct tg_limit_advice){
        .peak = tokens->tokens, .peak_at = tokens->at, .asked = in_tokens};
    advice[TG_ADVISED_AT_ONCE] = (struct tg_limit_advice){
        .peak = peaks->at_once.count,
        .peak_at = peaks->at_once.at,
        .asked = peaks->at_once.count,
    };
    set_short(&advice[TG_ADVISED_SECOND], facts, facts->now[TG_ADVISED_SECOND],
              tg_advice_second(peaks->second.count));
    set(&advice[TG_ADVISED_MINUTE], facts->now[TG_ADVISED_MINUTE],
        tg_advice_rate(minute, TG_ADVICE_REQUESTS_FLOOR),
        tg_advice_rate(minute, 1));
    advice[TG_ADVISED_DAY] = (struct tg_limit_advice){0};
    set_daily(facts, &advice[TG_ADVISED_DAY]);
    set(&advice[TG_ADVISED_TOKENS], facts->now[TG_ADVISED_TOKENS],
        tg_advice_rate(in_tokens, TG_ADVICE_TOKENS_FLOOR),
        tg_advice_rate(in_tokens, 1));
    set_short(&advice[TG_ADVISED_AT_ONCE], facts,
              facts->now[TG_ADVISED_AT_ONCE],
              tg_advice_rate(peaks->at_once.count, 1));
}
