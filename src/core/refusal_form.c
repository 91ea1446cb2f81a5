#include "refusal.h"

#include <assert.h>

#include "refusal_part.h"

/* Room for all that stands behind the message; see the two ends. */
#define END_BYTES 224

void
tg_refusal_say(struct tg_text *out, const char *sentence)
{
    tg_text_json(out, (struct tg_str){sentence, strlen(sentence)});
}

static void
put(struct tg_text *out, const char *text)
{
    tg_text_json_string(out, (struct tg_str){text, strlen(text)});
}

void
tg_refusal_begin(struct tg_text *out, const struct tg_refusal_form *form)
{
    if (form->manner == TG_MANNER_ANTHROPIC)
        tg_text_puts(out, "{\"type\":\"error\",\"error\":{\"message\":\"");
    else
        tg_text_puts(out, "{\"error\":{\"message\":\"");
    assert(out->cap - out->len > END_BYTES);
    out->cap -= END_BYTES;
}

static void
end_openai(struct tg_text *out, enum tg_code code, const char *param)
{
    const struct tg_code_row *row = tg_code_row(code);

    tg_text_puts(out, "\",\"type\":");
    put(out, row->type);
    tg_text_puts(out, ",\"param\":");
    if (param == NULL)
        tg_text_puts(out, "null");
    else
        put(out, param);
    tg_text_puts(out, ",\"code\":");
    put(out, row->name);
    tg_text_puts(out, "}}");
}

/* Anthropic's types go by the status: docs.claude.com/en/api/errors. */
static const char *
anthropic_type(uint16_t status)
{
    static const struct {
        uint16_t status;
        const char *type;
    } types[] = {
        {401, "authentication_error"}, {402, "billing_error"},
        {403, "permission_error"},     {404, "not_found_error"},
        {413, "request_too_large"},    {429, "rate_limit_error"},
        {503, "overloaded_error"},     {504, "timeout_error"},
        {529, "overloaded_error"},
    };

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (types[i].status == status)
            return types[i].type;
    }
    return status >= 500 ? "api_error" : "invalid_request_error";
}

static void
end_anthropic(struct tg_text *out, const struct tg_refusal_form *form,
              enum tg_code code, uint16_t status, const char *param)
{
    tg_text_puts(out, "\",\"type\":");
    put(out, anthropic_type(status));
    tg_text_puts(out, ",\"code\":");
    put(out, tg_code_row(code)->name);
    if (param != NULL) {
        tg_text_puts(out, ",\"param\":");
        put(out, param);
    }
    tg_text_puts(out, "},\"request_id\":");
    tg_text_json_string(out, form->request_id);
    tg_text_puts(out, "}");
}

void
tg_refusal_end(struct tg_text *out, const struct tg_refusal_form *form,
               enum tg_code code, uint16_t status, const char *param)
{
    /* A message that was cut is still JSON once this stands behind it. */
    out->cap += END_BYTES;
    out->is_cut = false;
    if (form->manner == TG_MANNER_ANTHROPIC)
        end_anthropic(out, form, code, status, param);
    else
        end_openai(out, code, param);
}
