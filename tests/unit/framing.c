/* Which requests can be read in one way only, and what is said of others. */
/* What a row leaves out is sound. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#include "framing.h"
#include "tap.h"

#define S(text) TG_STR_INIT(text)
#define LINE(text) .line = S(text), .hosts = 1
#define POST LINE("POST /v1/x HTTP/1.1")
#define GET LINE("GET /v1/x HTTP/1.1")
#define URL(a, b, c) POST, .scheme = S(a), .authority = S(b), .host = S(c)

static const struct {
    const char *what;
    enum tg_framing_fault want;
    struct tg_framing framing;
} rows[] = {
    {"a POST", TG_FRAMING_FINE, {POST}},
    {"with a length", TG_FRAMING_FINE, {POST, .lengths = 1, .has_body = true}},
    {"in chunks",
     TG_FRAMING_FINE,
     {POST, .encodings = 1, .encoding = S("Chunked"), .has_body = true}},
    {"that waits for a 100",
     TG_FRAMING_FINE,
     {POST, .expects = 1, .expect = S("100-continue"), .has_body = true}},
    {"with types", TG_FRAMING_FINE, {POST, .types = 1, .content_encodings = 1}},
    {"a GET", TG_FRAMING_FINE, {GET}},
    {"a GET whose body is empty", TG_FRAMING_FINE, {GET, .lengths = 1}},
    {"a method that nobody knows, with a body",
     TG_FRAMING_FINE,
     {LINE("BREW /x HTTP/1.1"), .has_body = true}},
    {"HTTP/1.0", TG_FRAMING_FINE, {LINE("GET /x HTTP/1.0")}},
    {"HTTP/1.0 without a host",
     TG_FRAMING_FINE,
     {.line = S("GET /x HTTP/1.0")}},
    {"a head that was not read to its end",
     TG_FRAMING_FINE,
     {.line = S("GET /x HTTP/1.1"), .is_cut = true}},
    {"what nobody watched", TG_FRAMING_FINE, {POST, .wire = TG_WIRE_UNSEEN}},
    {"HTTP/2", TG_FRAMING_FINE, {.is_http2 = true, .hosts = 1}},
    {"HTTP/2 without a host", TG_FRAMING_FINE, {.is_http2 = true}},
    {"a URL of the same host", TG_FRAMING_FINE, {URL("http", "a:80", "A:80")}},
    {"a URL with https", TG_FRAMING_FINE, {URL("HTTPS", "a", "a")}},

    {"LF alone", TG_FRAMING_LINE_END, {POST, .wire = TG_WIRE_BARE_LF}},
    {"CR alone", TG_FRAMING_LINE_END, {POST, .wire = TG_WIRE_BARE_CR}},
    {"NUL", TG_FRAMING_CONTROL, {POST, .wire = TG_WIRE_CONTROL}},
    {"a chunk", TG_FRAMING_CHUNKS, {POST, .wire = TG_WIRE_CHUNK}},
    {"no end", TG_FRAMING_UNENDED, {POST, .wire = TG_WIRE_UNENDED}},
    {"the wire comes first",
     TG_FRAMING_LINE_END,
     {.wire = TG_WIRE_BARE_LF, .hosts = 2}},
    {"HTTP/0.9", TG_FRAMING_LINE, {LINE("GET /v1/x"), .wire = TG_WIRE_UNENDED}},
    {"no line", TG_FRAMING_LINE, {.hosts = 1}},
    {"HTTP/1.2", TG_FRAMING_LINE, {LINE("GET /x HTTP/1.2")}},
    {"HTTP/1.01", TG_FRAMING_LINE, {LINE("GET /x HTTP/1.01")}},
    {"HTTP/01.1", TG_FRAMING_LINE, {LINE("GET /x HTTP/01.1")}},
    {"http/1.1", TG_FRAMING_LINE, {LINE("GET /x http/1.1")}},
    {"two blanks in front of the target",
     TG_FRAMING_LINE,
     {LINE("GET  /x HTTP/1.1")}},
    {"two blanks behind it", TG_FRAMING_LINE, {LINE("GET /x  HTTP/1.1")}},
    {"a blank at the end", TG_FRAMING_LINE, {LINE("GET /x HTTP/1.1 ")}},
    {"no target", TG_FRAMING_LINE, {LINE("GET  HTTP/1.1")}},
    {"no method", TG_FRAMING_LINE, {LINE(" /x HTTP/1.1")}},
    {"a version alone", TG_FRAMING_LINE, {LINE(" HTTP/1.1")}},
    {"a line cut short", TG_FRAMING_LINE, {LINE("HTTP/1.1")}},
    {"no host", TG_FRAMING_HOSTS, {.line = S("GET /x HTTP/1.1")}},
    {"two hosts", TG_FRAMING_HOSTS, {.line = S("GET /x HTTP/1.1"), .hosts = 2}},
    {"two hosts in HTTP/1.0",
     TG_FRAMING_HOSTS,
     {.line = S("GET /x HTTP/1.0"), .hosts = 2}},
    {"two hosts in HTTP/2", TG_FRAMING_HOSTS, {.is_http2 = true, .hosts = 2}},
    {"ftp", TG_FRAMING_TARGET, {URL("ftp", "a", "a")}},
    {"another host", TG_FRAMING_HOST, {URL("http", "a", "b")}},
    {"another port", TG_FRAMING_HOST, {URL("http", "a:81", "a:80")}},
    {"a port or none", TG_FRAMING_HOST, {URL("http", "a:80", "a")}},
    {"a host that begins alike", TG_FRAMING_HOST, {URL("http", "a.b", "a")}},
    {"a Host without a value", TG_FRAMING_HOST, {URL("http", "a", "")}},
    {"two lengths", TG_FRAMING_LENGTH, {POST, .lengths = 2}},
    {"a length and chunks",
     TG_FRAMING_LENGTH,
     {POST, .lengths = 1, .encodings = 1, .encoding = S("chunked")}},
    {"gzip and chunks",
     TG_FRAMING_ENCODING,
     {POST, .encodings = 1, .encoding = S("gzip, chunked")}},
    {"chunked twice", TG_FRAMING_ENCODING, {POST, .encodings = 2}},
    {"a transfer coding without a name",
     TG_FRAMING_ENCODING,
     {POST, .encodings = 1}},
    {"chunks in HTTP/1.0",
     TG_FRAMING_ENCODING,
     {LINE("POST /x HTTP/1.0"), .encodings = 1, .encoding = S("chunked")}},
    {"a transfer coding in HTTP/2",
     TG_FRAMING_ENCODING,
     {.is_http2 = true, .encodings = 1, .encoding = S("chunked")}},
    {"a GET with a body", TG_FRAMING_BODY, {GET, .has_body = true}},
    {"a HEAD with one",
     TG_FRAMING_BODY,
     {LINE("HEAD /x HTTP/1.1"), .has_body = true}},
    {"a DELETE with one",
     TG_FRAMING_BODY,
     {LINE("DELETE /x HTTP/1.1"), .has_body = true}},
    {"a GET with one in HTTP/2",
     TG_FRAMING_BODY,
     {.is_http2 = true, .line = S("GET /x HTTP/2.0"), .has_body = true}},
    {"another case",
     TG_FRAMING_EXPECT,
     {POST, .expects = 1, .expect = S("100-Continue")}},
    {"more than a 100",
     TG_FRAMING_EXPECT,
     {POST, .expects = 1, .expect = S("100-continue, x")}},
    {"nothing that is expected", TG_FRAMING_EXPECT, {POST, .expects = 1}},
    {"two expectations",
     TG_FRAMING_EXPECT,
     {POST, .expects = 2, .expect = S("100-continue")}},
    {"two types", TG_FRAMING_TYPE, {POST, .types = 2}},
    {"two encodings", TG_FRAMING_TYPE, {POST, .content_encodings = 2}},
    {"no colon", TG_FRAMING_NO_COLON, {POST, .has_no_colon = true}},
    {"an underscore", TG_FRAMING_LOOKALIKE, {POST, .has_lookalike = true}},
};

static void
test_rows(void)
{
    bool is_said[TG_FRAMING_COUNT] = {false};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        is_int(tg_framing_judge(&rows[i].framing), rows[i].want, "%s",
               rows[i].what);
        is_said[rows[i].want] = true;
    }
    for (int fault = 0; fault < TG_FRAMING_COUNT; fault++) {
        const char *sentence =
            tg_framing_sentence((enum tg_framing_fault)fault);

        ok(is_said[fault] && strncmp(sentence, "The ", 4) == 0 &&
               sentence[strlen(sentence) - 1] == '.',
           "fault %d is a row's, and has a sentence", fault);
    }
}

static void
test_lookalikes(void)
{
    static const struct {
        const char *name;
        bool want;
    } names[] = {
        {"x_api_key", true},
        {"x-api_key", true},
        {"api_key", true},
        {"content_length", true},
        {"transfer_encoding", true},
        {"x_forwarded-for", true},
        {"idempotency_key", true},
        {"x-api-key", false},
        {"content-length", false},
        {"content_lengths", false},
        {"trace_id", false},
        {"x_y", false},
        {"_", false},
        {"", false},
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct tg_str name = {names[i].name, strlen(names[i].name)};

        ok(tg_framing_is_lookalike(name) == names[i].want, "%s is%s one",
           names[i].name, names[i].want ? "" : " not");
    }
}

static void
test_controls(void)
{
    ok(!tg_framing_has_control(TG_STR("")) &&
           !tg_framing_has_control(TG_STR("a\tb \xc3\xa9\t")),
       "tabs and bytes above ASCII are no control characters");
    ok(tg_framing_has_control(TG_STR("\t\1")) &&
           tg_framing_has_control(TG_STR("a\x7f")) &&
           tg_framing_has_control(TG_STR("a\0b")),
       "others are");
}

int
main(void)
{
    test_rows();
    test_lookalikes();
    test_controls();
    return done();
}
