/* Goal: a key with networks or pages is used from there and nowhere else. */
#include "tap.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "err.h"
#include "network.h"
#include "where.h"

/* A blob of texts or networks, as the daemon publishes it. */
struct list {
    char bytes[1024];
    size_t len;
};

static void
add(struct list *list, const void *bytes, size_t len)
{
    list->bytes[list->len++] = (char)len;
    memcpy(list->bytes + list->len, bytes, len);
    list->len += len;
}

static struct tg_str
str_of(const struct list *list)
{
    return (struct tg_str){list->bytes, list->len};
}

/* words, separated by blanks, compiled as networks or left as texts. */
static struct list
list_of(const char *words, bool is_networks)
{
    uint8_t network[TG_WHERE_NETWORK_BYTES];
    struct list list = {.len = 0};
    char copy[512], *rest = copy, *word;

    snprintf(copy, sizeof(copy), "%s", words);
    while ((word = strsep(&rest, " ")) != NULL) {
        if (!is_networks)
            add(&list, word, strlen(word));
        else if (tg_network_compile(word, network) == 0)
            add(&list, network, sizeof(network));
        else
            printf("Bail out! '%s' is no network\n", word);
    }
    return list;
}

static void
address_of(const char *text, uint8_t ip[16])
{
    char mapped[64];

    snprintf(mapped, sizeof(mapped), "::ffff:%s", text);
    if (inet_pton(AF_INET6, strchr(text, ':') ? text : mapped, ip) != 1)
        abort();
}

static const struct {
    const char *networks, *ip;
    bool is_in;
} networks[] = {
    {"203.0.113.7", "203.0.113.7", true},
    {"203.0.113.7", "203.0.113.6", false},
    {"203.0.113.7", "203.0.113.8", false},
    {"203.0.113.7/32", "203.0.113.7", true},
    {"203.0.113.0/24", "203.0.113.0", true},
    {"203.0.113.0/24", "203.0.113.255", true},
    {"203.0.113.0/24", "203.0.112.255", false},
    {"203.0.113.0/24", "203.0.114.0", false},
    {"10.128.0.0/9", "10.127.255.255", false},
    {"10.128.0.0/9", "10.128.0.0", true},
    {"10.128.0.0/9", "10.255.255.255", true},
    {"10.128.0.0/9", "11.0.0.0", false},
    {"128.0.0.0/1", "127.255.255.255", false},
    {"128.0.0.0/1", "255.255.255.255", true},
    /* A mapped address is its IPv4, on either side. */
    {"10.0.0.0/8", "::ffff:10.1.2.3", true},
    {"::ffff:10.0.0.0/104", "10.1.2.3", true},
    {"::ffff:10.0.0.0/104", "11.1.2.3", false},
    {"::ffff:0:0/96", "192.0.2.1", true},
    /* IPv4-compatible addresses are not mapped ones. */
    {"10.0.0.0/8", "::10.1.2.3", false},
    {"10.0.0.0/8", "64:ff9b::10.1.2.3", false},
    {"10.0.0.0/8", "2002:a01:203::1", false},
    {"2001:db8::/32", "2001:db8::1", true},
    {"2001:db8::/32", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", true},
    {"2001:db8::/32", "2001:db9::", false},
    {"2001:db8::/32", "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", false},
    {"2001:db8::/33", "2001:db8:8000::", false},
    {"2001:db8::5", "2001:db8::5", true},
    {"2001:db8::5", "2001:db8::4", false},
    {"::1", "::1", true},
    {"::1", "127.0.0.1", false},
    /* All of one kind is none of the other. */
    {"0.0.0.0/0", "0.0.0.0", true},
    {"0.0.0.0/0", "255.255.255.255", true},
    {"0.0.0.0/0", "::1", false},
    {"0.0.0.0/0", "::fffe:1.2.3.4", false},
    {"::/0", "::1", true},
    {"::/0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true},
    {"::/0", "127.0.0.1", false},
    {"::/0", "::ffff:127.0.0.1", false},
    {"::/80", "127.0.0.1", false},
    {"::/95", "127.0.0.1", false},
    {"::/0 0.0.0.0/0", "127.0.0.1", true},
    {"::/0 0.0.0.0/0", "2001:db8::1", true},
    /* Any entry is enough. */
    {"192.0.2.1 2001:db8::/32 10.0.0.0/8", "10.9.9.9", true},
    {"192.0.2.1 2001:db8::/32 10.0.0.0/8", "192.0.2.1", true},
    {"192.0.2.1 2001:db8::/32 10.0.0.0/8", "192.0.2.2", false},
};

static void
test_networks(void)
{
    for (size_t i = 0; i < sizeof(networks) / sizeof(networks[0]); i++) {
        struct list list = list_of(networks[i].networks, true);
        uint8_t ip[16];

        address_of(networks[i].ip, ip);
        is_int(tg_where_network(str_of(&list), ip), networks[i].is_in,
               "%s is %sin %s", networks[i].ip, networks[i].is_in ? "" : "not ",
               networks[i].networks);
    }
}

/* An address that differs in one bit is in exactly when the bit is free. */
static void
test_every_bit(void)
{
    uint8_t network[TG_WHERE_NETWORK_BYTES];
    char text[64];
    int wrong = 0, cases = 0;

    for (int size = 32; size <= 128; size += 96) {
        for (int prefix = 0; prefix <= size; prefix++) {
            snprintf(text, sizeof(text), "%s/%d",
                     size == 32 ? "0.0.0.0" : "::", prefix);
            if (tg_network_compile(text, network) != 0)
                abort();
            for (int bit = 0; bit < size; bit++, cases++) {
                struct list list = {.len = 0};
                uint8_t ip[16];
                int at = bit + 128 - size;

                memcpy(ip, network + 1, 16);
                ip[at / 8] ^= (uint8_t)(0x80 >> at % 8);
                add(&list, network, sizeof(network));
                wrong += tg_where_network(str_of(&list), ip) != (bit >= prefix);
            }
        }
    }
    is_int(wrong, 0, "each bit of each prefix, %d cases", cases);
}

static void
test_network_blob(void)
{
    struct list list = list_of("10.0.0.0/8", true), odd = {.len = 0};
    uint8_t ten[16], network[TG_WHERE_NETWORK_BYTES + 1] = {0};
    bool is_open = false;

    address_of("10.1.2.3", ten);
    ok(tg_where_network((struct tg_str){NULL, 0}, ten),
       "no list admits everybody");
    for (size_t len = 1; len < list.len; len++)
        is_open |= tg_where_network((struct tg_str){list.bytes, len}, ten);
    ok(!is_open, "a list that is cut anywhere admits nobody");
    add(&odd, "", 0);
    ok(!tg_where_network(str_of(&odd), ten), "an empty entry admits nobody");
    odd.len = 0;
    add(&odd, "10.0.0.0/8", 10);
    ok(!tg_where_network(str_of(&odd), ten), "nor does a text");
    add(&odd, list.bytes + 1, TG_WHERE_NETWORK_BYTES);
    ok(tg_where_network(str_of(&odd), ten), "the entry behind it counts");
    odd.len = 0;
    memcpy(network, list.bytes + 1, TG_WHERE_NETWORK_BYTES);
    add(&odd, network, sizeof(network));
    ok(!tg_where_network(str_of(&odd), ten), "an entry of 18 bytes is none");
    for (int prefix = 129, n = 0; prefix <= 255; prefix++) {
        odd.len = 0;
        network[0] = (uint8_t)prefix;
        memcpy(network + 1, ten, 16);
        add(&odd, network, TG_WHERE_NETWORK_BYTES);
        n += tg_where_network(str_of(&odd), ten);
        if (prefix == 255)
            is_int(n, 0, "prefixes beyond 128 are none");
    }
}

static void
test_network_compile(void)
{
    static const struct {
        const char *text;
        int err;
    } rows[] = {
        {"", TG_ERR_FORMAT},
        {"10.0.0", TG_ERR_FORMAT},
        {"10.0.0.0/", TG_ERR_FORMAT},
        {"10.0.0.0/33", TG_ERR_FORMAT},
        {"10.0.0.0/-1", TG_ERR_FORMAT},
        {"10.0.0.0/08", TG_ERR_FORMAT},
        {"10.0.0.0/8 ", TG_ERR_FORMAT},
        {"10.0.0.0/4294967304", TG_ERR_FORMAT},
        {"::/129", TG_ERR_FORMAT},
        {"localhost", TG_ERR_FORMAT},
        {"010.0.0.1", TG_ERR_FORMAT},
        {"fe80::1%eth0", TG_ERR_FORMAT},
        {"10.0.0.1/8", TG_ERR_RANGE},
        {"2001:db8::1/32", TG_ERR_RANGE},
    };
    uint8_t out[TG_WHERE_NETWORK_BYTES] = {77};
    char text[TG_NETWORK_TEXT_SIZE] = "";

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        is_int(tg_network_compile(rows[i].text, out), rows[i].err,
               "'%s' is no network", rows[i].text);
    is_int(out[0], 77, "and nothing is written");
    is_int(tg_network_normalize("10.1.2.3/8", text), TG_ERR_RANGE,
           "bits behind the prefix");
    is_str(text, "10.0.0.0/8", "what was meant");
    is_int(tg_network_normalize("::ffff:10.1.2.3/24", text), TG_ERR_RANGE,
           "IPv4's prefix of IPv4 in IPv6");
    is_str(text, "10.1.2.0/24", "what was meant");
    is_int(tg_network_normalize("::ffff:0.0.0.0/0", text), TG_ERR_RANGE,
           "the least of them");
    is_str(text, "0.0.0.0/0", "what was meant");
    is_int(tg_network_normalize("::ffff:10.1.0.0/112", text), 0,
           "IPv6's prefix of it");
    is_int(tg_network_normalize("2001:DB8:0::/32", text), 0, "one spelling");
    is_str(text, "2001:db8::/32", "of it");
}

#define APP "https://app.example.com/*"
#define WILD "https://*.example.com/*"
#define LOCAL "http://localhost:3000/*"

static const struct {
    const char *patterns, *origin, *referer;
    bool is_in;
} pages[] = {
    {APP, "https://app.example.com", "", true},
    {APP, "https://APP.Example.COM", "", true},
    {APP, "HTTPS://app.example.com", "", true},
    {APP, "https://app.example.com:443", "", true},
    {APP, "https://app.example.com:0443", "", true},
    {APP, "https://app.example.com:444", "", false},
    {APP, "https://app.example.com:", "", false},
    {APP, "https://app.example.com:0", "", false},
    {APP, "https://app.example.com:443x", "", false},
    {APP, "https://app.example.com:65979", "", false}, /* 443 + 65536 */
    {APP, "https://app.example.com:4294967739", "", false},
    {APP, "http://app.example.com", "", false},
    {APP, "http://app.example.com:443", "", false},
    {APP, "https://app.example.co", "", false},
    {APP, "https://app.example.com.evil.net", "", false},
    {APP, "https://evil.net/app.example.com", "", false},
    {APP, "https://appxexample.com", "", false},
    {APP, "https://xapp.example.com", "", false},
    {APP, "https://x.app.example.com", "", false},
    {APP, "https://app.example.com.", "", false},
    {APP, "https://app.example.com/", "", false},
    {APP, "app.example.com", "", false},
    {APP, "//app.example.com", "", false},
    {APP, "https:app.example.com", "", false},
    {APP, "https://", "", false},
    {APP, "https:// app.example.com", "", false},
    {APP, " https://app.example.com", "", false},
    {APP, "https://app.example.com ", "", false},
    {APP, "https://app.example.com https://evil.net", "", false},
    {APP, "chrome-extension://app.example.com", "", false},
    {APP, "null", "", false},
    {"null", "null", "", false},
    {APP, "null", "https://app.example.com/", false},
    {APP, "https://evil.net", "https://app.example.com/", false},
    {APP, "https://app.example.com", "https://evil.net/", true},
    {APP, "", "", false},

    {APP, "", "https://app.example.com/", true},
    {APP, "", "https://app.example.com", true},
    {APP, "", "https://app.example.com/chat?q=1#x", true},
    {APP, "", "https://app.example.com?q=/", true},
    {APP, "", "https://app.example.com#/", true},
    {APP, "", "https://app.example.com:443/chat", true},
    {APP, "", "http://app.example.com/chat", false},
    {APP, "", "https://user@app.example.com/", false},
    {APP, "", "https://user:pass@app.example.com/", false},
    {APP, "", "https://app.example.com@evil.net/", false},
    {APP, "", "https://app.example.com:443@evil.net/", false},
    {APP, "", "https://app.example.com\\@evil.net/", false},
    {APP, "", "https://app.example.com\\.evil.net/", false},
    {APP, "", "https://app.example.com%2eevil.net/", false},
    {APP, "", "https://evil.net/https://app.example.com/", false},
    {APP, "", "https://evil.net/?https://app.example.com/", false},
    {APP, "", "https://evil.net#https://app.example.com/", false},
    {APP, "", "https:///app.example.com/", false},
    {APP, "", "about:blank", false},

    {WILD, "https://a.example.com", "", true},
    {WILD, "https://a.b.example.com", "", true},
    {WILD, "https://A.EXAMPLE.com", "", true},
    {WILD, "https://example.com", "", false},
    {WILD, "https://.example.com", "", false},
    {WILD, "https://a..example.com", "", false},
    {WILD, "https://aexample.com", "", false},
    {WILD, "https://a-example.com", "", false},
    {WILD, "https://a.example.com.evil.net", "", false},
    {WILD, "https://evil.net/a.example.com", "", false},
    {WILD, "https://evil.net?.example.com", "", false},
    {WILD, "https://evil.net@a.example.com", "", false},
    {WILD, "http://a.example.com", "", false},
    {WILD, "", "https://a.example.com/x", true},
    {WILD, "", "https://evil.net/a.example.com", false},
    {WILD, "", "https://evil.net#.example.com/x", false},
    {"https://*.example.com:8443/*", "https://a.example.com:8443", "", true},
    {"https://*.example.com:8443/*", "https://a.example.com", "", false},

    {LOCAL, "http://localhost:3000", "", true},
    {LOCAL, "http://localhost:3001", "", false},
    {LOCAL, "http://localhost", "", false},
    {LOCAL, "http://localhost:30000", "", false},
    {"http://localhost:80/*", "http://localhost", "", true},
    {"http://localhost/*", "http://localhost:80", "", true},
    {"https://localhost:80/*", "https://localhost", "", false},
    {"http://[::1]:3000/*", "http://[::1]:3000", "", true},
    {"http://[::1]:3000/*", "http://[::2]:3000", "", false},
    {"http://[2001:DB8::1]", "http://[2001:db8::1]", "", true},
    {"http://[::1]/*", "http://[::1", "", false},
    {"http://[::1]/*", "http://[]", "", false},
    {"http://127.0.0.1/*", "http://127.0.0.1", "", true},

    /* A path counts for a Referer alone. */
    {"https://a.com/x/*", "https://a.com", "", true},
    {"https://a.com/x/*", "", "https://a.com/x/", true},
    {"https://a.com/x/*", "", "https://a.com/x/y/z", true},
    {"https://a.com/x/*", "", "https://a.com/x", false},
    {"https://a.com/x/*", "", "https://a.com/X/", false},
    {"https://a.com/x/*", "", "https://a.com/?/x/", false},
    {"https://a.com/x/*", "", "https://a.com", false},
    {"https://a.com/x*", "", "https://a.com/xyz", true},
    {"https://a.com/x", "", "https://a.com/x", true},
    {"https://a.com/x", "", "https://a.com/x?y", true},
    {"https://a.com/x", "", "https://a.com/xy", false},
    {"https://a.com/", "", "https://a.com", true},
    {"https://a.com/", "", "https://a.com/x", false},
    {"https://a.com", "", "https://a.com/x/y", true},

    /* Any pattern is enough; one that is none admits nobody. */
    {"https://b.com/* https://a.com/*", "https://a.com", "", true},
    {"https://b.com/* https://a.com/*", "https://c.com", "", false},
    {"b.com https://a.com/*", "https://a.com", "", true},
    {"https://*/*", "https://a.com", "", false},
    {"https://*", "https://a.com", "", false},
    {"*", "https://a.com", "", false},
    {"https://a.*/*", "https://a.com", "", false},
    {"https://*.*.com/*", "https://a.b.com", "", false},
    {"https://*[::1]/*", "https://[::1]", "", false},
    {"https://u@a.com/*", "https://a.com", "", false},
    {"https://a.com?*", "https://a.com", "", false},
};

static struct tg_str
text(const char *literal)
{
    return (struct tg_str){literal, strlen(literal)};
}

static void
test_pages(void)
{
    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        struct list list = list_of(pages[i].patterns, false);

        is_int(tg_where_referrer(str_of(&list), text(pages[i].origin),
                                 text(pages[i].referer)),
               pages[i].is_in, "%s: Origin '%s', Referer '%s'",
               pages[i].patterns, pages[i].origin, pages[i].referer);
    }
}

static void
test_page_bytes(void)
{
    static const char url[] = "https://app.example.com:443";
    struct list list = list_of(APP, false);
    struct tg_str none = {NULL, 0};
    char copy[sizeof(url)], *heap;
    int admitted = 0;

    ok(tg_where_referrer(none, text("https://evil.net"), none),
       "no list admits every page");
    ok(tg_where_referrer(none, none, none), "and none");
    for (size_t len = 0; len < sizeof(url) - 1; len++) {
        heap = malloc(len ? len : 1); /* so that a sanitizer sees its end */
        memcpy(heap, url, len);
        if (tg_where_referrer(str_of(&list), (struct tg_str){heap, len}, none))
            admitted += len != strlen("https://app.example.com");
        free(heap);
    }
    is_int(admitted, 0, "an Origin that is cut is another");
    for (size_t i = 0; i < sizeof(url) - 1; i++) {
        for (int byte = 0; byte < 256; byte++) {
            bool is_same;

            memcpy(copy, url, sizeof(copy));
            copy[i] = (char)byte;
            is_same = (byte | 0x20) == (url[i] | 0x20) &&
                      ((byte >= 'A' && byte <= 'Z') || byte == url[i]);
            if (tg_where_referrer(str_of(&list),
                                  (struct tg_str){copy, sizeof(url) - 1},
                                  none) != is_same)
                admitted++;
        }
    }
    is_int(admitted, 0, "with another byte it is another, but for its case");
    for (size_t len = 1; len < list.len; len++)
        admitted += tg_where_referrer((struct tg_str){list.bytes, len},
                                      text(url), none);
    is_int(admitted, 0, "a list that is cut anywhere admits no page");
}

static void
test_is_pattern(void)
{
    static const char *const good[] = {APP,
                                       WILD,
                                       LOCAL,
                                       "https://a.com",
                                       "https://a.com/",
                                       "http://a.com/x",
                                       "http://[::1]:80/*",
                                       "https://a_b.com/*",
                                       "HTTP://A.com/x*"};
    static const char *const bad[] = {"",
                                      "*",
                                      "https://",
                                      "https://*",
                                      "https://*/*",
                                      "https://*.*.com/*",
                                      "a.com",
                                      "ftp://a.com/*",
                                      "https://a.com/*/x",
                                      "https://a.com/**",
                                      "https://u@a.com/*",
                                      "https://a.com:x/*",
                                      "https://a.com:/*",
                                      "https://a.com:65536/*",
                                      "https://a.com?x",
                                      "https://a.com/?x",
                                      "https://a.com/x#y",
                                      "https://a.com/x y",
                                      "https://a.com/\xc3\xa4",
                                      "https://a..com/*",
                                      "https://.a.com/*",
                                      "https://a.com*",
                                      "https://*a.com/*",
                                      "https://a.*.com/*",
                                      "https://*.[::1]/*"};

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        ok(tg_where_is_pattern(text(good[i])), "'%s' is a pattern", good[i]);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ok(!tg_where_is_pattern(text(bad[i])), "'%s' is none", bad[i]);
}

int
main(void)
{
    test_networks();
    test_every_bit();
    test_network_blob();
    test_network_compile();
    test_pages();
    test_page_bytes();
    test_is_pattern();
    return done();
}
