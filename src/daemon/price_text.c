#include "price_text.h"

#include <string.h>

#include "book.h"
#include "unit.h"

/* A unit per million tokens is a million pico-units per token. */
#define NANOS_PER_PICO_OF_MILLION 1000

static json_t *
per_million(int64_t picos)
{
    return tg_reply_money(picos * NANOS_PER_PICO_OF_MILLION);
}

/* "mon 01:00-04:00" for each run of quarter-hours, in UTC. */
static json_t *
peak_hours(const struct tg_price *price)
{
    json_t *list = json_array();
    struct tg_price_span span;
    char text[TG_PRICE_SPAN_SIZE];
    int at = 0;

    while (tg_price_next_span(price->peak_quarters, &at, &span)) {
        tg_price_span_text(&span, text);
        json_array_append_new(list, json_string(text));
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
