/*
 * Goal: a number of a JSON text is exactly what was written, or refused.
 */
#include "decimal.h"

#include <stdlib.h>

#include "err.h"
#include "tap.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define PICOS 12

static const struct {
    const char *text;
    int places;
    int err;
    int64_t value;
} rows[] = {
    {"2.8e-07", PICOS, 0, 280000},
    {"2.8e-7", PICOS, 0, 280000},
    {"2.8E-07", PICOS, 0, 280000},
    {"28e-8", PICOS, 0, 280000},
    {"0.28e-6", PICOS, 0, 280000},
    {"0.00000028", PICOS, 0, 280000},
    {"0.000000280000000000", PICOS, 0, 280000},
    {"4e-7", PICOS, 0, 400000},
    {"0.000000150", PICOS, 0, 150000},
    {"1.5e-06", PICOS, 0, 1500000},
    {"3.625e-09", PICOS, 0, 3625},
    {"5.46875e-07", PICOS, 0, 546875},
    {"1e-12", PICOS, 0, 1},
    {"10e-13", PICOS, 0, 1},
    {"1e-13", PICOS, TG_ERR_RANGE, 0},
    {"1.1e-12", PICOS, TG_ERR_RANGE, 0},
    {"1.0000000000001e-06", PICOS, TG_ERR_RANGE, 0},
    {"0", PICOS, 0, 0},
    {"-0", PICOS, 0, 0},
    {"0.0", PICOS, 0, 0},
    {"0e-99999999999999999999", PICOS, 0, 0},
    {"1e-99999999999999999999", PICOS, TG_ERR_RANGE, 0},
    {"1e99999999999999999999", PICOS, TG_ERR_RANGE, 0},
    {"9223372.036854775807", PICOS, 0, INT64_MAX},
    {"9223372.036854775808", PICOS, TG_ERR_RANGE, 0},
    {"92233720000000000000e-13", PICOS, 0, 9223372000000000000},
    {"-2.5e-06", PICOS, 0, -2500000},
    {"1e3", PICOS, 0, 1000000000000000},
    {"1e+3", 0, 0, 1000},
    {"131072", 0, 0, 131072},
    {"131072.0", 0, 0, 131072},
    {"1.5", 0, TG_ERR_RANGE, 0},
    {"1.5", 1, 0, 15},
    {"", 0, TG_ERR_FORMAT, 0},
    {"-", 0, TG_ERR_FORMAT, 0},
    {".5", 1, TG_ERR_FORMAT, 0},
    {"5.", 1, TG_ERR_FORMAT, 0},
    {"1e", 0, TG_ERR_FORMAT, 0},
    {"1e+", 0, TG_ERR_FORMAT, 0},
    {"1 ", 0, TG_ERR_FORMAT, 0},
    {" 1", 0, TG_ERR_FORMAT, 0},
    {"0x10", 0, TG_ERR_FORMAT, 0},
    {"1,000", 0, TG_ERR_FORMAT, 0},
    {"nan", 0, TG_ERR_FORMAT, 0},
    {"inf", 0, TG_ERR_FORMAT, 0},
};

static void
test_scaled(void)
{
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t value = 77;
        int err = tg_decimal_scaled(rows[i].text, rows[i].places, &value);

        is_int(err, rows[i].err, "'%s'", rows[i].text);
        is_int(value, rows[i].err == 0 ? rows[i].value : 77, " its value");
    }
}

static void
test_signs(void)
{
    ok(tg_decimal_is_zero("0") && tg_decimal_is_zero("-0.00e7"), "zeros");
    ok(!tg_decimal_is_zero("1e-99999") && !tg_decimal_is_zero("x"), "others");
    ok(tg_decimal_is_negative("-1e-99999"), "below zero");
    ok(!tg_decimal_is_negative("-0.0") && !tg_decimal_is_negative("1"),
       "not below");
}

static const struct {
    const char *text, *want; /* NULL: it is not JSON */
} documents[] = {
    {"1", "\"1\""},
    {"[1,2.50,-3e-07]", "[\"1\",\"2.50\",\"-3e-07\"]"},
    {"{\"a\":{\"b\":0.000000150},\"c\":[true,null,\"4\"]}",
     "{\"a\":{\"b\":\"0.000000150\"},\"c\":[true,null,\"4\"]}"},
    {" { \"1\" : 2 } ", "{\"1\":\"2\"}"},
    {"\"12 and 3e-7\"", "\"12 and 3e-7\""},
    {"\"\\\"1\\\":2\"", "\"\\\"1\\\":2\""},
    {"{\"a\":1,\"a\":2}", "{\"a\":\"2\"}"},
    {"", NULL},
    {"{\"a\":1", NULL},
    {"{\"a\":01}", NULL},
    {"{\"a\":1e}", NULL},
    {"[1,]", NULL},
    {"[1] 2", NULL},
    {"NaN", NULL},
    {"\"\xff\"", NULL},
};

static void
test_load(void)
{
    for (size_t i = 0; i < COUNT(documents); i++) {
        const char *want = documents[i].want;
        json_error_t error;
        json_t *value = tg_decimal_load(documents[i].text,
                                        strlen(documents[i].text), &error);
        char *text =
            value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

        if (want == NULL)
            ok(value == NULL, "'%s' is not JSON", documents[i].text);
        else
            is_str(text, want, "'%s'", documents[i].text);
        free(text);
        json_decref(value);
    }
}

/* Cut anywhere, or with any byte changed, it is read or refused. */
static void
test_damage(void)
{
    static const char text[] = "{\"a\":[1.5e-06,{\"b\":-0.25}],\"c\":\"7\"}";
    char copy[sizeof(text)];
    json_error_t error;
    int read = 0;

    for (size_t i = 0; i < sizeof(text) - 1; i++) {
        json_t *value = tg_decimal_load(text, i, &error);

        read += value != NULL;
        json_decref(value);
    }
    is_int(read, 0, "no part of it is whole");
    for (size_t i = 0; i < sizeof(text) - 1; i++) {
        for (int c = 0; c < 256; c++) {
            json_t *value;

            memcpy(copy, text, sizeof(text));
            copy[i] = (char)c;
            value = tg_decimal_load(copy, sizeof(text) - 1, &error);
            read += value != NULL;
            json_decref(value);
        }
    }
    ok(read > 100, "some changes leave it JSON: %d", read);
}

int
main(void)
{
    test_scaled();
    test_signs();
    test_load();
    test_damage();
    return done();
}
