#include "unit.h"

#include <stdio.h>

#include "err.h"
#include "money.h"

#define MS_PER_SECOND 1000

static const struct {
    enum tg_unit unit;
    struct tg_str name;
} names[] = {
    {TG_UNIT_IMAGE, TG_STR_INIT("image")},
    {TG_UNIT_MILLISECOND, TG_STR_INIT("second")},
    {TG_UNIT_CHARACTER, TG_STR_INIT("character")},
    {TG_UNIT_CALL, TG_STR_INIT("call")},
};

#define NAMES (sizeof(names) / sizeof(names[0]))

const char *
tg_unit_name(enum tg_unit unit)
{
    for (size_t i = 0; i < NAMES; i++) {
        if (names[i].unit == unit)
            return names[i].name.data;
    }
    return NULL;
}

enum tg_unit
tg_unit_of(struct tg_str name)
{
    for (size_t i = 0; i < NAMES; i++) {
        if (tg_str_eq(names[i].name, name))
            return names[i].unit;
    }
    return TG_UNIT_NONE;
}

/*
 * A nano-unit is a thousand pico-units, and a second a thousand milliseconds:
 * picos of a millisecond are nanos of a second.
 */
_Static_assert(TG_PICOS_PER_NANO == MS_PER_SECOND, "they cancel out");

int64_t
tg_unit_price_nanos(enum tg_unit unit, int64_t picos)
{
    if (unit == TG_UNIT_MILLISECOND)
        return picos;
    return picos / TG_PICOS_PER_NANO + (picos % TG_PICOS_PER_NANO > 0);
}

int
tg_unit_price_picos(enum tg_unit unit, int64_t nanos, int64_t *picos)
{
    if (unit == TG_UNIT_MILLISECOND) {
        *picos = nanos;
        return 0;
    }
    return tg_money_mul(nanos, TG_PICOS_PER_NANO, picos);
}

static size_t
digits_len(struct tg_str s, size_t at)
{
    size_t n = 0;

    while (at + n < s.len && s.data[at + n] >= '0' && s.data[at + n] <= '9')
        n++;
    return n;
}

/* A quality is a word of lower-case letters. */
static size_t
quality_len(struct tg_str s)
{
    size_t n = 0;

    while (n < s.len && s.data[n] >= 'a' && s.data[n] <= 'z')
        n++;
    return n > 0 && n < s.len && s.data[n] == ' ' ? n + 1 : 0;
}

bool
tg_unit_is_size(struct tg_str name)
{
    size_t at = quality_len(name), n = digits_len(name, at);

    if (n == 0 || name.len > TG_SIZE_NAME_MAX)
        return false;
    at += n;
    if (at >= name.len || name.data[at] != 'x')
        return false;
    n = digits_len(name, ++at);
    return n > 0 && at + n == name.len;
}

void
tg_unit_amount(enum tg_unit unit, int64_t units, char *out)
{
    if (unit != TG_UNIT_MILLISECOND || units % MS_PER_SECOND == 0)
        snprintf(out, TG_UNIT_AMOUNT_SIZE, "%lld",
                 (long long)(unit == TG_UNIT_MILLISECOND ? units / MS_PER_SECOND
                                                         : units));
    else
        snprintf(out, TG_UNIT_AMOUNT_SIZE, "%lld.%03d",
                 (long long)(units / MS_PER_SECOND),
                 (int)(units % MS_PER_SECOND));
}
