#include "foreign.h"

#include <stdint.h>
#include <string.h>

#include "base62.h"

/* Which bytes may stand behind a prefix. */
enum alphabet {
    HEX,    /* 0-9a-f */
    LOWER,  /* 0-9a-z */
    UPPER,  /* 0-9A-Z */
    ALNUM,  /* 0-9A-Za-z */
    WORD,   /* and - _ */
    DOTTED, /* and . */
    BASE64, /* alphanumeric and + / = */
};

#define ANY 4096

/*
 * One shape a row; the first that fits wins, so the specific stand before
 * the general.  Long prefixes name their owner whatever the length is.
 */
static const struct {
    enum tg_diagnosis diagnosis;
    const char *prefix;
    enum alphabet alphabet;
    uint16_t len_min; /* behind the prefix */
    uint16_t len_max;
} shapes[] = {
    {TG_DIAGNOSIS_ANTHROPIC, "sk-ant-", WORD, 8, ANY},
    {TG_DIAGNOSIS_OPENROUTER, "sk-or-v1-", WORD, 8, ANY},
    {TG_DIAGNOSIS_OPENAI, "sk-proj-", WORD, 8, ANY},
    {TG_DIAGNOSIS_OPENAI, "sk-svcacct-", WORD, 8, ANY},
    {TG_DIAGNOSIS_OPENAI, "sk-service-", WORD, 8, ANY},
    {TG_DIAGNOSIS_OPENAI, "sk-admin-", WORD, 8, ANY},
    {TG_DIAGNOSIS_LANGFUSE, "sk-lf-", WORD, 36, 36},
    {TG_DIAGNOSIS_LANGFUSE, "pk-lf-", WORD, 36, 36},
    {TG_DIAGNOSIS_LANGSMITH, "lsv2_pt_", WORD, 43, 43},
    {TG_DIAGNOSIS_LANGSMITH, "lsv2_sk_", WORD, 43, 43},
    {TG_DIAGNOSIS_GOOGLE, "AIza", WORD, 35, 35},
    {TG_DIAGNOSIS_GOOGLE, "AQ.", DOTTED, 20, ANY},
    {TG_DIAGNOSIS_GROQ, "gsk_", ALNUM, 52, 52},
    {TG_DIAGNOSIS_XAI, "xai-", WORD, 80, 80},
    {TG_DIAGNOSIS_PERPLEXITY, "pplx-", ALNUM, 48, 48},
    {TG_DIAGNOSIS_HUGGING_FACE, "hf_", ALNUM, 34, 34},
    {TG_DIAGNOSIS_HUGGING_FACE, "api_org_", ALNUM, 34, 34},
    {TG_DIAGNOSIS_NVIDIA, "nvapi-", WORD, 64, 64},
    {TG_DIAGNOSIS_REPLICATE, "r8_", WORD, 37, 37},
    {TG_DIAGNOSIS_FIREWORKS, "fw_", ALNUM, 20, 64},
    {TG_DIAGNOSIS_FIREWORKS, "fpk_", ALNUM, 20, 64},
    {TG_DIAGNOSIS_STRIPE, "sk_test_", ALNUM, 10, 99},
    {TG_DIAGNOSIS_STRIPE, "sk_live_", ALNUM, 10, 99},
    {TG_DIAGNOSIS_STRIPE, "sk_prod_", ALNUM, 10, 99},
    {TG_DIAGNOSIS_STRIPE, "rk_test_", ALNUM, 10, 99},
    {TG_DIAGNOSIS_STRIPE, "rk_live_", ALNUM, 10, 99},
    {TG_DIAGNOSIS_STRIPE, "rk_prod_", ALNUM, 10, 99},
    {TG_DIAGNOSIS_ELEVENLABS, "sk_", HEX, 48, 48},
    {TG_DIAGNOSIS_AWS, "AKIA", UPPER, 16, 16},
    {TG_DIAGNOSIS_AWS, "ASIA", UPPER, 16, 16},
    {TG_DIAGNOSIS_AWS, "ABIA", UPPER, 16, 16},
    {TG_DIAGNOSIS_AWS, "ACCA", UPPER, 16, 16},
    {TG_DIAGNOSIS_AWS, "ABSK", BASE64, 109, 271},
    {TG_DIAGNOSIS_AWS, "bedrock-api-key-YmVkcm9jay5hbWF6b25hd3MuY29t", BASE64,
     0, ANY},
    {TG_DIAGNOSIS_ALIBABA, "LTAI", ALNUM, 20, 20},
    {TG_DIAGNOSIS_GITHUB, "github_pat_", WORD, 36, 255},
    {TG_DIAGNOSIS_GITHUB, "ghp_", WORD, 36, 255},
    {TG_DIAGNOSIS_GITHUB, "gho_", WORD, 36, 255},
    {TG_DIAGNOSIS_GITHUB, "ghu_", WORD, 36, 255},
    {TG_DIAGNOSIS_GITHUB, "ghr_", WORD, 36, 255},
    {TG_DIAGNOSIS_GITHUB, "ghs_", DOTTED, 36, ANY},
    {TG_DIAGNOSIS_GITLAB, "glpat-", DOTTED, 20, 320},
    {TG_DIAGNOSIS_SLACK, "xoxb-", WORD, 20, 255},
    {TG_DIAGNOSIS_SLACK, "xoxp-", WORD, 20, 255},
    {TG_DIAGNOSIS_SLACK, "xoxe-", WORD, 20, 255},
    {TG_DIAGNOSIS_SLACK, "xapp-", WORD, 20, 255},
    {TG_DIAGNOSIS_SK_32, "sk-", LOWER, 32, 32},
    {TG_DIAGNOSIS_SK_OTHER, "sk-", WORD, 16, ANY},
};

static bool
is_in(enum alphabet alphabet, char c)
{
    bool is_digit = c >= '0' && c <= '9';

    switch (alphabet) {
    case HEX:
        return is_digit || (c >= 'a' && c <= 'f');
    case LOWER:
        return is_digit || (c >= 'a' && c <= 'z');
    case UPPER:
        return is_digit || (c >= 'A' && c <= 'Z');
    case ALNUM:
        break;
    case DOTTED:
        if (c == '.')
            return true;
        /* fall through */
    case WORD:
        if (c == '-' || c == '_')
            return true;
        break;
    case BASE64:
        if (c == '+' || c == '/' || c == '=')
            return true;
        break;
    }
    return tg_base62_value((unsigned char)c) >= 0;
}

static bool
is_all(enum alphabet alphabet, const char *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (!is_in(alphabet, data[i]))
            return false;
    }
    return true;
}

static bool
fits(size_t shape, struct tg_str text)
{
    size_t prefix_len = strlen(shapes[shape].prefix), len;

    if (text.len < prefix_len ||
        memcmp(text.data, shapes[shape].prefix, prefix_len) != 0)
        return false;
    len = text.len - prefix_len;
    return len >= shapes[shape].len_min && len <= shapes[shape].len_max &&
           is_all(shapes[shape].alphabet, text.data + prefix_len, len);
}

/* "OpenAI" in base64, in the middle of every key it makes. */
static bool
is_openai(struct tg_str text)
{
    return text.len >= 3 && memcmp(text.data, "sk-", 3) == 0 &&
           memmem(text.data, text.len, "T3BlbkFJ", 8) != NULL &&
           is_all(WORD, text.data, text.len);
}

enum tg_diagnosis
tg_foreign_diagnose(struct tg_str text)
{
    enum tg_diagnosis diagnosis = TG_DIAGNOSIS_UNKNOWN;

    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        if (fits(i, text)) {
            diagnosis = shapes[i].diagnosis;
            break;
        }
    }
    if (diagnosis == TG_DIAGNOSIS_SK_OTHER && is_openai(text))
        return TG_DIAGNOSIS_OPENAI;
    return diagnosis;
}
