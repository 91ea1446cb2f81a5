/*
 * Goal: a form says what it asks for as JSON does, or is refused for the same
 * reasons.
 */
#include "form_body.h"

#include "cut.h"
#include "tap.h"

struct reader {
    struct tg_form_body body;
    struct tg_body_facts facts;
    int err;
    char text[512];
};

static void
feed(void *arg, const char *data, size_t len)
{
    struct reader *reader = arg;

    if (reader->err == 0)
        reader->err = tg_form_body_feed(&reader->body, data, len);
}

/* "model=m n=2 text 5 files 1/3"; a refusal as "!type n@17". */
static void
describe(struct reader *reader)
{
    static const char *const kinds[] = {
        [TG_BODY_EMPTY] = "empty",         [TG_BODY_UTF8] = "utf8",
        [TG_BODY_DUPLICATE] = "duplicate", [TG_BODY_TYPE] = "type",
        [TG_BODY_SPELLING] = "spelling",   [TG_BODY_RANGE] = "range",
        [TG_BODY_FORM] = "form",           [TG_BODY_FORM_NAME] = "name",
        [TG_BODY_FORM_LIMIT] = "limit",    [TG_BODY_FORM_CUT] = "cut",
    };
    const struct tg_body_fault *fault = &reader->body.fault;
    const struct tg_body_facts *facts = &reader->facts;
    char *out = reader->text;

    if (reader->err) {
        sprintf(out, "!%s %s@%d", kinds[fault->kind],
                tg_body_member_name(fault->member), (int)fault->offset);
        return;
    }
    *out = '\0';
    if (facts->model_len > 0)
        out += sprintf(out, "model=%s ", facts->model);
    for (int m = TG_BODY_STREAM; m < TG_BODY_MEMBERS; m++) {
        if (facts->members[m].is_present)
            out += sprintf(out, "%s=%lld ",
                           tg_body_member_name((enum tg_body_member)m),
                           (long long)facts->members[m].value);
    }
    if (facts->size.text[0] != '\0')
        out += sprintf(out, "(%s) ", facts->size.text);
    sprintf(out, "text %d files %d/%d", (int)facts->text_bytes,
            (int)facts->file_count, (int)facts->file_bytes);
}

#define GOVERNED                                                               \
    (TG_BODY_BIT(MODEL) | TG_BODY_BIT(STREAM) | TG_BODY_BIT(N) |               \
     TG_BODY_BIT(SIZE) | TG_BODY_BIT(RESPONSE_FORMAT) | TG_BODY_BIT(PURPOSE))

static void
run(struct reader *reader, const char *form, size_t way)
{
    reader->err = 0;
    tg_form_body_init(&reader->body, TG_STR("b"), GOVERNED);
    cut_feed(form, strlen(form), way, feed, reader);
    if (reader->err == 0)
        reader->err = tg_form_body_finish(&reader->body, &reader->facts);
    describe(reader);
}

#define E "\r\n"
#define NAMED(name) "--b" E "Content-Disposition: form-data; name=\"" name "\""
#define FIELD(name, value) NAMED(name) E E value E
#define A_FILE(name, value) NAMED(name) "; filename=\"x\"" E E value E
#define END "--b--" E
#define MODEL FIELD("model", "m")

static const struct {
    const char *form;
    const char *want;
} forms[] = {
    {MODEL A_FILE("file", "RIFF") END, "model=m text 0 files 1/4"},
    {A_FILE("file", "RIFF") MODEL END, "model=m text 0 files 1/4"},
    {MODEL FIELD("n", "2") FIELD("stream", "true") END,
     "model=m stream=1 n=2 text 0 files 0/0"},
    {MODEL FIELD("stream", "false") FIELD("size", "256x256") END,
     "model=m stream=0 size=0 (256x256) text 0 files 0/0"},
    {MODEL FIELD("prompt", "hello") FIELD("language", "en") END,
     "model=m text 7 files 0/0"},
    {MODEL A_FILE("image[]", "aa") A_FILE("image[]", "b") END,
     "model=m text 0 files 2/3"},
    {MODEL A_FILE("image", "aa") A_FILE("mask", "bbb") END,
     "model=m text 0 files 1/5"},
    {FIELD("purpose", "fine-tune") A_FILE("file", "{}") END,
     "purpose=0 text 0 files 1/2"},
    {FIELD("model", "\xc3\xa4") END, "model=\xc3\xa4 text 0 files 0/0"},
    {FIELD("expires_after[anchor]", "created_at") END, "text 10 files 0/0"},

    {"", "!empty @0"},
    {MODEL, "!cut @56"},
    {"x" MODEL END, "!form @0"},
    {MODEL END "x", "!form @63"},
    {"--b" E "Content-Disposition: form-data" E E E END, "!name @36"},
    {MODEL MODEL END, "!duplicate model@61"},
    {MODEL FIELD("Model", "n") END, "!duplicate model@61"},
    {FIELD("MODEL", "n") END, "!spelling model@5"},
    {FIELD("model[]", "n") END, "!spelling model@5"},
    {FIELD("model.x", "n") END, "!spelling model@5"},
    {FIELD("n[0]", "1") END, "!spelling n@5"},
    {A_FILE("model", "m") END, "!type model@5"},
    {FIELD("model", "") END, "!range model@5"},
    {FIELD("model", "a\nb") END, "!range model@5"},
    {FIELD("model", "\xc3") END, "!utf8 model@5"},
    {FIELD("n", "") END, "!type n@5"},
    {FIELD("n", "-1") END, "!type n@5"},
    {FIELD("n", "1.0") END, "!type n@5"},
    {FIELD("n", " 1") END, "!type n@5"},
    {FIELD("n", "1e3") END, "!type n@5"},
    {FIELD("n", "1000000000000000") END, "!range n@5"},
    {FIELD("stream", "True") END, "!type stream@5"},
    {FIELD("stream", "1") END, "!type stream@5"},
    {FIELD("stream", "") END, "!type stream@5"},
    {FIELD("size", "") END, "!range size@5"},
    {FIELD("size", "123456789012345678901234567890123") END, "!range size@5"},
    {FIELD("_charset_", "utf-7") MODEL END, "!name @5"},
};

int
main(void)
{
    struct reader reader;
    char form[1024];

    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        bool is_same = true;

        run(&reader, forms[i].form, 0);
        is_str(reader.text, forms[i].want, "form %zu: %s", i, forms[i].want);
        for (size_t way = 1; way < CUT_WAYS(strlen(forms[i].form)); way++) {
            run(&reader, forms[i].form, way);
            is_same = is_same && strcmp(reader.text, forms[i].want) == 0;
        }
        ok(is_same, "form %zu, at every cut", i);
    }
    for (int more = 0; more < 2; more++) {
        snprintf(form, sizeof(form), FIELD("model", "%0*d") END,
                 TG_BODY_MODEL_MAX + more, 0);
        run(&reader, form, 1);
        ok((reader.err == 0) == !more, "a model's name %s",
           more ? "that is too long" : "as long as may be");
    }
    run(&reader, MODEL FIELD("prompt", "hello") END, 0);
    is_int(reader.facts.prompt_bytes, 4 + 6 + 5, "text counts for the prompt");
    is_int(reader.facts.total_bytes, strlen(MODEL FIELD("prompt", "hello") END),
           "all its bytes are counted");
    return done();
}
