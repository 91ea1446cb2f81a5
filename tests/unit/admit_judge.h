/*
 * admit_judge.h: a row of a table, judged, and the answer it gets.
 */
#ifndef ADMIT_JUDGE_H
#define ADMIT_JUDGE_H

#include "admit_test.h"
#include "payload.h"
#include "refusal.h"

#define CHAT "POST", "/v1/chat/completions"
#define BEARER "Bearer " OLD_SECRET

#define ERROR(type, param, code, message)                                      \
    "{\"error\":{\"message\":\"" message "\",\"type\":\"" type                 \
    "\",\"param\":" param ",\"code\":\"" code "\"}}"
#define INVALID(param, code, message)                                          \
    ERROR("invalid_request_error", param, code, message)
#define KEY_ERROR(code, message)                                               \
    ERROR("authentication_error", "null", code, message)
#define DENIED(message)                                                        \
    ERROR("permission_error", "null", "permission_denied", message)
#define DISABLED(when)                                                         \
    KEY_ERROR("key_disabled", "This API key was disabled" when                 \
                              " for good. Ask your operator for a new one.")

#define COUNT(rows) (sizeof(rows) / sizeof(rows[0]))

static bool reached[TG_CODE_COUNT];
static char answer[TG_REFUSAL_SIZE + 1];

static const struct tg_refusal_form openai = {.manner = TG_MANNER_OPENAI};

/* The answer to a refused admission, zero-terminated. */
__attribute__((unused)) static const char *
refusal(const struct tg_admission *a, struct tg_str key)
{
    struct tg_text out = tg_text_in(answer, TG_REFUSAL_SIZE);

    if (a->action != TG_ACTION_REFUSE)
        return "";
    reached[a->code] = true;
    tg_refusal_write(&out, &openai, &state, a, key);
    answer[out.len] = '\0';
    return out.is_cut ? "(cut)" : answer;
}

struct head_case {
    const char *what;
    const char *method, *path;
    const char *authorization; /* NULL: none */
    struct test_policy key;
    const char *want; /* the answer's body; NULL: it passes */
    const char *query, *x_api_key, *api_key, *type, *encoding;
    const struct tg_framing *framing; /* NULL: sound */
};

static const struct tg_framing sound_framing = {
    .line = TG_STR_INIT("POST /v1/chat/completions HTTP/1.1"),
    .hosts = 1,
};

static enum tg_method
method_of(const char *name)
{
    return strcmp(name, "POST") == 0     ? TG_METHOD_POST
           : strcmp(name, "GET") == 0    ? TG_METHOD_GET
           : strcmp(name, "DELETE") == 0 ? TG_METHOD_DELETE
                                         : TG_METHOD_OTHER;
}

__attribute__((unused)) static void
judge_head(const struct head_case *row, struct tg_credential *credential,
           struct tg_admission *a)
{
    struct tg_request request = {
        .method = method_of(row->method),
        .path = text_of(row->path),
        .query = text_of(row->query),
        .framing = row->framing != NULL ? *row->framing : sound_framing,
        .credential = credential,
        .content_type = text_of(row->type),
        .content_encoding = text_of(row->encoding),
        .ip = {[10] = 255, 255, 127, 0, 0, 1},
        .now_ms = instant(NOON),
    };

    *credential = (struct tg_credential){0};
    if (row->authorization != NULL)
        tg_credential_add(credential, TG_SOURCE_AUTHORIZATION,
                          text_of(row->authorization));
    if (row->x_api_key != NULL)
        tg_credential_add(credential, TG_SOURCE_X_API_KEY,
                          text_of(row->x_api_key));
    if (row->api_key != NULL)
        tg_credential_add(credential, TG_SOURCE_API_KEY, text_of(row->api_key));
    /* What it finds in there is left over from another request. */
    memset(a, 0xa5, sizeof(*a));
    tg_admit_head(&state, &request, a);
}

struct body_case {
    const char *what;
    const char *path;
    const char *body;
    struct test_policy key;
    const char *want;
    enum tg_wire_fault chunks; /* that the body came in */
};

#define CHAT_PATH "/v1/chat/completions"

/* What the body judged last came to. */
static struct tg_body_facts judged;

/* The head passes with a sound key, the body comes when it is row->key. */
__attribute__((unused)) static void
judge_body_by(const struct body_case *row, const char *authorization,
              const char *now, struct tg_admission *a)
{
    static const struct test_policy sound;
    struct head_case head = {"", "POST", row->path, authorization};
    struct tg_credential credential;
    struct tg_head kept;
    struct tg_payload payload;
    bool is_sound;

    publish_policy(&sound);
    judge_head(&head, &credential, a);
    if (a->action != TG_ACTION_READ_BODY)
        abort();
    publish_policy(&row->key);
    kept = a->head;
    kept.chunks = row->chunks;
    tg_payload_init(&payload, &kept);
    is_sound = tg_payload_feed(&payload, row->body, strlen(row->body)) == 0 &&
               tg_payload_finish(&payload, &judged) == 0;
    memset(a, 0xa5, sizeof(*a));
    tg_admit_body(&state, &kept, is_sound ? &judged : NULL,
                  tg_payload_fault(&payload), instant(now), a);
}

__attribute__((unused)) static void
judge_body(const struct body_case *row, const char *now, struct tg_admission *a)
{
    judge_body_by(row, BEARER, now, a);
}

/* Every code that rows of this program reach, and no other. */
__attribute__((unused)) static void
test_reached(const enum tg_code *codes, size_t n)
{
    bool is_wanted[TG_CODE_COUNT] = {false};

    for (size_t i = 0; i < n; i++)
        is_wanted[codes[i]] = true;
    for (int code = 0; code < TG_CODE_COUNT; code++)
        ok(reached[code] == is_wanted[code], "%s is reached by a row, or not",
           code == TG_CODE_NONE ? "none"
                                : tg_code_row((enum tg_code)code)->name);
}

#endif
