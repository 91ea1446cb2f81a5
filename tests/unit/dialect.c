/* What each provider's API has, where it stands, and which headers it gets. */
#include "dialect.h"

#include "tap.h"

#define DEEPSEEK TG_DIALECT_DEEPSEEK
#define OPENAI TG_DIALECT_OPENAI
#define VLLM TG_DIALECT_VLLM
#define ANTHROPIC TG_DIALECT_ANTHROPIC
#define CHAT TG_ENDPOINT_CHAT
#define TEXT TG_ENDPOINT_COMPLETIONS
#define FIM TG_ENDPOINT_FIM
#define EMBEDDINGS TG_ENDPOINT_EMBEDDINGS
#define RESPONSES TG_ENDPOINT_RESPONSES
#define MESSAGES TG_ENDPOINT_MESSAGES

/* want: base and path together; NULL: there is no such thing. */
static const struct {
    enum tg_dialect dialect;
    enum tg_endpoint endpoint;
    const char *base, *want;
} places[] = {
    {DEEPSEEK, CHAT, "", "/chat/completions"},
    {DEEPSEEK, CHAT, "/v1", "/v1/chat/completions"},
    {DEEPSEEK, TEXT, "", "/beta/completions"},
    {DEEPSEEK, TEXT, "/v1", "/beta/completions"},
    {DEEPSEEK, FIM, "", "/beta/completions"},
    {DEEPSEEK, EMBEDDINGS, "", "/embeddings"},
    {DEEPSEEK, RESPONSES, "", "/responses"},
    {DEEPSEEK, RESPONSES, "/v1", "/v1/responses"},
    {DEEPSEEK, MESSAGES, "", "/anthropic/v1/messages"},
    {DEEPSEEK, MESSAGES, "/v1", "/anthropic/v1/messages"},
    {OPENAI, CHAT, "/v1", "/v1/chat/completions"},
    {OPENAI, TEXT, "/v1", "/v1/completions"},
    {OPENAI, FIM, "/v1", "/v1/completions"},
    {OPENAI, EMBEDDINGS, "/v1", "/v1/embeddings"},
    {OPENAI, RESPONSES, "/v1", "/v1/responses"},
    {OPENAI, MESSAGES, "/v1", NULL},
    {VLLM, CHAT, "/v1", "/v1/chat/completions"},
    {VLLM, TEXT, "/v1", "/v1/completions"},
    {VLLM, FIM, "/v1", "/v1/completions"},
    {VLLM, EMBEDDINGS, "/v1", "/v1/embeddings"},
    {VLLM, RESPONSES, "/v1", "/v1/responses"},
    {VLLM, MESSAGES, "/v1", "/v1/messages"},
    {ANTHROPIC, CHAT, "", NULL},
    {ANTHROPIC, TEXT, "", NULL},
    {ANTHROPIC, FIM, "", NULL},
    {ANTHROPIC, EMBEDDINGS, "", NULL},
    {ANTHROPIC, RESPONSES, "", NULL},
    {ANTHROPIC, MESSAGES, "", "/v1/messages"},
    {ANTHROPIC, MESSAGES, "/v1", "/v1/messages"},
    {ANTHROPIC, MESSAGES, "/proxy/v1", "/proxy/v1/messages"},
    {ANTHROPIC, MESSAGES, "/anthropic", "/anthropic/v1/messages"},
    {ANTHROPIC, MESSAGES, "/x", "/x/v1/messages"},
    {ANTHROPIC, MESSAGES, "/v", "/v/v1/messages"},
    {OPENAI, TG_ENDPOINT_IMAGES, "/v1", "/v1/images/generations"},
    {OPENAI, TG_ENDPOINT_TRANSLATIONS, "/v1", "/v1/audio/translations"},
    {OPENAI, TG_ENDPOINT_FILES, "/v1", "/v1/files"},
    {OPENAI, TG_ENDPOINT_FILE_LIST, "", "/files"},
    {OPENAI, TG_ENDPOINT_JOB_LIST, "/v1", "/v1/fine_tuning/jobs"},
    {DEEPSEEK, TG_ENDPOINT_FILES, "", "/files"},
    {DEEPSEEK, TG_ENDPOINT_FILE_CONTENT, "", NULL},
    {DEEPSEEK, TG_ENDPOINT_UPLOADS, "", NULL},
    {DEEPSEEK, TG_ENDPOINT_BATCHES, "", NULL},
    {DEEPSEEK, TG_ENDPOINT_JOBS, "", NULL},
    {VLLM, TG_ENDPOINT_FILES, "/v1", NULL},
    {ANTHROPIC, TG_ENDPOINT_FILES, "", NULL},
    {TG_DIALECT_NONE, CHAT, "/v1", "/v1/chat/completions"},
    {(enum tg_dialect)99, CHAT, "", "/chat/completions"},
    {OPENAI, TG_ENDPOINT_NONE, "", NULL},
    {OPENAI, TG_ENDPOINT_MODELS, "", NULL},
};

#define COUNT(rows) (sizeof(rows) / sizeof(rows[0]))

static struct tg_str
str_of(const char *text)
{
    return (struct tg_str){text, strlen(text)};
}

static void
test_places(void)
{
    for (size_t i = 0; i < COUNT(places); i++) {
        enum tg_dialect dialect = places[i].dialect;
        enum tg_endpoint endpoint = places[i].endpoint;
        struct tg_place place;
        char text[64];

        is_int(tg_dialect_serves(dialect, endpoint), places[i].want != NULL,
               "whether dialect %d has endpoint %d", dialect, endpoint);
        if (places[i].want == NULL)
            continue;
        place = tg_dialect_place(dialect, endpoint, str_of(places[i].base));
        snprintf(text, sizeof(text), "%.*s%.*s", (int)place.base.len,
                 place.base.data, (int)place.path.len, place.path.data);
        is_str(text, places[i].want, "and where, behind \"%s\"",
               places[i].base);
    }
}

static void
test_schemes(void)
{
    is_int(tg_dialect_scheme(ANTHROPIC), TG_SCHEME_X_API_KEY,
           "Anthropic wants x-api-key");
    is_int(tg_dialect_scheme(DEEPSEEK), TG_SCHEME_BEARER,
           "DeepSeek a bearer, also for messages");
    is_int(tg_dialect_scheme(OPENAI), TG_SCHEME_BEARER, "OpenAI, too");
    is_int(tg_dialect_scheme(TG_DIALECT_NONE), TG_SCHEME_BEARER, "and others");
}

static const struct {
    const char *sent, *want;
} versions[] = {
    {"2023-06-01", "2023-06-01"},
    {"2031-12-24", "2031-12-24"},
    {"", "2023-06-01"},
    {"2024-01-01 ", "2023-06-01"},
    {"2024-1-1", "2023-06-01"},
    {"2024-01-0x", "2023-06-01"},
    {"2024/01/01", "2023-06-01"},
    {"2024-01-01,2", "2023-06-01"},
    {"20244-01-01", "2023-06-01"},
    {"latest", "2023-06-01"},
};

static const struct {
    const char *sent, *want;
} betas[] = {
    {"", ""},
    {"interleaved-thinking-2025-05-14", "interleaved-thinking-2025-05-14"},
    {"a-2025,b_2.0", "a-2025,b_2.0"},
    {" a ,\tb ", "a,b"},
    {",a,,b,", "a,b"},
    {"a b,c", "c"},
    {"a\r\nx-api-key: 1,c", "c"},
    {"a;b", ""},
    {"\xc3\xa9,c", "c"},
    {"a,context-1m-2025-08-07,b", "a,b"},
    {"fast-mode-2026-02-01", ""},
};

static void
test_headers(void)
{
    for (size_t i = 0; i < COUNT(versions); i++)
        ok(tg_str_eq(tg_dialect_version(str_of(versions[i].sent)),
                     str_of(versions[i].want)),
           "the version for \"%s\"", versions[i].sent);
    for (size_t i = 0; i < COUNT(betas); i++) {
        char out[64] = "";
        size_t len = tg_dialect_betas(str_of(betas[i].sent), out);

        ok(tg_str_eq((struct tg_str){out, len}, str_of(betas[i].want)),
           "the betas of row %zu", i);
        ok(len <= strlen(betas[i].sent), "are not longer");
    }
}

int
main(void)
{
    test_places();
    test_schemes();
    test_headers();
    return done();
}
