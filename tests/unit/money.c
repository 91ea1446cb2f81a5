/* Goal: money goes in and out exactly, or not at all. */
#include "tap.h"

#include <stdint.h>

#include "err.h"
#include "money.h"

static const struct {
    const char *text;
    int err;
    int64_t nanos;
} parses[] = {
    {"0", 0, 0},
    {"0.00", 0, 0},
    {"1", 0, 1000000000},
    {"12.34", 0, 12340000000},
    {"012.340", 0, 12340000000},
    {"0.000000001", 0, 1},
    {"0.123456789", 0, 123456789},
    {"9223372036.854775807", 0, INT64_MAX},
    {"9223372036.854775808", TG_ERR_RANGE, 0},
    {"9223372037", TG_ERR_RANGE, 0},
    {"18446744073.709551617", TG_ERR_RANGE, 0}, /* 2^64 + 1 */
    {"99999999999999999999999999", TG_ERR_RANGE, 0},
    {"0.0000000001", TG_ERR_RANGE, 0},
    {"0.0000000000", TG_ERR_RANGE, 0},
    {"", TG_ERR_FORMAT, 0},
    {".", TG_ERR_FORMAT, 0},
    {".5", TG_ERR_FORMAT, 0},
    {"5.", TG_ERR_FORMAT, 0},
    {"1.2.3", TG_ERR_FORMAT, 0},
    {"1e3", TG_ERR_FORMAT, 0},
    {"1E-3", TG_ERR_FORMAT, 0},
    {"-1", TG_ERR_FORMAT, 0},
    {"+1", TG_ERR_FORMAT, 0},
    {" 1", TG_ERR_FORMAT, 0},
    {"1 ", TG_ERR_FORMAT, 0},
    {"1,000", TG_ERR_FORMAT, 0},
    {"1,5", TG_ERR_FORMAT, 0},
    {"$1", TG_ERR_FORMAT, 0},
    {"0x10", TG_ERR_FORMAT, 0},
    {"NaN", TG_ERR_FORMAT, 0},
    {"inf", TG_ERR_FORMAT, 0},
    {"99999999999999999999999999x", TG_ERR_FORMAT, 0},
};

static void
test_parse(void)
{
    for (size_t i = 0; i < sizeof(parses) / sizeof(parses[0]); i++) {
        int64_t nanos = -7;
        struct tg_str text = {parses[i].text, strlen(parses[i].text)};

        is_int(tg_money_parse(text, &nanos), parses[i].err, "parse '%s'",
               parses[i].text);
        is_int(nanos, parses[i].err == 0 ? parses[i].nanos : -7,
               "amount of '%s'", parses[i].text);
    }
}

static const struct {
    const char *text;
    int err;
    int64_t nanos;
} signed_parses[] = {
    {"12.5", 0, 12500000000},
    {"-12.5", 0, -12500000000},
    {"-0", 0, 0},
    {"-9223372036.854775808", 0, INT64_MIN},
    {"-9223372036.854775809", TG_ERR_RANGE, 0},
    {"-", TG_ERR_FORMAT, 0},
    {"--1", TG_ERR_FORMAT, 0},
    {"- 1", TG_ERR_FORMAT, 0},
    {"+1", TG_ERR_FORMAT, 0},
    {"", TG_ERR_FORMAT, 0},
};

static void
test_parse_signed(void)
{
    for (size_t i = 0; i < sizeof(signed_parses) / sizeof(signed_parses[0]);
         i++) {
        int64_t nanos = -7;
        const char *text = signed_parses[i].text;

        is_int(
            tg_money_parse_signed((struct tg_str){text, strlen(text)}, &nanos),
            signed_parses[i].err, "signed parse '%s'", text);
        is_int(nanos, signed_parses[i].err == 0 ? signed_parses[i].nanos : -7,
               "signed amount of '%s'", text);
    }
}

static const struct {
    int64_t nanos;
    const char *text;
} formats[] = {
    {0, "0.00"},
    {1, "0.000000001"},
    {10, "0.00000001"},
    {123456, "0.000123456"},
    {1000000, "0.001"},
    {10000000, "0.01"},
    {100000000, "0.10"},
    {1000000000, "1.00"},
    {12340000000, "12.34"},
    {12345000000, "12.345"},
    {-1, "-0.000000001"},
    {-12340000000, "-12.34"},
    {INT64_MAX, "9223372036.854775807"},
    {INT64_MIN, "-9223372036.854775808"},
};

static void
test_format(void)
{
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        char text[TG_MONEY_TEXT_SIZE];
        size_t len = tg_money_format(formats[i].nanos, text);
        int64_t back = 0;

        is_str(text, formats[i].text, "format %s", formats[i].text);
        is_int(len, strlen(formats[i].text), "its length");
        tg_money_parse_signed((struct tg_str){text, len}, &back);
        ok(back == formats[i].nanos, "and it reads back");
    }
}

/* Amounts of every length, so that every count of zeros is stripped once. */
static void
test_round_trip(void)
{
    bool is_same = true;

    for (int64_t step = 1; step < INT64_MAX / 11; step = step * 7 + 3) {
        char text[TG_MONEY_TEXT_SIZE];
        int64_t back = 0;
        size_t len = tg_money_format(step, text);

        is_same &= tg_money_parse((struct tg_str){text, len}, &back) == 0 &&
                   back == step;
    }
    ok(is_same, "what is written reads back");
}

static void
test_arithmetic(void)
{
    int64_t n = 5;

    is_int(tg_money_add(2, 3, &n), 0, "add");
    is_int(n, 5, "sum");
    is_int(tg_money_add(INT64_MAX, 1, &n), TG_ERR_RANGE, "add too much");
    is_int(tg_money_add(INT64_MIN, -1, &n), TG_ERR_RANGE, "add too little");
    is_int(tg_money_sub(INT64_MIN, 1, &n), TG_ERR_RANGE, "subtract too much");
    is_int(tg_money_mul(INT64_MAX / 2, 3, &n), TG_ERR_RANGE, "multiply");
    is_int(tg_money_mul(INT64_MIN, -1, &n), TG_ERR_RANGE, "negate the least");
    is_int(n, 5, "nothing is written on an error");
    is_int(tg_money_sub(2, 3, &n), 0, "subtract");
    is_int(n, -1, "difference");
    is_int(tg_money_mul(-4, 3, &n), 0, "multiply");
    is_int(n, -12, "product");
}

int
main(void)
{
    test_parse();
    test_parse_signed();
    test_format();
    test_round_trip();
    test_arithmetic();
    return done();
}
