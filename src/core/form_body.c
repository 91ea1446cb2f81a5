#include "form_body.h"

#include <string.h>

#include "body_member.h"
#include "err.h"
#include "utf8.h"

/* Nobody asks for more than so many digits can say. */
#define DIGITS_MAX 15

/* What a field adds to the prompt beside its value: marks around it. */
#define FIELD_BYTES 4

static const enum tg_body_fault_kind fault_of_form[] = {
    [TG_MULTIPART_OK] = TG_BODY_FINE,
    [TG_MULTIPART_SYNTAX] = TG_BODY_FORM,
    [TG_MULTIPART_HEADER] = TG_BODY_FORM,
    [TG_MULTIPART_NAME] = TG_BODY_FORM_NAME,
    [TG_MULTIPART_LIMIT] = TG_BODY_FORM_LIMIT,
    [TG_MULTIPART_LENGTH] = TG_BODY_FORM,
    [TG_MULTIPART_TRAILING] = TG_BODY_FORM,
    [TG_MULTIPART_TRUNCATED] = TG_BODY_FORM_CUT,
};

void
tg_form_body_init(struct tg_form_body *body, struct tg_str boundary,
                  uint32_t governed)
{
    memset(body, 0, offsetof(struct tg_form_body, form));
    body->governed = governed;
    tg_multipart_init(&body->form, boundary);
}

static int
fault(struct tg_form_body *body, enum tg_body_fault_kind kind,
      enum tg_body_member member, uint64_t offset)
{
    body->fault = (struct tg_body_fault){kind, member, offset};
    return tg_body_fault_err(kind);
}

static struct tg_str
name_of(const struct tg_form_body *body)
{
    return (struct tg_str){body->form.part.name, body->form.part.name_len};
}

/* A mask says where to paint, and is no picture itself. */
static void
begin_file(struct tg_form_body *body)
{
    if (!tg_str_eq(name_of(body), TG_STR("mask")))
        body->facts.file_count++;
}

/*
 * "model[]" is a list to some readers, and "model.x" an object: both are the
 * member to them.
 */
static struct tg_str
stem(struct tg_str name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (name.data[i] == '[' || name.data[i] == '.')
            name.len = i;
    }
    return name;
}

static int
begin_part(struct tg_form_body *body)
{
    struct tg_str name = name_of(body);
    uint64_t at = body->form.part_at;
    enum tg_body_member member =
        tg_body_member_find(stem(name), body->governed, false);

    /* A browser's hint at how to read all the others. */
    if (tg_str_eq(name, TG_STR("_charset_")))
        return fault(body, TG_BODY_FORM_NAME, TG_BODY_NONE, at);
    body->member = member;
    body->value_len = 0;
    body->value_at = at;
    if (member == TG_BODY_NONE) {
        if (body->form.part.is_file)
            begin_file(body);
        else
            body->facts.prompt_bytes += name.len + FIELD_BYTES;
        return 0;
    }
    if (body->facts.members[member].is_present)
        return fault(body, TG_BODY_DUPLICATE, member, at);
    if (!tg_body_member_is_exact(name, member))
        return fault(body, TG_BODY_SPELLING, member, at);
    if (body->form.part.is_file)
        return fault(body, TG_BODY_TYPE, member, at);
    body->facts.members[member].is_present = true;
    return 0;
}

static int
take_data(struct tg_form_body *body)
{
    struct tg_str data = body->form.data;

    if (body->member == TG_BODY_NONE) {
        if (body->form.part.is_file) {
            body->facts.file_bytes += data.len;
        } else {
            body->facts.text_bytes += data.len;
            body->facts.prompt_bytes += data.len;
        }
        return 0;
    }
    if (data.len > TG_BODY_MODEL_MAX - body->value_len)
        return fault(body, TG_BODY_RANGE, body->member, body->value_at);
    memcpy(body->value + body->value_len, data.data, data.len);
    body->value_len += data.len;
    return 0;
}

static int
integer(struct tg_form_body *body, struct tg_str value)
{
    int64_t number = 0;

    for (size_t i = 0; i < value.len; i++) {
        if (value.data[i] < '0' || value.data[i] > '9')
            return fault(body, TG_BODY_TYPE, body->member, body->value_at);
        if (i == DIGITS_MAX)
            return fault(body, TG_BODY_RANGE, body->member, body->value_at);
        number = number * 10 + (value.data[i] - '0');
    }
    if (value.len == 0)
        return fault(body, TG_BODY_TYPE, body->member, body->value_at);
    body->facts.members[body->member].value = number;
    return 0;
}

static int
boolean(struct tg_form_body *body, struct tg_str value)
{
    bool is_true = tg_str_eq(value, TG_STR("true"));

    if (!is_true && !tg_str_eq(value, TG_STR("false")))
        return fault(body, TG_BODY_TYPE, body->member, body->value_at);
    body->facts.members[body->member].value = is_true;
    return 0;
}

static bool
is_utf8(struct tg_str s)
{
    struct tg_utf8 utf8 = {0};

    return tg_utf8_check(&utf8, s.data, s.len) == s.len && utf8.need == 0;
}

static int
end_part(struct tg_form_body *body)
{
    struct tg_str value = {body->value, body->value_len};

    switch (tg_body_member_type(body->member)) {
    case TG_BODY_ANY:
        return 0;
    case TG_BODY_INTEGER:
        return integer(body, value);
    case TG_BODY_BOOLEAN:
        return boolean(body, value);
    default:
        break;
    }
    if (!is_utf8(value))
        return fault(body, TG_BODY_UTF8, body->member, body->value_at);
    if (!tg_body_member_take(&body->facts, body->member, value))
        return fault(body, TG_BODY_RANGE, body->member, body->value_at);
    return 0;
}

static int
take(struct tg_form_body *body, enum tg_multipart_token token)
{
    const struct tg_multipart *form = &body->form;

    switch (token) {
    case TG_MULTIPART_PART:
        return begin_part(body);
    case TG_MULTIPART_DATA:
        return take_data(body);
    case TG_MULTIPART_PART_END:
        return end_part(body);
    default:
        return fault(body, fault_of_form[form->error], TG_BODY_NONE,
                     form->error_at);
    }
}

int
tg_form_body_feed(struct tg_form_body *body, const void *data, size_t len)
{
    enum tg_multipart_token token;
    int err = tg_body_fault_err(body->fault.kind);

    if (err)
        return err;
    tg_multipart_feed(&body->form, data, len);
    body->facts.total_bytes += len;
    while (err == 0 &&
           (token = tg_multipart_next(&body->form)) != TG_MULTIPART_MORE)
        err = take(body, token);
    return err;
}

int
tg_form_body_finish(struct tg_form_body *body, struct tg_body_facts *facts)
{
    int err = tg_body_fault_err(body->fault.kind);

    if (err)
        return err;
    if (body->facts.total_bytes == 0)
        return fault(body, TG_BODY_EMPTY, TG_BODY_NONE, 0);
    if (tg_multipart_finish(&body->form) < 0)
        return take(body, TG_MULTIPART_ERROR);
    *facts = body->facts;
    return 0;
}
