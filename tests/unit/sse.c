/*
 * Event streams: where events end and what their data is, however the lines
 * end and the bytes are cut.
 */
#include "sse.h"

#include "cut.h"
#include "tap.h"

struct trace {
    struct tg_sse sse;
    char text[512]; /* the data, | at an event's end, . at another blank line */
    size_t len;
};

static void
feed(void *arg, const char *data, size_t len)
{
    struct trace *trace = arg;
    enum tg_sse_token token;

    tg_sse_feed(&trace->sse, data, len);
    while ((token = tg_sse_next(&trace->sse)) != TG_SSE_MORE) {
        if (token == TG_SSE_DATA) {
            memcpy(trace->text + trace->len, trace->sse.data, trace->sse.len);
            trace->len += trace->sse.len;
        } else {
            trace->text[trace->len++] = token == TG_SSE_EVENT ? '|' : '.';
        }
    }
}

static void
run(struct trace *trace, const char *data, size_t len, size_t way)
{
    trace->len = 0;
    tg_sse_init(&trace->sse);
    cut_feed(data, len, way, feed, trace);
    trace->text[trace->len] = '\0';
}

static const struct {
    const char *fact, *stream, *want;
} cases[] = {
    {"one event", "data: a\n\n", "a|"},
    {"no space behind the colon", "data:a\n\n", "a|"},
    {"only the first space goes", "data:  a\n\n", " a|"},
    {"two events", "data: a\n\ndata: b\n\n", "a|b|"},
    {"CR alone", "data: a\r\rdata: b\r\r", "a|b|"},
    {"CRLF", "data: a\r\n\r\ndata: b\r\n\r\n", "a|b|"},
    {"mixed line ends", "data: a\r\n\ndata: b\n\rdata: c\r\r\n", "a|b|c|"},
    {"data of two lines", "data: a\ndata: b\n\n", "a\nb|"},
    {"an empty line of data", "data: a\ndata\ndata:\ndata: \n\n", "a\n\n\n|"},
    {"a comment", ": keep-alive\n\n: x\ndata: a\n: y\n\n", ".a|"},
    {"other fields", "event: x\nid: 1\nretry: 5\ndata: a\nfoo\n\n", "a|"},
    {"names that begin alike", "dat: x\ndatax: y\ndata : z\n DATA: u\n\n", "."},
    {"a name without more", "data\n\n", "."},
    {"no data", "data:\n\nevent: x\n\n", ".."},
    {"blank lines", "\n\r\n\r", "..."},
    {"a byte order mark",
     "\xef\xbb\xbf"
     "data: a\n\n",
     "a|"},
    {"half a mark",
     "\xef\xbb"
     "data: a\ndata: b\n\n",
     "b|"},
    {"a mark further on",
     "data: a\n\n\xef\xbb\xbf"
     "data: b\n\n",
     "a|."},
    {"no blank line at the end", "data: a\n", "a"},
    {"cut in a line", "data: a\n\nda", "a|"},
    {"a colon in the data", "data: {\"a\":1}\n\n", "{\"a\":1}|"},
    {"bytes that are not text", "data: \x01\x7f\xff\n\n", "\x01\x7f\xff|"},
    {"a long line",
     "data: 0123456789abcdef0123456789abcdef0123456789abcdef\r\n\r\n",
     "0123456789abcdef0123456789abcdef0123456789abcdef|"},
};

static bool
is_same_at_every_cut(const char *data, const char *want)
{
    struct trace trace;
    size_t way;

    for (way = 1; way < CUT_WAYS(strlen(data)); way++) {
        run(&trace, data, strlen(data), way);
        if (strcmp(trace.text, want) != 0) {
            printf("# way %d: %s\n", (int)way, trace.text);
            return false;
        }
    }
    return true;
}

/* Tokens say where they end: the pieces between them are the stream. */
static void
test_offsets(void)
{
    static const char stream[] = ": c\n\ndata: ab\n\ndata: c\r\n\r\n";
    struct tg_sse sse;

    tg_sse_init(&sse);
    tg_sse_feed(&sse, stream, sizeof(stream) - 1);
    ok(tg_sse_next(&sse) == TG_SSE_SKIP && sse.at == 5, "behind a comment");
    ok(tg_sse_next(&sse) == TG_SSE_DATA && sse.at == 13, "behind data");
    ok(tg_sse_next(&sse) == TG_SSE_EVENT && sse.at == 15, "behind an event");
    ok(tg_sse_next(&sse) == TG_SSE_DATA && sse.at == 22, "data again");
    ok(tg_sse_next(&sse) == TG_SSE_EVENT && sse.at == 26, "and CRLF");
    ok(tg_sse_next(&sse) == TG_SSE_MORE, "all is read");
}

/* However it is cut, and whatever it is made of. */
static const struct {
    const char *fact, *stream;
    uint64_t largest;
} sizes[] = {
    {"nothing", "", 0},
    {"one event, without its blank line", "data: a\n\n", 8},
    {"the larger of two", "data: abc\n\ndata: a\n\n", 10},
    {"also when it comes later", "data: a\n\ndata: abc\n\n", 10},
    {"one that has no end", "data: a\n\ndata: abcd", 10},
    {"all its lines", "event: x\ndata: a\ndata: b\n\n", 25},
    {"comments", "data: a\n\n: keep-alive\n: keep-alive\n\n", 26},
    {"a line that is no field", "data: a\n\nxxxxxxxxxxxxxxxxxxxx", 20},
    {"CRLF", "data: a\r\n\r\ndata: a\r\n", 9},
};

static void
test_sizes(void)
{
    struct trace trace;

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        size_t len = strlen(sizes[i].stream);

        for (size_t way = 0; way < CUT_WAYS(len); way++) {
            uint64_t got;

            run(&trace, sizes[i].stream, len, way);
            got = tg_sse_largest(&trace.sse);
            if (got != sizes[i].largest || way == 0)
                is_int(got, sizes[i].largest, "%s: way %d", sizes[i].fact,
                       (int)way);
        }
    }
}

int
main(void)
{
    struct trace trace;
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        run(&trace, cases[i].stream, strlen(cases[i].stream), 0);
        is_str(trace.text, cases[i].want, "%s", cases[i].fact);
        ok(is_same_at_every_cut(cases[i].stream, cases[i].want),
           "the same however it is cut");
    }
    test_offsets();
    test_sizes();
    return done();
}
