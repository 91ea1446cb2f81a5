#include "where.h"

#include <string.h>

#include "state.h"

#define PORT_MAX 65535

bool
tg_where_is_v4(const uint8_t ip[16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    return memcmp(ip, mapped, sizeof(mapped)) == 0;
}

static bool
has_prefix(const uint8_t *ip, const uint8_t *network, unsigned bits)
{
    unsigned bytes = bits / 8, rest = bits % 8;

    return memcmp(ip, network, bytes) == 0 &&
           (rest == 0 || (ip[bytes] ^ network[bytes]) >> (8 - rest) == 0);
}

bool
tg_where_network(struct tg_str networks, const uint8_t ip[16])
{
    bool is_v4 = tg_where_is_v4(ip);
    struct tg_str entry;

    if (networks.len == 0)
        return true;
    while (tg_blob_next(&networks, &entry)) {
        const uint8_t *bytes = (const uint8_t *)entry.data;

        if (entry.len != TG_WHERE_NETWORK_BYTES || bytes[0] > 128 ||
            (is_v4 && bytes[0] < TG_WHERE_MAPPED_BITS))
            continue;
        if (has_prefix(ip, bytes + 1, bytes[0]))
            return true;
    }
    return false;
}

/* The parts of a URL that count here. */
struct place {
    bool is_tls;
    bool is_wild;       /* host stands behind a "*." */
    struct tg_str host; /* never empty */
    uint32_t port;
    struct tg_str path; /* with what follows; empty or from '/' on */
};

static char
lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* Nearly always it is the same to the letter. */
static bool
is_same_text(const char *a, const char *b, size_t len)
{
    if (memcmp(a, b, len) == 0)
        return true;
    for (size_t i = 0; i < len; i++) {
        if (lower(a[i]) != lower(b[i]))
            return false;
    }
    return true;
}

static void
skip(struct tg_str *text, size_t len)
{
    text->data += len;
    text->len -= len;
}

static bool
take(struct tg_str *text, const char *word, size_t len)
{
    if (text->len < len || !is_same_text(text->data, word, len))
        return false;
    skip(text, len);
    return true;
}

static bool
take_scheme(struct tg_str *text, struct place *place)
{
    place->is_tls = take(text, "https://", 8);
    return place->is_tls || take(text, "http://", 7);
}

/* Where a character of a host may stand. */
enum { IN_NAME = 1 << 0, IN_BRACKETS = 1 << 1, IN_BOTH = 3 };

static const uint8_t host_chars[UINT8_MAX + 1] = {
    ['0' ... '9'] = IN_BOTH, ['a' ... 'z'] = IN_BOTH, ['A' ... 'Z'] = IN_BOTH,
    ['.'] = IN_BOTH,         ['-'] = IN_NAME,         ['_'] = IN_NAME,
    [':'] = IN_BRACKETS,
};

static bool
is_host_char(char c, bool is_bracketed)
{
    return host_chars[(uint8_t)c] & (is_bracketed ? IN_BRACKETS : IN_NAME);
}

/* Labels joined by dots, none of them empty; or an address in brackets. */
static bool
take_host(struct tg_str *text, struct tg_str *host)
{
    bool is_bracketed = text->len > 0 && text->data[0] == '[';
    size_t n = is_bracketed;

    for (; n < text->len && is_host_char(text->data[n], is_bracketed); n++) {
        if (!is_bracketed && text->data[n] == '.' &&
            (n == 0 || text->data[n - 1] == '.'))
            return false;
    }
    if (is_bracketed && (n == 1 || n == text->len || text->data[n++] != ']'))
        return false;
    *host = (struct tg_str){text->data, n};
    skip(text, n);
    return n > 0;
}

static bool
take_port(struct tg_str *text, struct place *place)
{
    size_t n = 0;

    place->port = place->is_tls ? 443 : 80;
    if (text->len == 0 || text->data[0] != ':')
        return true;
    skip(text, 1);
    place->port = 0;
    for (; n < text->len && text->data[n] >= '0' && text->data[n] <= '9'; n++) {
        place->port = place->port * 10 + (uint32_t)(text->data[n] - '0');
        if (place->port > PORT_MAX)
            return false;
    }
    skip(text, n);
    return n > 0 && place->port > 0;
}

/*
 * Takes a URL apart.  What follows the port must be a path, a query or
 * nothing, so that neither '@' nor '\' can make another host of it.
 */
static bool
read_place(struct tg_str text, struct place *place)
{
    if (!take_host(&text, &place->host) || !take_port(&text, place))
        return false;
    place->path = text;
    return text.len == 0 || text.data[0] == '/' || text.data[0] == '?' ||
           text.data[0] == '#';
}

static bool
read_pattern(struct tg_str text, struct place *place)
{
    if (!take_scheme(&text, place))
        return false;
    place->is_wild = take(&text, "*.", 2);
    return read_place(text, place) &&
           !(place->is_wild && place->host.data[0] == '[') &&
           (place->path.len == 0 || place->path.data[0] == '/');
}

static bool
read_url(struct tg_str text, struct place *place)
{
    return take_scheme(&text, place) && read_place(text, place);
}

static bool
is_host(const struct place *pattern, struct tg_str host)
{
    struct tg_str want = pattern->host;

    if (pattern->is_wild) {
        if (host.len < want.len + 2 ||
            host.data[host.len - want.len - 1] != '.')
            return false;
        skip(&host, host.len - want.len);
    }
    return host.len == want.len && is_same_text(host.data, want.data, want.len);
}

/* The path alone; a URL without one means its root. */
static struct tg_str
path_of(struct tg_str rest)
{
    size_t n = 0;

    while (n < rest.len && rest.data[n] != '?' && rest.data[n] != '#')
        n++;
    return n > 0 ? (struct tg_str){rest.data, n} : TG_STR("/");
}

static bool
is_path(struct tg_str pattern, struct tg_str path)
{
    if (pattern.len == 0)
        return true;
    if (pattern.data[pattern.len - 1] != '*')
        return tg_str_eq(pattern, path);
    pattern.len--;
    return path.len >= pattern.len &&
           memcmp(path.data, pattern.data, pattern.len) == 0;
}

bool
tg_where_referrer(struct tg_str patterns, struct tg_str origin,
                  struct tg_str referer)
{
    bool has_origin = origin.len > 0;
    struct place place, pattern;
    struct tg_str text;

    if (patterns.len == 0)
        return true;
    if (!read_url(has_origin ? origin : referer, &place) ||
        (has_origin && place.path.len > 0))
        return false;
    while (tg_blob_next(&patterns, &text)) {
        if (read_pattern(text, &pattern) && pattern.is_tls == place.is_tls &&
            pattern.port == place.port && is_host(&pattern, place.host) &&
            (has_origin || is_path(pattern.path, path_of(place.path))))
            return true;
    }
    return false;
}

bool
tg_where_is_pattern(struct tg_str text)
{
    struct place place;

    if (!read_pattern(text, &place))
        return false;
    for (size_t i = 0; i < place.path.len; i++) {
        char c = place.path.data[i];

        if (c <= ' ' || c == 0x7f || (c & 0x80) ||
            strchr("\"<>\\?#", c) != NULL ||
            (c == '*' && i + 1 < place.path.len))
            return false;
    }
    return true;
}
