#include "price_map.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "call.h"
#include "decimal.h"
#include "err.h"
#include "money.h"
#include "off_week.h"
#include "service.h"
#include "unit.h"

#define NANOS_PER_PICO_OF_MILLION 1000
#define TOKENS_MAX ((int64_t)1 << 32)

#define BIT(unit) (1u << (unit))

/* What is metered, by mode; others have no endpoint here. */
static const struct mode {
    const char *name, *scope;
    unsigned units;  /* that it may be priced by, bits 1 << enum tg_unit */
    bool has_output; /* tokens come out, and must be priced */
} modes[] = {
    {"chat", "chat", 0, true},
    {"responses", "chat", 0, true},
    {"completion", "code", 0, true},
    {"embedding", "embeddings", 0, false},
    {"image_generation", "image", BIT(TG_UNIT_IMAGE), false},
    {"image_edit", "image", BIT(TG_UNIT_IMAGE), false},
    {"audio_transcription", "audio", BIT(TG_UNIT_MILLISECOND), false},
    {"audio_speech", "audio", BIT(TG_UNIT_CHARACTER), false},
};

struct reading {
    const struct tg_map_options *options;
    const json_t *object;
    const struct mode *mode;
    struct tg_map_entry *entry;
};

__attribute__((format(printf, 2, 3))) static bool
refuse(struct reading *r, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    vsnprintf(r->entry->reason, sizeof(r->entry->reason), format, ap);
    va_end(ap);
    return false;
}

static const char *
text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text != NULL ? text : "";
}

static bool
has_name(struct reading *r)
{
    const char *name = r->entry->name;

    if (*name == '\0' || strlen(name) > TG_MODEL_NAME_MAX)
        return refuse(r, "its name does not have 1 to %d bytes",
                      TG_MODEL_NAME_MAX);
    for (const char *c = name; *c != '\0'; c++) {
        if (*c <= ' ' || *c == '*' || (unsigned char)*c >= 0x7f)
            return refuse(r, "its name has a character that a model's has not");
    }
    /* "1024-x-1024/dall-e-2" is a size of another one. */
    if (strstr(name, "-x-") != NULL)
        return refuse(r, "it is a size of another model");
    if (tg_service_scopes((struct tg_str){name, strlen(name)}) != 0)
        return refuse(r, "its name is that of an upstream's own objects here");
    return true;
}

static bool
has_mode(struct reading *r)
{
    const char *name = text_of(r->object, "mode");

    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (strcmp(modes[i].name, name) == 0) {
            r->mode = &modes[i];
            return true;
        }
    }
    return refuse(r, "%s%.32s",
                  *name ? "there is no endpoint for its mode " : "no mode",
                  name);
}

/* Not all of it is free, and nothing is that costs elsewhere. */
static bool
has_price(struct reading *r, const struct tg_tariff *tariff)
{
    const int64_t *picos = tariff->picos;

    if (picos[TG_TARIFF_INPUT] == 0 && picos[TG_TARIFF_OUTPUT] == 0 &&
        tariff->unit_nanos == 0)
        return refuse(r, "no price above zero; one that is free is added with "
                         "tollgate prices add");
    if (r->mode->has_output && !tariff->has[TG_TARIFF_INPUT])
        return refuse(r, "no input_cost_per_token");
    if (r->mode->has_output && picos[TG_TARIFF_OUTPUT] == 0 &&
        !tariff->has[TG_TARIFF_OUTPUT])
        return refuse(r, "no output_cost_per_token");
    return true;
}

static void
put_amount(json_t *object, const char *name, int64_t nanos)
{
    char text[TG_MONEY_TEXT_SIZE];

    tg_money_format(nanos, text);
    json_object_set_new(object, name, json_string(text));
}

static void
put_tariff(json_t *object, const struct tg_tariff *tariff)
{
    static const char *const names[TG_TARIFF_RATES] = {
        [TG_TARIFF_INPUT] = "prompt",
        [TG_TARIFF_OUTPUT] = "completion",
        [TG_TARIFF_HIT] = "prompt_cache_hit",
        [TG_TARIFF_WRITE] = "prompt_cache_write",
    };

    for (int i = 0; i < TG_TARIFF_RATES; i++)
        put_amount(object, names[i],
                   tariff->picos[i] * NANOS_PER_PICO_OF_MILLION);
    if (tariff->unit != TG_UNIT_NONE)
        put_amount(object, "unit_price", tariff->unit_nanos);
}

/* The base price is the peak's, where there is a cheaper window. */
static bool
put_prices(struct reading *r, json_t *row, const struct tg_tariff *base)
{
    const json_t *block = json_object_get(r->object, "off_peak_pricing");
    struct tg_tariff off_peak = *base;
    struct tg_off_week week = {0};
    json_t *hours, *peak;

    if (!json_is_object(block) || json_object_size(block) == 0) {
        put_tariff(row, base);
        return true;
    }
    for (int i = TG_TARIFF_HIT; i <= TG_TARIFF_WRITE; i++) {
        if (!base->has[i])
            off_peak.picos[i] = 0; /* that of the prompt, again */
    }
    if (!tg_off_week_read(&week, block, r->entry->reason) ||
        !tg_tariff_read(&off_peak, block, r->mode->units,
                        r->options->takes_dearest, r->entry->reason) ||
        !has_price(r, &off_peak))
        return false;
    put_tariff(row, tg_off_week_is_empty(&week) ? base : &off_peak);
    hours = tg_off_week_rest(&week);
    if (tg_off_week_is_empty(&week) || json_array_size(hours) == 0) {
        json_decref(hours);
        return true;
    }
    peak = json_pack("{s:o,s:b}", "hours", hours, "not_on_holidays",
                     r->options->is_off_on_holidays);
    put_tariff(peak, base);
    json_object_set_new(row, "peak", peak);
    return true;
}

static json_t *
row_of(struct reading *r)
{
    struct tg_tariff base = {.unit = TG_UNIT_NONE};
    json_t *row;

    if (!tg_tariff_read(&base, r->object, r->mode->units,
                        r->options->takes_dearest, r->entry->reason) ||
        !has_price(r, &base))
        return NULL;
    row = json_pack("{s:s,s:s?,s:s}", "model", r->entry->name, "unit",
                    tg_unit_name(base.unit), "source", r->options->source);
    if (put_prices(r, row, &base))
        return row;
    json_decref(row);
    return NULL;
}

/* A number of tokens, or 0 when it says none that can be. */
static int64_t
tokens_of(const json_t *object, const char *name)
{
    int64_t n;

    if (tg_decimal_scaled(text_of(object, name), 0, &n) != 0 || n < 1 ||
        n > TOKENS_MAX)
        return 0;
    return n;
}

/*
 * Its answers may be as long as the context when it does not say; when it
 * says nothing at all, nobody knows what to hold for a call.
 */
static json_t *
model_of(const struct reading *r)
{
    int64_t input = tokens_of(r->object, "max_input_tokens");
    int64_t output = tokens_of(r->object, "max_output_tokens");
    json_t *model;

    if (output == 0)
        output = tokens_of(r->object, "max_tokens");
    if (output == 0)
        output = input;
    if (output == 0 && r->mode->has_output)
        return NULL;
    model = json_pack("{s:s,s:[s]}", "id", r->entry->name, "scopes",
                      r->mode->scope);
    if (output != 0) {
        json_object_set_new(model, "max_output_tokens", json_integer(output));
        json_object_set_new(model, "max_context_tokens",
                            json_integer(input > output ? input : output));
    }
    return model;
}

/* The name without "deepseek/" in front. */
static const char *
strip(const char *key, const char *provider)
{
    size_t len = provider != NULL ? strlen(provider) : 0;

    if (len > 0 && strncmp(key, provider, len) == 0 && key[len] == '/')
        return key + len + 1;
    return key;
}

void
tg_price_map_read(struct tg_map_entry *entry, const char *key,
                  const json_t *object, const struct tg_map_options *options)
{
    struct reading r = {options, object, NULL, entry};
    const char *provider = text_of(object, "litellm_provider");

    *entry = (struct tg_map_entry){
        .is_meant = options->provider == NULL ||
                    strcmp(options->provider, provider) == 0,
        .name = strip(key, options->provider),
    };
    /* "sample_spec" explains the members, to people. */
    if (strcmp(key, "sample_spec") == 0)
        entry->is_meant = false;
    if (!entry->is_meant)
        return;
    if (!json_is_object(object)) {
        refuse(&r, "it is no object");
        return;
    }
    if (!has_name(&r) || !has_mode(&r))
        return;
    entry->row = row_of(&r);
    if (entry->row != NULL)
        entry->model = model_of(&r);
}

void
tg_price_map_release(struct tg_map_entry *entry)
{
    json_decref(entry->row);
    json_decref(entry->model);
}
