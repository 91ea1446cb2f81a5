#include "usage_text.h"

#include <string.h>

#include "money.h"
#include "unit.h"

#define MICROS 1000000
#define MICRO_DIGITS 6

/* Each puts something where at is, and returns what is behind it. */

static char *
put(char *at, const char *text)
{
    return stpcpy(at, text);
}

static char *
put_number(char *at, int64_t value)
{
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    char digits[20];
    int count = 0;

    if (value < 0)
        *at++ = '-';
    do
        digits[count++] = (char)('0' + rest % 10);
    while ((rest /= 10) > 0);
    while (count > 0)
        *at++ = digits[--count];
    return at;
}

/* part / whole, rounded half up to six decimals, of which the last is not 0;
 * whole is above 0. */
static char *
put_share(char *at, int64_t part, int64_t whole)
{
    __int128 micros = ((__int128)part * MICROS + whole / 2) / whole;
    int64_t rest = (int64_t)(micros % MICROS);
    int digits = MICRO_DIGITS;

    at = put_number(at, (int64_t)(micros / MICROS));
    if (rest == 0)
        return at;
    *at++ = '.';
    for (int i = MICRO_DIGITS - 1; i >= 0; i--) {
        at[i] = (char)('0' + rest % 10);
        rest /= 10;
    }
    while (at[digits - 1] == '0')
        digits--;
    return at + digits;
}

static char *
put_share_or_null(char *at, int64_t part, int64_t whole)
{
    return whole > 0 ? put_share(at, part, whole) : put(at, "null");
}

static char *
put_money(char *at, int64_t nanos)
{
    *at++ = '"';
    at += tg_money_format(nanos, at);
    *at++ = '"';
    return at;
}

/* cost * times / whole, rounded half up. */
static char *
put_price(char *at, int64_t cost_nanos, int64_t times, int64_t whole)
{
    __int128 nanos = (__int128)cost_nanos * times + whole / 2;

    if (whole <= 0 || nanos / whole > INT64_MAX)
        return put(at, "null");
    return put_money(at, (int64_t)(nanos / whole));
}

static char *
put_seconds(char *at, int64_t audio_ms)
{
    *at++ = '"';
    tg_unit_amount(TG_UNIT_MILLISECOND, audio_ms, at);
    at += strlen(at);
    *at++ = '"';
    return at;
}

static char *
put_quantiles(char *at, const int64_t times_ms[TG_USAGE_QUANTILES])
{
    static const char *const names[TG_USAGE_QUANTILES] = {
        "{\"p50\":", ",\"p95\":", ",\"p99\":"};

    if (times_ms[0] < 0)
        return put(at, "null");
    for (int i = 0; i < TG_USAGE_QUANTILES; i++)
        at = put_number(put(at, names[i]), times_ms[i]);
    return put(at, "}");
}

static char *
put_requests(char *at, const struct tg_sums *sums)
{
    at = put_number(put(at, "\"requests\":"), sums->requests);
    at = put_number(put(at, ",\"errors\":"), sums->errors);
    at = put(at, ",\"error_rate\":");
    at = sums->requests > 0 ? put_share(at, sums->errors, sums->requests)
                            : put(at, "0");
    at = put(at, ",\"success_rate\":");
    return put_share_or_null(at, sums->requests - sums->errors, sums->requests);
}

static char *
put_tokens(char *at, const struct tg_sums *sums)
{
    int64_t hits = sums->prompt_cache_hit_tokens;

    at = put_number(put(at, ",\"prompt_tokens\":"), sums->prompt_tokens);
    at = put_number(put(at, ",\"prompt_cache_hit_tokens\":"), hits);
    at = put_number(put(at, ",\"prompt_cache_miss_tokens\":"),
                    sums->prompt_tokens - hits);
    at = put_share_or_null(put(at, ",\"cache_hit_rate\":"), hits,
                           sums->prompt_tokens);
    at =
        put_number(put(at, ",\"completion_tokens\":"), sums->completion_tokens);
    at = put_number(put(at, ",\"reasoning_tokens\":"), sums->reasoning_tokens);
    return put_number(put(at, ",\"total_tokens\":"),
                      sums->prompt_tokens + sums->completion_tokens);
}

static char *
put_cost(char *at, const struct tg_sums *sums)
{
    int64_t tokens = sums->prompt_tokens + sums->completion_tokens;
    /* What was paid for something else is no price of tokens. */
    bool is_tokens =
        sums->images == 0 && sums->audio_ms == 0 && sums->characters == 0;

    at = put_number(put(at, ",\"images\":"), sums->images);
    at = put_seconds(put(at, ",\"audio_seconds\":"), sums->audio_ms);
    at = put_number(put(at, ",\"characters\":"), sums->characters);
    at = put_money(put(at, ",\"cost\":"), sums->cost_nanos);
    at = put_price(put(at, ",\"cost_per_request\":"), sums->cost_nanos, 1,
                   sums->requests);
    return put_price(put(at, ",\"cost_per_1000_tokens\":"), sums->cost_nanos,
                     1000, is_tokens ? tokens : 0);
}

/* Two dozen numbers of at most 21 bytes, and names of at most 30. */
size_t
tg_usage_text(const struct tg_store_usage *usage, char out[TG_USAGE_TEXT_SIZE])
{
    char *at = put_requests(out, &usage->sums);

    at = put_tokens(at, &usage->sums);
    at = put_cost(at, &usage->sums);
    at = put_quantiles(put(at, ",\"latency_ms\":"), usage->latency_ms);
    at = put_quantiles(put(at, ",\"ttft_ms\":"), usage->ttft_ms);
    return (size_t)(at - out);
}
