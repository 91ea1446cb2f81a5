/*
 * Refusals that admission does not make: of upstreams, of the adapter; and
 * that each is JSON, whatever there is to say and however little room.
 */
#include "admit_judge.h"

#include "json.h"

#define OURS                                                                   \
    "The model upstream refused the gate's own credential or account, or "     \
    "sent the call elsewhere. It is not a fault of your request or key; tell " \
    "your operator (upstream status "
#define THEIRS "The model upstream answered "
#define UPSTREAM(code, message) ERROR("api_error", "null", code, message)
#define BAD_REQUEST(message) INVALID("null", "invalid_request", message)

static const struct {
    uint16_t status;
    const char *body;
    enum tg_code code;
    uint16_t shown_status;
    const char *want;
} upstreams[] = {
    /* OpenAI's envelope, DeepSeek's, vLLM's three shapes. */
    {400, "{\"error\":{\"message\":\"too long\",\"type\":\"x\"}}",
     TG_CODE_INVALID_REQUEST, 400, BAD_REQUEST(THEIRS "400: too long")},
    {422, "{\"error\":{\"code\":\"c\",\"message\":\"no tool\"}}",
     TG_CODE_INVALID_REQUEST, 422, BAD_REQUEST(THEIRS "422: no tool")},
    {404, "{\"object\":\"error\",\"message\":\"no model\",\"code\":404}",
     TG_CODE_INVALID_REQUEST, 404, BAD_REQUEST(THEIRS "404: no model")},
    {413, "{\"error\":\"too large\"}", TG_CODE_INVALID_REQUEST, 413,
     BAD_REQUEST(THEIRS "413: too large")},
    {429, "{\"error\":{\"message\":\"slow \\\"down\\\"\\n\"}}",
     TG_CODE_RATE_LIMIT_EXCEEDED, 429,
     ERROR("rate_limit_error", "null", "rate_limit_exceeded",
           THEIRS "429: slow \\\"down\\\"\\n")},
    {500, "{\"detail\":{\"message\":\"not this one\"}}", TG_CODE_UPSTREAM_ERROR,
     502, UPSTREAM("upstream_error", THEIRS "500.")},
    {500, "<h1>no \"JSON\"</h1>\xff", TG_CODE_UPSTREAM_ERROR, 502,
     UPSTREAM("upstream_error", THEIRS "500: <h1>no \\\"JSON\\\"</h1>"
                                       "\xef\xbf\xbd")},
    {500, "", TG_CODE_UPSTREAM_ERROR, 502,
     UPSTREAM("upstream_error", THEIRS "500.")},
    {500, "{\"error\":{\"message\":\"cut in the mid", TG_CODE_UPSTREAM_ERROR,
     502, UPSTREAM("upstream_error", THEIRS "500.")},
    {500, "{\"error\":{\"message\":null},\"message\":\"top\"}",
     TG_CODE_UPSTREAM_ERROR, 502,
     UPSTREAM("upstream_error", THEIRS "500: top")},
    {503, "{\"error\":{\"message\":\"busy\"}}", TG_CODE_UPSTREAM_UNAVAILABLE,
     503, UPSTREAM("upstream_unavailable", THEIRS "503: busy")},
    {529, "", TG_CODE_UPSTREAM_UNAVAILABLE, 503,
     UPSTREAM("upstream_unavailable", THEIRS "529.")},
    {504, "", TG_CODE_UPSTREAM_TIMEOUT, 504,
     UPSTREAM("upstream_timeout", THEIRS "504.")},
    /* What is said of our credential is not for the client. */
    {401, "{\"error\":{\"message\":\"bad key sk-12...ef\"}}",
     TG_CODE_UPSTREAM_ERROR, 502, UPSTREAM("upstream_error", OURS "401).")},
    {402, "{\"error\":{\"message\":\"Insufficient Balance\"}}",
     TG_CODE_UPSTREAM_ERROR, 502, UPSTREAM("upstream_error", OURS "402).")},
    {403, "{\"error\":{\"message\":\"bad key sk-12...ef\"}}",
     TG_CODE_UPSTREAM_ERROR, 502, UPSTREAM("upstream_error", OURS "403).")},
    {302, "", TG_CODE_UPSTREAM_ERROR, 502,
     UPSTREAM("upstream_error", OURS "302).")},
    {418, "{\"error\":{\"message\":\"?\"}}", TG_CODE_UPSTREAM_ERROR, 502,
     UPSTREAM("upstream_error", OURS "418).")},
};

static void
test_of_upstream(void)
{
    for (size_t i = 0; i < COUNT(upstreams); i++) {
        struct tg_text out = tg_text_in(answer, TG_REFUSAL_SIZE);
        uint16_t status = 0;

        is_int(tg_refusal_of_upstream(&out, &openai, upstreams[i].status,
                                      text_of(upstreams[i].body), &status),
               upstreams[i].code, "upstream says %u: %s", upstreams[i].status,
               upstreams[i].body);
        answer[out.len] = '\0';
        is_str(answer, upstreams[i].want, "the client reads");
        is_int(status, upstreams[i].shown_status, "under this status");
    }
}

/* A code, and its type as Anthropic's clients know it. */
static const struct {
    enum tg_code code;
    const char *type;
} theirs[] = {
    {TG_CODE_MISSING_API_KEY, "authentication_error"},
    {TG_CODE_MALFORMED_API_KEY, "authentication_error"},
    {TG_CODE_INVALID_API_KEY, "authentication_error"},
    {TG_CODE_KEY_EXPIRED, "authentication_error"},
    {TG_CODE_KEY_DISABLED, "authentication_error"},
    {TG_CODE_KEY_INACTIVE, "authentication_error"},
    {TG_CODE_KEY_ROTATED, "authentication_error"},
    {TG_CODE_ACCOUNT_UNVERIFIED, "permission_error"},
    {TG_CODE_ACCOUNT_SUSPENDED, "permission_error"},
    {TG_CODE_IP_NOT_ALLOWED, "permission_error"},
    {TG_CODE_REFERRER_NOT_ALLOWED, "permission_error"},
    {TG_CODE_PERMISSION_DENIED, "permission_error"},
    {TG_CODE_MODEL_NOT_FOUND, "not_found_error"},
    {TG_CODE_INVALID_REQUEST, "invalid_request_error"},
    {TG_CODE_DUPLICATE_FIELD, "invalid_request_error"},
    {TG_CODE_REQUEST_TOO_LARGE, "request_too_large"},
    {TG_CODE_UNSUPPORTED_MEDIA_TYPE, "invalid_request_error"},
    {TG_CODE_RATE_LIMIT_EXCEEDED, "rate_limit_error"},
    {TG_CODE_INSUFFICIENT_BALANCE, "billing_error"},
    {TG_CODE_BUDGET_EXCEEDED, "billing_error"},
    {TG_CODE_MODEL_NOT_PRICED, "invalid_request_error"},
    {TG_CODE_UPSTREAM_ERROR, "api_error"},
    {TG_CODE_UPSTREAM_UNAVAILABLE, "overloaded_error"},
    {TG_CODE_UPSTREAM_TIMEOUT, "timeout_error"},
    {TG_CODE_NOT_FOUND, "not_found_error"},
    {TG_CODE_METHOD_NOT_ALLOWED, "invalid_request_error"},
    {TG_CODE_INTERNAL_ERROR, "api_error"},
    {TG_CODE_GATE_UNAVAILABLE, "overloaded_error"},
    {TG_CODE_CLIENT_CLOSED, "invalid_request_error"},
};

static const struct tg_refusal_form anthropic = {
    .manner = TG_MANNER_ANTHROPIC, .request_id = TG_STR_INIT("req_1")};

/* Anthropic's envelope around the same sentences. */
static void
test_anthropic(void)
{
    is_int(COUNT(theirs), TG_CODE_COUNT - 1, "every code has a row here");
    for (size_t i = 0; i < COUNT(theirs); i++) {
        struct tg_text out = tg_text_in(answer, TG_REFUSAL_SIZE);
        const char *name = tg_code_row(theirs[i].code)->name;
        char want[128];

        tg_refusal_write_code(&out, &anthropic, theirs[i].code, TG_STR(""));
        answer[out.len] = '\0';
        snprintf(want, sizeof(want),
                 "\",\"type\":\"%s\",\"code\":\"%s\"},"
                 "\"request_id\":\"req_1\"}",
                 theirs[i].type, name);
        ok(strncmp(answer, "{\"type\":\"error\",\"error\":{\"message\":\"",
                   36) == 0 &&
               strstr(answer, want) != NULL,
           "Anthropic's %s", name);
    }
}

/* What upstreams say, said to Anthropic's clients. */
static const struct {
    uint16_t status;
    const char *body, *want;
} to_anthropic[] = {
    /* DeepSeek's envelope on its Anthropic path, and Anthropic's own. */
    {400, "{\"error\":{\"message\":\"no thinking\",\"type\":\"x\"}}",
     "{\"type\":\"error\",\"error\":{\"message\":\"" THEIRS "400: no "
     "thinking\",\"type\":\"invalid_request_error\",\"code\":"
     "\"invalid_request\"},\"request_id\":\"req_1\"}"},
    {404,
     "{\"type\":\"error\",\"error\":{\"type\":\"not_found_error\","
     "\"message\":\"model: x\"},\"request_id\":\"req_theirs\"}",
     "{\"type\":\"error\",\"error\":{\"message\":\"" THEIRS "404: model: "
     "x\",\"type\":\"not_found_error\",\"code\":\"invalid_request\"},"
     "\"request_id\":\"req_1\"}"},
    {529, "",
     "{\"type\":\"error\",\"error\":{\"message\":\"" THEIRS "529.\","
     "\"type\":\"overloaded_error\",\"code\":\"upstream_unavailable\"},"
     "\"request_id\":\"req_1\"}"},
    {401, "{\"error\":{\"message\":\"invalid x-api-key\"}}",
     "{\"type\":\"error\",\"error\":{\"message\":\"" OURS "401).\","
     "\"type\":\"api_error\",\"code\":\"upstream_error\"},"
     "\"request_id\":\"req_1\"}"},
};

static void
test_of_upstream_to_anthropic(void)
{
    for (size_t i = 0; i < COUNT(to_anthropic); i++) {
        struct tg_text out = tg_text_in(answer, TG_REFUSAL_SIZE);
        uint16_t status;

        tg_refusal_of_upstream(&out, &anthropic, to_anthropic[i].status,
                               text_of(to_anthropic[i].body), &status);
        answer[out.len] = '\0';
        is_str(answer, to_anthropic[i].want, "upstream says %u to Anthropic's",
               to_anthropic[i].status);
    }
}

static void
test_param_to_anthropic(void)
{
    struct body_case row = {"", CHAT_PATH, "{\"model\":1}", {0}, NULL};
    struct tg_text out = tg_text_in(answer, TG_REFUSAL_SIZE);
    struct tg_admission a;

    judge_body(&row, NOON, &a);
    tg_refusal_write(&out, &anthropic, &state, &a, TG_STR(""));
    answer[out.len] = '\0';
    is_str(answer,
           "{\"type\":\"error\",\"error\":{\"message\":\"`model` has the "
           "wrong type (byte 9).\",\"type\":\"invalid_request_error\","
           "\"code\":\"invalid_request\",\"param\":\"model\"},"
           "\"request_id\":\"req_1\"}",
           "the member that is meant is told, too");
}

static bool
is_json(struct tg_str text)
{
    enum tg_json_token token;
    struct tg_json json;

    tg_json_init(&json);
    tg_json_feed(&json, text.data, text.len);
    do {
        token = tg_json_next(&json);
    } while (token > TG_JSON_MORE);
    return token == TG_JSON_MORE && tg_json_finish(&json) == 0;
}

/* A sentence of 1024 bytes passes, a longer one does not. */
static void
test_long_sentences(void)
{
    static const char begin[] = "{\"error\":{\"message\":\"";
    static char body[4096];

    for (size_t n = 1023; n < 1026; n++) {
        struct tg_text out = tg_text_in(answer, TG_REFUSAL_SIZE);
        size_t at = sizeof(begin) - 1;
        uint16_t status;

        memcpy(body, begin, at);
        memset(body + at, 'x', n);
        memcpy(body + at + n, "\"}}", 3);
        tg_refusal_of_upstream(&out, &openai, 500,
                               (struct tg_str){body, at + n + 3}, &status);
        answer[out.len] = '\0';
        ok((strstr(answer, "500: x") != NULL) == (n <= 1024),
           "a sentence of %zu bytes is shown, or not", n);
        ok(is_json((struct tg_str){answer, out.len}), "in JSON");
    }
    memset(body, 1, sizeof(body));
    {
        struct tg_text out = tg_text_in(answer, TG_REFUSAL_SIZE);
        uint16_t status;

        tg_refusal_of_upstream(&out, &openai, 500,
                               (struct tg_str){body, sizeof(body)}, &status);
        ok(is_json((struct tg_str){answer, out.len}) && !out.is_cut,
           "4096 control characters leave JSON");
    }
}

static void
test_codes(void)
{
    for (int code = 1; code < TG_CODE_COUNT; code++) {
        struct tg_text out = tg_text_in(answer, TG_REFUSAL_SIZE);
        const struct tg_code_row *row = tg_code_row((enum tg_code)code);
        char want[64];

        tg_refusal_write_code(&out, &openai, (enum tg_code)code, TG_STR(""));
        answer[out.len] = '\0';
        snprintf(want, sizeof(want), "\"code\":\"%s\"}}", row->name);
        ok(strstr(answer, want) != NULL, "%s is said as itself", row->name);
        ok(is_json((struct tg_str){answer, out.len}), "in JSON");
    }
}

static void
test_details(void)
{
    struct tg_text out = tg_text_in(answer, TG_REFUSAL_SIZE);

    tg_refusal_write_code(&out, &openai, TG_CODE_REQUEST_TOO_LARGE,
                          TG_STR("At most 1 \"MiB\"."));
    answer[out.len] = '\0';
    is_str(answer,
           INVALID("null", "request_too_large",
                   "The request is larger than this gate accepts. Send less, "
                   "or ask your operator to raise the limit. At most 1 "
                   "\\\"MiB\\\"."),
           "a detail stands behind the sentence");
    out = tg_text_in(answer, TG_REFUSAL_SIZE);
    tg_refusal_write_code(&out, &openai, TG_CODE_UPSTREAM_TIMEOUT, TG_STR(""));
    answer[out.len] = '\0';
    is_str(answer,
           ERROR("api_error", "null", "upstream_timeout",
                 "The model upstream did not answer in time. It is not a "
                 "fault of your request or key. Try again."),
           "no detail, no blank");
}

/* A refusal whose list of models has more bytes than there is room for. */
static void
refuse_long_list(struct tg_admission *a)
{
    static char models[20 * 200 + 1];
    struct body_case row = {
        "", CHAT_PATH, "{\"model\":\"gpt-4o\"}", {.models = models}, NULL};

    for (int i = 0; i < 20; i++) {
        memset(models + i * 200, i % 2 ? '"' : 'm', 199);
        models[i * 200 + 199] = ' ';
    }
    judge_body(&row, NOON, a);
}

static void
test_little_room(void)
{
    struct tg_admission a;
    size_t broken = 0, outside = 0;
    struct tg_text out;

    refuse_long_list(&a);
    out = tg_text_in(answer, TG_REFUSAL_SIZE);
    tg_refusal_write(&out, &openai, &state, &a, TG_STR(""));
    ok(is_json((struct tg_str){answer, out.len}) && !out.is_cut,
       "a list that does not fit is cut, the JSON is not");
    answer[out.len] = '\0';
    ok(strstr(answer, ",\"param\":\"model\",\"code\":\"model_not_found\"}}"),
       "its end is there");
    for (size_t cap = 272; cap < TG_REFUSAL_SIZE; cap++) {
        for (int i = 0; i < 2; i++) {
            memset(answer, '~', sizeof(answer));
            out = tg_text_in(answer, cap);
            tg_refusal_write(&out, i ? &anthropic : &openai, &state, &a,
                             TG_STR(""));
            broken += !is_json((struct tg_str){answer, out.len});
            outside += answer[cap] != '~';
        }
    }
    is_int(broken, 0, "at any size from 272 bytes it is JSON");
    is_int(outside, 0, "and stays in its room");
}

static void
test_list_replaced_meanwhile(void)
{
    struct body_case row = {
        "", CHAT_PATH, "{\"model\":\"gpt-4o\"}", {.models = "mine"}, NULL};
    static const struct test_policy next = {.models = "next"};
    struct tg_admission a;

    judge_body(&row, NOON, &a);
    publish_policy(&next);
    is_str(refusal(&a, TG_STR("")),
           INVALID("\"model\"", "model_not_found",
                   "This API key may not use the model `gpt-4o`. GET "
                   "/v1/models lists those that this API key may use."),
           "a list that is no longer the key's is not read");
}

/* Whatever was sent as a key, no more of it is shown than both ends. */
static void
test_masks(void)
{
    char sent[80] = "sk-tgp_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJ";
    size_t len = strlen(sent), shown = 0, broken = 0;

    for (size_t n = 1; n <= len; n++) {
        struct tg_admission a = {.code = TG_CODE_MALFORMED_API_KEY,
                                 .reason = TG_REASON_DIAGNOSIS};
        struct tg_text out = tg_text_in(answer, TG_REFUSAL_SIZE);

        tg_refusal_write(&out, &openai, &state, &a, (struct tg_str){sent, n});
        answer[out.len] = '\0';
        broken += !is_json((struct tg_str){answer, out.len});
        for (size_t at = 7; at + 5 <= n; at++) {
            char piece[6] = {0};

            memcpy(piece, sent + at, 5);
            shown += strstr(answer, piece) != NULL;
        }
    }
    is_int(broken, 0, "a key of any length is answered in JSON");
    is_int(shown, 0, "without five characters of its inside");
}

int
main(void)
{
    admit_test_begin();
    tg_publish_ready(publisher, 1);
    test_of_upstream();
    test_anthropic();
    test_of_upstream_to_anthropic();
    test_param_to_anthropic();
    test_long_sentences();
    test_codes();
    test_details();
    test_little_room();
    test_list_replaced_meanwhile();
    test_masks();
    admit_test_end();
    return done();
}
