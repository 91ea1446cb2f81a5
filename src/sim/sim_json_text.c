/* Strings of JSON: read, decoded, compared. */
#include "sim_json.h"

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

    if (sim_json_next(json) != '"')
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

uint64_t
sim_json_characters(const struct sim_json_text *text)
{
    const char *at = text->raw.data, *end = at + text->raw.len;
    uint64_t count = 0;
    uint32_t code;

    while (at < end) {
        count += ((unsigned char)*at & 0xc0) != 0x80;
        at = *at == '\\' ? read_escape(at, end, &code) : at + 1;
    }
    return count;
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
