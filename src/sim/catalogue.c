#include "catalogue.h"
#include "objects.h"

#define IN(bit) (1u << (bit))
#define IN_ALL (IN(SIM_DIALECT_COUNT) - 1)
#define IN_OPENAI_LIKE (IN(SIM_DEEPSEEK) | IN(SIM_OPENAI) | IN(SIM_VLLM))
#define IN_MESSAGES (IN(SIM_DEEPSEEK) | IN(SIM_ANTHROPIC))

static const struct {
    const char *method;
    const char *path; /* also under /v1 */
    enum sim_endpoint endpoint;
    unsigned dialects;
} routes[] = {
    {"POST", "/chat/completions", SIM_CHAT, IN_OPENAI_LIKE},
    {"POST", "/completions", SIM_COMPLETIONS, IN_OPENAI_LIKE},
    {"POST", "/beta/chat/completions", SIM_CHAT, IN(SIM_DEEPSEEK)},
    {"POST", "/beta/completions", SIM_COMPLETIONS, IN(SIM_DEEPSEEK)},
    {"POST", "/responses", SIM_RESPONSES, IN_OPENAI_LIKE},
    {"POST", "/embeddings", SIM_EMBEDDINGS, IN_OPENAI_LIKE},
    {"POST", "/messages", SIM_MESSAGES, IN_MESSAGES},
    {"POST", "/anthropic/messages", SIM_MESSAGES, IN_MESSAGES},
    {"POST", "/anthropic/v1/messages", SIM_MESSAGES, IN_MESSAGES},
    {"POST", "/images/generations", SIM_IMAGES, IN(SIM_OPENAI)},
    {"POST", "/images/edits", SIM_IMAGE_EDITS, IN(SIM_OPENAI)},
    {"POST", "/images/variations", SIM_IMAGE_VARIATIONS, IN(SIM_OPENAI)},
    {"POST", "/audio/speech", SIM_SPEECH, IN(SIM_OPENAI)},
    {"POST", "/audio/transcriptions", SIM_TRANSCRIPTIONS, IN(SIM_OPENAI)},
    {"POST", "/audio/translations", SIM_TRANSLATIONS, IN(SIM_OPENAI)},
    {"GET", "/models", SIM_MODELS, IN_ALL},
    {"GET", "/user/balance", SIM_BALANCE, IN(SIM_DEEPSEEK)},
};

#define SERVES_TEXT                                                            \
    (IN(SIM_CHAT) | IN(SIM_COMPLETIONS) | IN(SIM_EMBEDDINGS) |                 \
     IN(SIM_MESSAGES) | IN(SIM_RESPONSES))
#define SERVES_SPEECH IN(SIM_SPEECH)
#define SERVES_IMAGES IN(SIM_IMAGES)
#define SERVES_EDITS IN(SIM_IMAGE_EDITS)
#define SERVES_VARIATIONS IN(SIM_IMAGE_VARIATIONS)
#define SERVES_TRANSCRIPTIONS IN(SIM_TRANSCRIPTIONS)
#define SERVES_TRANSLATIONS IN(SIM_TRANSLATIONS)

static const struct {
    const char *name;
    const char *served_as; /* NULL: as itself */
    unsigned dialects;
    unsigned endpoints;
    bool is_by_tokens;
    bool is_listed;
} models[] = {
    {"deepseek-flash", NULL, IN(SIM_DEEPSEEK), SERVES_TEXT, true, true},
    {"deepseek-v4-pro", NULL, IN(SIM_DEEPSEEK), SERVES_TEXT, true, true},
    {"deepseek-v4-flash", "deepseek-flash", IN(SIM_DEEPSEEK), SERVES_TEXT, true,
     false},
    {"deepseek-v4-flash-vision-exp", "deepseek-flash", IN(SIM_DEEPSEEK),
     SERVES_TEXT, true, false},
    {"gpt-4o-mini", NULL, IN(SIM_OPENAI), SERVES_TEXT, true, true},
    {"gpt-4o", NULL, IN(SIM_OPENAI), SERVES_TEXT, true, true},
    {"text-embedding-3-small", NULL, IN(SIM_OPENAI), SERVES_TEXT, true, true},
    {"dall-e-2", NULL, IN(SIM_OPENAI),
     SERVES_IMAGES | SERVES_EDITS | SERVES_VARIATIONS, false, true},
    {"dall-e-3", NULL, IN(SIM_OPENAI), SERVES_IMAGES, false, true},
    {"gpt-image-1", NULL, IN(SIM_OPENAI), SERVES_IMAGES | SERVES_EDITS, true,
     true},
    {"gpt-image-1-mini", NULL, IN(SIM_OPENAI), SERVES_IMAGES | SERVES_EDITS,
     true, true},
    {"tts-1", NULL, IN(SIM_OPENAI), SERVES_SPEECH, false, true},
    {"tts-1-hd", NULL, IN(SIM_OPENAI), SERVES_SPEECH, false, true},
    {"gpt-4o-mini-tts", NULL, IN(SIM_OPENAI), SERVES_SPEECH, true, true},
    {"whisper-1", NULL, IN(SIM_OPENAI),
     SERVES_TRANSCRIPTIONS | SERVES_TRANSLATIONS, false, true},
    {"gpt-4o-transcribe", NULL, IN(SIM_OPENAI), SERVES_TRANSCRIPTIONS, true,
     true},
    {"gpt-4o-mini-transcribe", NULL, IN(SIM_OPENAI), SERVES_TRANSCRIPTIONS,
     true, true},
    {"sim-vllm", NULL, IN(SIM_VLLM), SERVES_TEXT, true, true},
    {"claude-opus-4-5", NULL, IN(SIM_ANTHROPIC), SERVES_TEXT, true, true},
    {"claude-sonnet-4-5", NULL, IN(SIM_ANTHROPIC), SERVES_TEXT, true, true},
    {"sim-embed", NULL, IN_ALL, SERVES_TEXT, true, false},
};

enum {
    ROUTES = sizeof(routes) / sizeof(routes[0]),
    MODELS = sizeof(models) / sizeof(models[0]),
};

static bool
is(struct tg_str text, const char *word)
{
    return tg_str_eq(text, (struct tg_str){word, strlen(word)});
}

static bool
cut_front(struct tg_str *text, struct tg_str front)
{
    if (text->len < front.len || memcmp(text->data, front.data, front.len))
        return false;
    text->data += front.len;
    text->len -= front.len;
    return true;
}

enum sim_endpoint
sim_catalogue_route(enum sim_dialect dialect, const struct sim_request *request,
                    struct tg_str *item)
{
    struct tg_str path = request->path, rest;

    *item = (struct tg_str){0};
    rest = path;
    if (cut_front(&rest, TG_STR("/v1/")))
        cut_front(&path, TG_STR("/v1"));
    for (size_t i = 0; i < ROUTES; i++)
        if ((routes[i].dialects & IN(dialect)) && is(path, routes[i].path) &&
            is(request->method, routes[i].method))
            return routes[i].endpoint;
    rest = path;
    if (is(request->method, "GET") && cut_front(&rest, TG_STR("/models/"))) {
        *item = rest;
        return SIM_MODELS;
    }
    if (sim_objects_has(dialect, path)) {
        *item = path;
        return SIM_OBJECTS;
    }
    return SIM_NOWHERE;
}

static bool
is_claude(const char *name)
{
    return strncmp(name, "claude", 6) == 0;
}

/* DeepSeek serves Claude's names with models of its own (wire-contract 1.7). */
static const char *
serve_claude(enum sim_dialect dialect, const char *asked)
{
    if (dialect == SIM_ANTHROPIC)
        return asked;
    return strncmp(asked, "claude-opus", 11) == 0 ? "deepseek-v4-pro"
                                                  : "deepseek-flash";
}

bool
sim_catalogue_model(enum sim_dialect dialect, enum sim_endpoint endpoint,
                    const char *asked, struct sim_model *model)
{
    *model = (struct sim_model){.name = asked, .is_by_tokens = true};
    if (endpoint == SIM_MESSAGES && is_claude(asked)) {
        model->name = serve_claude(dialect, asked);
        return true;
    }
    if (dialect == SIM_VLLM)
        return true;
    for (size_t i = 0; i < MODELS; i++) {
        if (!(models[i].dialects & IN(dialect)) ||
            !(models[i].endpoints & IN(endpoint)) ||
            strcmp(models[i].name, asked) != 0)
            continue;
        if (models[i].served_as)
            model->name = models[i].served_as;
        model->is_by_tokens = models[i].is_by_tokens;
        return true;
    }
    return false;
}

static const char *
owner(enum sim_dialect dialect)
{
    static const char *const owners[SIM_DIALECT_COUNT] = {
        [SIM_DEEPSEEK] = "deepseek",
        [SIM_OPENAI] = "system",
        [SIM_VLLM] = "vllm",
        [SIM_ANTHROPIC] = "anthropic",
    };

    return owners[dialect];
}

static void
put_model(enum sim_dialect dialect, const char *name, struct sim_buf *out)
{
    if (dialect == SIM_ANTHROPIC) {
        sim_buf_printf(out,
                       "{\"type\":\"model\",\"id\":\"%s\",\"display_name\":"
                       "\"%s\",\"created_at\":\"2025-11-01T00:00:00Z\"}",
                       name, name);
        return;
    }
    sim_buf_printf(out, "{\"id\":\"%s\",\"object\":\"model\",", name);
    if (dialect != SIM_DEEPSEEK)
        sim_buf_lit(out, "\"created\":1761955200,");
    sim_buf_printf(out, "\"owned_by\":\"%s\"", owner(dialect));
    if (dialect == SIM_VLLM)
        sim_buf_printf(out,
                       ",\"root\":\"%s\",\"parent\":null,\"max_model_len\":"
                       "4096,\"permission\":[]",
                       name);
    sim_buf_lit(out, "}");
}

void
sim_catalogue_list(enum sim_dialect dialect, struct sim_buf *out)
{
    bool is_first = true;

    sim_buf_lit(out, "{\"object\":\"list\",\"data\":[");
    for (size_t i = 0; i < MODELS; i++) {
        if (!models[i].is_listed || !(models[i].dialects & IN(dialect)))
            continue;
        if (!is_first)
            sim_buf_lit(out, ",");
        put_model(dialect, models[i].name, out);
        is_first = false;
    }
    sim_buf_lit(out, "]}");
}

int
sim_catalogue_item(enum sim_dialect dialect, struct tg_str item,
                   struct sim_buf *out)
{
    for (size_t i = 0; i < MODELS; i++)
        if ((models[i].dialects & IN(dialect)) && is(item, models[i].name)) {
            put_model(dialect, models[i].name, out);
            return 0;
        }
    return -1;
}

void
sim_catalogue_balance(struct sim_buf *out)
{
    sim_buf_lit(out, "{\"is_available\":true,\"balance_infos\":[{\"currency\":"
                     "\"CNY\",\"total_balance\":\"110.00\","
                     "\"granted_balance\":\"10.00\",\"topped_up_balance\":"
                     "\"100.00\"}]}");
}
