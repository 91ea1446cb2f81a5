/*
 * The simulator's reader of forms: it stays inside the body, its parts follow
 * each other, and no part holds its own delimiter.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const struct sim_form *form, const struct tg_str *body,
      const struct sim_form_part *part, const char **from)
{
    const char *end = part->data.data + part->data.len;

    assert(part->name.data && part->data.data >= *from);
    assert(end + form->delimiter_bytes <= body->data + body->len);
    assert(memcmp(end, form->delimiter, form->delimiter_bytes) == 0);
    assert(!memmem(part->data.data, part->data.len, form->delimiter,
                   form->delimiter_bytes));
    assert(part->name.data > *from && part->name.data < part->data.data);
    assert(!part->filename.data || part->filename.data > *from);
    *from = end;
}

/* The first line is the Content-Type, the rest is the body. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data, *line = memchr(data, '\n', size);
    struct sim_header header = {{"Content-Type", 12}, {0}};
    struct sim_request request = {.headers = &header, .header_count = 1};
    struct sim_form form;
    struct sim_form_part part;
    const char *from;
    int got, parts = 0;

    if (!line)
        return 0;
    header.value = (struct tg_str){text, (size_t)(line - text)};
    request.body = (struct tg_str){line + 1, size - header.value.len - 1};
    from = request.body.data;
    if (sim_form_init(&form, &request)) {
        assert(form.fault);
        return 0;
    }
    while ((got = sim_form_next(&form, &part)) > 0) {
        check(&form, &request.body, &part, &from);
        assert(++parts <= SIM_FORM_PARTS);
    }
    assert((got < 0) == (form.fault != NULL));
    return 0;
}
