/*
 * A price list from elsewhere: numbers are exact or refused, and each row
 * that is made of an entry is one that the admin API takes, priced above
 * nothing.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "decimal.h"
#include "price_map.h"
#include "price_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The value is the number's, scaled back: digits and exponent, by hand. */
static void
check_number(const char *text)
{
    int64_t whole, nanos;

    if (tg_decimal_scaled(text, 9, &nanos) == 0) {
        assert(tg_decimal_is_zero(text) == (nanos == 0));
        assert(tg_decimal_is_negative(text) == (nanos < 0));
        if (tg_decimal_scaled(text, 0, &whole) == 0)
            assert(nanos == whole * 1000000000);
    } else if (tg_decimal_scaled(text, 0, &whole) == 0) {
        /* It fits as it is, and not a thousand million times. */
        assert(whole > INT64_MAX / 1000000000 ||
               whole < INT64_MIN / 1000000000);
    }
}

static bool
costs(const struct tg_rates *rates)
{
    return rates->miss_picos > 0 || rates->output_picos > 0 ||
           rates->unit_picos > 0;
}

static void
check_row(const json_t *object)
{
    struct tg_reply reply = {.status = 0};
    struct tg_price_row row;

    assert(tg_price_read_row(&row, object, "", 0, &reply));
    assert(reply.body == NULL);
    assert(costs(&row.price.peak) && costs(&row.price.off_peak));
}

static void
check_entries(const json_t *map, const struct tg_map_options *options)
{
    struct tg_map_entry entry;
    const char *key;
    json_t *object;

    json_object_foreach((json_t *)map, key, object)
    {
        tg_price_map_read(&entry, key, object, options);
        if (entry.row != NULL)
            check_row(entry.row);
        else if (entry.is_meant)
            assert(entry.reason[0] != '\0');
        if (json_is_string(object))
            check_number(json_string_value(object));
        tg_price_map_release(&entry);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tg_map_options options = {.source = "a test"};
    json_error_t error;
    json_t *map;

    if (size == 0)
        return 0;
    options.takes_dearest = data[0] & 1;
    options.is_off_on_holidays = data[0] & 2;
    options.provider = data[0] & 4 ? "deepseek" : NULL;
    map = tg_decimal_load((const char *)data + 1, size - 1, &error);
    if (map == NULL)
        assert(error.text[0] != '\0');
    check_entries(map, &options);
    json_decref(map);
    return 0;
}
