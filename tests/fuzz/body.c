/*
 * Request bodies: the verdict does not depend on how they are cut, facts
 * point at what they speak of, and an edited body asks for what was wanted.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "body.h"
#include "split.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct reader {
    struct tg_body body;
    struct tg_body_facts facts;
    int err;
};

static void
feed(void *arg, const char *data, size_t len)
{
    struct reader *reader = arg;

    if (reader->err == 0)
        reader->err = tg_body_feed(&reader->body, data, len);
}

static void
run(struct reader *reader, const uint8_t *data, size_t len, unsigned a,
    unsigned b)
{
    reader->err = 0;
    memset(&reader->facts, 0, sizeof(reader->facts));
    tg_body_init(&reader->body);
    split_feed(data, len, a, b, feed, reader);
    if (reader->err == 0)
        reader->err = tg_body_finish(&reader->body, &reader->facts);
    assert((reader->err != 0) == (reader->body.fault.kind != TG_BODY_FINE));
    assert(reader->body.fault.offset <= len);
}

static uint8_t *
edited(const uint8_t *data, const struct tg_body_facts *facts,
       const struct tg_body_want *want, size_t *len)
{
    struct tg_body_edit edits[TG_BODY_EDITS_MAX];
    size_t count = tg_body_plan(facts, want, edits);
    uint8_t *out;
    size_t at = 0, i, n = 0;

    *len = (size_t)tg_body_edited_len(facts, edits, count);
    out = malloc(*len);
    for (i = 0; i < count; i++) {
        assert(edits[i].offset >= at);
        memcpy(out + n, data + at, edits[i].offset - at);
        n += edits[i].offset - at;
        memcpy(out + n, edits[i].insert, edits[i].insert_len);
        n += edits[i].insert_len;
        at = edits[i].offset + edits[i].remove_len;
    }
    memcpy(out + n, data + at, facts->total_bytes - at);
    assert(n + facts->total_bytes - at == *len);
    return out;
}

/* The edited body, read again, asks for what was wanted. */
static void
check_edits(const uint8_t *data, const struct tg_body_facts *facts)
{
    struct tg_body_want want = {true, 5, 1u << TG_BODY_MAX_TOKENS,
                                TG_BODY_MAX_TOKENS};
    const struct tg_body_value *members;
    struct reader reader;
    size_t len;
    uint8_t *out = edited(data, facts, &want, &len);
    int m;

    run(&reader, out, len, 0, 0);
    assert(reader.err == 0);
    members = reader.facts.members;
    assert(members[TG_BODY_STREAM].value ==
           facts->members[TG_BODY_STREAM].value);
    if (members[TG_BODY_STREAM].value)
        assert(members[TG_BODY_INCLUDE_USAGE].value == 1);
    assert(members[TG_BODY_MAX_TOKENS].is_present);
    for (m = TG_BODY_MAX_TOKENS; m <= TG_BODY_MAX_OUTPUT_TOKENS; m++)
        assert(members[m].value <= 5);
    assert(strcmp(reader.facts.model, facts->model) == 0);
    free(out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct reader whole, cut;

    if (size < SPLIT_HEAD)
        return 0;
    data += SPLIT_HEAD;
    size -= SPLIT_HEAD;
    run(&whole, data, size, 0, 0);
    run(&cut, data, size, data[-2], data[-1]);
    assert(whole.err == cut.err);
    assert(whole.body.fault.kind == cut.body.fault.kind);
    assert(whole.body.fault.offset == cut.body.fault.offset);
    assert(memcmp(&whole.facts, &cut.facts, sizeof(whole.facts)) == 0);
    /* What is an image was counted as text before. */
    assert(whole.facts.asked.image_bytes <= whole.facts.prompt_bytes);
    if (whole.err == 0)
        check_edits(data, &whole.facts);
    return 0;
}
