/* Goal: units have the names, prices and amounts that people read. */
#include "tap.h"

#include <stdint.h>

#include "err.h"
#include "unit.h"

static struct tg_str
str(const char *text)
{
    return (struct tg_str){text, strlen(text)};
}

static const struct {
    enum tg_unit unit;
    const char *name;
} names[] = {
    {TG_UNIT_IMAGE, "image"},
    {TG_UNIT_MILLISECOND, "second"},
    {TG_UNIT_CHARACTER, "character"},
    {TG_UNIT_CALL, "call"},
};

/* A price of one unit as it is shown, and in the book. */
static const struct {
    enum tg_unit unit;
    int64_t nanos, picos;
} prices[] = {
    {TG_UNIT_IMAGE, 40000000, 40000000000}, /* 0.04 */
    {TG_UNIT_MILLISECOND, 100000, 100000},  /* 0.006 a minute */
    {TG_UNIT_CHARACTER, 15000, 15000000},   /* 15.00 a million */
    {TG_UNIT_CALL, 0, 0},                   /* 0 is a price */
    {TG_UNIT_CALL, INT64_MAX / 1000, INT64_MAX / 1000 * 1000},
    {TG_UNIT_MILLISECOND, INT64_MAX, INT64_MAX},
};

static const struct {
    enum tg_unit unit;
    int64_t units;
    const char *text;
} amounts[] = {
    {TG_UNIT_IMAGE, 2, "2"},
    {TG_UNIT_CHARACTER, 4096, "4096"},
    {TG_UNIT_MILLISECOND, 0, "0"},
    {TG_UNIT_MILLISECOND, 1, "0.001"},
    {TG_UNIT_MILLISECOND, 60000, "60"},
    {TG_UNIT_MILLISECOND, 12340, "12.340"},
    {TG_UNIT_MILLISECOND, INT64_MAX, "9223372036854775.807"},
    {TG_UNIT_CALL, INT64_MAX, "9223372036854775807"},
};

static const struct {
    const char *text;
    bool is_size;
} sizes[] = {
    {"1024x1024", true},
    {"hd 1024x1792", true},
    {"medium 1536x1024", true},
    {"1x1", true},
    {"standard 12345678x123456", true}, /* 24 bytes */
    {"standard 12345678x1234567", false},
    {"", false},
    {"auto", false},
    {"hd", false},
    {"hd ", false},
    {" 1024x1024", false},
    {"hd  1024x1024", false},
    {"HD 1024x1024", false},
    {"1024X1024", false},
    {"1024x", false},
    {"x1024", false},
    {"1024x1024 ", false},
    {"1024x1024x1", false},
    {"1024\xc3\x97"
     "1024",
     false},
};

int
main(void)
{
    char text[TG_UNIT_AMOUNT_SIZE];
    int64_t picos;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        is_str(tg_unit_name(names[i].unit), names[i].name, "name of %s",
               names[i].name);
        is_int(tg_unit_of(str(names[i].name)), names[i].unit, "%s by its name",
               names[i].name);
    }
    ok(tg_unit_name(TG_UNIT_NONE) == NULL, "no unit has no name");
    is_int(tg_unit_of(str("images")), TG_UNIT_NONE, "no unit of that name");
    is_int(tg_unit_of(str("")), TG_UNIT_NONE, "no unit without a name");

    for (size_t i = 0; i < sizeof(prices) / sizeof(prices[0]); i++) {
        is_int(tg_unit_price_picos(prices[i].unit, prices[i].nanos, &picos), 0,
               "price %zu fits", i);
        is_int(picos, prices[i].picos, "price %zu in picos", i);
        is_int(tg_unit_price_nanos(prices[i].unit, prices[i].picos),
               prices[i].nanos, "price %zu and back", i);
    }
    is_int(tg_unit_price_picos(TG_UNIT_CALL, INT64_MAX / 1000 + 1, &picos),
           TG_ERR_RANGE, "a price that does not fit");
    is_int(tg_unit_price_nanos(TG_UNIT_CALL, 1001), 2,
           "what is less than a nano-unit is shown as one");

    for (size_t i = 0; i < sizeof(amounts) / sizeof(amounts[0]); i++) {
        tg_unit_amount(amounts[i].unit, amounts[i].units, text);
        is_str(text, amounts[i].text, "amount %s", amounts[i].text);
    }
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        is_int(tg_unit_is_size(str(sizes[i].text)), sizes[i].is_size,
               "'%s' is %sa size", sizes[i].text,
               sizes[i].is_size ? "" : "not ");
    return done();
}
