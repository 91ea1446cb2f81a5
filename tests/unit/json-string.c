/*
 * Strings in JSON, read by the reader and by the plainest reading of RFC 8259
 * and RFC 3629: the same text, lengths and errors at the same bytes, with
 * everything that may stand in a string at every place, however it is cut.
 */
#include "json.h"

#include "cut.h"
#include "tap.h"

enum { TEXT_MAX = 4096 };

/* What a string comes to. */
struct result {
    enum tg_json_error error;
    uint64_t error_at;
    char text[TEXT_MAX]; /* decoded */
    uint64_t len, characters;
};

/* A reader that looks at one byte after the other, twice if need be. */
struct plain {
    const unsigned char *data;
    size_t at, len;
    struct result *result;
};

static bool
fail(struct plain *plain, enum tg_json_error error, size_t at)
{
    plain->result->error = at < plain->len ? error : TG_JSON_TRUNCATED;
    plain->result->error_at = at < plain->len ? at : plain->len;
    return false;
}

static void
put(struct plain *plain, uint32_t code)
{
    struct result *result = plain->result;

    result->len += tg_utf8_encode(code, result->text + result->len);
    result->characters++;
}

/* How many bytes follow a first one, and what the first of them may be. */
static int
follows(unsigned char c, unsigned char *low, unsigned char *high)
{
    *low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
    *high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
    if (c < 0x80)
        return 0;
    return c < 0xc2 || c > 0xf4 ? -1 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
}

static bool
character(struct plain *plain)
{
    unsigned char low, high, c = plain->data[plain->at];
    int more = follows(c, &low, &high);
    uint32_t code = more > 0 ? c & (0x3fu >> more) : c;

    if (more < 0)
        return fail(plain, TG_JSON_UTF8, plain->at);
    for (plain->at++; more > 0; more--, plain->at++) {
        if (plain->at == plain->len)
            return fail(plain, TG_JSON_UTF8, plain->at);
        c = plain->data[plain->at];
        if (c < low || c > high)
            return fail(plain, TG_JSON_UTF8, plain->at);
        code = code << 6 | (c & 0x3f);
        low = 0x80;
        high = 0xbf;
    }
    put(plain, code);
    return true;
}

/* The digits behind \u, which are passed. */
static bool
digits(struct plain *plain, uint32_t *unit)
{
    static const char hex[] = "0123456789abcdefABCDEF";

    *unit = 0;
    for (int i = 0; i < 4; i++, plain->at++) {
        const char *digit = plain->at < plain->len
                                ? memchr(hex, plain->data[plain->at], 22)
                                : NULL;
        unsigned value = digit ? (unsigned)(digit - hex) : 0;

        if (digit == NULL)
            return fail(plain, TG_JSON_SYNTAX, plain->at);
        *unit = *unit << 4 | (value < 16 ? value : value - 6);
    }
    return true;
}

static bool
is_at(const struct plain *plain, const char *text)
{
    return plain->len - plain->at >= strlen(text) &&
           memcmp(plain->data + plain->at, text, strlen(text)) == 0;
}

static bool
long_escape(struct plain *plain)
{
    struct plain ahead;
    struct result ignored = {.error = TG_JSON_OK};
    uint32_t unit, low;

    if (!digits(plain, &unit))
        return false;
    ahead = *plain;
    ahead.result = &ignored;
    if (unit >= 0xd800 && unit < 0xdc00 && is_at(plain, "\\u")) {
        ahead.at += 2;
        if (digits(&ahead, &low) && low >= 0xdc00 && low < 0xe000) {
            unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
            plain->at = ahead.at;
        }
    }
    put(plain, unit);
    return true;
}

static bool
escape(struct plain *plain)
{
    static const char from[] = "\"\\/bfnrtu", to[] = "\"\\/\b\f\n\r\t";
    const char *found;

    if (++plain->at == plain->len)
        return fail(plain, TG_JSON_SYNTAX, plain->at);
    found = memchr(from, plain->data[plain->at], 9);
    if (found == NULL)
        return fail(plain, TG_JSON_SYNTAX, plain->at);
    plain->at++;
    if (*found == 'u')
        return long_escape(plain);
    put(plain, (unsigned char)to[found - from]);
    return true;
}

/* Reads the document of one string in data. */
static void
read_plainly(const char *data, size_t len, struct result *result)
{
    struct plain plain = {(const unsigned char *)data, 1, len, result};
    bool goes_on = true;

    memset(result, 0, sizeof(*result));
    while (goes_on) {
        if (plain.at == len) {
            goes_on = fail(&plain, TG_JSON_TRUNCATED, len);
        } else if (data[plain.at] == '"') {
            if (plain.at + 1 < len)
                fail(&plain, TG_JSON_TRAILING, plain.at + 1);
            return;
        } else if (data[plain.at] == '\\') {
            goes_on = escape(&plain);
        } else if (plain.data[plain.at] < 0x20) {
            goes_on = fail(&plain, TG_JSON_CONTROL, plain.at);
        } else {
            goes_on = character(&plain);
        }
    }
}

/* The reader, its token compared when it comes. */
struct reading {
    struct tg_json json;
    const struct result *want;
    bool is_same;
    int strings;
};

static void
take(struct reading *reading, enum tg_json_token token)
{
    const struct tg_json *json = &reading->json;
    const struct result *want = reading->want;
    size_t begin =
        want->len < TG_JSON_BEGIN_MAX ? (size_t)want->len : TG_JSON_BEGIN_MAX;
    char other[TG_JSON_BEGIN_MAX + 1];

    memcpy(other, want->text, begin);
    other[begin > 0 ? begin - 1 : 0] ^= 1;
    reading->strings++;
    reading->is_same =
        reading->is_same && token == TG_JSON_STRING &&
        json->text_len == want->len &&
        json->text_len - json->text_more == want->characters &&
        (json->text != NULL) == (want->len <= TG_JSON_TEXT_MAX) &&
        (json->text == NULL ||
         memcmp(json->text, want->text, (size_t)want->len) == 0) &&
        tg_json_begins(json, want->text, begin) &&
        (begin == 0 || !tg_json_begins(json, other, begin));
}

static void
feed(void *arg, const char *data, size_t len)
{
    struct reading *reading = arg;
    enum tg_json_token token;

    if (reading->json.error)
        return;
    tg_json_feed(&reading->json, data, len);
    while ((token = tg_json_next(&reading->json)) > TG_JSON_MORE)
        take(reading, token);
}

static bool
is_same(const char *data, size_t len, size_t way, const struct result *want)
{
    struct reading reading = {.want = want, .is_same = true};
    bool has_string =
        want->error == TG_JSON_OK || want->error == TG_JSON_TRAILING;

    tg_json_init(&reading.json);
    reading.json.counts_characters = true;
    cut_feed(data, len, way, feed, &reading);
    tg_json_finish(&reading.json);
    return reading.is_same && reading.strings == has_string &&
           reading.json.error == want->error &&
           (want->error == TG_JSON_OK ||
            reading.json.error_at == want->error_at);
}

/* Whole and cut in two at some places; for 0 at each, and byte by byte. */
static bool
is_read(const char *data, size_t len, size_t cuts)
{
    static struct result want;
    static size_t random = 1;
    size_t count = cuts > 0 ? cuts + 1 : CUT_WAYS(len);

    read_plainly(data, len, &want);
    for (size_t i = 0; i < count; i++) {
        size_t way = i;

        if (cuts > 0 && i >= 1)
            way = 2 + (random = random * 25214903917u + 11) / 65536 %
                          (CUT_WAYS(len) - 2);
        if (!is_same(data, len, way, &want)) {
            printf("# way %zu of %.*s\n", way, (int)len, data);
            return false;
        }
    }
    return true;
}

/* What may stand in a string, and what may not. */
static const struct {
    const char *bytes;
    size_t len;
} things[] = {
#define THING(text)                                                            \
    {                                                                          \
        text, sizeof(text) - 1                                                 \
    }
    THING("a"),
    THING("\""),
    THING("\"x"),
    THING("\x00"),
    THING("\x1f"),
    THING("\x7f"),
    THING("\\\""),
    THING("\\\\"),
    THING("\\/"),
    THING("\\b"),
    THING("\\f"),
    THING("\\n"),
    THING("\\r"),
    THING("\\t"),
    THING("\\x"),
    THING("\\\\\\\\\\\""),
    THING("\\"),
    THING("\\\xc3\xa9"),
    THING("\\\x01"),
    THING("\\u0041"),
    THING("\\u00E9"),
    THING("\\u07ff"),
    THING("\\u0800"),
    THING("\\uffFF"),
    THING("\\u0000"),
    THING("\\u12"),
    THING("\\u12g4"),
    THING("\\u\xc3\xa9"),
    THING("\\U0041"),
    THING("\\ud83d\\ude00"),
    THING("\\ud83d"),
    THING("\\ude00"),
    THING("\\ud83d\\ud83d\\ude00"),
    THING("\\ud83da\\ude00"),
    THING("\\ud83d\\n\\ude00"),
    THING("\\ud83d\\n"),
    THING("\\ud83d\\u0041"),
    THING("\\ud83d\xc3\xa9"),
    THING("\\ud83d\\ude0"),
    THING("\\ud83d\\"),
    THING("\xc3\xa9"),
    THING("\xe4\xbd\xa0"),
    THING("\xf0\x9f\x98\x80"),
    THING("\x80"),
    THING("\xc0\xaf"),
    THING("\xc3"),
    THING("\xc3\xc3\xa9"),
    THING("\xe0\x80\x80"),
    THING("\xe4\xbd"),
    THING("\xed\x9f\xbf"),
    THING("\xed\xa0\x80"),
    THING("\xf0\x8f\xbf\xbf"),
    THING("\xf0\x9f\x98"),
    THING("\xf4\x8f\xbf\xbf"),
    THING("\xf4\x90\x80\x80"),
    THING("\xff"),
    THING("\xe4\xbd\\n"),
    THING("\xe4\xbd\""),
};

/* What the rest of a string is made of. */
static const char *const fillers[] = {
    "a",    "\xc3\xa9", "\xe4\xbd\xa0",   "\\n",
    "\\\\", "\\u4f60",  "\\ud83d\\ude00", "some \\\"words\\\"\\n",
};

enum {
    THINGS = sizeof(things) / sizeof(things[0]),
    FILLERS = sizeof(fillers) / sizeof(fillers[0])
};

static size_t
put_unit(char *data, const char *unit, size_t len)
{
    memcpy(data, unit, len);
    return len;
}

/* Of whole units, of at least len bytes. */
static size_t
fill(char *data, const char *unit, size_t len)
{
    size_t at = 0;

    while (at < len)
        at += put_unit(data + at, unit, strlen(unit));
    return at;
}

static bool
is_thing_read(size_t thing, const char *filler, size_t before, size_t behind)
{
    char data[TEXT_MAX];
    size_t len = 0;

    data[len++] = '"';
    len += fill(data + len, filler, before);
    len += put_unit(data + len, things[thing].bytes, things[thing].len);
    len += fill(data + len, "x", behind % 8);
    len += fill(data + len, filler, behind);
    data[len++] = '"';
    return is_read(data, len, before % 64 == 5 ? 0 : 3) &&
           is_read(data, len - 1, 1);
}

static void
test_places(void)
{
    for (size_t f = 0; f < FILLERS; f++) {
        bool is_good = true;

        for (size_t t = 0; t < THINGS; t++) {
            for (size_t at = 0; at <= 130 && is_good; at++)
                is_good = is_thing_read(t, fillers[f], at, t * 7 % 150);
        }
        ok(is_good, "%d things at 131 places in strings of \"%s\"", THINGS,
           fillers[f]);
    }
}

static uint32_t
any(void)
{
    static uint32_t random = 9;

    random = random * 1664525 + 1013904223;
    return random >> 8;
}

static void
test_random(void)
{
    char data[TEXT_MAX];
    bool is_good = true;

    for (int i = 0; i < 8000 && is_good; i++) {
        size_t len = 0, want = any() % (i % 2 ? 60 : 900);

        data[len++] = '"';
        while (len < want) {
            const char *unit = fillers[any() % FILLERS];
            size_t t = any() % THINGS;

            len += put_unit(data + len, unit, strlen(unit));
            if (any() % 32 == 0)
                len += put_unit(data + len, things[t].bytes, things[t].len);
        }
        data[len++] = '"';
        is_good = is_read(data, len, i % 64 == 0 ? 0 : 4);
    }
    ok(is_good, "8000 random strings");
}

int
main(void)
{
    test_places();
    test_random();
    return done();
}
