#include "credential.h"

#include <strings.h>

#include "key.h"

static int
hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Takes one byte off text, decoding "%2D". */
static unsigned char
take_byte(struct tg_str *text)
{
    size_t len = 1;
    unsigned char byte = (unsigned char)*text->data;

    if (byte == '%' && text->len >= 3) {
        int high = hex_value(text->data[1]), low = hex_value(text->data[2]);

        if (high >= 0 && low >= 0) {
            byte = (unsigned char)(high << 4 | low);
            len = 3;
        }
    }
    text->data += len;
    text->len -= len;
    return byte;
}

static bool
is_next(size_t matched, unsigned char byte)
{
    static const char pattern[] = "sk-tg?_";

    if (matched == 5)
        return byte == 'p' || byte == 'd' || byte == 'r';
    return byte == (unsigned char)pattern[matched];
}

/*
 * Finds "sk-tgp_", plain or encoded.  No proper beginning of the pattern
 * ends in 's' but the first byte, so a mismatch starts again at 0 or 1.
 */
static const char *
find_ours(struct tg_str text)
{
    const char *start = text.data;
    size_t matched = 0;

    while (text.len > 0) {
        const char *here = text.data;
        unsigned char byte;

        /* Nearly every byte of a URL begins nothing. */
        if (matched == 0 && *here != 's' && *here != '%') {
            text.data++;
            text.len--;
            continue;
        }
        byte = take_byte(&text);
        if (!is_next(matched, byte))
            matched = 0;
        if (!is_next(matched, byte))
            continue;
        if (matched++ == 0)
            start = here;
        if (matched == TG_KEY_PREFIX_LEN)
            return start;
    }
    return NULL;
}

static bool
has_ours(struct tg_str text, struct tg_str *ours)
{
    const char *start = find_ours(text);
    size_t left;
    enum tg_key_kind kind;

    if (start == NULL)
        return false;
    left = text.len - (size_t)(start - text.data);
    if (ours != NULL && left >= TG_KEY_LEN &&
        tg_key_parse((struct tg_str){start, TG_KEY_LEN}, &kind) == 0)
        *ours = (struct tg_str){start, TG_KEY_LEN};
    return true;
}

/* Whether the name of a parameter, decoded, is one that keys go by. */
static bool
is_key_name(struct tg_str name)
{
    static const char *const names[] = {
        "key",          "api_key",   "api-key",       "apikey",
        "access_token", "x-api-key", "authorization",
    };
    char decoded[16];
    size_t n = 0;

    while (name.len > 0) {
        if (n == sizeof(decoded))
            return false;
        decoded[n++] = (char)take_byte(&name);
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strlen(names[i]) == n && strncasecmp(names[i], decoded, n) == 0)
            return true;
    }
    return false;
}

/* A parameter "name=value" that is named like a key and has a value. */
static bool
is_key_parameter(struct tg_str parameter)
{
    const char *equals = memchr(parameter.data, '=', parameter.len);
    size_t name_len;

    if (equals == NULL)
        return false;
    name_len = (size_t)(equals - parameter.data);
    return name_len + 1 < parameter.len &&
           is_key_name((struct tg_str){parameter.data, name_len});
}

static bool
has_key_parameter(struct tg_str query)
{
    while (query.len > 0) {
        size_t len = 0;

        while (len < query.len && query.data[len] != '&' &&
               query.data[len] != ';')
            len++;
        if (is_key_parameter((struct tg_str){query.data, len}))
            return true;
        if (len == query.len)
            break;
        query = (struct tg_str){query.data + len + 1, query.len - len - 1};
    }
    return false;
}

bool
tg_credential_in_url(struct tg_str path, struct tg_str query,
                     struct tg_str *ours)
{
    if (ours != NULL)
        *ours = (struct tg_str){NULL, 0};
    return has_ours(path, ours) || has_ours(query, ours) ||
           has_key_parameter(query);
}
