#include "money.h"

#include <stdbool.h>

#include "digits.h"
#include "err.h"

#define DECIMALS 9
#define DECIMALS_SHOWN 2

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Reads digits off the front of text into *value; fails on overflow. */
static int
take_digits(struct tg_str *text, size_t *count, uint64_t *value)
{
    int err = 0;

    for (*count = 0; text->len > 0 && is_digit(*text->data); ++*count) {
        if (__builtin_mul_overflow(*value, (uint64_t)10, value) ||
            __builtin_add_overflow(*value, (uint64_t)(*text->data - '0'),
                                   value))
            err = TG_ERR_RANGE;
        text->data++;
        text->len--;
    }
    return err;
}

/* The magnitude of an amount without sign, in nano-units. */
static int
parse_magnitude(struct tg_str text, uint64_t *nanos)
{
    uint64_t value = 0;
    size_t whole, decimals = 0;
    int err = take_digits(&text, &whole, &value);

    if (whole == 0)
        return TG_ERR_FORMAT;
    if (text.len > 0 && *text.data == '.') {
        text.data++;
        text.len--;
        err |= take_digits(&text, &decimals, &value);
        if (decimals == 0)
            return TG_ERR_FORMAT;
    }
    if (text.len > 0)
        return TG_ERR_FORMAT;
    if (err != 0 || decimals > DECIMALS)
        return TG_ERR_RANGE;
    for (; decimals < DECIMALS; decimals++) {
        if (__builtin_mul_overflow(value, (uint64_t)10, &value))
            return TG_ERR_RANGE;
    }
    *nanos = value;
    return 0;
}

int
tg_money_parse(struct tg_str text, int64_t *nanos)
{
    uint64_t magnitude;
    int err = parse_magnitude(text, &magnitude);

    if (err != 0)
        return err;
    if (magnitude > INT64_MAX)
        return TG_ERR_RANGE;
    *nanos = (int64_t)magnitude;
    return 0;
}

int
tg_money_parse_signed(struct tg_str text, int64_t *nanos)
{
    uint64_t magnitude;
    int err;

    if (text.len == 0 || *text.data != '-')
        return tg_money_parse(text, nanos);
    err = parse_magnitude((struct tg_str){text.data + 1, text.len - 1},
                          &magnitude);
    if (err != 0)
        return err;
    if (magnitude > (uint64_t)INT64_MAX + 1)
        return TG_ERR_RANGE;
    *nanos = (int64_t)(0 - magnitude);
    return 0;
}

static void
put_decimals(uint64_t value, char *out)
{
    for (size_t i = DECIMALS; i > 0; value /= 10)
        out[--i] = (char)('0' + value % 10);
}

size_t
tg_money_format(int64_t nanos, char *out)
{
    uint64_t magnitude = nanos < 0 ? 0 - (uint64_t)nanos : (uint64_t)nanos;
    size_t n = 0, shown = DECIMALS;

    if (nanos < 0)
        out[n++] = '-';
    n += tg_digits(out + n, magnitude / TG_NANOS_PER_UNIT);
    out[n++] = '.';
    put_decimals(magnitude % TG_NANOS_PER_UNIT, out + n);
    while (shown > DECIMALS_SHOWN && out[n + shown - 1] == '0')
        shown--;
    n += shown;
    out[n] = '\0';
    return n;
}

int
tg_money_add(int64_t a, int64_t b, int64_t *sum)
{
    int64_t result;

    if (__builtin_add_overflow(a, b, &result))
        return TG_ERR_RANGE;
    *sum = result;
    return 0;
}

int
tg_money_sub(int64_t a, int64_t b, int64_t *difference)
{
    int64_t result;

    if (__builtin_sub_overflow(a, b, &result))
        return TG_ERR_RANGE;
    *difference = result;
    return 0;
}

int
tg_money_mul(int64_t a, int64_t times, int64_t *product)
{
    int64_t result;

    if (__builtin_mul_overflow(a, times, &result))
        return TG_ERR_RANGE;
    *product = result;
    return 0;
}
