#include "price_text.h"

#include <stdio.h>
#include <string.h>

#include "book.h"
#include "err.h"
#include "members.h"
#include "money.h"
#include "unit.h"

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

/* Its price of one unit, as it is shown; null for tokens alone. */
static json_t *
per_unit(const struct tg_price *price, int64_t picos)
{
    enum tg_unit unit = (enum tg_unit)price->unit;

    if (unit == TG_UNIT_NONE)
        return json_null();
    return tg_reply_money(tg_unit_price_nanos(unit, picos));
}

static json_t *
sizes_object(const struct tg_price *price)
{
    json_t *sizes = json_object();

    for (uint32_t i = 0; i < price->size_count; i++) {
        const struct tg_size_price *size = &price->sizes[i];
        char name[TG_SIZE_NAME_MAX + 1] = "";

        memcpy(name, size->name, sizeof(size->name));
        json_object_set_new(sizes, name, per_unit(price, size->picos));
    }
    return sizes;
}

static void
set_rates(json_t *object, const struct tg_price *price,
          const struct tg_rates *rates)
{
    json_object_set_new(object, "prompt", per_million(rates->miss_picos));
    json_object_set_new(object, "prompt_cache_hit",
                        per_million(rates->hit_picos));
    json_object_set_new(object, "prompt_cache_write",
                        per_million(rates->write_picos));
    json_object_set_new(object, "completion", per_million(rates->output_picos));
    json_object_set_new(object, "unit_price",
                        per_unit(price, rates->unit_picos));
}

static json_t *
peak_object(const struct tg_price *price)
{
    json_t *hours = peak_hours(price), *object;

    if (json_array_size(hours) == 0) {
        json_decref(hours);
        return json_null();
    }
    object = json_pack("{s:o,s:b}", "hours", hours, "not_on_holidays",
                       (price->flags & TG_PRICE_HOLIDAYS_OFF_PEAK) != 0);
    set_rates(object, price, &price->peak);
    return object;
}

json_t *
tg_price_object(const struct tg_price *price, const char *model,
                const char *source)
{
    json_t *object = json_pack(
        "{s:s,s:s,s:o,s:s,s:s?,s:o,s:o,s:s}", "object", "price", "model", model,
        "effective_at", tg_reply_instant(price->effective_at_ms), "currency",
        TG_BOOK_CURRENCY, "unit", tg_unit_name((enum tg_unit)price->unit),
        "sizes", sizes_object(price), "peak", peak_object(price), "source",
        source);

    set_rates(object, price, &price->off_peak);
    return object;
}

/* A decimal string that is not negative, into *nanos. */
static bool
is_amount(const json_t *value, int64_t *nanos)
{
    return json_is_string(value) &&
           tg_money_parse((struct tg_str){json_string_value(value),
                                          json_string_length(value)},
                          nanos) == 0;
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
    if (!is_amount(value, &nanos) || nanos % NANOS_PER_PICO_OF_MILLION != 0)
        return tg_reply_invalid(reply, param,
                                "%s must be a decimal string, the price of a "
                                "million tokens, with at most six decimals, "
                                "such as \"0.28\"",
                                param);
    *picos = nanos / NANOS_PER_PICO_OF_MILLION;
    return true;
}

/* What a unit's price is absent for, is that of the prompt. */
static bool
read_tokens(struct tg_rates *rates, const json_t *object, bool is_required,
            struct tg_reply *reply)
{
    rates->hit_picos = rates->write_picos = -1;
    if (!read_one(reply, object, "prompt", is_required, &rates->miss_picos) ||
        !read_one(reply, object, "completion", is_required,
                  &rates->output_picos) ||
        !read_one(reply, object, "prompt_cache_hit", false,
                  &rates->hit_picos) ||
        !read_one(reply, object, "prompt_cache_write", false,
                  &rates->write_picos))
        return false;
    if (rates->hit_picos < 0)
        rates->hit_picos = rates->miss_picos;
    if (rates->write_picos < 0)
        rates->write_picos = rates->miss_picos;
    return true;
}

static bool
read_amount(struct tg_reply *reply, const char *param, const json_t *value,
            enum tg_unit unit, int64_t *picos)
{
    int64_t nanos;

    if (is_amount(value, &nanos) &&
        tg_unit_price_picos(unit, nanos, picos) == 0)
        return true;
    return tg_reply_invalid(reply, param,
                            "%s must be a decimal string, the price of one "
                            "%s, with at most nine decimals, such as \"0.04\"",
                            param, tg_unit_name(unit));
}

static bool
read_sizes(struct tg_price *price, const json_t *sizes, struct tg_reply *reply)
{
    const char *name;
    json_t *value;

    if (price->unit != TG_UNIT_IMAGE)
        return tg_reply_invalid(reply, "price.sizes",
                                "price.sizes goes with the unit image");
    if (json_object_size(sizes) > TG_PRICE_SIZES)
        return tg_reply_invalid(reply, "price.sizes",
                                "a price has up to %d sizes", TG_PRICE_SIZES);
    json_object_foreach((json_t *)sizes, name, value)
    {
        struct tg_size_price *size = &price->sizes[price->size_count++];

        if (!tg_unit_is_size((struct tg_str){name, strlen(name)}))
            return tg_reply_invalid(reply, "price.sizes",
                                    "'%.32s' is no size: write one such as "
                                    "1024x1792, or with a quality in front, "
                                    "hd 1024x1792",
                                    name);
        tg_field_set(size->name, sizeof(size->name), name, strlen(name));
        if (!read_amount(reply, "price.sizes", value, TG_UNIT_IMAGE,
                         &size->picos))
            return false;
    }
    return true;
}

static int64_t
dearest_size(const struct tg_price *price)
{
    int64_t picos = 0;

    for (uint32_t i = 0; i < price->size_count; i++) {
        if (price->sizes[i].picos > picos)
            picos = price->sizes[i].picos;
    }
    return picos;
}

static bool
read_unit(struct tg_price *price, const json_t *object, const char *name,
          struct tg_reply *reply)
{
    const json_t *sizes = NULL;
    const json_t *value = json_object_get(object, "unit_price");
    enum tg_unit unit = tg_unit_of((struct tg_str){name, strlen(name)});

    price->unit = unit;
    if (!tg_members_object(reply, object, "price.sizes", &sizes) ||
        (sizes != NULL && !read_sizes(price, sizes, reply)))
        return false;
    if (value == NULL && price->size_count > 0) {
        price->off_peak.unit_picos = dearest_size(price);
        return true;
    }
    return read_amount(reply, "price.unit_price", value, unit,
                       &price->off_peak.unit_picos);
}

bool
tg_price_read(struct tg_price *price, const json_t *object, int64_t at_ms,
              struct tg_reply *reply)
{
    const char *unit = NULL;
    const char *names = "prompt prompt_cache_hit prompt_cache_write completion "
                        "unit";

    *price = (struct tg_price){.effective_at_ms = at_ms};
    if (!tg_members_choice(reply, object, "price.unit",
                           "image second character call", &unit) ||
        !tg_members_only(reply, object, "price.",
                         unit == NULL ? names
                                      : "prompt prompt_cache_hit "
                                        "prompt_cache_write completion unit "
                                        "unit_price sizes") ||
        !read_tokens(&price->off_peak, object, unit == NULL, reply) ||
        (unit != NULL && !read_unit(price, object, unit, reply)))
        return false;
    price->peak = price->off_peak;
    return true;
}
