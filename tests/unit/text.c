/* Text in a buffer: escaped for JSON, and cut where it does not fit. */
#include <stdlib.h>

#include "call.h"
#include "civil.h"
#include "tap.h"
#include "text.h"

static char buf[256];

static const char *
written(struct tg_text *text)
{
    text->data[text->len] = '\0';
    return text->data;
}

#define BAD "\xef\xbf\xbd"

static const struct {
    const char *what;
    struct tg_str in;
    const char *want;
} strings[] = {
    {"nothing", {NULL, 0}, ""},
    {"plain", TG_STR_INIT("a b/c~"), "a b/c~"},
    {"quotes", TG_STR_INIT("\"\\"), "\\\"\\\\"},
    {"a line feed", TG_STR_INIT("\n"), "\\n"},
    {"control characters", TG_STR_INIT("\x01\t\r\x1f\x7f"),
     "\\u0001\\u0009\\u000d\\u001f\\u007f"},
    {"a delete among others",
     TG_STR_INIT("ab\x7f"
                 "c\"d"),
     "ab\\u007fc\\\"d"},
    {"escapes between characters", TG_STR_INIT("\xc2\x80\"\xc2\n\xc2\x80"),
     "\xc2\x80\\\"" BAD "\\n\xc2\x80"},
    {"a zero byte", TG_STR_INIT("a\0b"), "a\\u0000b"},
    {"two, three and four bytes",
     TG_STR_INIT("\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\xf0\x90\x80\x80"
                 "\xf4\x8f\xbf\xbf"),
     "\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\xf0\x90\x80\x80"
     "\xf4\x8f\xbf\xbf"},
    {"a lone continuation", TG_STR_INIT("a\x80z"), "a" BAD "z"},
    {"too long for what it says", TG_STR_INIT("\xc0\x80\xc1\xbf"),
     BAD BAD BAD BAD},
    {"three bytes for two", TG_STR_INIT("\xe0\x9f\xbf"), BAD BAD BAD},
    {"a surrogate", TG_STR_INIT("\xed\xa0\x80"), BAD BAD BAD},
    {"four bytes for three", TG_STR_INIT("\xf0\x8f\xbf\xbf"), BAD BAD BAD BAD},
    {"beyond Unicode", TG_STR_INIT("\xf4\x90\x80\x80\xf5\xff"),
     BAD BAD BAD BAD BAD BAD},
    {"cut in a character", TG_STR_INIT("a\xe2\x82"), "a" BAD BAD},
    {"cut, then ASCII", TG_STR_INIT("\xe2\x82z"), BAD BAD "z"},
};

static void
test_json(void)
{
    for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
        struct tg_text text = tg_text_in(buf, sizeof(buf) - 1);
        char *copy = malloc(strings[i].in.len + 1);

        if (strings[i].in.len != 0)
            memcpy(copy, strings[i].in.data, strings[i].in.len);
        tg_text_json(&text, (struct tg_str){copy, strings[i].in.len});
        is_str(written(&text), strings[i].want, "%s", strings[i].what);
        ok(!text.is_cut, "it fits");
        free(copy);
    }
}

static const struct {
    int64_t n;
    const char *want;
} integers[] = {
    {0, "0"},
    {7, "7"},
    {-1, "-1"},
    {1000, "1000"},
    {INT64_MAX, "9223372036854775807"},
    {INT64_MIN, "-9223372036854775808"},
};

static void
test_values(void)
{
    struct tg_text text;
    int64_t ms = 0;

    for (size_t i = 0; i < sizeof(integers) / sizeof(integers[0]); i++) {
        text = tg_text_in(buf, sizeof(buf) - 1);
        tg_text_int(&text, integers[i].n);
        is_str(written(&text), integers[i].want, "an integer");
    }
    text = tg_text_in(buf, sizeof(buf) - 1);
    tg_text_money(&text, 123456);
    tg_text_money(&text, -12340000000);
    is_str(written(&text), "\"0.000123456\"\"-12.34\"", "amounts");

    tg_civil_parse(TG_STR("2026-09-10T04:00:00Z"), &ms);
    text = tg_text_in(buf, sizeof(buf) - 1);
    tg_text_instant(&text, ms);
    tg_text_instant(&text, 0);
    tg_text_instant(&text, INT64_MAX);
    is_str(written(&text), "\"2026-09-10T04:00:00.000Z\"nullnull",
           "an instant, none, and one that no calendar has");

    text = tg_text_in(buf, sizeof(buf) - 1);
    tg_text_json_string(&text, TG_STR("a\"b"));
    is_str(written(&text), "\"a\\\"b\"", "a whole string");
}

/* A buffer of each size, in a block of its own. */
static void
test_cutting(void)
{
    const char *whole = "abc\\\"\xe2\x82\xac" BAD "-12end";
    size_t full = strlen(whole), wrong = 0;

    for (size_t cap = 0; cap <= full; cap++) {
        char *block = malloc(cap ? cap : 1);
        struct tg_text text = tg_text_in(block, cap);

        tg_text_put(&text, TG_STR("abc"));
        tg_text_json(&text, TG_STR("\"\xe2\x82\xac\xff"));
        tg_text_int(&text, -12);
        tg_text_puts(&text, "end");
        wrong += text.len > cap || text.is_cut != (cap < full) ||
                 memcmp(block, whole, text.len) != 0;
        /* No character and no escape in two. */
        wrong += text.len == 4 || text.len == 6 || text.len == 7 ||
                 text.len == 9 || text.len == 10;
        free(block);
    }
    is_int(wrong, 0, "what fits is a beginning of it, at every size");
}

static void
test_full_stays_full(void)
{
    struct tg_text text = tg_text_in(buf, 4);

    tg_text_puts(&text, "abcde");
    tg_text_puts(&text, "f");
    is_int(text.len, 0, "nothing follows what did not fit");
    ok(text.is_cut, "which is remembered");
}

static void
test_fields(void)
{
    char field[4];

    tg_field_set(field, sizeof(field), "ab", 2);
    ok(memcmp(field, "ab\0\0", 4) == 0, "a field is filled with zeros");
    is_int(tg_field_len(field, sizeof(field)), 2, "and has a length");
    tg_field_set(field, sizeof(field), "abcdef", 6);
    ok(memcmp(field, "abcd", 4) == 0, "a long text is cut");
    is_int(tg_field_len(field, sizeof(field)), 4, "and fills it");
    tg_field_set(field, sizeof(field), NULL, 0);
    is_int(tg_field_len(field, sizeof(field)), 0, "no text is none");
}

int
main(void)
{
    test_json();
    test_values();
    test_cutting();
    test_full_stays_full();
    test_fields();
    return done();
}
