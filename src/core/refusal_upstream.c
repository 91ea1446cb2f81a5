#include "refusal.h"

#include "json.h"
#include "refusal_part.h"

/* Longest sentence of an upstream that is passed on. */
#define UPSTREAM_SENTENCE_MAX 1024

struct sentence {
    char text[UPSTREAM_SENTENCE_MAX];
    size_t len;
};

/*
 * The sentence in an upstream's error: error.message, a string `error`, or
 * a top-level `message`; a body that is not JSON is a sentence itself.
 */
static void
find_sentence(struct tg_str body, struct sentence *found)
{
    struct tg_json json;
    enum tg_json_token token;
    bool is_wanted = false, in_error = false;

    found->len = 0;
    tg_json_init(&json);
    tg_json_feed(&json, body.data, body.len);
    while ((token = tg_json_next(&json)) > TG_JSON_MORE) {
        struct tg_str text = {json.text, (size_t)json.text_len};

        if (token == TG_JSON_NAME && json.text != NULL) {
            in_error =
                json.depth == 1 ? tg_str_eq(text, TG_STR("error")) : in_error;
            is_wanted = (json.depth == 1 && in_error) ||
                        (tg_str_eq(text, TG_STR("message")) &&
                         (json.depth == 1 || (json.depth == 2 && in_error)));
        } else if (token == TG_JSON_STRING && is_wanted) {
            uint64_t end = tg_json_offset(&json);
            /* Raw, escapes and all: it goes into JSON again as it is. */
            uint64_t from = json.token_at + 1, n = end - 1 - from;

            if (n > sizeof(found->text))
                return;
            memcpy(found->text, body.data + from, n);
            found->len = n;
            return;
        }
    }
    if (token == TG_JSON_ERROR && json.depth == 0) {
        struct tg_text text = tg_text_in(found->text, sizeof(found->text));

        tg_text_json(&text,
                     body.len > 512 ? (struct tg_str){body.data, 512} : body);
        found->len = text.is_cut ? 0 : text.len;
    }
}

/* How an upstream's status reads to a client of ours. */
static enum tg_code
code_of_upstream(uint16_t status, uint16_t *status_out, bool *is_theirs)
{
    *status_out = status;
    *is_theirs = true;
    switch (status) {
    case 400:
    case 404:
    case 413:
    case 422:
        return TG_CODE_INVALID_REQUEST;
    case 429:
        return TG_CODE_RATE_LIMIT_EXCEEDED;
    case 503:
    case 529:
        *status_out = 503;
        return TG_CODE_UPSTREAM_UNAVAILABLE;
    case 504:
        return TG_CODE_UPSTREAM_TIMEOUT;
    default:
        /* 401, 402 and 403 are about our credential, not the client's. */
        *is_theirs = status >= 500;
        *status_out = 502;
        return TG_CODE_UPSTREAM_ERROR;
    }
}

enum tg_code
tg_refusal_of_upstream(struct tg_text *out, const struct tg_refusal_form *form,
                       uint16_t status, struct tg_str body,
                       uint16_t *status_out)
{
    struct sentence sentence;
    bool is_theirs;
    enum tg_code code = code_of_upstream(status, status_out, &is_theirs);

    tg_refusal_begin(out, form);
    if (!is_theirs) {
        tg_refusal_say(
            out, "The model upstream refused the gate's own credential or "
                 "account, or sent the call elsewhere. It is not a fault of "
                 "your request or key; tell your operator (upstream status ");
        tg_text_int(out, status);
        tg_refusal_say(out, ").");
    } else {
        find_sentence(body, &sentence);
        tg_refusal_say(out, "The model upstream answered ");
        tg_text_int(out, status);
        tg_refusal_say(out, sentence.len != 0 ? ": " : ".");
        tg_text_put(out, (struct tg_str){sentence.text, sentence.len});
    }
    tg_refusal_end(out, form, code, *status_out, NULL);
    return code;
}
