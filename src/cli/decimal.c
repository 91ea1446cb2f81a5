#include "decimal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "json.h"
#include "own.h"

#define EXPONENT_MAX 10000 /* beyond, nothing is whole or fits */

struct number {
    bool is_negative;
    const char *digits; /* with a point among them */
    size_t len;
    long exponent;
};

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool
take_exponent(const char *at, long *exponent)
{
    bool is_negative;
    long n = 0;

    if (*at == '\0')
        return true;
    if (*at != 'e' && *at != 'E')
        return false;
    at++;
    is_negative = *at == '-';
    at += *at == '-' || *at == '+';
    if (!is_digit(*at))
        return false;
    for (; is_digit(*at); at++) {
        if (n < EXPONENT_MAX)
            n = n * 10 + (*at - '0');
    }
    *exponent = is_negative ? -n : n;
    return *at == '\0';
}

static bool
take_number(const char *text, struct number *number)
{
    size_t whole, fraction = 0;

    *number = (struct number){.is_negative = *text == '-'};
    text += number->is_negative;
    whole = strspn(text, "0123456789");
    if (whole == 0)
        return false;
    number->digits = text;
    number->len = whole;
    if (text[whole] == '.') {
        fraction = strspn(text + whole + 1, "0123456789");
        if (fraction == 0)
            return false;
        number->len += 1 + fraction;
    }
    if (!take_exponent(text + number->len, &number->exponent))
        return false;
    number->exponent -= (long)fraction;
    return true;
}

/* Digits without the zeros at their end, which the exponent counts. */
static void
trim(struct number *number)
{
    const char *last;

    while (number->len > 0) {
        last = &number->digits[number->len - 1];
        if (*last != '0' && *last != '.')
            return;
        number->exponent += *last == '0';
        number->len--;
    }
}

int
tg_decimal_scaled(const char *text, int places, int64_t *value)
{
    struct number number;
    int64_t n = 0;

    if (!take_number(text, &number))
        return TG_ERR_FORMAT;
    trim(&number);
    for (size_t i = 0; i < number.len; i++) {
        if (number.digits[i] != '.' &&
            (__builtin_mul_overflow(n, (int64_t)10, &n) ||
             __builtin_add_overflow(n, (int64_t)(number.digits[i] - '0'), &n)))
            return TG_ERR_RANGE;
    }
    if (n != 0 && number.exponent + places < 0)
        return TG_ERR_RANGE;
    for (long e = number.exponent + places; n != 0 && e > 0; e--) {
        if (__builtin_mul_overflow(n, (int64_t)10, &n))
            return TG_ERR_RANGE;
    }
    *value = number.is_negative ? -n : n;
    return 0;
}

bool
tg_decimal_is_zero(const char *text)
{
    struct number number;

    if (!take_number(text, &number))
        return false;
    for (size_t i = 0; i < number.len; i++) {
        if (number.digits[i] != '0' && number.digits[i] != '.')
            return false;
    }
    return true;
}

bool
tg_decimal_is_negative(const char *text)
{
    return *text == '-' && !tg_decimal_is_zero(text);
}

/* A text that grows by what is copied out of another one. */
struct copy {
    const char *from;
    char *to;
    size_t done, len; /* of from; of to */
};

/* The bytes up to offset end, and a quote behind them. */
static void
copy_to(struct copy *copy, size_t end, const char *behind)
{
    memcpy(copy->to + copy->len, copy->from + copy->done, end - copy->done);
    copy->len += end - copy->done;
    copy->done = end;
    copy->len +=
        (size_t)(stpcpy(copy->to + copy->len, behind) - (copy->to + copy->len));
}

/* Copies what has been fed, with its numbers quoted. */
static void
quote_numbers(struct copy *copy, struct tg_json *json)
{
    enum tg_json_token token;

    while ((token = tg_json_next(json)) > TG_JSON_MORE) {
        if (token != TG_JSON_NUMBER)
            continue;
        copy_to(copy, json->token_at, "\"");
        copy_to(copy, tg_json_offset(json), "\"");
    }
}

/* A number takes one byte at least, so at most three stand for one. */
json_t *
tg_decimal_load(const char *data, size_t len, json_error_t *error)
{
    struct copy copy = {data, tg_own(malloc(3 * len + 1)), 0, 0};
    struct tg_json json;
    json_t *value;

    tg_json_init(&json);
    tg_json_feed(&json, data, len);
    quote_numbers(&copy, &json);
    /* A number that ends the text is known by what is behind it. */
    if (json.error == TG_JSON_OK)
        tg_json_feed(&json, " ", 1);
    quote_numbers(&copy, &json);
    copy_to(&copy, len, "");
    value = json_loadb(copy.to, copy.len, JSON_DECODE_ANY, error);
    free(copy.to);
    /* jansson has the better messages, the scanner the last word. */
    if (value == NULL || tg_json_finish(&json) == 0)
        return value;
    json_decref(value);
    snprintf(error->text, sizeof(error->text), "it is nested too deep");
    return NULL;
}
