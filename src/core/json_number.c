#include "json_part.h"

enum part {
    SIGN,     /* behind the minus sign */
    ZERO,     /* behind a leading zero */
    WHOLE,    /* in the digits of the integer */
    POINT,    /* behind the point */
    FRACTION, /* in the digits behind it */
    MARK,     /* behind the e */
    POWER_SIGN,
    POWER,
    START,
};

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Towards the side of the sign, so that INT64_MIN fits. */
static void
add_digit(struct tg_json *json, char c)
{
    int64_t digit = json->is_negative ? -(c - '0') : c - '0';

    if (__builtin_mul_overflow(json->integer, 10, &json->integer) ||
        __builtin_add_overflow(json->integer, digit, &json->integer))
        json->is_huge = true;
}

/* What is beyond the third digit counts as one thousandth more, once. */
static void
add_fraction(struct tg_json *json, char c)
{
    static const uint8_t worth[] = {100, 10, 1};
    uint8_t digit = (uint8_t)(c - '0');

    if (json->decimals < sizeof(worth)) {
        json->thousandths += digit * worth[json->decimals++];
    } else if (digit > 0 && json->decimals == sizeof(worth)) {
        json->thousandths++;
        json->decimals++;
    }
}

void
tg_json_number_begin(struct tg_json *json)
{
    json->sub = START;
    json->integer = 0;
    json->is_integer = true;
    json->is_huge = false;
    json->is_negative = false;
    json->is_decimal = true;
    json->thousandths = 0;
    json->decimals = 0;
}

bool
tg_json_number_may_end(const struct tg_json *json)
{
    return json->sub == ZERO || json->sub == WHOLE || json->sub == FRACTION ||
           json->sub == POWER;
}

/* The part that c leads to; -1 when the number does not go on with c. */
static int
step(struct tg_json *json, char c)
{
    bool has_digit = is_digit(c);

    switch ((enum part)json->sub) {
    case START:
        if (c == '-') {
            json->is_negative = true;
            return SIGN;
        }
        /* fall through */
    case SIGN:
        if (has_digit)
            add_digit(json, c);
        return !has_digit ? -1 : c == '0' ? ZERO : WHOLE;
    case WHOLE:
        if (has_digit) {
            add_digit(json, c);
            return WHOLE;
        }
        /* fall through */
    case ZERO:
        return c == '.' ? POINT : (c | 0x20) == 'e' ? MARK : -1;
    case POINT:
        return has_digit ? FRACTION : -1;
    case FRACTION:
        return has_digit ? FRACTION : (c | 0x20) == 'e' ? MARK : -1;
    case MARK:
        if (c == '+' || c == '-')
            return POWER_SIGN;
        /* fall through */
    case POWER_SIGN:
    case POWER:
        return has_digit ? POWER : -1;
    }
    return -1;
}

int
tg_json_number(struct tg_json *json)
{
    int next;

    if (json->sub == START && tg_json_number_quick(json))
        return 1;
    while (json->cursor < json->end) {
        next = step(json, *json->cursor);
        if (next < 0) {
            if (tg_json_number_may_end(json))
                return 1;
            return tg_json_fail(json, TG_JSON_SYNTAX, json->cursor);
        }
        json->sub = (uint8_t)next;
        if (next >= POINT)
            json->is_integer = false;
        if (next == FRACTION)
            add_fraction(json, *json->cursor);
        if (next >= MARK)
            json->is_decimal = false;
        json->cursor++;
    }
    return 0;
}
