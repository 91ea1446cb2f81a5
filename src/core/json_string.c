#include "json_part.h"

#include <assert.h>

#include "quoted.h"

enum part {
    PLAIN,
    ESCAPE, /* in one that the chunk before cut, or that is wrong */
};

void
tg_json_string_begin(struct tg_json *json)
{
    json->sub = PLAIN;
    json->has_escapes = json->is_held = false;
    json->surrogate = json->held_surrogate = 0;
    json->held_len = 0;
    json->text_len = 0;
    json->text_more = 0;
    json->run = json->cursor;
    json->utf8.need = 0;
}

/* A high surrogate that no low one followed is U+FFFD. */
static void
drop_surrogate(struct tg_json *json)
{
    if (json->surrogate) {
        json->text_len += 3;
        json->text_more += 2;
        json->surrogate = 0;
    }
}

/* Counts what a unit of UTF-16 comes to; tg_json_hold writes it. */
static void
count_unit(struct tg_json *json, unsigned unit)
{
    size_t more = (size_t)(unit >= 0x80) + (unit >= 0x800);

    if (json->surrogate && unit >= 0xdc00 && unit < 0xe000) {
        json->text_len += 4;
        json->text_more += 3;
        json->surrogate = 0;
        return;
    }
    drop_surrogate(json);
    if (unit >= 0xd800 && unit < 0xdc00) {
        json->surrogate = (uint16_t)unit;
        return;
    }
    json->text_len += 1 + more;
    json->text_more += more;
}

/* Counts the escape in len bytes, if it is all there.  Returns its length. */
static size_t
escape(struct tg_json *json, const char *q, size_t len)
{
    int unit;

    if (len > 1 && tg_quoted_escape(q[1])) {
        drop_surrogate(json);
        json->text_len++;
        return 2;
    }
    if (len < TG_JSON_ESCAPE_MAX || q[1] != 'u' ||
        (unit = tg_json_hex4(q + 2)) < 0)
        return 0;
    count_unit(json, (unsigned)unit);
    return TG_JSON_ESCAPE_MAX;
}

/* The chunk will be gone: what is in it of the text's beginning is kept. */
static void
hold_run(struct tg_json *json, const char *q)
{
    tg_json_hold(json, json->run, q);
    json->is_held = true;
    json->run = json->cursor = q;
}

/* The next byte of a cut escape, at the cursor. */
static int
gather(struct tg_json *json)
{
    char c = *json->cursor;
    size_t at = json->split_len;

    if (at == 1 ? c != 'u' && !tg_quoted_escape(c) : tg_json_digit(c) < 0)
        return tg_json_fail(json, TG_JSON_SYNTAX, json->cursor);
    json->split[json->split_len++] = c;
    json->run = ++json->cursor;
    if (at == 1 ? c != 'u' : at == TG_JSON_ESCAPE_MAX - 1) {
        escape(json, json->split, json->split_len);
        tg_json_hold(json, json->split, json->split + json->split_len);
        json->sub = PLAIN;
    }
    return 0;
}

/* The escapes from q on; *has_all says that none was cut or wrong. */
static const char *
escapes(struct tg_json *json, const char *q, bool *has_all)
{
    size_t len = 1;

    json->has_escapes = true;
    while (q < json->end && *q == '\\' && len > 0) {
        len = escape(json, q, (size_t)(json->end - q));
        q += len;
    }
    *has_all = len > 0;
    return q;
}

/* Counts bytes of the text that are as they stand there, [p, q). */
static void
count(struct tg_json *json, const char *p, const char *q)
{
    json->text_len += (uint64_t)(q - p);
    if (!json->counts_characters)
        return;
    for (; p < q; p++)
        json->text_more += ((unsigned char)*p & 0xc0) == 0x80;
}

/* Passes characters and short escapes. */
static const char *
pass(struct tg_json *json, const char *p)
{
    uint64_t passed = 0;
    const char *q = tg_quoted_pass(p, json->end, &passed);

    if (q > p)
        drop_surrogate(json);
    json->has_escapes |= passed > 0;
    count(json, p, q);
    json->text_len -= passed;
    return q;
}

/* At q, above ASCII, no character is whole: it is wrong, or goes on. */
static int
broken(struct tg_json *json, const char *q)
{
    size_t left = (size_t)(json->end - q), len = left < 4 ? left : 4;
    size_t good = tg_utf8_check(&json->utf8, q, len);

    if (good < len)
        return tg_json_fail(json, TG_JSON_UTF8, q + good);
    assert(len == left && json->utf8.need > 0);
    drop_surrogate(json);
    count(json, q, json->end);
    hold_run(json, json->end);
    return 0;
}

/* The rest of a character that the chunk before began. */
static int
rest(struct tg_json *json)
{
    const char *p = json->cursor;

    for (; p < json->end && json->utf8.need > 0; p++) {
        if (tg_utf8_check(&json->utf8, p, 1) == 0)
            return tg_json_fail(json, TG_JSON_UTF8, p);
    }
    count(json, json->cursor, p);
    json->cursor = p;
    if (p == json->end)
        hold_run(json, p);
    return 0;
}

static int
whole(struct tg_json *json, const char *quote)
{
    drop_surrogate(json);
    if (json->is_held ||
        (json->has_escapes && json->text_len <= TG_JSON_TEXT_MAX)) {
        hold_run(json, quote);
        tg_json_hold_end(json);
    }
    json->text = json->is_held ? json->held : json->run;
    if (json->text_len > TG_JSON_TEXT_MAX)
        json->text = NULL;
    json->cursor = quote + 1;
    return 1;
}

/* From a character's beginning up to the quote or the chunk's end. */
static int
plain(struct tg_json *json)
{
    const char *q = pass(json, json->cursor);
    bool has_all = true;

    while (q < json->end && *q == '\\' && has_all) {
        q = escapes(json, q, &has_all);
        if (has_all)
            q = pass(json, q);
    }
    if (q == json->end) {
        hold_run(json, q);
        return 0;
    }
    if (*q == '"')
        return whole(json, q);
    if ((unsigned char)*q >= 0x80)
        return broken(json, q);
    if (*q != '\\')
        return tg_json_fail(json, TG_JSON_CONTROL, q);
    hold_run(json, q);
    json->sub = ESCAPE;
    json->split[0] = *json->cursor++;
    json->split_len = 1;
    return 0;
}

int
tg_json_string(struct tg_json *json)
{
    int result = 0;

    while (result == 0 && json->cursor < json->end) {
        if (json->sub == ESCAPE)
            result = gather(json);
        else
            result = json->utf8.need > 0 ? rest(json) : plain(json);
    }
    return result;
}
