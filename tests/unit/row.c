/*
 * Rows of an export: each value in both forms, what a spreadsheet or a reader
 * of JSON would trip over included.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "row.h"
#include "tap.h"

/* A text, and what stands for it in CSV; JSON is read back instead. */
static const struct {
    const char *text, *csv, *json; /* json: what it is then, NULL for null */
} texts[] = {
    {"plain", "plain", "plain"},
    {"", "", NULL},
    {"a,b", "\"a,b\"", "a,b"},
    {"say \"x\"", "\"say \"\"x\"\"\"", "say \"x\""},
    {"two\nlines", "\"two\nlines\"", "two\nlines"},
    {"\rx", "\"'\rx\"", "\rx"},
    {"=1+1", "'=1+1", "=1+1"},
    {"+1", "'+1", "+1"},
    {"-1", "'-1", "-1"},
    {"@a", "'@a", "@a"},
    {"\ta", "'\ta", "\ta"},
    {"=a,\"b\"", "\"'=a,\"\"b\"\"\"", "=a,\"b\""},
    {"a=1", "a=1", "a=1"},
    {"back\\slash", "back\\slash", "back\\slash"},
    {"\x01\x1b\x7f", "\x01\x1b\x7f", "\x01\x1b\x7f"},
    {"程序 é", "程序 é", "程序 é"},
    {"cut \xe7\xa8", "cut ??", "cut ??"},
    {"\xff=", "?=", "?="},
};

static void
check_text(size_t i, enum tg_row_form form)
{
    struct tg_rows rows = {.form = form};
    json_t *object;

    tg_row_begin(&rows);
    tg_row_text(&rows, "a", texts[i].text);
    tg_row_end(&rows);
    ok(!rows.has_failed && rows.data[rows.len - 1] == '\n', "%s is a line",
       texts[i].csv);
    if (form == TG_ROW_CSV) {
        ok(rows.len - 1 == strlen(texts[i].csv) &&
               memcmp(rows.data, texts[i].csv, rows.len - 1) == 0,
           "%s in CSV", texts[i].csv);
    } else {
        object = json_loadb(rows.data, rows.len, 0, NULL);
        ok(object != NULL, "%s is JSON", texts[i].csv);
        if (texts[i].json == NULL)
            ok(json_is_null(json_object_get(object, "a")), "and null");
        else
            is_str(json_string_value(json_object_get(object, "a")),
                   texts[i].json, "and says the same");
        json_decref(object);
    }
    tg_rows_release(&rows);
}

static void
put_all(struct tg_rows *rows)
{
    static const uint8_t bytes[] = {0x00, 0x7f, 0xff};

    tg_row_begin(rows);
    tg_row_object(rows, "thing");
    tg_row_instant(rows, "at", INT64_C(1764208800007));
    tg_row_instant(rows, "never", 0);
    tg_row_hex(rows, "id", "id_", bytes, sizeof(bytes));
    tg_row_int(rows, "n", INT64_MIN);
    tg_row_int(rows, "zero", 0);
    tg_row_null(rows, "none");
    tg_row_bool(rows, "is", true);
    tg_row_money(rows, "cost", -1500000000);
    tg_row_plain(rows, "name", "flash");
    tg_row_json(rows, "more", "{\"a\":1}");
    tg_row_end(rows);
}

static void
check_all(enum tg_row_form form, const char *expected)
{
    struct tg_rows rows = {.form = form};

    put_all(&rows);
    put_all(&rows);
    ok(rows.len == 2 * strlen(expected) &&
           memcmp(rows.data, expected, rows.len / 2) == 0 &&
           memcmp(rows.data + rows.len / 2, expected, rows.len / 2) == 0,
       "each kind of value: %s", expected);
    tg_rows_release(&rows);
}

/* Room is made at any place of a row. */
static void
check_growth(void)
{
    static char text[300];
    struct tg_rows rows = {.form = TG_ROW_CSV};

    memset(text, 'x', sizeof(text) - 1);
    for (int i = 0; i < 2000; i++) {
        text[i % 299] = '"';
        tg_row_begin(&rows);
        tg_row_text(&rows, "a", text);
        tg_row_int(&rows, "n", i);
        tg_row_end(&rows);
        text[i % 299] = 'x';
    }
    ok(!rows.has_failed && rows.data[rows.len - 1] == '\n', "many rows");
    tg_rows_release(&rows);
}

int
main(void)
{
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        check_text(i, TG_ROW_CSV);
        check_text(i, TG_ROW_JSON);
    }
    check_all(TG_ROW_HEAD, "at,never,id,n,zero,none,is,cost,name,more\n");
    check_all(TG_ROW_CSV,
              "2025-11-27T02:00:00.007Z,,id_007fff,-9223372036854775808,0,,"
              "true,-1.50,flash,\"{\"\"a\"\":1}\"\n");
    check_all(TG_ROW_JSON,
              "{\"object\":\"thing\",\"at\":\"2025-11-27T02:00:00.007Z\","
              "\"never\":null,\"id\":\"id_007fff\","
              "\"n\":-9223372036854775808,\"zero\":0,\"none\":null,"
              "\"is\":true,\"cost\":\"-1.50\",\"name\":\"flash\","
              "\"more\":{\"a\":1}}\n");
    check_growth();
    return done();
}
