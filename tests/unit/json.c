/*
 * The JSON reader: what it accepts, what it refuses and where, and that the
 * tokens are the same however the bytes are cut.
 */
#include "json.h"

#include "cut.h"
#include "err.h"
#include "tap.h"

struct trace {
    struct tg_json json;
    char text[4096]; /* one line per token, then the outcome */
    size_t len;
};

__attribute__((format(printf, 2, 3))) static void
say(struct trace *trace, const char *format, ...)
{
    size_t room = sizeof(trace->text) - trace->len;
    va_list ap;
    int n;

    va_start(ap, format);
    n = vsnprintf(trace->text + trace->len, room, format, ap);
    va_end(ap);
    trace->len += (size_t)n < room ? (size_t)n : room - 1;
}

static void
say_text(struct trace *trace, char kind)
{
    const struct tg_json *json = &trace->json;

    if (json->text)
        say(trace, "%c%.*s", kind, (int)json->text_len, json->text);
    else
        say(trace, "%c(%d)", kind, (int)json->text_len);
}

static void
say_number(struct trace *trace)
{
    const struct tg_json *json = &trace->json;

    if (!json->is_integer)
        say(trace, "real");
    else if (json->is_huge)
        say(trace, "%shuge", json->is_negative ? "-" : "");
    else
        say(trace, "%lld", (long long)json->integer);
}

static void
say_token(struct trace *trace, enum tg_json_token token)
{
    static const char *const plain[] = {
        [TG_JSON_OBJECT] = "{", [TG_JSON_OBJECT_END] = "}",
        [TG_JSON_ARRAY] = "[",  [TG_JSON_ARRAY_END] = "]",
        [TG_JSON_TRUE] = "T",   [TG_JSON_FALSE] = "F",
        [TG_JSON_NULL] = "N",
    };

    say(trace, "%s%d:", trace->len ? " " : "", (int)trace->json.token_at);
    if (token == TG_JSON_NAME)
        say_text(trace, '.');
    else if (token == TG_JSON_STRING)
        say_text(trace, '=');
    else if (token == TG_JSON_NUMBER)
        say_number(trace);
    else
        say(trace, "%s", plain[token]);
}

static void
feed(void *arg, const char *data, size_t len)
{
    struct trace *trace = arg;
    enum tg_json_token token;

    if (trace->json.error)
        return;
    tg_json_feed(&trace->json, data, len);
    while ((token = tg_json_next(&trace->json)) > TG_JSON_MORE)
        say_token(trace, token);
}

static void
run(struct trace *trace, const char *data, size_t len, size_t way)
{
    static const char *const outcomes[] = {"ok",        "syntax", "utf8",
                                           "control",   "depth",  "trailing",
                                           "truncated", "empty"};

    trace->len = 0;
    trace->text[0] = '\0';
    tg_json_init(&trace->json);
    cut_feed(data, len, way, feed, trace);
    tg_json_finish(&trace->json);
    say(trace, " %s", outcomes[trace->json.error]);
    if (trace->json.error)
        say(trace, "@%d", (int)trace->json.error_at);
}

static bool
is_same_at_every_cut(const char *data, size_t len, const char *want)
{
    struct trace trace;
    size_t way;

    for (way = 1; way < CUT_WAYS(len); way++) {
        run(&trace, data, len, way);
        if (strcmp(trace.text, want) != 0) {
            printf("# way %d: %s\n", (int)way, trace.text);
            return false;
        }
    }
    return true;
}

/* Control characters and the like as dots: fit for a test's name. */
static const char *
shown(const char *text)
{
    static char out[41];
    size_t i;

    for (i = 0; i < sizeof(out) - 1 && text[i]; i++)
        out[i] = text[i] >= 0x20 && text[i] < 0x7f ? text[i] : '.';
    out[i] = '\0';
    return out;
}

static void
test_tokens(void)
{
    static const struct {
        const char *json, *trace;
    } cases[] = {
        {"{}", "0:{ 1:} ok"},
        {" [ ] ", "1:[ 3:] ok"},
        {"\n\n{\"a\":1}\r\n", "2:{ 3:.a 7:1 8:} ok"},
        {"[1,-2,0,-0]", "0:[ 1:1 3:-2 6:0 8:0 10:] ok"},
        {"[1.5,1e3,1E+3,0.0e-1]", "0:[ 1:real 5:real 9:real 14:real 20:] ok"},
        {"[9223372036854775807]", "0:[ 1:9223372036854775807 20:] ok"},
        {"[9223372036854775808]", "0:[ 1:huge 20:] ok"},
        {"[-9223372036854775808]", "0:[ 1:-9223372036854775808 21:] ok"},
        {"[-9223372036854775809]", "0:[ 1:-huge 21:] ok"},
        {"[1e309]", "0:[ 1:real 6:] ok"},
        {"[true,false,null]", "0:[ 1:T 6:F 12:N 16:] ok"},
        {"\"x\"", "0:=x ok"},
        {"12", " ok"},
        {"12 ", "0:12 ok"},
        {"{\"a\":{\"b\":[{}]},\"c\":\"d\"}",
         "0:{ 1:.a 5:{ 6:.b 10:[ 11:{ 12:} 13:] 14:} 16:.c 20:=d 23:} ok"},
        {"[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]", "0:[ 1:=\"\\/\b\f\n\r\t 19:] ok"},
        {"{\"mod\\u0065l\":1}", "0:{ 1:.model 14:1 15:} ok"},
        {"[\"\\u00e9\\u20AC\\ud83d\\ude00\"]",
         "0:[ 1:=\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80 27:] ok"},
        {"[\"\\ud83d\"]", "0:[ 1:=\xef\xbf\xbd 9:] ok"},
        {"[\"\\ud83dx\\ud83d\\n\"]",
         "0:[ 1:=\xef\xbf\xbdx\xef\xbf\xbd\n 18:] ok"},
        {"[\"\\ud83d\\ud83d\\ude00\"]",
         "0:[ 1:=\xef\xbf\xbd\xf0\x9f\x98\x80 21:] ok"},
        {"[\"\\ude00\"]", "0:[ 1:=\xef\xbf\xbd 9:] ok"},
        {"[\"\xe4\xbd\xa0\xe5\xa5\xbd\xf0\x9f\x98\x80\x7f\"]",
         "0:[ 1:=\xe4\xbd\xa0\xe5\xa5\xbd\xf0\x9f\x98\x80\x7f 14:] ok"},
        {"", " empty@0"},
        {" \n", " empty@2"},
        {"{", "0:{ truncated@1"},
        {"{\"a\"", "0:{ 1:.a truncated@4"},
        {"{\"a\":", "0:{ 1:.a truncated@5"},
        {"[1", "0:[ truncated@2"},
        {"[1,", "0:[ 1:1 truncated@3"},
        {"tru", " truncated@3"},
        {"-", " truncated@1"},
        {"1.", " truncated@2"},
        {"\"a", " truncated@2"},
        {"\"a\\", " truncated@3"},
        {"[1,]", "0:[ 1:1 syntax@3"},
        {"[,1]", "0:[ syntax@1"},
        {"{,}", "0:{ syntax@1"},
        {"{\"a\":1,}", "0:{ 1:.a 5:1 syntax@7"},
        {"{\"a\" 1}", "0:{ 1:.a syntax@5"},
        {"{\"a\"}", "0:{ 1:.a syntax@4"},
        {"{1:2}", "0:{ syntax@1"},
        {"{a:1}", "0:{ syntax@1"},
        {"[1}", "0:[ 1:1 syntax@2"},
        {"{]", "0:{ syntax@1"},
        {"]", " syntax@0"},
        {"[01]", "0:[ 1:0 syntax@2"},
        {"[-]", "0:[ syntax@2"},
        {"[+1]", "0:[ syntax@1"},
        {"[.5]", "0:[ syntax@1"},
        {"[1.]", "0:[ syntax@3"},
        {"[1e]", "0:[ syntax@3"},
        {"[1e+]", "0:[ syntax@4"},
        {"[-01]", "0:[ 1:0 syntax@3"},
        {"[0x1]", "0:[ 1:0 syntax@2"},
        {"[NaN]", "0:[ syntax@1"},
        {"[nul1]", "0:[ syntax@4"},
        {"[True]", "0:[ syntax@1"},
        {"['a']", "0:[ syntax@1"},
        {"[\"\\x\"]", "0:[ syntax@3"},
        {"[\"\\u12g4\"]", "0:[ syntax@6"},
        {"[\"\\u123\"]", "0:[ syntax@7"},
        {"[\"a\nb\"]", "0:[ control@3"},
        {"[\"a\x1f\"]", "0:[ control@3"},
        {"{} {}", "0:{ 1:} trailing@3"},
        {"{}x", "0:{ 1:} trailing@2"},
        {"1 2", "0:1 trailing@2"},
        {"/**/{}", " syntax@0"},
        {"\xef\xbb\xbf{}", " syntax@0"},
        {"[\"\x80\"]", "0:[ utf8@2"},
        {"[\"\xc0\x80\"]", "0:[ utf8@2"},
        {"[\"\xe4\xbd\"]", "0:[ utf8@4"},
        {"[\"\xe4\\n\"]", "0:[ utf8@3"},
        {"[\"\xed\xa0\x80\"]", "0:[ utf8@3"},
        {"[\"\xf4\x90\x80\x80\"]", "0:[ utf8@3"},
        {"[\"\xff\"]", "0:[ utf8@2"},
        {"\xc3\xa9", " syntax@0"},
    };
    struct trace trace;
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *json = cases[i].json;

        run(&trace, json, strlen(json), 0);
        is_str(trace.text, cases[i].trace, "tokens of %s", shown(json));
        ok(is_same_at_every_cut(json, strlen(json), cases[i].trace),
           "the same however it is cut");
    }
}

static void
test_zero_byte(void)
{
    struct trace trace;

    run(&trace, "[\"a\0b\"]", 7, 0);
    is_str(trace.text, "0:[ control@3", "a zero byte is a control character");
    run(&trace, "{}\0", 3, 0);
    is_str(trace.text, "0:{ 1:} trailing@2", "and not white space");
}

/* A document of depth arrays. */
static void
nest(char *out, size_t depth)
{
    memset(out, '[', depth);
    memset(out + depth, ']', depth);
}

static void
test_depth(void)
{
    static struct trace trace;
    char json[2 * TG_JSON_DEPTH_MAX + 2];

    nest(json, TG_JSON_DEPTH_MAX);
    run(&trace, json, 2 * TG_JSON_DEPTH_MAX, 0);
    is_int(trace.json.error, TG_JSON_OK, "%d levels are fine",
           TG_JSON_DEPTH_MAX);
    nest(json, TG_JSON_DEPTH_MAX + 1);
    run(&trace, json, sizeof(json), 1);
    is_int(trace.json.error, TG_JSON_DEPTH, "one more is not");
    is_int(trace.json.error_at, TG_JSON_DEPTH_MAX, "and it is found there");
}

/* Long strings of one kind of content, with the end at each distance. */
static void
test_long_strings(void)
{
    static const char *const units[] = {"x", "\xe4\xbd\xa0", "ab\xc3\xa9",
                                        "\xf0\x9f\x98\x80 ", "line\\n"};
    static struct trace trace;
    char json[1200], want[64];
    size_t u, count, len, i, decoded;

    for (u = 0; u < sizeof(units) / sizeof(units[0]); u++) {
        bool is_good = true;

        for (count = 1; count < 150; count++) {
            len = (size_t)sprintf(json, "[\"");
            for (i = 0; i < count; i++)
                len += (size_t)sprintf(json + len, "%s", units[u]);
            len += (size_t)sprintf(json + len, "\"]");
            decoded = count * (strlen(units[u]) - (u == 4));
            if (decoded <= TG_JSON_TEXT_MAX)
                continue;
            snprintf(want, sizeof(want), "0:[ 1:=(%d) %d:] ok", (int)decoded,
                     (int)len - 1);
            run(&trace, json, len, 0);
            is_good = is_good && strcmp(trace.text, want) == 0;
            run(&trace, json, len, 1);
            is_good = is_good && strcmp(trace.text, want) == 0;
            run(&trace, json, len, 2 + len / 2);
            is_good = is_good && strcmp(trace.text, want) == 0;
        }
        ok(is_good, "long strings of \"%s\" have their decoded length",
           units[u]);
    }
}

/* Pieces of a string, and what they decode to. */
static const struct {
    const char *raw, *decoded;
} pieces[] = {
    {"a", "a"},
    {"plain text of some length", "plain text of some length"},
    {"\\n", "\n"},
    {"\\\\", "\\"},
    {"\\\"", "\""},
    {"\\/", "/"},
    {"\\u0041", "A"},
    {"\\u00E9", "\xc3\xa9"},
    {"\\u4f60", "\xe4\xbd\xa0"},
    {"\\ud83d\\ude00", "\xf0\x9f\x98\x80"},
    {"\\ud83d", "\xef\xbf\xbd"},
    {"\xe4\xbd\xa0\xe5\xa5\xbd", "\xe4\xbd\xa0\xe5\xa5\xbd"},
};

static void
test_random_strings(void)
{
    static struct trace trace, other;
    static char json[8192];
    uint32_t random = 3;
    bool is_good = true;
    int round;

    for (round = 0; round < 4000; round++) {
        size_t len = (size_t)sprintf(json, "[\""), decoded = 0;
        int count = round % 200;

        while (count-- > 0) {
            size_t i = (random = random * 1664525 + 1013904223) >> 16;

            i %= sizeof(pieces) / sizeof(pieces[0]);
            len += (size_t)sprintf(json + len, "%s", pieces[i].raw);
            decoded += strlen(pieces[i].decoded);
        }
        len += (size_t)sprintf(json + len, "\"]");
        run(&trace, json, len, 0);
        is_good = is_good && trace.json.error == TG_JSON_OK;
        is_good = is_good && trace.json.text_len == decoded;
        run(&other, json, len, 1 + random % (len + 1));
        is_good = is_good && strcmp(trace.text, other.text) == 0;
    }
    ok(is_good, "4000 random strings have the length of their decoded text");
}

static void
test_in_string(void)
{
    struct tg_json json;

    tg_json_init(&json);
    tg_json_feed(&json, "[\"ab\\nc", 7);
    while (tg_json_next(&json) > TG_JSON_MORE)
        ;
    ok(tg_json_in_string(&json), "a string that is not whole is known");
    is_int(json.text_len, 4, "with what has come of it");
    is_int(tg_json_finish(&json), TG_ERR_FORMAT, "it cannot end there");
}

static const struct {
    const char *number;
    int64_t integer;
    int thousandths; /* -1: it has an exponent */
} decimals[] = {
    {"0", 0, 0},
    {"12", 12, 0},
    {"8.47", 8, 470},
    {"8.470", 8, 470},
    {"0.001", 0, 1},
    {"0.0001", 0, 1},
    {"0.00000", 0, 0},
    {"1.2345", 1, 235},
    {"1.23400001", 1, 235},
    {"1.23499999", 1, 235},
    {"0.9999", 0, 1000},
    {"-0.5", 0, 500},
    {"1e3", 1, -1},
    {"1.5E-3", 1, -1},
};

static void
test_decimals(void)
{
    for (size_t i = 0; i < sizeof(decimals) / sizeof(decimals[0]); i++) {
        const char *number = decimals[i].number;

        for (size_t cut = 0; cut <= strlen(number); cut++) {
            struct tg_json json;

            tg_json_init(&json);
            tg_json_feed(&json, number, cut);
            while (tg_json_next(&json) > TG_JSON_MORE)
                ;
            tg_json_feed(&json, number + cut, strlen(number) - cut);
            while (tg_json_next(&json) > TG_JSON_MORE)
                ;
            if (cut == 0)
                is_int(json.is_decimal ? json.thousandths : -1,
                       decimals[i].thousandths, "thousandths of %s", number);
            else if (json.is_decimal &&
                     (json.thousandths != decimals[i].thousandths ||
                      json.integer != decimals[i].integer))
                ok(false, "%s, cut at %zu", number, cut);
        }
    }
}

struct counted {
    struct tg_json json;
    uint64_t characters;
};

static void
count_feed(void *arg, const char *data, size_t len)
{
    struct counted *counted = arg;

    tg_json_feed(&counted->json, data, len);
    while (tg_json_next(&counted->json) > TG_JSON_MORE)
        counted->characters = counted->json.text_len - counted->json.text_more;
}

/* A string, and how many code points it has. */
static const struct {
    const char *string;
    uint64_t characters;
} counts[] = {
    {"\"\"", 0},
    {"\"plain\"", 5},
    {"\"na\xc3\xafve\"", 5},
    {"\"\xe4\xb8\xad\xe6\x96\x87\"", 2},
    {"\"\xf0\x9f\x98\x80!\"", 2},
    {"\"\\u4e2d\\u6587\\n\"", 3},
    {"\"\\ud83d\\ude00\"", 1},
    {"\"\\ud83dx\"", 2},
    {"\"a\\u00e4\xc3\xa4\\\\\"", 4},
};

static void
test_characters(void)
{
    static char text[2048];
    struct counted counted;

    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        size_t len = strlen(counts[i].string);
        bool is_same = true;

        for (size_t way = 0; way < CUT_WAYS(len); way++) {
            tg_json_init(&counted.json);
            counted.json.counts_characters = true;
            cut_feed(counts[i].string, len, way, count_feed, &counted);
            is_same = is_same && counted.characters == counts[i].characters;
        }
        ok(is_same, "%d characters, at every cut", (int)counts[i].characters);
    }
    strcpy(text, "\"\\n");
    for (int i = 0; i < 100; i++)
        strcat(text, "\xe4\xb8\xad\\u00e4\\t");
    strcat(text, "\"");
    for (size_t way = 0; way < 3; way++) {
        tg_json_init(&counted.json);
        counted.json.counts_characters = true;
        cut_feed(text, strlen(text), way, count_feed, &counted);
        is_int(counted.characters, 301, "beyond what a token shows, way %zu",
               way);
    }
}

int
main(void)
{
    test_decimals();
    test_characters();
    test_tokens();
    test_zero_byte();
    test_depth();
    test_long_strings();
    test_random_strings();
    test_in_string();
    return done();
}
