/*
 * Request bodies: what governs, what is refused and with which words, and
 * that edits change nothing but what must change.
 */
#include "body.h"

#include "cut.h"
#include "err.h"
#include "tap.h"

struct reader {
    struct tg_body body;
    struct tg_body_facts facts;
    int err;
    char text[512];
};

static void
feed(void *arg, const char *data, size_t len)
{
    struct reader *reader = arg;

    if (reader->err == 0)
        reader->err = tg_body_feed(&reader->body, data, len);
}

/* "model=m stream=1@20+4" and so on; a refusal as "!type max_tokens@17". */
static void
describe(struct reader *reader)
{
    static const char *const kinds[] = {
        "fine",  "empty",      "not-json",  "truncated", "trailing", "utf8",
        "depth", "not-object", "duplicate", "type", "spelling", "range"};
    const struct tg_body_fault *fault = &reader->body.fault;
    const struct tg_body_facts *facts = &reader->facts;
    char *out = reader->text;
    int m;

    *out = '\0';
    if (reader->err) {
        sprintf(out, "!%s %s@%d", kinds[fault->kind],
                tg_body_member_name(fault->member), (int)fault->offset);
        return;
    }
    out += sprintf(out, "in@%d%s%s", (int)facts->insert_at,
                   facts->is_empty ? " empty" : "",
                   facts->options_are_empty ? " no-options" : "");
    for (m = TG_BODY_MODEL; m < TG_BODY_MEMBERS; m++) {
        const struct tg_body_value *value = &facts->members[m];

        if (!value->is_present)
            continue;
        out += sprintf(out, " %s=", tg_body_member_name(m));
        if (m == TG_BODY_MODEL)
            out += sprintf(out, "%s", facts->model);
        else if (value->is_null)
            out += sprintf(out, "null");
        else
            out += sprintf(out, "%lld", (long long)value->value);
        out += sprintf(out, "@%d+%d", (int)value->at, (int)value->len);
    }
}

static void
run(struct reader *reader, const char *data, size_t len, size_t way)
{
    reader->err = 0;
    tg_body_init(&reader->body);
    cut_feed(data, len, way, feed, reader);
    if (reader->err == 0)
        reader->err = tg_body_finish(&reader->body, &reader->facts);
    describe(reader);
}

static bool
is_same_at_every_cut(const char *data, const char *want)
{
    struct reader reader;
    size_t way;

    for (way = 1; way < CUT_WAYS(strlen(data)); way++) {
        run(&reader, data, strlen(data), way);
        if (strcmp(reader.text, want) != 0) {
            printf("# way %d: %s\n", (int)way, reader.text);
            return false;
        }
    }
    return true;
}

static const struct {
    const char *fact, *body, *want;
} cases[] = {
    {"an empty object", "{}", "in@1 empty"},
    {"white space around", " \n{ } ", "in@3 empty"},
    {"the usual", "{\"model\":\"m\",\"stream\":true,\"max_tokens\":16}",
     "in@1 model=m@9+3 stream=1@22+4 max_tokens=16@40+2"},
    {"spaces inside", "{ \"model\" : \"m\" , \"n\" : 2 }",
     "in@1 model=m@12+3 n=2@24+1"},
    {"every limit",
     "{\"max_completion_tokens\":1,\"max_output_tokens\":2,\"best_of\":3}",
     "in@1 max_completion_tokens=1@25+1 max_output_tokens=2@47+1 "
     "best_of=3@59+1"},
    {"null is as if absent, but known",
     "{\"stream\":null,\"max_tokens\":null,\"stream_options\":null}",
     "in@1 stream=null@10+4 stream_options=null@50+4 max_tokens=null@28+4"},
    {"stream options",
     "{\"stream_options\":{\"include_usage\":false,\"x\":{}},\"n\":1}",
     "in@1 stream_options=0@18+30 stream_options.include_usage=0@35+5 "
     "n=1@53+1"},
    {"empty stream options", "{\"stream_options\": { } }",
     "in@1 no-options stream_options=0@19+3"},
    {"other stream options", "{\"stream_options\":{\"a\":[{\"b\":1}]}}",
     "in@1 stream_options=0@18+15"},
    {"an escaped name governs", "{\"mod\\u0065l\":\"m\",\"str\\u0065am\":true}",
     "in@1 model=m@14+3 stream=1@32+4"},
    {"an escaped value is decoded", "{\"model\":\"\\u006d/\\/\"}",
     "in@1 model=m//@9+11"},
    {"only the top level governs",
     "{\"messages\":[{\"model\":\"x\",\"n\":\"y\"}],\"o\":{\"stream\":1}}",
     "in@1"},
    {"include_usage governs in stream_options alone",
     "{\"include_usage\":1,\"o\":{\"include_usage\":1},\"stream_options\":"
     "{\"o\":{\"include_usage\":1}}}",
     "in@1 stream_options=0@60+25"},
    {"the largest integer", "{\"max_tokens\":9223372036854775807}",
     "in@1 max_tokens=9223372036854775807@14+19"},
    {"zero", "{\"max_tokens\":0}", "in@1 max_tokens=0@14+1"},
    {"nothing", "", "!empty @0"},
    {"white space alone", " \r\n", "!empty @3"},
    {"an array", " [1]", "!not-object @1"},
    {"a string", "\"model\"", "!not-object @0"},
    {"a number", "12", "!not-object @0"},
    {"text", "hello", "!not-json @0"},
    {"cut short", "{\"model\":\"m\"", "!truncated @12"},
    {"two bodies", "{} {}", "!trailing @3"},
    {"a byte order mark", "\xef\xbb\xbf{}", "!not-json @0"},
    {"not UTF-8", "{\"a\":\"\xff\"}", "!utf8 @6"},
    {"a control character", "{\"a\":\"\t\"}", "!not-json @6"},
    {"model twice", "{\"model\":\"a\",\"model\":\"b\"}", "!duplicate model@13"},
    {"model twice, once escaped", "{\"model\":\"a\",\"\\u006dodel\":\"b\"}",
     "!duplicate model@13"},
    {"null once is once", "{\"n\":null,\"n\":1}", "!duplicate n@10"},
    {"stream_options twice", "{\"stream_options\":{},\"stream_options\":{}}",
     "!duplicate stream_options@21"},
    {"include_usage twice",
     "{\"stream_options\":{\"include_usage\":true,\"include_usage\":true}}",
     "!duplicate stream_options.include_usage@40"},
    {"other members may stand twice", "{\"a\":1,\"a\":2}", "in@1"},
    {"model twice, once in other case", "{\"model\":\"a\",\"Model\":\"b\"}",
     "!duplicate model@13"},
    {"the other way round", "{\"MODEL\":\"a\",\"model\":\"b\"}",
     "!spelling model@1"},
    {"max_tokens with a Kelvin sign",
     "{\"max_tokens\":1,\"max_to\xe2\x84\xaa"
     "ens\":2}",
     "!duplicate max_tokens@16"},
    {"stream with a long s", "{\"\\u017ftream\":1,\"stream\":true}",
     "!spelling stream@1"},
    {"include_usage in other case",
     "{\"stream_options\":{\"include_usage\":true,\"Include_Usage\":false}}",
     "!duplicate stream_options.include_usage@40"},
    {"what a C string takes for model", "{\"model\\u0000x\":\"a\"}",
     "!spelling model@1"},
    {"the same beside model", "{\"model\":\"a\",\"MODEL\\u0000\":\"b\"}",
     "!duplicate model@13"},
    {"a zero byte in front", "{\"model\":\"a\",\"\\u0000model\":\"b\"}",
     "in@1 model=a@9+3"},
    {"other case alone", "{\"Model\":\"a\"}", "!spelling model@1"},
    {"what only begins alike", "{\"model\":\"a\",\"model_\":1,\"mode\":2}",
     "in@1 model=a@9+3"},
    {"a model that is a number", "{\"model\":5}", "!type model@9"},
    {"a model that is null", "{\"model\":null}", "!type model@9"},
    {"a model that is a list", "{\"model\":[\"m\"]}", "!type model@9"},
    {"an empty model", "{\"model\":\"\"}", "!range model@9"},
    {"a model with a zero byte", "{\"model\":\"a\\u0000b\"}", "!range model@9"},
    {"stream as a string", "{\"stream\":\"true\"}", "!type stream@10"},
    {"stream as 1", "{\"stream\":1}", "!type stream@10"},
    {"stream_options as a list", "{\"stream_options\":[]}",
     "!type stream_options@18"},
    {"include_usage as 1", "{\"stream_options\":{\"include_usage\":1}}",
     "!type stream_options.include_usage@35"},
    {"max_tokens as a string", "{\"max_tokens\":\"9\"}", "!type max_tokens@14"},
    {"max_tokens as 1.0", "{\"max_tokens\":1.0}", "!type max_tokens@14"},
    {"max_tokens as 1e309", "{\"max_tokens\":1e309}", "!type max_tokens@14"},
    {"max_tokens as an object", "{\"max_tokens\":{}}", "!type max_tokens@14"},
    {"max_tokens as true", "{\"max_tokens\":true}", "!type max_tokens@14"},
    {"negative", "{\"n\":-1}", "!range n@5"},
    {"minus zero", "{\"n\":-0}", "!range n@5"},
    {"2^63", "{\"best_of\":9223372036854775808}", "!range best_of@11"},
};

static void
test_cases(void)
{
    struct reader reader;
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        run(&reader, cases[i].body, strlen(cases[i].body), 0);
        is_str(reader.text, cases[i].want, "%s", cases[i].fact);
        ok(is_same_at_every_cut(cases[i].body, cases[i].want),
           "the same however it is cut");
    }
}

static void
test_codes(void)
{
    static const struct {
        const char *body;
        int err;
    } codes[] = {
        {"{", TG_ERR_FORMAT},
        {"{\"n\":1,\"n\":1}", TG_ERR_DUPLICATE},
        {"{\"n\":-1}", TG_ERR_RANGE},
        {"{\"n\":\"\"}", TG_ERR_FORMAT},
    };
    struct reader reader;
    size_t i;

    for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        run(&reader, codes[i].body, strlen(codes[i].body), 0);
        is_int(reader.err, codes[i].err, "the code for %s", codes[i].body);
        is_int(tg_body_feed(&reader.body, "{}", 2), codes[i].err,
               "more bytes do not change it");
    }
}

static void
test_depth(void)
{
    struct reader reader;
    char body[256] = "{\"a\":";

    memset(body + 5, '[', TG_JSON_DEPTH_MAX);
    run(&reader, body, 5 + TG_JSON_DEPTH_MAX, 0);
    is_str(reader.text, "!depth @68", "too deep is told where");
    is_int(reader.err, TG_ERR_LIMIT, "with a code of its own");
}

static void
test_model_length(void)
{
    struct reader reader;
    char body[256];
    int len;

    len = sprintf(body, "{\"model\":\"%0128d\"}", 0);
    run(&reader, body, (size_t)len, 0);
    is_int(reader.facts.model_len, 128, "a model of 128 bytes");
    len = sprintf(body, "{\"model\":\"%0129d\"}", 0);
    run(&reader, body, (size_t)len, 1);
    is_str(reader.text, "!range model@9", "one of 129 is refused");
}

static void
test_prompt_bytes(void)
{
    static const struct {
        const char *body;
        int text, prompt_least;
    } counts[] = {
        {"{\"model\":\"abc\",\"stream\":true,\"max_tokens\":5}", 0, 0},
        {"{\"prompt\":\"hello\"}", 5, 5},
        {"{\"prompt\":\"a\\nb\\u00e9\"}", 5, 5},
        {"{\"prompt\":[1,22,333]}", 0, 6},
        {"{\"tools\":[{\"name\":\"f\",\"x\":{\"y\":[]}}]}", 1, 20},
        {"{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}", 6, 17},
        {"{\"stream_options\":{\"x\":\"yyyyyyyyyyyyyyyyyyyyyyyyy\"}}", 0, 0},
    };
    struct reader reader;
    size_t i;

    for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        const char *body = counts[i].body;
        uint64_t prompt;

        run(&reader, body, strlen(body), 0);
        prompt = reader.facts.prompt_bytes;
        is_int(reader.facts.text_bytes, counts[i].text, "text of %s", body);
        ok(prompt >= (uint64_t)counts[i].prompt_least, "prompt of %s", body);
        is_int(reader.facts.total_bytes, strlen(body), "length of %s", body);
        run(&reader, body, strlen(body), 1);
        is_int(reader.facts.prompt_bytes, prompt, "the same byte by byte");
    }
    ok(reader.facts.prompt_bytes <= 16, "what governs is no prompt");
}

/* The body with the edits made, as whoever sends it would make them. */
static void
edit(const char *body, const struct tg_body_edit *edits, size_t count,
     char *out)
{
    size_t at = 0, i, len = 0;

    for (i = 0; i < count; i++) {
        memcpy(out + len, body + at, edits[i].offset - at);
        len += edits[i].offset - at;
        memcpy(out + len, edits[i].insert, edits[i].insert_len);
        len += edits[i].insert_len;
        at = edits[i].offset + edits[i].remove_len;
    }
    strcpy(out + len, body + at);
}

#define CHAT (1u << TG_BODY_MAX_TOKENS | 1u << TG_BODY_MAX_COMPLETION_TOKENS)

static void
test_plan(void)
{
    static const struct {
        bool usage;
        int64_t max;
        const char *body, *want;
    } plans[] = {
        {true, -1, "{\"stream\":true}",
         "{\"stream_options\":{\"include_usage\":true},\"stream\":true}"},
        {true, -1, "{ \"stream\":true,\"stream_options\":{ }}",
         "{ \"stream\":true,\"stream_options\":{\"include_usage\":true }}"},
        {true, -1, "{\"stream_options\":{\"a\":1},\"stream\":true}",
         "{\"stream_options\":{\"include_usage\":true,\"a\":1},"
         "\"stream\":true}"},
        {true, -1, "{\"stream_options\": null,\"stream\":true}",
         "{\"stream_options\": {\"include_usage\":true},\"stream\":true}"},
        {true, -1,
         "{\"stream_options\":{\"include_usage\":false},\"stream\":true}",
         "{\"stream_options\":{\"include_usage\":true},\"stream\":true}"},
        {true, -1,
         "{\"stream_options\":{\"include_usage\":null},\"stream\":true}",
         "{\"stream_options\":{\"include_usage\":true},\"stream\":true}"},
        {true, -1,
         "{\"stream_options\":{\"include_usage\":true},\"stream\":true}",
         "{\"stream_options\":{\"include_usage\":true},\"stream\":true}"},
        {true, -1, "{\"stream\":false}", "{\"stream\":false}"},
        {true, -1, "{}", "{}"},
        {false, -1, "{\"stream\":true}", "{\"stream\":true}"},
        {false, 7, "{}", "{\"max_tokens\":7}"},
        {false, 7, "{\"a\":1}", "{\"max_tokens\":7,\"a\":1}"},
        {false, 7, "{\"max_tokens\":9}", "{\"max_tokens\":7}"},
        {false, 7, "{\"max_tokens\":5}", "{\"max_tokens\":5}"},
        {false, 0, "{\"max_tokens\":5}", "{\"max_tokens\":0}"},
        {false, 7, "{\"max_tokens\": null }", "{\"max_tokens\": 7 }"},
        {false, 7, "{\"max_completion_tokens\":9}",
         "{\"max_completion_tokens\":7}"},
        {false, 7, "{\"max_tokens\":null,\"max_completion_tokens\":9}",
         "{\"max_tokens\":null,\"max_completion_tokens\":7}"},
        {false, 7, "{\"max_output_tokens\":9}",
         "{\"max_tokens\":7,\"max_output_tokens\":7}"},
        {false, 7, "{\"max_output_tokens\":9,\"max_tokens\":8}",
         "{\"max_output_tokens\":7,\"max_tokens\":7}"},
        {true, 7,
         "{\"max_tokens\":10,\"stream\":true,\"max_completion_tokens\":11,"
         "\"max_output_tokens\":12,\"stream_options\":null}",
         "{\"max_tokens\":7,\"stream\":true,\"max_completion_tokens\":7,"
         "\"max_output_tokens\":7,\"stream_options\":{\"include_usage\":"
         "true}}"},
        {true, 9223372036854775807, "{\"stream\":true}",
         "{\"stream_options\":{\"include_usage\":true},"
         "\"max_tokens\":9223372036854775807,\"stream\":true}"},
    };
    struct tg_body_edit edits[TG_BODY_EDITS_MAX];
    struct reader reader;
    char out[512];
    size_t i, count;

    for (i = 0; i < sizeof(plans) / sizeof(plans[0]); i++) {
        struct tg_body_want want = {plans[i].usage, plans[i].max, CHAT,
                                    TG_BODY_MAX_TOKENS};

        run(&reader, plans[i].body, strlen(plans[i].body), 0);
        count = tg_body_plan(&reader.facts, &want, edits);
        edit(plans[i].body, edits, count, out);
        is_str(out, plans[i].want, "edits of %s", plans[i].body);
        is_int(tg_body_edited_len(&reader.facts, edits, count), strlen(out),
               "its length is foreseen");
    }
}

/* Members by which an upstream makes tokens that are not shown. */
static void
test_hiding(void)
{
    static const struct {
        const char *body;
        bool hides;
    } rows[] = {
        {"{\"model\":\"m\",\"include_usage\":true}", false},
        {"{\"include_reasoning\":true}", true},
        {"{\"a\":{\"b\":[]},\"include_reasoning\":false}", true},
        {"{\"include_r\\u0065asoning\":null}", true},
        {"{\"stream_reasoning\":false}", true},
        {"{\"use_beam_search\":true}", true},
        {"{\"a\":{\"use_beam_search\":true}}", false},
        {"{\"a\":\"use_beam_search\"}", false},
        {"{\"stream_options\":{\"include_reasoning\":false}}", false},
    };
    struct reader reader;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (size_t way = 0; way < CUT_WAYS(strlen(rows[i].body)); way++) {
            run(&reader, rows[i].body, strlen(rows[i].body), way);
            if (reader.err != 0 || reader.facts.hides_tokens != rows[i].hides)
                break;
        }
        ok(reader.err == 0 && reader.facts.hides_tokens == rows[i].hides,
           "%s hides tokens or not, at every cut", rows[i].body);
    }
}

int
main(void)
{
    test_cases();
    test_codes();
    test_depth();
    test_model_length();
    test_prompt_bytes();
    test_hiding();
    test_plan();
    return done();
}
