#include "doctor_said.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "code.h"

static void
copy(char *out, size_t size, const json_t *value)
{
    if (json_is_string(value))
        snprintf(out, size, "%s", json_string_value(value));
    else if (json_is_integer(value))
        snprintf(out, size, "%lld", (long long)json_integer_value(value));
}

/* The error in any of its forms: an object, a string, or all of the answer. */
static void
read_error(struct tg_said *said)
{
    const json_t *error = json_object_get(said->json, "error");
    json_int_t status;

    if (json_is_string(error)) {
        copy(said->message, sizeof(said->message), error);
        said->is_error = true;
        return;
    }
    if (error == NULL &&
        strcmp(json_string_value(json_object_get(said->json, "object")) ?: "",
               "error") == 0)
        error = said->json;
    if (!json_is_object(error)) {
        copy(said->message, sizeof(said->message),
             json_object_get(said->json, "detail"));
        return;
    }
    said->is_error = true;
    copy(said->code, sizeof(said->code), json_object_get(error, "code"));
    status = json_integer_value(json_object_get(error, "code"));
    if (said->status == 200 && status >= 400 && status < 600)
        said->status = (long)status;
    copy(said->kind, sizeof(said->kind), json_object_get(error, "type"));
    copy(said->message, sizeof(said->message),
         json_object_get(error, "message"));
}

static bool
has(const char *text, const char *part)
{
    return strcasestr(text, part) != NULL;
}

/* How a gate answers who has no key: nobody else words it so. */
static bool
is_gate(const struct tg_said *said)
{
    switch (said->status) {
    case 401:
        return strcmp(said->code, "missing_api_key") == 0 &&
               has(said->message, "sk-tg");
    case 404:
        return has(said->message, "/v1/user/balance or /v1/key");
    case 429:
        return has(said->message, "without a valid key");
    case 503:
        return strcmp(said->code,
                      tg_code_row(TG_CODE_GATE_UNAVAILABLE)->name) == 0;
    default:
        return false;
    }
}

static const char *
owner_of(const struct tg_said *said)
{
    const json_t *first =
        json_array_get(json_object_get(said->json, "data"), 0);
    const char *owner = json_string_value(json_object_get(first, "owned_by"));

    return owner != NULL ? owner : "";
}

static enum tg_doctor_server
find_server(const struct tg_said *said, const struct tg_fetch *fetch)
{
    const json_t *type = json_object_get(said->json, "type");
    bool is_odd = json_is_string(json_object_get(said->json, "error")) ||
                  json_object_get(said->json, "detail") != NULL;

    if (is_gate(said))
        return TG_SERVER_GATE;
    if (*fetch->trace != '\0' || has(said->message, "Authentication Fails") ||
        strcmp(owner_of(said), "deepseek") == 0)
        return TG_SERVER_DEEPSEEK;
    if (!said->is_error && !said->is_models && !is_odd)
        return TG_SERVER_NONE;
    if (json_is_string(type) && strcmp(json_string_value(type), "error") == 0)
        return TG_SERVER_ANTHROPIC;
    if ((is_odd && (has(said->message, "Unauthorized") ||
                    has(said->message, "Not Found"))) ||
        json_object_get(said->json, "message") != NULL ||
        strcmp(owner_of(said), "vllm") == 0)
        return TG_SERVER_VLLM;
    if (has(said->message, "openai.com") ||
        strcmp(owner_of(said), "openai") == 0 ||
        strcmp(owner_of(said), "system") == 0)
        return TG_SERVER_OPENAI;
    return TG_SERVER_OTHER;
}

/* A server's own words where it does not speak JSON, cut to a line. */
static void
read_plain(struct tg_said *said, const struct tg_fetch *fetch)
{
    size_t skip = strspn(fetch->answer, " \t\r\n");
    size_t len = strcspn(fetch->answer + skip, "\r\n");

    if (fetch->answer[skip] != '<')
        snprintf(said->message, sizeof(said->message), "%.*s",
                 (int)(len < 200 ? len : 200), fetch->answer + skip);
}

void
tg_said_read(struct tg_said *said, const struct tg_fetch *fetch)
{
    *said = (struct tg_said){
        .status = fetch->status,
        .is_empty = fetch->answer[strspn(fetch->answer, " \t\r\n")] == '\0'};
    /* Blank lines in front keep connections open: DeepSeek. */
    said->json = json_loads(fetch->answer, 0, NULL);
    /* Google puts an error into a list. */
    if (json_array_size(said->json) == 1 &&
        json_object_get(json_array_get(said->json, 0), "error") != NULL) {
        json_t *only = json_incref(json_array_get(said->json, 0));

        json_decref(said->json);
        said->json = only;
    }
    if (json_is_object(said->json))
        read_error(said);
    else
        read_plain(said, fetch);
    said->is_models = fetch->status == 200 &&
                      json_is_array(json_object_get(said->json, "data"));
    said->server = find_server(said, fetch);
}

void
tg_said_release(struct tg_said *said)
{
    json_decref(said->json);
    *said = (struct tg_said){0};
}

const char *
tg_server_name(enum tg_doctor_server server)
{
    static const char *const names[TG_SERVER_COUNT] = {
        [TG_SERVER_NONE] = "HTTP",         [TG_SERVER_GATE] = "Tollgate",
        [TG_SERVER_DEEPSEEK] = "DeepSeek", [TG_SERVER_ANTHROPIC] = "Anthropic",
        [TG_SERVER_VLLM] = "vLLM",         [TG_SERVER_OPENAI] = "OpenAI",
        [TG_SERVER_OTHER] = "OpenAI",
    };

    return names[server];
}
