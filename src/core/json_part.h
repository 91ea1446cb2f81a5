/*
 * json_part.h: what the files of the JSON reader share with each other.
 */
#ifndef TG_JSON_PART_H
#define TG_JSON_PART_H

#include "json.h"

enum tg_json_state {
    TG_JSON_AT_VALUE = 0,
    TG_JSON_AT_FIRST_ELEMENT, /* a value, or the bracket closes */
    TG_JSON_AT_FIRST_NAME,    /* a name, or the brace closes */
    TG_JSON_AT_NAME,
    TG_JSON_AT_COLON,
    TG_JSON_BEHIND_VALUE,
    TG_JSON_IN_NAME,
    TG_JSON_IN_STRING,
    TG_JSON_IN_NUMBER,
    TG_JSON_IN_LITERAL,
    TG_JSON_AT_END, /* the one value is whole */
    TG_JSON_FAILED,
};

/* Fails at the byte p points to, in the current chunk. */
enum tg_json_token tg_json_fail(struct tg_json *json, enum tg_json_error error,
                                const char *p);

/* Begins the string whose opening quote is just before the cursor. */
void tg_json_string_begin(struct tg_json *json);

/* Reads on in it: 1 when it is whole, 0 at the chunk's end, or _ERROR. */
int tg_json_string(struct tg_json *json);

/* The longest escape: a backslash, u and four digits. */
#define TG_JSON_ESCAPE_MAX 6

/*
 * Adds what [p, q) of the string decodes to, which is as it may be and cuts no
 * escape, to what is held of it, as far as there is room.
 */
void tg_json_hold(struct tg_json *json, const char *p, const char *q);

/* What is held is the end of the string. */
void tg_json_hold_end(struct tg_json *json);

/* The value of a hexadecimal digit; negative when c is none. */
static inline int
tg_json_digit(char c)
{
    /* One more than the value. */
    static const uint8_t digits[256] = {
        ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,
        ['6'] = 7,  ['7'] = 8,  ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12,
        ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16, ['A'] = 11, ['B'] = 12,
        ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
    };

    return digits[(unsigned char)c] - 1;
}

/* The four digits at p; negative when they are not. */
static inline int
tg_json_hex4(const char *p)
{
    int a = tg_json_digit(p[0]), b = tg_json_digit(p[1]);
    int c = tg_json_digit(p[2]), d = tg_json_digit(p[3]);

    return (a | b | c | d) < 0 ? -1 : a << 12 | b << 8 | c << 4 | d;
}

/* Begins the number that the cursor points to. */
void tg_json_number_begin(struct tg_json *json);

/* Reads on in it: 1 when it is whole, 0 at the chunk's end, or _ERROR. */
int tg_json_number(struct tg_json *json);

/* So many digits fit into an int64_t, whatever they are. */
#define TG_JSON_SURE_DIGITS 18

/*
 * Most numbers are a few digits, and what ends them is there too.  Returns
 * whether the one at the cursor is such, and is read then.
 */
static inline bool
tg_json_number_quick(struct tg_json *json)
{
    const char *p = json->cursor, *start = p;
    const char *end = json->end - p > TG_JSON_SURE_DIGITS
                          ? p + TG_JSON_SURE_DIGITS
                          : json->end - 1;
    uint64_t value = 0;

    for (; p < end && (unsigned char)(*p - '0') <= 9; p++)
        value = value * 10 + (uint64_t)(*p - '0');
    if (p == start || (unsigned char)(*p - '0') <= 9 || *p == '.' ||
        (*p | 0x20) == 'e' || (*start == '0' && p - start > 1))
        return false;
    json->integer = (int64_t)value;
    json->is_integer = json->is_decimal = true;
    json->is_huge = json->is_negative = false;
    json->thousandths = 0;
    json->cursor = p;
    return true;
}

/* Whether a number that ends here is one. */
bool tg_json_number_may_end(const struct tg_json *json);

#endif
