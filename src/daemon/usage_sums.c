#include "usage_sums.h"

#include "unit.h"

#define RATE_DECIMALS 6

/* Numbers as they are. */
static const struct member {
    const char *name;
    size_t offset;
} members[] = {
    {"requests", offsetof(struct tg_sums, requests)},
    {"errors", offsetof(struct tg_sums, errors)},
    {"prompt_tokens", offsetof(struct tg_sums, prompt_tokens)},
    {"prompt_cache_hit_tokens",
     offsetof(struct tg_sums, prompt_cache_hit_tokens)},
    {"completion_tokens", offsetof(struct tg_sums, completion_tokens)},
    {"reasoning_tokens", offsetof(struct tg_sums, reasoning_tokens)},
    {"images", offsetof(struct tg_sums, images)},
    {"characters", offsetof(struct tg_sums, characters)},
};

static int64_t
value_of(const struct tg_sums *sums, const struct member *member)
{
    return *(const int64_t *)((const char *)sums + member->offset);
}

/* cost * times / whole, rounded half up, as money. */
static json_t *
cost_per(int64_t cost_nanos, int64_t times, int64_t whole)
{
    __int128 nanos = (__int128)cost_nanos * times + whole / 2;

    if (whole <= 0 || nanos / whole > INT64_MAX)
        return json_null();
    return tg_reply_money((int64_t)(nanos / whole));
}

static json_t *
share(int64_t part, int64_t whole)
{
    return whole > 0 ? tg_usage_ratio(part, whole, RATE_DECIMALS) : json_null();
}

static void
set_rates(json_t *row, const struct tg_sums *sums, int64_t tokens)
{
    /* What was paid for something else is no price of tokens. */
    bool is_tokens =
        sums->images == 0 && sums->audio_ms == 0 && sums->characters == 0;

    json_object_set_new(
        row, "error_rate",
        tg_usage_ratio(sums->errors, sums->requests, RATE_DECIMALS));
    json_object_set_new(row, "success_rate",
                        share(sums->requests - sums->errors, sums->requests));
    json_object_set_new(
        row, "cache_hit_rate",
        share(sums->prompt_cache_hit_tokens, sums->prompt_tokens));
    json_object_set_new(row, "cost_per_request",
                        cost_per(sums->cost_nanos, 1, sums->requests));
    json_object_set_new(
        row, "cost_per_1000_tokens",
        cost_per(sums->cost_nanos, 1000, is_tokens ? tokens : 0));
}

void
tg_usage_sums_set(json_t *row, const struct tg_sums *sums)
{
    int64_t tokens = sums->prompt_tokens + sums->completion_tokens;
    char seconds[TG_UNIT_AMOUNT_SIZE];

    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
        json_object_set_new(row, members[i].name,
                            json_integer(value_of(sums, &members[i])));
    json_object_set_new(
        row, "prompt_cache_miss_tokens",
        json_integer(sums->prompt_tokens - sums->prompt_cache_hit_tokens));
    json_object_set_new(row, "total_tokens", json_integer(tokens));
    tg_unit_amount(TG_UNIT_MILLISECOND, sums->audio_ms, seconds);
    json_object_set_new(row, "audio_seconds", json_string(seconds));
    json_object_set_new(row, "cost", tg_reply_money(sums->cost_nanos));
    set_rates(row, sums, tokens);
}

json_t *
tg_usage_quantiles(const int64_t times_ms[TG_USAGE_QUANTILES])
{
    if (times_ms[0] < 0)
        return json_null();
    return json_pack("{s:I,s:I,s:I}", "p50", (json_int_t)times_ms[0], "p95",
                     (json_int_t)times_ms[1], "p99", (json_int_t)times_ms[2]);
}

void
tg_usage_figures_set(json_t *row, const struct tg_store_usage *usage)
{
    tg_usage_sums_set(row, &usage->sums);
    json_object_set_new(row, "latency_ms",
                        tg_usage_quantiles(usage->latency_ms));
    json_object_set_new(row, "ttft_ms", tg_usage_quantiles(usage->ttft_ms));
}

json_t *
tg_usage_ratio(int64_t part, int64_t whole, int decimals)
{
    __int128 scaled = part;
    int64_t scale = 1;

    if (whole == 0)
        return json_integer(0);
    for (; decimals > 0; decimals--)
        scale *= 10;
    scaled = (scaled * scale + whole / 2) / whole;
    if (scaled % scale == 0)
        return json_integer((json_int_t)(scaled / scale));
    return json_real((double)scaled / (double)scale);
}
