#include "doctor_provider.h"

#include <stddef.h>
#include <strings.h>

#include "suggest.h"

enum { OPENAI, DEEPSEEK, ANTHROPIC };

static const struct tg_provider providers[] = {
    [OPENAI] = {"OpenAI", "api.openai.com", "https://api.openai.com/v1", NULL,
                TG_DIAGNOSIS_OPENAI},
    [DEEPSEEK] = {"DeepSeek", "api.deepseek.com", "https://api.deepseek.com",
                  "https://api.deepseek.com/anthropic", TG_DIAGNOSIS_SK_32},
    [ANTHROPIC] = {"Anthropic", "api.anthropic.com",
                   "https://api.anthropic.com/v1", "https://api.anthropic.com",
                   TG_DIAGNOSIS_ANTHROPIC},
    {"OpenRouter", "openrouter.ai", "https://openrouter.ai/api/v1",
     "https://openrouter.ai/api", TG_DIAGNOSIS_OPENROUTER},
    {"DashScope", "dashscope.aliyuncs.com",
     "https://dashscope.aliyuncs.com/compatible-mode/v1", NULL,
     TG_DIAGNOSIS_SK_32},
    {"Moonshot", "api.moonshot.cn", "https://api.moonshot.cn/v1",
     "https://api.moonshot.cn/anthropic", TG_DIAGNOSIS_SK_OTHER},
    {"SiliconFlow", "api.siliconflow.cn", "https://api.siliconflow.cn/v1", NULL,
     TG_DIAGNOSIS_SK_OTHER},
    {"Google", "generativelanguage.googleapis.com",
     "https://generativelanguage.googleapis.com/v1beta/openai", NULL,
     TG_DIAGNOSIS_GOOGLE},
    {"Groq", "api.groq.com", "https://api.groq.com/openai/v1", NULL,
     TG_DIAGNOSIS_GROQ},
    {"xAI", "api.x.ai", "https://api.x.ai/v1", "https://api.x.ai",
     TG_DIAGNOSIS_XAI},
    {"Perplexity", "api.perplexity.ai", "https://api.perplexity.ai", NULL,
     TG_DIAGNOSIS_PERPLEXITY},
    {"NVIDIA", "integrate.api.nvidia.com",
     "https://integrate.api.nvidia.com/v1", NULL, TG_DIAGNOSIS_NVIDIA},
    {"Fireworks", "api.fireworks.ai", "https://api.fireworks.ai/inference/v1",
     NULL, TG_DIAGNOSIS_FIREWORKS},
    {"Hugging Face", "router.huggingface.co",
     "https://router.huggingface.co/v1", NULL, TG_DIAGNOSIS_HUGGING_FACE},
};

/* Where people read and pay, and programs find nothing. */
static const struct {
    const char *host;
    int provider;
} sites[] = {
    {"openai.com", OPENAI},
    {"www.openai.com", OPENAI},
    {"platform.openai.com", OPENAI},
    {"chat.openai.com", OPENAI},
    {"chatgpt.com", OPENAI},
    {"deepseek.com", DEEPSEEK},
    {"www.deepseek.com", DEEPSEEK},
    {"platform.deepseek.com", DEEPSEEK},
    {"chat.deepseek.com", DEEPSEEK},
    {"api-docs.deepseek.com", DEEPSEEK},
    {"anthropic.com", ANTHROPIC},
    {"www.anthropic.com", ANTHROPIC},
    {"console.anthropic.com", ANTHROPIC},
    {"docs.anthropic.com", ANTHROPIC},
    {"platform.claude.com", ANTHROPIC},
    {"docs.claude.com", ANTHROPIC},
    {"claude.ai", ANTHROPIC},
};

static const struct {
    enum tg_diagnosis shape;
    const char *name;
} makers[] = {
    {TG_DIAGNOSIS_SK_32, "DeepSeek, DashScope …"},
    {TG_DIAGNOSIS_ANTHROPIC, "Anthropic"},
    {TG_DIAGNOSIS_OPENROUTER, "OpenRouter"},
    {TG_DIAGNOSIS_OPENAI, "OpenAI"},
    {TG_DIAGNOSIS_LANGFUSE, "Langfuse"},
    {TG_DIAGNOSIS_LANGSMITH, "LangSmith"},
    {TG_DIAGNOSIS_GOOGLE, "Google"},
    {TG_DIAGNOSIS_GROQ, "Groq"},
    {TG_DIAGNOSIS_XAI, "xAI"},
    {TG_DIAGNOSIS_PERPLEXITY, "Perplexity"},
    {TG_DIAGNOSIS_HUGGING_FACE, "Hugging Face"},
    {TG_DIAGNOSIS_NVIDIA, "NVIDIA"},
    {TG_DIAGNOSIS_REPLICATE, "Replicate"},
    {TG_DIAGNOSIS_FIREWORKS, "Fireworks"},
    {TG_DIAGNOSIS_ELEVENLABS, "ElevenLabs"},
    {TG_DIAGNOSIS_AWS, "Amazon Web Services"},
    {TG_DIAGNOSIS_ALIBABA, "Alibaba Cloud"},
    {TG_DIAGNOSIS_GITHUB, "GitHub"},
    {TG_DIAGNOSIS_GITLAB, "GitLab"},
    {TG_DIAGNOSIS_STRIPE, "Stripe"},
    {TG_DIAGNOSIS_SLACK, "Slack"},
};

#define EDITS_MAX 2 /* more make it another name */
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

const struct tg_provider *
tg_provider_of(const char *host)
{
    for (size_t i = 0; i < COUNT(providers); i++) {
        if (strcasecmp(providers[i].host, host) == 0)
            return &providers[i];
    }
    return NULL;
}

const struct tg_provider *
tg_provider_of_site(const char *host)
{
    for (size_t i = 0; i < COUNT(sites); i++) {
        if (strcasecmp(sites[i].host, host) == 0)
            return &providers[sites[i].provider];
    }
    return NULL;
}

/* A beginning counts as the word there, however much is left of it. */
static bool
has_length_of(const char *host, const char *other)
{
    size_t len = strlen(host), want = strlen(other);

    return len <= want + EDITS_MAX && want <= len + EDITS_MAX;
}

const char *
tg_provider_near(const char *host)
{
    struct tg_suggestion near;

    tg_suggest_init(&near, host);
    for (size_t i = 0; i < COUNT(providers); i++) {
        if (has_length_of(host, providers[i].host))
            tg_suggest_try(&near, providers[i].host);
    }
    return near.distance <= EDITS_MAX && strcasecmp(near.best, host) != 0
               ? near.best
               : NULL;
}

const char *
tg_provider_of_shape(enum tg_diagnosis shape)
{
    for (size_t i = 0; i < COUNT(makers); i++) {
        if (makers[i].shape == shape)
            return makers[i].name;
    }
    return NULL;
}
