#include "price_text.h"

#include <stdio.h>

#include "book.h"
#include "err.h"
#include "members.h"
#include "money.h"

#define QUARTERS_PER_DAY 96
/* A unit per million tokens is a million pico-units per token. */
#define NANOS_PER_PICO_OF_MILLION 1000

static json_t *
per_million(int64_t picos)
{
    return tg_reply_money(picos * NANOS_PER_PICO_OF_MILLION);
}

static bool
is_set(const struct tg_price *price, int quarter)
{
    return price->peak_quarters[quarter / 32] >> quarter % 32 & 1;
}

/* "mon 01:00-04:00" for each run of quarter-hours, in UTC. */
static json_t *
peak_hours(const struct tg_price *price)
{
    static const char *const days[] = {"mon", "tue", "wed", "thu",
                                       "fri", "sat", "sun"};
    json_t *list = json_array();
    char text[32];

    for (int day = 0; day < 7; day++) {
        int first = day * QUARTERS_PER_DAY;

        for (int q = 0; q < QUARTERS_PER_DAY; q++) {
            int end = q;

            while (end < QUARTERS_PER_DAY && is_set(price, first + end))
                end++;
            if (end == q)
                continue;
            snprintf(text, sizeof(text), "%s %02d:%02d-%02d:%02d", days[day],
                     q / 4, q % 4 * 15, end / 4, end % 4 * 15);
            json_array_append_new(list, json_string(text));
            q = end;
        }
    }
    return list;
}

static json_t *
peak_object(const struct tg_price *price)
{
    json_t *hours = peak_hours(price);

    if (json_array_size(hours) == 0) {
        json_decref(hours);
        return json_null();
    }
    return json_pack(
        "{s:o,s:o,s:o,s:o,s:b}", "prompt", per_million(price->peak.miss_picos),
        "prompt_cache_hit", per_million(price->peak.hit_picos), "completion",
        per_million(price->peak.output_picos), "hours", hours,
        "not_on_holidays", (price->flags & TG_PRICE_HOLIDAYS_OFF_PEAK) != 0);
}

json_t *
tg_price_object(const struct tg_price *price, const char *model,
                const char *source)
{
    return json_pack("{s:s,s:s,s:o,s:s,s:o,s:o,s:o,s:o,s:s}", "object", "price",
                     "model", model, "effective_at",
                     tg_reply_instant(price->effective_at_ms), "currency",
                     TG_BOOK_CURRENCY, "prompt",
                     per_million(price->off_peak.miss_picos),
                     "prompt_cache_hit", per_million(price->off_peak.hit_picos),
                     "completion", per_million(price->off_peak.output_picos),
                     "peak", peak_object(price), "source", source);
}

static bool
read_one(struct tg_reply *reply, const json_t *object, const char *name,
         bool is_required, int64_t *picos)
{
    const json_t *value = json_object_get(object, name);
    char param[32];
    int64_t nanos;

    snprintf(param, sizeof(param), "price.%s", name);
    if (value == NULL && !is_required)
        return true;
    if (!json_is_string(value) ||
        tg_money_parse((struct tg_str){json_string_value(value),
                                       json_string_length(value)},
                       &nanos) != 0 ||
        nanos % NANOS_PER_PICO_OF_MILLION != 0)
        return tg_reply_invalid(reply, param,
                                "%s must be a decimal string, the price of a "
                                "million tokens, with at most six decimals, "
                                "such as \"0.28\"",
                                param);
    *picos = nanos / NANOS_PER_PICO_OF_MILLION;
    return true;
}

bool
tg_price_read(struct tg_price *price, const json_t *object, int64_t at_ms,
              struct tg_reply *reply)
{
    struct tg_rates rates = {.hit_picos = -1};

    if (!tg_members_only(reply, object, "price.",
                         "prompt prompt_cache_hit completion") ||
        !read_one(reply, object, "prompt", true, &rates.miss_picos) ||
        !read_one(reply, object, "completion", true, &rates.output_picos) ||
        !read_one(reply, object, "prompt_cache_hit", false, &rates.hit_picos))
        return false;
    if (rates.hit_picos < 0)
        rates.hit_picos = rates.miss_picos;
    rates.write_picos = rates.miss_picos;
    *price = (struct tg_price){
        .effective_at_ms = at_ms, .off_peak = rates, .peak = rates};
    return true;
}
