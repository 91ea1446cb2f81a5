#include "json_part.h"

#include <string.h>

#include "span.h"

enum part {
    PLAIN,
    ESCAPE, /* behind a backslash */
    HEX,    /* in the four digits behind \u */
};

void
tg_json_string_begin(struct tg_json *json)
{
    json->sub = PLAIN;
    json->is_held = false;
    json->surrogate = 0;
    json->text_len = 0;
    json->text_more = 0;
    json->run = json->cursor;
    json->utf8.need = 0;
}

/* Only the length of what comes is of interest any more. */
static bool
is_past_room(const struct tg_json *json)
{
    return json->text_len >= sizeof(json->held);
}

/* Adds decoded bytes to what the token will show, as far as there is room. */
static void
hold(struct tg_json *json, const char *data, size_t len)
{
    size_t room;

    if (!is_past_room(json)) {
        room = sizeof(json->held) - (size_t)json->text_len;
        memcpy(json->held + json->text_len, data, len < room ? len : room);
    }
    json->text_len += len;
}

/*
 * Ends the run of plain bytes at p.  Bytes before the first escape of a
 * string that began in this chunk are not copied until one is met.
 */
static void
end_run(struct tg_json *json, const char *p)
{
    hold(json, json->run, (size_t)(p - json->run));
    json->is_held = true;
    json->run = p;
}

static void
hold_code(struct tg_json *json, uint32_t code)
{
    size_t len = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    char out[4];

    json->text_more += len - 1;
    if (is_past_room(json))
        json->text_len += len;
    else
        hold(json, out, tg_utf8_encode(code, out));
}

/* A high surrogate that no low one followed. */
static void
drop_surrogate(struct tg_json *json)
{
    if (json->surrogate)
        hold_code(json, json->surrogate);
    json->surrogate = 0;
}

static void
unit(struct tg_json *json, uint16_t code)
{
    if (json->surrogate && code >= 0xdc00 && code < 0xe000) {
        hold_code(json, 0x10000 + ((json->surrogate & 0x3ffu) << 10) +
                            (code & 0x3ffu));
        json->surrogate = 0;
        return;
    }
    drop_surrogate(json);
    if (code >= 0xd800 && code < 0xdc00)
        json->surrogate = code;
    else
        hold_code(json, code);
}

/* One more than the digit's value; 0 for what is none. */
static const uint8_t digits[256] = {
    ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,
    ['6'] = 7,  ['7'] = 8,  ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12,
    ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16, ['A'] = 11, ['B'] = 12,
    ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

static int
hex_value(char c)
{
    return digits[(unsigned char)c] - 1;
}

/* The byte that a backslash and another byte stand for; 0 for none. */
static const char simple[256] = {
    ['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
    ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t',
};

static char
simple_escape(char c)
{
    return simple[(unsigned char)c];
}

/* One byte of an escape.  Returns whether it may stand there. */
static bool
escape(struct tg_json *json, char c)
{
    int digit;
    char decoded;

    if (json->sub == HEX) {
        digit = hex_value(c);
        json->hex = (uint16_t)(json->hex << 4 | (digit & 0xf));
        if (++json->hex_count == 4) {
            unit(json, json->hex);
            json->sub = PLAIN;
        }
        return digit >= 0;
    }
    if (c == 'u') {
        json->sub = HEX;
        json->hex = 0;
        json->hex_count = 0;
        return true;
    }
    decoded = simple_escape(c);
    drop_surrogate(json);
    hold(json, &decoded, 1);
    json->sub = PLAIN;
    return decoded != 0;
}

static uint64_t
count_more(const char *p, const char *q)
{
    uint64_t n = 0;

    for (; p < q; p++)
        n += ((unsigned char)*p & 0xc0) == 0x80;
    return n;
}

/* Checks [p, q); at_end says that a character may go on behind it. */
static int
check(struct tg_json *json, const char *p, const char *q, bool at_end)
{
    size_t good = tg_utf8_check(&json->utf8, p, (size_t)(q - p));

    if (json->counts_characters)
        json->text_more += count_more(p, q);
    if (good == (size_t)(q - p) && (at_end || json->utf8.need == 0))
        return 0;
    return tg_json_fail(json, TG_JSON_UTF8, p + good);
}

static int
whole(struct tg_json *json, const char *quote)
{
    size_t len = (size_t)(quote - json->run);

    if (json->is_held) {
        if (json->surrogate)
            drop_surrogate(json);
        hold(json, json->run, len);
        json->text = json->held;
    } else {
        json->text = json->run;
        json->text_len = len;
    }
    json->head = json->text;
    if (json->text_len > TG_JSON_TEXT_MAX)
        json->text = NULL;
    json->cursor = quote + 1;
    return 1;
}

/* The four digits at p; negative when they are not. */
static int
hex4(const char *p)
{
    int a = hex_value(p[0]), b = hex_value(p[1]);
    int c = hex_value(p[2]), d = hex_value(p[3]);

    return (a | b | c | d) < 0 ? -1 : a << 12 | b << 8 | c << 4 | d;
}

/* The escape at q, when all of it is there.  Returns its length, else 0. */
static size_t
whole_escape(struct tg_json *json, const char *q)
{
    size_t left = (size_t)(json->end - q);
    char decoded = left > 1 ? simple_escape(q[1]) : 0;
    int code;

    if (decoded) {
        if (json->surrogate)
            drop_surrogate(json);
        hold(json, &decoded, 1);
        return 2;
    }
    if (left < 6 || q[1] != 'u' || (code = hex4(q + 2)) < 0)
        return 0;
    unit(json, (uint16_t)code);
    return 6;
}

/* The escapes from q on.  Returns whether the last was whole as well. */
static bool
escapes(struct tg_json *json, const char *q)
{
    size_t len = 1;

    end_run(json, q);
    while (q < json->end && *q == '\\' && len) {
        len = whole_escape(json, q);
        q += len;
    }
    json->run = q;
    return len > 0;
}

/* Where the run from p ends, of which more than the length may matter. */
static const char *
run_end(struct tg_json *json, const char *p, bool *has_high)
{
    uint64_t passed = 0;
    const char *q;

    if (json->is_held && is_past_room(json) && !json->surrogate) {
        q = tg_span_escaped(p, json->end, has_high, &passed);
        json->text_len += (uint64_t)(q - p) - passed;
        json->run = q;
        p = q;
    }
    return tg_span_plain(p, json->end, has_high);
}

/* Plain bytes and whole escapes, up to the quote or the chunk's end. */
static int
plain(struct tg_json *json)
{
    const char *p = json->cursor, *q;
    bool has_high;

    for (;; p = json->run) {
        has_high = false;
        q = run_end(json, p, &has_high);
        if ((has_high || json->utf8.need) &&
            check(json, p, q, q == json->end) < 0)
            return TG_JSON_ERROR;
        if (q > p && json->surrogate)
            drop_surrogate(json);
        if (q == json->end || *q != '\\')
            break;
        if (escapes(json, q))
            continue;
        json->cursor = json->run + 1;
        json->sub = ESCAPE;
        return 0;
    }
    if (q < json->end)
        return *q == '"' ? whole(json, q)
                         : tg_json_fail(json, TG_JSON_CONTROL, q);
    end_run(json, q);
    json->cursor = q;
    return 0;
}

int
tg_json_string(struct tg_json *json)
{
    int result = 0;

    while (result == 0 && json->cursor < json->end) {
        if (json->sub == PLAIN) {
            result = plain(json);
            continue;
        }
        if (!escape(json, *json->cursor))
            return tg_json_fail(json, TG_JSON_SYNTAX, json->cursor);
        json->cursor++;
        json->run = json->cursor;
    }
    return result;
}
