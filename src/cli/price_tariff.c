#include "price_tariff.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "decimal.h"
#include "err.h"

#define PICO_PLACES 12
#define NANO_PLACES 9
#define PICOS_MAX INT64_C(10000000000)        /* 10 000 for a million tokens */
#define UNIT_NANOS_MAX INT64_C(1000000000000) /* 1 000 for one */

/* Whether a member is the rate itself, or one for some of its tokens. */
static const struct {
    const char *name;
    enum tg_tariff_rate rate;
    bool is_main;
} tokens[] = {
    {"input_cost_per_token", TG_TARIFF_INPUT, true},
    {"output_cost_per_token", TG_TARIFF_OUTPUT, true},
    {"cache_read_input_token_cost", TG_TARIFF_HIT, true},
    {"input_cost_per_token_cache_hit", TG_TARIFF_HIT, true},
    {"cache_creation_input_token_cost", TG_TARIFF_WRITE, true},
    {"output_cost_per_reasoning_token", TG_TARIFF_OUTPUT, false},
    {"input_cost_per_audio_token", TG_TARIFF_INPUT, false},
    {"input_cost_per_image_token", TG_TARIFF_INPUT, false},
    {"input_cost_per_video_token", TG_TARIFF_INPUT, false},
    {"output_cost_per_audio_token", TG_TARIFF_OUTPUT, false},
    {"output_cost_per_image_token", TG_TARIFF_OUTPUT, false},
    {"cache_read_input_audio_token_cost", TG_TARIFF_HIT, false},
    {"cache_read_input_image_token_cost", TG_TARIFF_HIT, false},
    {"cache_creation_input_audio_token_cost", TG_TARIFF_WRITE, false},
};

static const struct {
    const char *name;
    enum tg_unit unit;
} unit_costs[] = {
    {"output_cost_per_image", TG_UNIT_IMAGE},
    {"input_cost_per_image", TG_UNIT_IMAGE},
    {"input_cost_per_second", TG_UNIT_MILLISECOND},
    {"output_cost_per_second", TG_UNIT_MILLISECOND},
    {"input_cost_per_character", TG_UNIT_CHARACTER},
};

/*
 * What is charged for other services of a provider's, or is a cheaper or
 * quicker class that a request asks for.
 */
static const char *const ignored[] = {
    "_batch",           "_flex",       "_priority",    "search_context_cost",
    "code_interpreter", "file_search", "computer_use", "vector_store",
    "web_search",
};

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

struct reading {
    struct tg_tariff *tariff;
    unsigned units;
    bool takes_dearest;
    char *reason;
};

static bool
is_ignored(const char *name)
{
    for (size_t i = 0; i < COUNT(ignored); i++) {
        if (strstr(name, ignored[i]) != NULL)
            return true;
    }
    return false;
}

__attribute__((format(printf, 2, 3))) static bool
refuse(struct reading *r, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    vsnprintf(r->reason, TG_TARIFF_REASON_SIZE, format, ap);
    va_end(ap);
    return false;
}

/* A cost that is none: absent, null, or 0. */
static bool
is_nothing(const json_t *value)
{
    return value == NULL || json_is_null(value) ||
           (json_is_string(value) &&
            tg_decimal_is_zero(json_string_value(value)));
}

static bool
take_cost(struct reading *r, const char *name, const json_t *value, int places,
          int64_t max, int64_t *cost)
{
    const char *text = json_string_value(value);
    int err =
        text == NULL ? TG_ERR_FORMAT : tg_decimal_scaled(text, places, cost);

    if (text != NULL && tg_decimal_is_negative(text))
        return refuse(r, "%s is below zero: %s", name, text);
    if (err == TG_ERR_FORMAT)
        return refuse(r, "%s is no number", name);
    if (err == 0 && *cost <= max)
        return true;
    if (err == 0)
        return refuse(r, "%s is absurd: %s", name, text);
    return refuse(r, "%s has more than %d decimals, or is too large", name,
                  places);
}

/* The row of a member: named so, or so with "_above_…" behind. */
static int
find_token(const char *name, bool *is_above)
{
    for (size_t i = 0; i < COUNT(tokens); i++) {
        size_t len = strlen(tokens[i].name);

        if (strncmp(name, tokens[i].name, len) != 0)
            continue;
        *is_above = strncmp(name + len, "_above_", 7) == 0;
        if (*is_above || name[len] == '\0')
            return (int)i;
    }
    return -1;
}

static bool
read_main(struct reading *r, const char *name, const json_t *value)
{
    struct tg_tariff *tariff = r->tariff;
    bool is_above;
    int row = find_token(name, &is_above);
    enum tg_tariff_rate rate;
    int64_t picos = 0;

    if (row < 0 || is_above || !tokens[row].is_main)
        return true;
    rate = tokens[row].rate;
    if (json_is_null(value))
        return true;
    if (!take_cost(r, name, value, PICO_PLACES, PICOS_MAX, &picos))
        return false;
    /* Nothing to pay for what is read or written of a cache: not said. */
    tariff->has[rate] = picos > 0 || rate < TG_TARIFF_HIT;
    tariff->picos[rate] = picos;
    return true;
}

static bool
read_unit(struct reading *r, const char *name, const json_t *value, size_t row)
{
    struct tg_tariff *tariff = r->tariff;
    enum tg_unit unit = unit_costs[row].unit;
    int64_t nanos = 0;

    if (!(r->units & 1u << unit))
        return refuse(r, "%s cannot be metered for models of this mode", name);
    if (tariff->unit != TG_UNIT_NONE && tariff->unit != unit)
        return refuse(r, "it is priced by two kinds of unit");
    if (!take_cost(r, name, value, NANO_PLACES, UNIT_NANOS_MAX, &nanos))
        return false;
    tariff->unit = unit;
    if (nanos > tariff->unit_nanos)
        tariff->unit_nanos = nanos;
    return true;
}

/* A price for some tokens of a rate, which a row cannot tell from others. */
static bool
read_side(struct reading *r, const char *name, const json_t *value, int row)
{
    int64_t *main_picos = &r->tariff->picos[tokens[row].rate], picos = 0;

    if (!take_cost(r, name, value, PICO_PLACES, PICOS_MAX, &picos))
        return false;
    if (picos <= *main_picos)
        return true;
    if (!r->takes_dearest)
        return refuse(r,
                      "%s is dearer than the price of other tokens, and a row "
                      "has one: --dearest takes it for all",
                      name);
    *main_picos = picos;
    return true;
}

/* Anything else that costs something. */
static bool
read_other(struct reading *r, const char *name, const json_t *value)
{
    bool is_above = false;
    int row = find_token(name, &is_above);

    if (strstr(name, "cost") == NULL || is_nothing(value) || is_ignored(name))
        return true;
    if (row >= 0)
        return (!is_above && tokens[row].is_main) ||
               read_side(r, name, value, row);
    for (size_t i = 0; i < COUNT(unit_costs); i++) {
        if (strcmp(unit_costs[i].name, name) == 0)
            return read_unit(r, name, value, i);
    }
    return refuse(r, "%s cannot be said in a row of the price book", name);
}

/* What is not named, or named 0, is not free. */
static void
fill(struct tg_tariff *tariff)
{
    for (int i = TG_TARIFF_HIT; i <= TG_TARIFF_WRITE; i++) {
        if (tariff->picos[i] == 0)
            tariff->picos[i] = tariff->picos[TG_TARIFF_INPUT];
    }
}

static bool
read_tiers(struct reading *r, const json_t *tiers)
{
    const char *name;
    const json_t *tier;
    json_t *value;
    bool is_above;
    size_t i;
    int row;

    if (json_array_size(tiers) == 0)
        return true;
    if (!r->takes_dearest)
        return refuse(r, "tiered_pricing has a price for each size of prompt: "
                         "--dearest takes the dearest");
    json_array_foreach(tiers, i, tier)
    {
        json_object_foreach((json_t *)tier, name, value)
        {
            row = find_token(name, &is_above);
            if (row >= 0 && !is_nothing(value) &&
                !read_side(r, name, value, row))
                return false;
        }
    }
    return true;
}

bool
tg_tariff_read(struct tg_tariff *tariff, const json_t *object, unsigned units,
               bool takes_dearest, char reason[TG_TARIFF_REASON_SIZE])
{
    struct reading r = {tariff, units, takes_dearest, reason};
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)object, name, value)
    {
        if (!read_main(&r, name, value))
            return false;
    }
    fill(tariff);
    json_object_foreach((json_t *)object, name, value)
    {
        if (!read_other(&r, name, value))
            return false;
    }
    return read_tiers(&r, json_object_get(object, "tiered_pricing"));
}
