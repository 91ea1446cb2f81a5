#include <errno.h>
#include <stdlib.h>

#include "json.h"

enum { MAX_DEPTH = 128, MAX_DIGITS = 18 };

void
sim_json_init(struct sim_json *json, struct tg_str body)
{
    *json = (struct sim_json){
        .start = body.data, .at = body.data, .end = body.data + body.len};
}

int
sim_json_fail(struct sim_json *json, const char *fault)
{
    if (!json->fault)
        json->fault = fault;
    return -1;
}

static int
next_byte(struct sim_json *json)
{
    while (json->at < json->end) {
        unsigned char c = (unsigned char)*json->at;

        if (c != ' ' && c != '\n' && c != '\r' && c != '\t')
            return c;
        json->at++;
    }
    return -1;
}

enum sim_json_type
sim_json_peek(struct sim_json *json)
{
    int c = next_byte(json);

    switch (c) {
    case '"':
        return SIM_JSON_STRING;
    case '{':
        return SIM_JSON_OBJECT;
    case '[':
        return SIM_JSON_ARRAY;
    case 't':
    case 'f':
        return SIM_JSON_BOOL;
    case 'n':
        return SIM_JSON_NULL;
    default:
        return c == '-' || (c >= '0' && c <= '9') ? SIM_JSON_NUMBER
                                                  : SIM_JSON_BAD;
    }
}

/* Eight bytes at a time while none of them is a quote, a backslash or a
 * control character. */
static const char *
skip_plain(const char *at, const char *end)
{
    const uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;

    while (end - at >= 8) {
        uint64_t word, quote, slash, hit;

        memcpy(&word, at, sizeof(word));
        quote = word ^ (ones * '"');
        slash = word ^ (ones * '\\');
        hit = ((quote - ones) & ~quote) | ((slash - ones) & ~slash) |
              ((word - ones * 0x20) & ~word);
        if (hit & highs)
            break;
        at += 8;
    }
    while (at < end && (unsigned char)*at >= 0x20 && *at != '"' && *at != '\\')
        at++;
    return at;
}

static int
hex4(const char *at, const char *end)
{
    int value = 0;

    if (end - at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        char c = at[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;

        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

static bool
is_low_surrogate(int unit)
{
    return unit >= 0xdc00 && unit <= 0xdfff;
}

/* Reads the escape at `at` (its backslash) and gives its code point; returns
 * the byte after it, or NULL. */
static const char *
read_escape(const char *at, const char *end, uint32_t *code)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *found;
    int high, low;

    if (end - at < 2)
        return NULL;
    if (at[1] != 'u') {
        found = at[1] ? strchr(from, at[1]) : NULL;
        if (!found)
            return NULL;
        *code = (unsigned char)to[found - from];
        return at + 2;
    }
    high = hex4(at + 2, end);
    if (high < 0)
        return NULL;
    *code = (uint32_t)high;
    at += 6;
    if (high < 0xd800 || high > 0xdfff)
        return at;
    low =
        end - at >= 6 && at[0] == '\\' && at[1] == 'u' ? hex4(at + 2, end) : -1;
    if (high > 0xdbff || !is_low_surrogate(low))
        return NULL;
    *code =
        0x10000u + (((uint32_t)high - 0xd800) << 10) + ((uint32_t)low - 0xdc00);
    return at + 6;
}

static size_t
utf8_bytes(uint32_t code)
{
    return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
}

int
sim_json_text(struct sim_json *json, struct sim_json_text *text)
{
    const char *from, *at;

    if (next_byte(json) != '"')
        return sim_json_fail(json, "expected a string");
    *text = (struct sim_json_text){0};
    from = at = json->at + 1;
    for (;;) {
        const char *plain = skip_plain(at, json->end);
        uint32_t code;

        text->decoded_bytes += (uint64_t)(plain - at);
        at = json->at = plain;
        if (at == json->end)
            return sim_json_fail(json, "EOF while parsing a string");
        if (*at == '"')
            break;
        if (*at != '\\')
            return sim_json_fail(
                json, "control character (\\u0000-\\u001F) found while parsing "
                      "a string");
        at = read_escape(at, json->end, &code);
        if (!at)
            return sim_json_fail(json, "invalid escape");
        text->decoded_bytes += utf8_bytes(code);
        text->has_escapes = true;
    }
    text->raw = (struct tg_str){from, (size_t)(at - from)};
    json->at = at + 1;
    return 0;
}

static int
take_word(struct sim_json *json, const char *word)
{
    size_t len = strlen(word);

    if ((size_t)(json->end - json->at) < len || memcmp(json->at, word, len))
        return sim_json_fail(json, "expected value");
    json->at += len;
    return 0;
}

int
sim_json_bool(struct sim_json *json, bool *value)
{
    int c = next_byte(json);

    if (c != 't' && c != 'f')
        return sim_json_fail(json, "expected a boolean");
    if (take_word(json, c == 't' ? "true" : "false"))
        return -1;
    *value = c == 't';
    return 0;
}

static size_t
take_digits(struct sim_json *json)
{
    const char *from = json->at;

    while (json->at < json->end && *json->at >= '0' && *json->at <= '9')
        json->at++;
    return (size_t)(json->at - from);
}

static bool
take_byte(struct sim_json *json, const char *any)
{
    if (json->at == json->end || !*json->at || !strchr(any, *json->at))
        return false;
    json->at++;
    return true;
}

/* Reads a number by RFC 8259's grammar; 1 when it is a whole one. */
static int
take_number(struct sim_json *json)
{
    const char *digits;
    size_t count;
    int is_whole = 1;

    take_byte(json, "-");
    digits = json->at;
    count = take_digits(json);
    if (count == 0 || (count > 1 && *digits == '0'))
        return sim_json_fail(json, "invalid number");
    if (take_byte(json, ".")) {
        is_whole = 0;
        if (take_digits(json) == 0)
            return sim_json_fail(json, "invalid number");
    }
    if (take_byte(json, "eE")) {
        is_whole = 0;
        take_byte(json, "+-");
        if (take_digits(json) == 0)
            return sim_json_fail(json, "invalid number");
    }
    return is_whole;
}

int
sim_json_int(struct sim_json *json, int64_t *value)
{
    char digits[MAX_DIGITS + 2];
    const char *from;
    size_t len;
    int whole;

    next_byte(json);
    from = json->at;
    whole = take_number(json);
    if (whole < 0)
        return -1;
    len = (size_t)(json->at - from);
    if (!whole || len > MAX_DIGITS)
        return sim_json_fail(json, "expected an integer");
    memcpy(digits, from, len);
    digits[len] = 0;
    *value = strtoll(digits, NULL, 10);
    return 0;
}

int
sim_json_open(struct sim_json *json, char bracket)
{
    if (next_byte(json) != bracket)
        return sim_json_fail(json, bracket == '{' ? "expected a map"
                                                  : "expected a sequence");
    if (++json->depth > MAX_DEPTH)
        return sim_json_fail(json, "recursion limit exceeded");
    json->at++;
    return 0;
}

/* Reads the comma or the closing bracket between two members or items. */
static int
step(struct sim_json *json, bool *is_first, char closing)
{
    int c = next_byte(json);

    if (c == closing) {
        json->at++;
        json->depth--;
        return 0;
    }
    if (!*is_first) {
        if (c != ',')
            return sim_json_fail(json, "expected `,` or a closing bracket");
        json->at++;
        if (next_byte(json) == closing)
            return sim_json_fail(json, "trailing comma");
    }
    *is_first = false;
    return 1;
}

int
sim_json_member(struct sim_json *json, bool *is_first,
                struct sim_json_text *name)
{
    int got = step(json, is_first, '}');

    if (got <= 0)
        return got;
    if (sim_json_text(json, name))
        return -1;
    if (next_byte(json) != ':')
        return sim_json_fail(json, "expected `:`");
    json->at++;
    return 1;
}

int
sim_json_item(struct sim_json *json, bool *is_first)
{
    return step(json, is_first, ']');
}

static int
skip_members(struct sim_json *json)
{
    struct sim_json_text name;
    bool is_first = true;
    int got;

    if (sim_json_open(json, '{'))
        return -1;
    while ((got = sim_json_member(json, &is_first, &name)) > 0)
        if (sim_json_skip(json))
            return -1;
    return got;
}

static int
skip_items(struct sim_json *json)
{
    bool is_first = true;
    int got;

    if (sim_json_open(json, '['))
        return -1;
    while ((got = sim_json_item(json, &is_first)) > 0)
        if (sim_json_skip(json))
            return -1;
    return got;
}

int
sim_json_skip(struct sim_json *json)
{
    struct sim_json_text text;
    bool value;

    switch (sim_json_peek(json)) {
    case SIM_JSON_NULL:
        return take_word(json, "null");
    case SIM_JSON_BOOL:
        return sim_json_bool(json, &value);
    case SIM_JSON_NUMBER:
        return take_number(json) < 0 ? -1 : 0;
    case SIM_JSON_STRING:
        return sim_json_text(json, &text);
    case SIM_JSON_ARRAY:
        return skip_items(json);
    case SIM_JSON_OBJECT:
        return skip_members(json);
    default:
        return sim_json_fail(json, json->at == json->end
                                       ? "EOF while parsing a value"
                                       : "expected value");
    }
}

int
sim_json_finish(struct sim_json *json)
{
    return next_byte(json) < 0 ? 0 : sim_json_fail(json, "trailing characters");
}

static size_t
put_utf8(char *out, uint32_t code)
{
    size_t len = utf8_bytes(code);
    static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};

    for (size_t i = len; i-- > 1; code >>= 6)
        out[i] = (char)(0x80 | (code & 0x3f));
    out[0] = (char)(lead[len] | code);
    return len;
}

size_t
sim_json_decode(const struct sim_json_text *text, char *out, size_t size)
{
    const char *at = text->raw.data, *end = at + text->raw.len;
    size_t len = 0;

    while (at < end && len + 5 <= size) {
        uint32_t code;

        if (*at != '\\') {
            out[len++] = *at++;
            continue;
        }
        at = read_escape(at, end, &code);
        if (!at)
            break;
        len += put_utf8(out + len, code);
    }
    out[len] = 0;
    return len;
}

bool
sim_json_is(const struct sim_json_text *text, const char *word)
{
    char plain[64];

    if (!text->has_escapes)
        return text->raw.len == strlen(word) &&
               memcmp(text->raw.data, word, text->raw.len) == 0;
    sim_json_decode(text, plain, sizeof(plain));
    return strcmp(plain, word) == 0;
}
