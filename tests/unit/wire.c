/*
 * What a connection brings is watched as it arrives: whole, byte by byte and
 * cut at every offset, the same faults are found, and none in what is sound.
 */
#include "cut.h"
#include "tap.h"
#include "wire.h"

static const struct {
    const char *what;
    enum tg_wire_fault want;
    const char *head, *chunks;
} rows[] = {
    {"a head", TG_WIRE_FINE, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", ""},
    {"no header at all", TG_WIRE_FINE, "GET / HTTP/1.0\r\n\r\n", ""},
    {"empty lines in front", TG_WIRE_FINE,
     "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", ""},
    {"tabs, blanks and bytes above ASCII", TG_WIRE_FINE,
     "GET / HTTP/1.1\r\nA:\tb \xc3\xa9 \r\nB: \t \r\n\r\n", ""},
    {"a long value", TG_WIRE_FINE,
     "GET / HTTP/1.1\r\nA: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n\r\n",
     ""},
    {"LF behind the request line", TG_WIRE_BARE_LF,
     "GET / HTTP/1.1\nHost: a\r\n\r\n", ""},
    {"LF behind a header", TG_WIRE_BARE_LF,
     "GET / HTTP/1.1\r\nHost: a\nB: c\r\n\r\n", ""},
    {"a blank and LF behind a header", TG_WIRE_BARE_LF,
     "GET / HTTP/1.1\r\nHost: a \nB: c\r\n\r\n", ""},
    {"LF behind a header without a value", TG_WIRE_BARE_LF,
     "GET / HTTP/1.1\r\nHost:\nB: c\r\n\r\n", ""},
    {"LF for the empty line", TG_WIRE_BARE_LF,
     "GET / HTTP/1.1\r\nHost: a\r\n\n", ""},
    {"LF for both last lines", TG_WIRE_BARE_LF, "GET / HTTP/1.1\r\nHost: a\n\n",
     ""},
    {"LF in front", TG_WIRE_BARE_LF, "\nGET / HTTP/1.1\r\n\r\n", ""},
    {"CR in a value", TG_WIRE_BARE_CR, "GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n",
     ""},
    {"CR twice", TG_WIRE_BARE_CR, "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", ""},
    {"an escape sequence", TG_WIRE_CONTROL,
     "GET / HTTP/1.1\r\nHost: a\033[1m\r\n\r\n", ""},
    {"DEL", TG_WIRE_CONTROL, "GET / HTTP/1.1\r\nHost: a\x7f\r\n\r\n", ""},
    {"a head that is not over", TG_WIRE_UNENDED,
     "GET / HTTP/1.1\r\nHost: a\r\n", ""},
    {"HTTP/0.9", TG_WIRE_UNENDED, "GET /\r\n", ""},
    {"a body is not looked at", TG_WIRE_FINE,
     "POST / HTTP/1.1\r\n\r\n\n\r\r\001\n", ""},
    {"PROXY in front", TG_WIRE_FINE,
     "PROXY TCP4 1.2.3.4 5.6.7.8 9 10\r\nGET / HTTP/1.1\r\n\r\n", ""},
    {"PROXY and LF behind it", TG_WIRE_BARE_LF,
     "PROXY UNKNOWN\r\nGET / HTTP/1.1\n\r\n", ""},
    {"a method called PROXY is none", TG_WIRE_BARE_LF,
     "PROXY /x HTTP/1.1\n\r\n", ""},

#define HEAD "POST / HTTP/1.1\r\n\r\n"
    {"chunks", TG_WIRE_FINE, HEAD,
     "5\r\nhello\r\n1F\r\n0123456789012345678901234567890\r\n0\r\n\r\n"},
    {"no chunk but the last", TG_WIRE_FINE, HEAD, "0\r\n\r\n"},
    {"zeros in front of a size", TG_WIRE_FINE, HEAD,
     "0000000000000001\r\n\n\r\n00\r\n\r\n"},
    {"line ends as data", TG_WIRE_FINE, HEAD, "4\r\n\n\n\r\r\r\n0\r\n\r\n"},
    {"an extension", TG_WIRE_FINE, HEAD, "1;a=\"b c\"\r\nx\r\n0;z\r\n\r\n"},
    {"lines behind the last chunk", TG_WIRE_FINE, HEAD,
     "0\r\nA: b\r\nC: d\r\n\r\n"},
    {"what follows is the next request's", TG_WIRE_FINE, HEAD,
     "0\r\n\r\n\n\n\001"},
    {"LF behind a size", TG_WIRE_BARE_LF, HEAD, "1\nx\r\n0\r\n\r\n"},
    {"LF in an extension", TG_WIRE_BARE_LF, HEAD, "1;a\nx\r\n0\r\n\r\n"},
    {"CR in an extension", TG_WIRE_BARE_CR, HEAD, "1;a\rb\r\nx\r\n0\r\n\r\n"},
    {"LF behind data", TG_WIRE_BARE_LF, HEAD, "1\r\nx\n0\r\n\r\n"},
    {"data beyond the size", TG_WIRE_CHUNK, HEAD, "1\r\nxy\r\n0\r\n\r\n"},
    {"LF behind the last size", TG_WIRE_BARE_LF, HEAD, "0\n\r\n"},
    {"LF for the last line", TG_WIRE_BARE_LF, HEAD, "0\r\n\n"},
    {"LF behind a line at the end", TG_WIRE_BARE_LF, HEAD, "0\r\nA: b\n\r\n"},
    {"a blank behind a size", TG_WIRE_CHUNK, HEAD, "1 \r\nx\r\n0\r\n\r\n"},
    {"a blank in front of a size", TG_WIRE_CHUNK, HEAD, " 1\r\nx\r\n0\r\n\r\n"},
    {"0x in front of a size", TG_WIRE_CHUNK, HEAD, "0x1\r\nx\r\n0\r\n\r\n"},
    {"a sign in front of a size", TG_WIRE_CHUNK, HEAD, "+1\r\nx\r\n0\r\n\r\n"},
    {"no size", TG_WIRE_CHUNK, HEAD, "\r\n0\r\n\r\n"},
    {"a size of 17 digits", TG_WIRE_CHUNK, HEAD,
     "00000000000000001\r\nx\r\n0\r\n\r\n"},
    {"the largest size", TG_WIRE_UNENDED, HEAD, "ffffffffffffffff\r\nx"},
    {"no end", TG_WIRE_UNENDED, HEAD, "1\r\nx\r\n0\r\n"},
    {"chunks of a head that is at fault", TG_WIRE_BARE_LF,
     "POST / HTTP/1.1\n\n", "1\r\nx\r\n0\r\n\r\n"},
};

static void
feed(void *arg, const char *piece, size_t len)
{
    tg_wire_feed(arg, piece, len);
}

static void
cut(struct tg_wire *wire, const char *bytes, size_t way)
{
    size_t len = strlen(bytes);

    cut_feed(bytes, len, way < CUT_WAYS(len) ? way : 0, feed, wire);
}

static enum tg_wire_fault
fault_of(struct tg_wire *wire, const char *head, const char *chunks, size_t way)
{
    cut(wire, head, way);
    if (*chunks != '\0') {
        tg_wire_chunks(wire);
        cut(wire, chunks, way);
    }
    return tg_wire_verdict(wire);
}

/* A PROXY header is whole in its piece, or it is none. */
static size_t
ways_of(const char *head, const char *chunks)
{
    size_t a = CUT_WAYS(strlen(head)), b = CUT_WAYS(strlen(chunks));

    return strncmp(head, "PROXY ", 6) == 0 ? 1 : a > b ? a : b;
}

static void
test_rows(void)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t ways = ways_of(rows[i].head, rows[i].chunks);
        struct tg_wire wire;
        bool is_good = true;

        for (size_t way = 0; way < ways && is_good; way++) {
            tg_wire_open(&wire);
            is_good = fault_of(&wire, rows[i].head, rows[i].chunks, way) ==
                      rows[i].want;
        }
        ok(is_good, "%s", rows[i].what);
    }
}

static void
test_proxy_binary(void)
{
    static const char header[] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"
                                 "\n\n\n\n\n\n\n\n\n\n\n\n"
                                 "GET / HTTP/1.1\r\n\r\n";
    struct tg_wire wire;

    tg_wire_open(&wire);
    tg_wire_feed(&wire, header, sizeof(header) - 1);
    is_int(tg_wire_verdict(&wire), TG_WIRE_FINE, "a binary PROXY header");
    tg_wire_open(&wire);
    tg_wire_feed(&wire, header, 28);
    tg_wire_feed(&wire, "GET / HTTP/1.1\n\r\n", 17);
    is_int(tg_wire_verdict(&wire), TG_WIRE_BARE_LF, "alone in its piece");
    tg_wire_next(&wire);
    tg_wire_feed(&wire, header, sizeof(header) - 1);
    is_int(tg_wire_verdict(&wire), TG_WIRE_CONTROL,
           "it stands in front of a connection's first request only");
}

static void
test_next(void)
{
    struct tg_wire wire;

    memset(&wire, 0, sizeof(wire));
    tg_wire_feed(&wire, "\n\n", 2);
    is_int(tg_wire_verdict(&wire), TG_WIRE_UNSEEN, "zeros look at nothing");
    tg_wire_open(&wire);
    is_int(tg_wire_verdict(&wire), TG_WIRE_UNSEEN,
           "what nobody watched is not judged");
    tg_wire_chunks(&wire);
    tg_wire_feed(&wire, "", 0);
    is_int(tg_wire_verdict(&wire), TG_WIRE_UNSEEN, "nor are its chunks");
    fault_of(&wire, "GET / HTTP/1.1\n\n", "", 0);
    is_int(tg_wire_verdict(&wire), TG_WIRE_BARE_LF, "a request at fault");
    tg_wire_next(&wire);
    is_int(fault_of(&wire, "GET / HTTP/1.1\r\n\r\n", "", 0), TG_WIRE_FINE,
           "the next one is judged by itself");
    tg_wire_next(&wire);
    is_int(fault_of(&wire, "GET / HTTP/1.1\n\r\n", "", 0), TG_WIRE_BARE_LF,
           "and so is the one behind it");
}

int
main(void)
{
    test_rows();
    test_proxy_binary();
    test_next();
    return done();
}
