#include <stdlib.h>

#include "errors.h"

enum { ANY = SIM_DIALECT_COUNT };

/* One error of a provider.  A `%` in the message stands for the masked key.
 * Without a type, the message is the whole body. */
struct row {
    const char *name;
    int dialect; /* of the call, or ANY */
    int status;
    enum sim_media media;
    const char *type;
    const char *code;
    const char *message;
};

#define BAD "invalid_request_error"
#define DESERIALIZE                                                            \
    "Failed to deserialize the JSON body into the target type: messages[1]: "  \
    "invalid type: sequence, expected a string at line 17 column 3"
#define CROWDED(at_once, most)                                                 \
    "Your current concurrency is " at_once ", which exceeds your concurrency " \
    "limit of " most " based on your remaining balance. Please top up your "   \
    "balance to restore your concurrency."
#define BUSY                                                                   \
    "Service is too busy. We advise users to temporarily switch to "           \
    "alternative LLM API service providers."

/* The first row that fits the name and the dialect counts. */
static const struct row rows[] = {
    {"401", SIM_VLLM, 401, SIM_MEDIA_JSON, NULL, NULL,
     "{\"error\": \"Unauthorized\"}"},
    {"400", SIM_VLLM, 400, SIM_MEDIA_JSON, "BadRequestError", NULL,
     "This model's maximum context length is 4096 tokens. However, you "
     "requested 5000 tokens. Please reduce the length of the messages."},
    {"401", SIM_OPENAI, 401, SIM_MEDIA_JSON, BAD, "invalid_api_key",
     "Incorrect API key provided: %. You can find your API key at "
     "https://platform.openai.com/account/api-keys."},
    {"429", SIM_OPENAI, 429, SIM_MEDIA_JSON, "requests", "rate_limit_exceeded",
     "Rate limit reached for gpt-4o in organization org-sim on requests per "
     "min (RPM): Limit 3, Used 3, Requested 1. Please try again in 174ms. "
     "Visit https://platform.openai.com/account/rate-limits to learn more."},
    {"401", SIM_ANTHROPIC, 401, SIM_MEDIA_JSON, "authentication_error", NULL,
     "invalid x-api-key"},
    {"402", SIM_ANTHROPIC, 402, SIM_MEDIA_JSON, "billing_error", NULL,
     "Your credit balance is too low to access the Anthropic API."},
    {"429", SIM_ANTHROPIC, 429, SIM_MEDIA_JSON, "rate_limit_error", NULL,
     "This request would exceed your rate limit."},
    {"500", SIM_ANTHROPIC, 500, SIM_MEDIA_JSON, "api_error", NULL,
     "Internal server error"},
    {"529", ANY, 529, SIM_MEDIA_JSON, "overloaded_error", NULL, "Overloaded"},

    {"400", ANY, 400, SIM_MEDIA_JSON, BAD, BAD, DESERIALIZE},
    {"400-model", ANY, 400, SIM_MEDIA_JSON, BAD, BAD, "Model Not Exist"},
    {"400-context", ANY, 400, SIM_MEDIA_JSON, BAD, BAD,
     "This model's maximum context length is 131072 tokens. However, you "
     "requested 131134 tokens (122942 in the messages, 8192 in the "
     "completion). Please reduce the length of the messages or completion."},
    {"401", ANY, 401, SIM_MEDIA_JSON, "authentication_error", BAD,
     "Authentication Fails, Your api key: % is invalid"},
    {"401-governor", ANY, 401, SIM_MEDIA_JSON, "authentication_error", BAD,
     "Authentication Fails (governor)"},
    {"401-user", ANY, 401, SIM_MEDIA_JSON, "authentication_error", BAD,
     "Authentication Fails (no such user)"},
    {"401-plain", ANY, 401, SIM_MEDIA_TEXT, NULL, NULL,
     "Authentication Fails (auth header format should be Bearer sk-...)"},
    {"402", ANY, 402, SIM_MEDIA_JSON, "unknown_error", BAD,
     "Insufficient Balance"},
    {"422", ANY, 422, SIM_MEDIA_TEXT, NULL, NULL, DESERIALIZE},
    {"429", ANY, 429, SIM_MEDIA_JSON, "rate_limit_error", BAD,
     "Rate limit reached for TPM"},
    {"429-concurrency", ANY, 429, SIM_MEDIA_JSON, "rate_limit_error", BAD,
     CROWDED("40", "39")},
    {"429-quota", ANY, 429, SIM_MEDIA_JSON, "insufficient_quota",
     "insufficient_quota",
     "You exceeded your current quota, please check your plan and billing "
     "details. For more information on this error, read the docs: "
     "https://platform.openai.com/docs/guides/error-codes/api-errors."},
    {"500", ANY, 500, SIM_MEDIA_JSON, "internal_error", "internal_error",
     "Internal Server Error"},
    {"503", ANY, 503, SIM_MEDIA_JSON, "service_unavailable_error",
     "service_unavailable_error", BUSY},
    {"vllm-401", ANY, 401, SIM_MEDIA_JSON, NULL, NULL,
     "{\"error\": \"Unauthorized\"}"},
    {"vllm-400", ANY, 400, SIM_MEDIA_JSON, NULL, NULL,
     "{\"error\":{\"message\":\"This model's maximum context length is 4096 "
     "tokens.\",\"type\":\"BadRequestError\",\"param\":null,\"code\":400}}"},
    {"vllm-404", ANY, 404, SIM_MEDIA_JSON, NULL, NULL,
     "{\"error\":{\"message\":\"The model `X` does not exist.\",\"type\":"
     "\"NotFoundError\",\"param\":null,\"code\":404}}"},
    {"vllm-flat", ANY, 404, SIM_MEDIA_JSON, NULL, NULL,
     "{\"object\":\"error\",\"message\":\"The model `X` does not exist.\","
     "\"type\":\"NotFoundError\",\"param\":null,\"code\":404}"},
    {"vllm-flat-200", ANY, 200, SIM_MEDIA_JSON, NULL, NULL,
     "{\"object\":\"error\",\"message\":\"The model `X` does not exist.\","
     "\"type\":\"NotFoundError\",\"param\":null,\"code\":404}"},
};

static const struct row *
find(struct tg_str name, int dialect)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *row = &rows[i];

        if ((row->dialect == dialect || row->dialect == ANY) &&
            name.len == strlen(row->name) &&
            memcmp(name.data, row->name, name.len) == 0)
            return row;
    }
    return NULL;
}

bool
sim_error_is_known(struct tg_str name)
{
    if (find(name, ANY))
        return true;
    if (name.len != 3 || (name.data[0] != '4' && name.data[0] != '5'))
        return false;
    return name.data[1] >= '0' && name.data[1] <= '9' && name.data[2] >= '0' &&
           name.data[2] <= '9';
}

static void
fill_in(struct sim_buf *out, const char *message, struct tg_str masked)
{
    for (; *message; message++)
        if (*message == '%')
            sim_buf_str(out, masked);
        else
            sim_buf_add(out, message, 1);
}

static struct sim_error_answer
unlisted(const struct sim_asker *asker, const char *name, struct sim_buf *body)
{
    struct sim_error error = {
        .status = atoi(name),
        .type = name[0] == '4' ? BAD : "internal_error",
        .code = name[0] == '4' ? BAD : "internal_error",
        .message = TG_STR("Simulated failure"),
    };

    sim_error_body(asker, &error, body);
    return (struct sim_error_answer){error.status, SIM_MEDIA_JSON};
}

struct sim_error_answer
sim_error_by_name(const struct sim_asker *asker, const char *name,
                  struct sim_buf *body)
{
    const struct row *row =
        find((struct tg_str){name, strlen(name)}, (int)asker->dialect);
    struct sim_buf message = {0};
    struct sim_error error;

    if (!row)
        return unlisted(asker, name, body);
    fill_in(&message, row->message, asker->masked);
    error = (struct sim_error){
        row->status, row->type, row->code, {message.data, message.len}};
    if (row->type)
        sim_error_body(asker, &error, body);
    else
        sim_buf_add(body, message.data, message.len);
    sim_buf_release(&message);
    return (struct sim_error_answer){row->status, row->media};
}

struct sim_error_answer
sim_error_crowded(const struct sim_asker *asker, int64_t at_once, int64_t most,
                  struct sim_buf *body)
{
    struct sim_error error = {429, "rate_limit_error", BAD, {0}};
    struct sim_buf message = {0};

    sim_buf_printf(&message, CROWDED("%lld", "%lld"), (long long)at_once,
                   (long long)most);
    error.message = (struct tg_str){message.data, message.len};
    sim_error_body(asker, &error, body);
    sim_buf_release(&message);
    return (struct sim_error_answer){error.status, SIM_MEDIA_JSON};
}

static void
put_word(struct sim_buf *body, const char *name, const char *word)
{
    sim_buf_printf(body, "\"%s\":", name);
    if (word)
        sim_buf_printf(body, "\"%s\"", word);
    else
        sim_buf_lit(body, "null");
}

static void
put_anthropic(const struct sim_asker *asker, const struct sim_error *error,
              struct sim_buf *body)
{
    sim_buf_lit(body, "{\"type\":\"error\",\"error\":{");
    put_word(body, "type", error->type);
    sim_buf_lit(body, ",\"message\":");
    sim_buf_json(body, error->message);
    sim_buf_lit(body, "},\"request_id\":");
    sim_buf_json(body, asker->request_id);
    sim_buf_lit(body, "}");
}

void
sim_error_body(const struct sim_asker *asker, const struct sim_error *error,
               struct sim_buf *body)
{
    if (asker->dialect == SIM_ANTHROPIC) {
        put_anthropic(asker, error, body);
        return;
    }
    sim_buf_lit(body, "{\"error\":{\"message\":");
    sim_buf_json(body, error->message);
    sim_buf_lit(body, ",");
    put_word(body, "type", error->type);
    sim_buf_lit(body, ",\"param\":null,");
    if (asker->dialect == SIM_VLLM)
        sim_buf_printf(body, "\"code\":%d", error->status);
    else
        put_word(body, "code", error->code);
    sim_buf_lit(body, "}}");
}

void
sim_error_mask(struct tg_str credential, struct sim_buf *masked)
{
    size_t shown = credential.len < 4 ? credential.len : 4;

    sim_buf_lit(masked, "****");
    if (shown == 0)
        return;
    sim_buf_add(masked, credential.data + credential.len - shown, shown);
}

const char *
sim_error_reason(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        {200, "OK"},
        {302, "Found"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {402, "Payment Required"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {409, "Conflict"},
        {413, "Payload Too Large"},
        {422, "Unprocessable Entity"},
        {429, "Too Many Requests"},
        {500, "Internal Server Error"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
    };

    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "Error";
}
