/*
 * The multipart reader: however its input is cut, the parts are the same, and
 * their bytes are those that stand there; so are the facts of a request.
 */
#include <assert.h>
#include <string.h>

#include "form_body.h"
#include "split.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct reader {
    struct tg_multipart form;
    uint64_t hash, bytes;
    bool is_open;
};

static void
mix(struct reader *reader, const void *data, size_t len)
{
    const unsigned char *bytes = data;

    while (len--)
        reader->hash = (reader->hash ^ *bytes++) * 1099511628211ull;
}

static void
take(struct reader *reader, enum tg_multipart_token token)
{
    const struct tg_multipart *form = &reader->form;

    switch (token) {
    case TG_MULTIPART_PART:
        assert(!reader->is_open);
        assert(form->part.name_len > 0);
        reader->is_open = true;
        mix(reader, form->part.name, form->part.name_len);
        mix(reader, &form->part.is_file, 1);
        break;
    case TG_MULTIPART_DATA:
        assert(reader->is_open && form->data.len > 0);
        reader->bytes += form->data.len;
        mix(reader, form->data.data, form->data.len);
        break;
    default:
        assert(reader->is_open);
        reader->is_open = false;
        mix(reader, "|", 1);
    }
}

static void
feed(void *arg, const char *data, size_t len)
{
    struct reader *reader = arg;
    enum tg_multipart_token token;

    if (reader->form.error)
        return;
    tg_multipart_feed(&reader->form, data, len);
    while ((token = tg_multipart_next(&reader->form)) > TG_MULTIPART_MORE)
        take(reader, token);
}

static uint64_t
run(const uint8_t *data, size_t len, unsigned a, unsigned b)
{
    struct reader reader = {.hash = 14695981039346656037ull};

    tg_multipart_init(&reader.form, TG_STR("-b"));
    split_feed(data, len, a, b, feed, &reader);
    if (tg_multipart_finish(&reader.form) == 0)
        assert(!reader.is_open && reader.bytes < len);
    mix(&reader, &reader.form.error, sizeof(reader.form.error));
    mix(&reader, &reader.form.error_at, sizeof(reader.form.error_at));
    return reader.hash;
}

#define GOVERNED                                                               \
    (TG_BODY_BIT(MODEL) | TG_BODY_BIT(N) | TG_BODY_BIT(STREAM) |               \
     TG_BODY_BIT(SIZE))

static int
feed_body(struct tg_form_body *body, const uint8_t *data, size_t len)
{
    int err = 0;

    tg_form_body_init(body, TG_STR("-b"), GOVERNED);
    for (size_t at = 0; at < len && err == 0; at++)
        err = tg_form_body_feed(body, data + at, 1);
    return err;
}

static void
check_facts(const uint8_t *data, size_t len)
{
    static struct tg_form_body whole, bytewise;
    struct tg_body_facts facts, other;

    tg_form_body_init(&whole, TG_STR("-b"), GOVERNED);
    tg_form_body_feed(&whole, data, len);
    feed_body(&bytewise, data, len);
    if (tg_form_body_finish(&whole, &facts) != 0) {
        assert(tg_form_body_finish(&bytewise, &other) != 0);
        assert(whole.fault.kind == bytewise.fault.kind);
        assert(whole.fault.member == bytewise.fault.member);
        assert(whole.fault.offset == bytewise.fault.offset);
        return;
    }
    assert(tg_form_body_finish(&bytewise, &other) == 0);
    assert(memcmp(&facts, &other, sizeof(facts)) == 0);
    assert(facts.file_bytes + facts.text_bytes < len);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tg_str type, boundary;

    if (size < SPLIT_HEAD)
        return 0;
    assert(run(data + SPLIT_HEAD, size - SPLIT_HEAD, data[0], data[1]) ==
           run(data + SPLIT_HEAD, size - SPLIT_HEAD, 0, 0));
    check_facts(data + SPLIT_HEAD, size - SPLIT_HEAD);
    type = (struct tg_str){(const char *)data, size};
    if (tg_multipart_boundary(type, &boundary) == 0)
        assert(boundary.len > 0 && boundary.len <= TG_MULTIPART_BOUNDARY_MAX);
    return 0;
}
