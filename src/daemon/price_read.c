#include "price_text.h"

#include <stdio.h>
#include <string.h>

#include "book.h"
#include "civil.h"
#include "err.h"
#include "hours.h"
#include "members.h"
#include "money.h"
#include "service.h"
#include "unit.h"

/* A unit per million tokens is a million pico-units per token. */
#define NANOS_PER_PICO_OF_MILLION 1000
#define PARAM_SIZE 96
#define HOURS_MAX 64 /* texts */

#define TOKEN_MEMBERS "prompt prompt_cache_hit prompt_cache_write completion "
#define UNIT_MEMBERS TOKEN_MEMBERS "unit unit_price sizes "

_Static_assert(sizeof(((struct tg_price *)0)->peak_quarters) ==
                   TG_CALENDAR_WEEK_BYTES,
               "a week is the same bits in both");

/* An object being read, and where it stands, for errors. */
struct reading {
    const json_t *object;
    const char *prefix;
    struct tg_reply *reply;
    char param[PARAM_SIZE]; /* of the member in hand */
};

static const char *
param_of(struct reading *r, const char *name)
{
    snprintf(r->param, sizeof(r->param), "%s%s", r->prefix, name);
    return r->param;
}

/* A member that is there; what is null is as if it were not. */
static const json_t *
member(const struct reading *r, const char *name)
{
    const json_t *value = json_object_get(r->object, name);

    return json_is_null(value) ? NULL : value;
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
read_one(struct reading *r, const char *name, bool is_required, int64_t *picos)
{
    const json_t *value = member(r, name);
    int64_t nanos;

    if (value == NULL && !is_required)
        return true;
    if (is_amount(value, &nanos) && nanos % NANOS_PER_PICO_OF_MILLION == 0) {
        *picos = nanos / NANOS_PER_PICO_OF_MILLION;
        return true;
    }
    param_of(r, name);
    return tg_reply_invalid(r->reply, r->param,
                            "%s must be a decimal string, the price of a "
                            "million tokens, with at most six decimals, such "
                            "as \"0.28\"",
                            r->param);
}

/* What is absent of a prompt's prices is that of the prompt. */
static bool
read_tokens(struct reading *r, bool is_required, struct tg_rates *rates)
{
    rates->hit_picos = rates->write_picos = -1;
    if (!read_one(r, "prompt", is_required, &rates->miss_picos) ||
        !read_one(r, "completion", is_required, &rates->output_picos) ||
        !read_one(r, "prompt_cache_hit", false, &rates->hit_picos) ||
        !read_one(r, "prompt_cache_write", false, &rates->write_picos))
        return false;
    if (rates->hit_picos < 0)
        rates->hit_picos = rates->miss_picos;
    if (rates->write_picos < 0)
        rates->write_picos = rates->miss_picos;
    return true;
}

static bool
read_amount(struct reading *r, const char *name, const json_t *value,
            enum tg_unit unit, int64_t *picos)
{
    int64_t nanos;

    if (is_amount(value, &nanos) &&
        tg_unit_price_picos(unit, nanos, picos) == 0)
        return true;
    param_of(r, name);
    return tg_reply_invalid(r->reply, r->param,
                            "%s must be a decimal string, the price of one "
                            "%s, with at most nine decimals, such as \"0.04\"",
                            r->param, tg_unit_name(unit));
}

static bool
read_sizes(struct reading *r, const json_t *sizes, struct tg_price *price)
{
    const char *name;
    json_t *value;

    if (json_object_size(sizes) == 0)
        return true;
    param_of(r, "sizes");
    if (price->unit != TG_UNIT_IMAGE)
        return tg_reply_invalid(r->reply, r->param,
                                "%s goes with the unit image", r->param);
    if (json_object_size(sizes) > TG_PRICE_SIZES)
        return tg_reply_invalid(r->reply, r->param,
                                "a price has up to %d sizes", TG_PRICE_SIZES);
    json_object_foreach((json_t *)sizes, name, value)
    {
        struct tg_size_price *size = &price->sizes[price->size_count++];

        if (!tg_unit_is_size((struct tg_str){name, strlen(name)}))
            return tg_reply_invalid(r->reply, r->param,
                                    "'%.32s' is no size: write one such as "
                                    "1024x1792, or with a quality in front, "
                                    "hd 1024x1792",
                                    name);
        tg_field_set(size->name, sizeof(size->name), name, strlen(name));
        if (!read_amount(r, "sizes", value, TG_UNIT_IMAGE, &size->picos))
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
read_unit(struct reading *r, struct tg_price *price)
{
    const char *name = NULL;
    const json_t *sizes = NULL, *value = member(r, "unit_price");
    enum tg_unit unit;

    if (member(r, "unit") != NULL &&
        !tg_members_choice(r->reply, r->object, param_of(r, "unit"),
                           "image second character call", &name))
        return false;
    if (name != NULL)
        price->unit = tg_unit_of((struct tg_str){name, strlen(name)});
    unit = (enum tg_unit)price->unit;
    if (!tg_members_object(r->reply, r->object, param_of(r, "sizes"), &sizes) ||
        !read_sizes(r, sizes, price))
        return false;
    if (unit == TG_UNIT_NONE && value == NULL)
        return true;
    if (unit == TG_UNIT_NONE)
        return tg_reply_invalid(r->reply, param_of(r, "unit_price"),
                                "%s goes with a unit: image, second, "
                                "character or call",
                                r->param);
    if (value == NULL && price->size_count > 0) {
        price->off_peak.unit_picos = dearest_size(price);
        return true;
    }
    return read_amount(r, "unit_price", value, unit,
                       &price->off_peak.unit_picos);
}

/* All but peak hours; with a unit, tokens may cost nothing. */
static bool
read_flat(struct reading *r, struct tg_price *price)
{
    if (!read_unit(r, price) ||
        !read_tokens(r, price->unit == TG_UNIT_NONE, &price->off_peak))
        return false;
    price->peak = price->off_peak;
    return true;
}

bool
tg_price_read(struct tg_price *price, const json_t *object, int64_t at_ms,
              struct tg_reply *reply)
{
    struct reading r = {object, "price.", reply, ""};
    bool has_unit = member(&r, "unit") != NULL;

    *price = (struct tg_price){.effective_at_ms = at_ms};
    return tg_members_only(reply, object, r.prefix,
                           has_unit ? UNIT_MEMBERS : TOKEN_MEMBERS "unit") &&
           read_flat(&r, price);
}

static bool
read_hours(struct reading *r, struct tg_price *price)
{
    const json_t *list = member(r, "hours"), *item;
    uint8_t week[TG_CALENDAR_WEEK_BYTES], *bits;
    size_t i, n;

    param_of(r, "hours");
    if (!json_is_array(list) || json_array_size(list) == 0 ||
        json_array_size(list) > HOURS_MAX)
        return tg_reply_invalid(r->reply, r->param,
                                "%s must be a list of 1 to %d texts such as "
                                "\"mon-fri 01:00-04:00\"",
                                r->param, HOURS_MAX);
    bits = (uint8_t *)price->peak_quarters;
    json_array_foreach(list, i, item)
    {
        const char *text = json_string_value(item);

        if (text == NULL || tg_hours_week(text, week) != 0)
            return tg_reply_invalid(r->reply, r->param,
                                    "'%.64s' are no hours: write days and "
                                    "spans of quarter-hours in UTC, such as "
                                    "\"mon-fri 01:00-04:00,06:00-10:00\"",
                                    text != NULL ? text : "(no text)");
        for (n = 0; n < sizeof(week); n++)
            bits[n] |= week[n];
    }
    return true;
}

static bool
read_peak(struct reading *row, struct tg_price *price)
{
    char prefix[PARAM_SIZE];
    struct reading r = {NULL, prefix, row->reply, ""};
    enum tg_unit unit = (enum tg_unit)price->unit;
    bool is_off = false;

    if (!tg_members_object(row->reply, row->object, param_of(row, "peak"),
                           &r.object))
        return false;
    if (r.object == NULL)
        return true;
    snprintf(prefix, sizeof(prefix), "%.64speak.", row->prefix);
    if (!tg_members_only(r.reply, r.object, prefix,
                         TOKEN_MEMBERS "unit_price hours not_on_holidays") ||
        !tg_members_bool(r.reply, r.object, param_of(&r, "not_on_holidays"),
                         &is_off) ||
        !read_hours(&r, price) ||
        !read_tokens(&r, unit == TG_UNIT_NONE, &price->peak))
        return false;
    if (is_off)
        price->flags |= TG_PRICE_HOLIDAYS_OFF_PEAK;
    if (member(&r, "unit_price") == NULL)
        return true;
    if (unit == TG_UNIT_NONE)
        return tg_reply_invalid(r.reply, param_of(&r, "unit_price"),
                                "%s goes with a unit", r.param);
    return read_amount(&r, "unit_price", member(&r, "unit_price"), unit,
                       &price->peak.unit_picos);
}

bool
tg_price_read_instant(const json_t *object, const char *param, int64_t *at_ms,
                      struct tg_reply *reply)
{
    const char *dot = strrchr(param, '.'), *text;
    const json_t *value = json_object_get(object, dot ? dot + 1 : param);
    struct tg_str str;
    int64_t ms = -1;
    int32_t day;

    if (value == NULL)
        return true;
    if (json_is_null(value)) {
        *at_ms = 0;
        return true;
    }
    text = json_string_value(value);
    str = (struct tg_str){text, text != NULL ? strlen(text) : 0};
    if (tg_civil_parse_date(str, &day) == 0)
        ms = day * TG_MS_PER_DAY;
    else if (tg_civil_parse(str, &ms) != 0)
        ms = -1;
    if (ms < 0)
        return tg_reply_invalid(reply, param,
                                "%s is an instant such as "
                                "2026-11-21T08:00:00Z, a date (its first "
                                "moment in UTC), or null for always",
                                param);
    *at_ms = ms;
    return true;
}

static bool
read_names(struct reading *r, struct tg_price_row *row)
{
    const char *currency = NULL, *object = NULL;

    if (!tg_members_choice(r->reply, r->object, param_of(r, "object"), "price",
                           &object) ||
        !tg_members_text(r->reply, r->object, param_of(r, "model"), 1,
                         TG_MODEL_NAME_MAX, &row->model) ||
        !tg_members_text(r->reply, r->object, param_of(r, "source"), 0,
                         TG_PRICE_SOURCE_MAX, &row->source) ||
        !tg_members_text(r->reply, r->object, param_of(r, "currency"), 0, 8,
                         &currency))
        return false;
    if (row->source != NULL && strlen(row->source) > TG_PRICE_SOURCE_MAX)
        return tg_reply_invalid(r->reply, param_of(r, "source"),
                                "%s has up to %d bytes", r->param,
                                TG_PRICE_SOURCE_MAX);
    return currency == NULL || strcmp(currency, TG_BOOK_CURRENCY) == 0 ||
           tg_reply_invalid(r->reply, param_of(r, "currency"),
                            "this book is in " TG_BOOK_CURRENCY ", not %s",
                            currency);
}

/* Files and the like have nothing but calls to count. */
static bool
fits_service(struct reading *r, const struct tg_price_row *row)
{
    struct tg_str model = {row->model, strlen(row->model)};

    return tg_service_scopes(model) == 0 || row->price.unit == TG_UNIT_CALL ||
           tg_reply_invalid(r->reply, param_of(r, "unit"),
                            "%s is priced by the unit call", row->model);
}

bool
tg_price_read_row(struct tg_price_row *row, const json_t *object,
                  const char *prefix, int64_t at_ms, struct tg_reply *reply)
{
    struct reading r = {object, prefix, reply, ""};

    *row = (struct tg_price_row){
        .price = {.effective_at_ms = at_ms},
        .has_instant = json_object_get(object, "effective_at") != NULL};
    return tg_members_only(reply, object, prefix,
                           "object model effective_at currency source "
                           "peak " UNIT_MEMBERS) &&
           read_names(&r, row) &&
           tg_price_read_instant(object, param_of(&r, "effective_at"),
                                 &row->price.effective_at_ms, reply) &&
           read_flat(&r, &row->price) && read_peak(&r, &row->price) &&
           fits_service(&r, row);
}
