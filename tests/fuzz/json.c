/*
 * The JSON reader: however its input is cut, and by the quick way or the
 * other, the tokens are the same; what it says about a token holds.
 */
#include <assert.h>
#include <string.h>

#include "json_quick.h"
#include "split.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct reader {
    struct tg_json json;
    bool is_quick;
    uint64_t hash;
    uint64_t tokens;
    unsigned opened, closed;
};

static void
mix(struct reader *reader, const void *data, size_t len)
{
    const unsigned char *bytes = data;

    while (len--)
        reader->hash = (reader->hash ^ *bytes++) * 1099511628211ull;
}

static void
mix_text(struct reader *reader)
{
    const struct tg_json *json = &reader->json;
    struct tg_utf8 utf8 = {0};
    size_t len = (size_t)json->text_len;

    assert((json->text != NULL) == (len <= TG_JSON_TEXT_MAX));
    mix(reader, &len, sizeof(len));
    if (json->text) {
        assert(tg_utf8_check(&utf8, json->text, len) == len);
        assert(utf8.need == 0);
        assert(
            tg_json_begins(json, json->text,
                           len < TG_JSON_BEGIN_MAX ? len : TG_JSON_BEGIN_MAX));
        mix(reader, json->text, len);
    }
}

static void
take(struct reader *reader, enum tg_json_token token)
{
    const struct tg_json *json = &reader->json;

    reader->tokens++;
    reader->opened += token == TG_JSON_OBJECT || token == TG_JSON_ARRAY;
    reader->closed += token == TG_JSON_OBJECT_END || token == TG_JSON_ARRAY_END;
    assert(json->depth == reader->opened - reader->closed);
    assert(json->depth <= TG_JSON_DEPTH_MAX);
    assert(json->token_at < tg_json_offset(json));
    mix(reader, &token, sizeof(token));
    mix(reader, &json->token_at, sizeof(json->token_at));
    mix(reader, &json->comma_at, sizeof(json->comma_at));
    if (token == TG_JSON_NAME || token == TG_JSON_STRING)
        mix_text(reader);
    if (token == TG_JSON_NUMBER && json->is_integer)
        mix(reader, &json->integer, sizeof(json->integer));
}

static enum tg_json_token
next(struct reader *reader)
{
    return reader->is_quick ? tg_json_read(&reader->json)
                            : tg_json_next(&reader->json);
}

static void
feed(void *arg, const char *data, size_t len)
{
    struct reader *reader = arg;
    enum tg_json_token token;

    if (reader->json.error)
        return;
    tg_json_feed(&reader->json, data, len);
    while ((token = next(reader)) > TG_JSON_MORE)
        take(reader, token);
}

static uint64_t
run(const uint8_t *data, size_t len, unsigned a, unsigned b, bool is_quick)
{
    struct reader reader = {.hash = 14695981039346656037ull,
                            .is_quick = is_quick};

    tg_json_init(&reader.json);
    split_feed(data, len, a, b, feed, &reader);
    if (tg_json_finish(&reader.json) == 0)
        assert(reader.opened == reader.closed);
    assert(reader.json.error_at <= len && reader.tokens <= len);
    mix(&reader, &reader.json.error, sizeof(reader.json.error));
    mix(&reader, &reader.json.error_at, sizeof(reader.json.error_at));
    return reader.hash;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *bytes = data + SPLIT_HEAD;
    size_t len = size - SPLIT_HEAD;
    uint64_t hash;

    if (size < SPLIT_HEAD)
        return 0;
    hash = run(bytes, len, 0, 0, false);
    assert(run(bytes, len, data[0], data[1], false) == hash);
    assert(run(bytes, len, 0, 0, true) == hash);
    assert(run(bytes, len, data[0], data[1], true) == hash);
    return 0;
}
