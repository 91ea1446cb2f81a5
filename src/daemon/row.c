#include "row.h"

#include <stdlib.h>
#include <string.h>

#include "civil.h"
#include "money.h"
#include "utf8.h"

#define ROOM_MIN 4096

/* What a byte of a text asks for, in JSON and in CSV. */
enum {
    IS_JSON_ESCAPED = 1, /* '"', '\', and what is no letter */
    IS_CSV_QUOTED = 2,
    IS_CSV_FORMULA = 4, /* at a text's beginning */
    IS_NOT_ASCII = 8,
};

#define C0 IS_JSON_ESCAPED
static const uint8_t kinds[256] = {
    [0 ... 8] = C0,
    ['\t'] = C0 | IS_CSV_FORMULA,
    ['\n'] = C0 | IS_CSV_QUOTED,
    [11 ... 12] = C0,
    ['\r'] = C0 | IS_CSV_QUOTED | IS_CSV_FORMULA,
    [14 ... 31] = C0,
    ['"'] = IS_JSON_ESCAPED | IS_CSV_QUOTED,
    ['\\'] = IS_JSON_ESCAPED,
    [','] = IS_CSV_QUOTED,
    ['='] = IS_CSV_FORMULA,
    ['+'] = IS_CSV_FORMULA,
    ['-'] = IS_CSV_FORMULA,
    ['@'] = IS_CSV_FORMULA,
    [127] = IS_JSON_ESCAPED,
    [128 ... 255] = IS_NOT_ASCII,
};

static char *
grow(struct tg_rows *rows, size_t len)
{
    size_t room = rows->room != 0 ? rows->room : ROOM_MIN;
    char *data;

    if (rows->has_failed)
        return NULL;
    while (room - rows->len < len)
        room *= 2;
    data = realloc(rows->data, room);
    if (data == NULL) {
        rows->has_failed = true;
        return NULL;
    }
    rows->data = data;
    rows->room = room;
    return data + rows->len;
}

/* Where so many bytes may be written; NULL, and it has failed. */
static inline char *
reserve(struct tg_rows *rows, size_t len)
{
    return len <= rows->room - rows->len ? rows->data + rows->len
                                         : grow(rows, len);
}

static inline void
put(struct tg_rows *rows, const char *text, size_t len)
{
    char *to = reserve(rows, len);

    if (to == NULL)
        return;
    memcpy(to, text, len);
    rows->len += len;
}

static inline void
put_char(struct tg_rows *rows, char c)
{
    put(rows, &c, 1);
}

void
tg_row_begin(struct tg_rows *rows)
{
    rows->is_first = true;
    if (rows->form == TG_ROW_JSON)
        put_char(rows, '{');
}

void
tg_row_end(struct tg_rows *rows)
{
    if (rows->form == TG_ROW_JSON)
        put_char(rows, '}');
    put_char(rows, '\n');
}

/* What stands in front of a value; false when there is to be none. */
static bool
begin_member(struct tg_rows *rows, const char *name)
{
    size_t len = strlen(name);
    char *to;

    if (rows->form == TG_ROW_CSV) {
        if (!rows->is_first)
            put_char(rows, ',');
        rows->is_first = false;
        return true;
    }
    to = reserve(rows, len + 4);
    if (to == NULL)
        return false;
    if (!rows->is_first)
        *to++ = ',';
    rows->is_first = false;
    if (rows->form == TG_ROW_JSON)
        *to++ = '"';
    memcpy(to, name, len);
    to += len;
    if (rows->form == TG_ROW_JSON) {
        *to++ = '"';
        *to++ = ':';
    }
    rows->len = (size_t)(to - rows->data);
    return rows->form == TG_ROW_JSON;
}

static void
put_escaped(struct tg_rows *rows, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    char text[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};

    if (c != '"' && c != '\\') {
        put(rows, text, sizeof(text));
        return;
    }
    text[1] = (char)c;
    put(rows, text, 2);
}

static void
put_json(struct tg_rows *rows, const char *text, size_t len, unsigned seen)
{
    put_char(rows, '"');
    if (!(seen & IS_JSON_ESCAPED)) {
        put(rows, text, len);
    } else {
        for (size_t i = 0; i < len; i++) {
            if (kinds[(uint8_t)text[i]] & IS_JSON_ESCAPED)
                put_escaped(rows, (uint8_t)text[i]);
            else
                put_char(rows, text[i]);
        }
    }
    put_char(rows, '"');
}

static void
put_cell(struct tg_rows *rows, const char *text, size_t len, unsigned seen)
{
    bool is_quoted = (seen & IS_CSV_QUOTED) != 0;

    if (is_quoted)
        put_char(rows, '"');
    if (kinds[(uint8_t)text[0]] & IS_CSV_FORMULA)
        put_char(rows, '\'');
    if (!is_quoted) {
        put(rows, text, len);
        return;
    }
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '"')
            put_char(rows, '"');
        put_char(rows, text[i]);
    }
    put_char(rows, '"');
}

/* A text that is UTF-8; seen is what its bytes ask for. */
static void
put_value(struct tg_rows *rows, const char *text, size_t len, unsigned seen)
{
    if (rows->form == TG_ROW_JSON)
        put_json(rows, text, len, seen);
    else
        put_cell(rows, text, len, seen);
}

static void
put_repaired(struct tg_rows *rows, const char *text, size_t len, unsigned seen)
{
    char *clean = malloc(len);

    if (clean == NULL) {
        rows->has_failed = true;
        return;
    }
    for (size_t i = 0; i < len; i++)
        clean[i] = (char)((uint8_t)text[i] < 0x80 ? text[i] : '?');
    put_value(rows, clean, len, seen);
    free(clean);
}

static bool
is_utf8(const char *text, size_t len)
{
    struct tg_utf8 utf8 = {0};

    return tg_utf8_check(&utf8, text, len) == len && utf8.need == 0;
}

void
tg_row_text(struct tg_rows *rows, const char *name, const char *text)
{
    unsigned seen = 0;
    size_t len = 0;

    if (text == NULL || text[0] == '\0') {
        tg_row_null(rows, name);
        return;
    }
    if (!begin_member(rows, name))
        return;
    for (; text[len] != '\0'; len++)
        seen |= kinds[(uint8_t)text[len]];
    if (seen & IS_NOT_ASCII && !is_utf8(text, len))
        put_repaired(rows, text, len, seen);
    else
        put_value(rows, text, len, seen);
}

void
tg_row_object(struct tg_rows *rows, const char *kind)
{
    if (rows->form == TG_ROW_JSON)
        tg_row_text(rows, "object", kind);
}

static void
put_plain(struct tg_rows *rows, const char *text, size_t len)
{
    char *to = reserve(rows, len + 2);

    if (to == NULL)
        return;
    if (rows->form == TG_ROW_JSON)
        *to++ = '"';
    memcpy(to, text, len);
    to += len;
    if (rows->form == TG_ROW_JSON)
        *to++ = '"';
    rows->len = (size_t)(to - rows->data);
}

void
tg_row_plain(struct tg_rows *rows, const char *name, const char *text)
{
    if (text == NULL || text[0] == '\0')
        tg_row_null(rows, name);
    else if (begin_member(rows, name))
        put_plain(rows, text, strlen(text));
}

void
tg_row_hex(struct tg_rows *rows, const char *name, const char *prefix,
           const uint8_t *bytes, size_t len)
{
    static const char hex[] = "0123456789abcdef";
    char text[64];
    size_t at = strlen(prefix);

    if (!begin_member(rows, name) || at + 2 * len > sizeof(text))
        return;
    memcpy(text, prefix, at);
    for (size_t i = 0; i < len; i++) {
        text[at++] = hex[bytes[i] >> 4];
        text[at++] = hex[bytes[i] & 15];
    }
    put_plain(rows, text, at);
}

/* Writes the digits in front of end; returns where they begin. */
static char *
digits_before(char *end, uint64_t value)
{
    do {
        *--end = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    return end;
}

void
tg_row_int(struct tg_rows *rows, const char *name, int64_t value)
{
    char text[24], *end = text + sizeof(text);
    char *at =
        digits_before(end, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);

    if (value < 0)
        *--at = '-';
    if (begin_member(rows, name))
        put(rows, at, (size_t)(end - at));
}

void
tg_row_null(struct tg_rows *rows, const char *name)
{
    if (begin_member(rows, name) && rows->form == TG_ROW_JSON)
        put(rows, "null", 4);
}

void
tg_row_bool(struct tg_rows *rows, const char *name, bool value)
{
    if (begin_member(rows, name))
        put(rows, value ? "true" : "false", value ? 4 : 5);
}

void
tg_row_money(struct tg_rows *rows, const char *name, int64_t nanos)
{
    char text[TG_MONEY_TEXT_SIZE];

    if (begin_member(rows, name))
        put_plain(rows, text, tg_money_format(nanos, text));
}

static void
put_two(char *to, int64_t value, char behind)
{
    to[0] = (char)('0' + value / 10);
    to[1] = (char)('0' + value % 10);
    to[2] = behind;
}

/* Rows of a day come one after the other, so its date is kept. */
static bool
keep_date(struct tg_rows *rows, int64_t day)
{
    if (rows->day == day + 1)
        return true;
    if (day < INT32_MIN || day > INT32_MAX ||
        tg_civil_format_date((int32_t)day, rows->date) != 0)
        return false;
    rows->day = day + 1;
    return true;
}

void
tg_row_instant(struct tg_rows *rows, const char *name, int64_t at_ms)
{
    int64_t day = tg_civil_day_at(at_ms), ms = at_ms - day * TG_MS_PER_DAY;
    char text[TG_CIVIL_TEXT_SIZE];

    if (at_ms == 0 || !keep_date(rows, day)) {
        tg_row_null(rows, name);
        return;
    }
    if (!begin_member(rows, name))
        return;
    memcpy(text, rows->date, TG_CIVIL_DATE_SIZE - 1);
    text[10] = 'T';
    put_two(text + 11, ms / 3600000, ':');
    put_two(text + 14, ms / 60000 % 60, ':');
    put_two(text + 17, ms / 1000 % 60, '.');
    text[20] = (char)('0' + ms / 100 % 10);
    put_two(text + 21, ms % 100, 'Z');
    put_plain(rows, text, TG_CIVIL_TEXT_SIZE - 1);
}

void
tg_row_json(struct tg_rows *rows, const char *name, const char *json)
{
    if (rows->form != TG_ROW_JSON)
        tg_row_text(rows, name, json);
    else if (begin_member(rows, name))
        put(rows, json, strlen(json));
}

void
tg_rows_release(struct tg_rows *rows)
{
    free(rows->data);
    *rows = (struct tg_rows){.form = rows->form};
}
