/*
 * The JSON reader's quick way: over recorded answers and requests, as they are
 * and with bytes changed, it says what the other way says, however the bytes
 * are cut.
 */
#include "json_quick.h"

#include "cut.h"
#include "data.h"
#include "tap.h"

enum { MUTANTS = 300, SOME_CUTS = 40 };

struct reader {
    struct tg_json json;
    bool is_quick;
    uint64_t hash; /* of all that was said */
    size_t tokens;
};

static uint64_t
any(void)
{
    static uint64_t x = 0x9e3779b97f4a7c15;

    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    return x * 0x2545f4914f6cdd1d >> 32;
}

static void
mix(struct reader *reader, const void *data, size_t len)
{
    const unsigned char *bytes = data;

    while (len--)
        reader->hash = (reader->hash ^ *bytes++) * 1099511628211ull;
}

static void
take(struct reader *reader, enum tg_json_token token)
{
    const struct tg_json *json = &reader->json;
    uint64_t said[] = {token,          json->token_at, tg_json_offset(json),
                       json->comma_at, json->depth,    json->objects};

    reader->tokens++;
    mix(reader, said, sizeof(said));
    if (token == TG_JSON_NAME || token == TG_JSON_STRING) {
        mix(reader, &json->text_len, sizeof(json->text_len));
        mix(reader, &json->text_more, sizeof(json->text_more));
        if (json->text)
            mix(reader, json->text, (size_t)json->text_len);
    } else if (token == TG_JSON_NUMBER) {
        uint64_t number[] = {json->is_integer,
                             json->is_huge,
                             json->is_negative,
                             json->is_decimal,
                             json->is_decimal ? json->thousandths : 0,
                             json->is_huge ? 0 : (uint64_t)json->integer};

        mix(reader, number, sizeof(number));
    }
}

static void
feed(void *arg, const char *data, size_t len)
{
    struct reader *reader = arg;
    enum tg_json_token token;

    if (reader->json.error)
        return;
    tg_json_feed(&reader->json, data, len);
    while ((token = reader->is_quick
                        ? tg_json_read(&reader->json)
                        : tg_json_next(&reader->json)) > TG_JSON_MORE)
        take(reader, token);
}

static uint64_t
run(struct reader *reader, const char *data, size_t len, size_t way)
{
    reader->hash = 14695981039346656037ull;
    reader->tokens = 0;
    tg_json_init(&reader->json);
    reader->json.counts_characters = true;
    cut_feed(data, len, way, feed, reader);
    tg_json_finish(&reader->json);
    mix(reader, &reader->json.error, sizeof(reader->json.error));
    mix(reader, &reader->json.error_at, sizeof(reader->json.error_at));
    return reader->hash;
}

/* Whole, byte by byte, and cut in two; at every place when cuts is 0. */
static bool
is_same(const char *data, size_t len, size_t cuts, size_t *tokens)
{
    struct reader slow = {.is_quick = false}, quick = {.is_quick = true};
    uint64_t hash = run(&slow, data, len, 0);
    size_t count = cuts == 0 ? CUT_WAYS(len) : cuts;

    *tokens = slow.tokens;
    for (size_t i = 0; i < count; i++) {
        size_t way =
            cuts == 0 || i < 2 ? i : (size_t)any() % (CUT_WAYS(len) - 2) + 2;

        if (run(&quick, data, len, way) != hash) {
            printf("# way %zu: %.*s\n", way, (int)len, data);
            return false;
        }
    }
    return true;
}

/* Changes some bytes to such as JSON is made of, and cuts the end off. */
static size_t
mutate(char *data, size_t len)
{
    static const char bytes[] = "\"\"\"\\{}[]::,,  \n\t0123456789-.eEtfn"
                                "a\x01\x1f\x7f\x80\xc3\xa9\xff";

    for (uint64_t n = any() % 3 + 1; n > 0; n--)
        data[any() % len] = bytes[any() % (sizeof(bytes) - 1)];
    if (any() % 4 == 0 && len > 2)
        len = any() % (len - 2) + 2;
    return len;
}

static void
test_document(const char *name, const char *data, size_t len)
{
    char *changed = malloc(len);
    size_t tokens, all = 0;
    bool same = true;

    ok(is_same(data, len, 0, &tokens) && tokens > 0,
       "%s: the same at every cut", name);
    for (int i = 0; i < MUTANTS && same; i++) {
        memcpy(changed, data, len);
        same = is_same(changed, mutate(changed, len), SOME_CUTS, &tokens);
        all += tokens;
    }
    ok(same && all > MUTANTS, "%s: the same with bytes changed", name);
    free(changed);
}

static void
test_recorded(void)
{
    static const char *const names[] = {
        "deepseek-chat.json", "anthropic-message.json", "completion.json",
        "embeddings.json",    "error-openai.json",      "error-vllm.json",
        "responses.json",
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        size_t len;
        char *data = data_load(names[i], &len);

        test_document(names[i], data, len);
        free(data);
    }
}

/* The data lines of a stream, each a document: every eighth of them. */
static void
test_stream(const char *name)
{
    size_t len;
    char *data = data_load(name, &len), *line = data, *next;

    for (int n = 0; line != NULL && *line != '\0'; line = next) {
        next = strchr(line, '\n');
        if (next != NULL)
            *next++ = '\0';
        if (strncmp(line, "data: {", 7) == 0 && n++ % 8 == 0)
            test_document(name, line + 6, strlen(line + 6));
    }
    free(data);
}

static void
test_written(void)
{
    static const char *const texts[] = {
        "{\"model\":\"deepseek-flash\",\"messages\":[{\"role\":\"user\","
        "\"content\":\"Say hello.\"}],\"max_tokens\":4}",
        "{ \"a\" : [ 1 , 2.5 , -3 , 0 , 00 ] , \"b\":  null }      ",
        "[[[[]]],{},{\"\":\"\"},true,false,null,truefalse,1e5,12345678901"
        "2345678,1234567890123456789,9223372036854775808]      ",
        "[0123456789,\"\\u00e9\",\"\xc3\xa9\",\"0123456789012345678901234567"
        "890123456789012345678901234567890123456789\"]         ",
        "{\"a\":1,}                    ",
        "[1,]                          ",
        "{\"a\" 1}                     ",
        "[1}                           ",
        "{\"a\":1]                     ",
        "{}{}                          ",
    };
    char deep[2 * TG_JSON_DEPTH_MAX + 40];

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        test_document(texts[i], texts[i], strlen(texts[i]));
    memset(deep, '[', TG_JSON_DEPTH_MAX + 2);
    memset(deep + TG_JSON_DEPTH_MAX + 2, ']', TG_JSON_DEPTH_MAX + 2);
    test_document("too deep", deep, 2 * TG_JSON_DEPTH_MAX + 4);
    test_document("as deep as may be", deep + 2, 2 * TG_JSON_DEPTH_MAX);
}

int
main(void)
{
    test_recorded();
    test_stream("deepseek-stream.sse");
    test_stream("anthropic-stream.sse");
    test_stream("responses-stream.sse");
    test_written();
    return done();
}
