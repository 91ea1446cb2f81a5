/*
 * diagnose.h: what is wrong with a string that is not a key, and the cure.
 *
 * For the path of refusal and for `tollgate doctor`.  Rules go from the
 * specific to the general; a provider is named only when the shape is its
 * own.
 */
#ifndef TG_DIAGNOSE_H
#define TG_DIAGNOSE_H

#include "str.h"

enum tg_diagnosis {
    TG_DIAGNOSIS_UNKNOWN = 0, /* not a key, and nothing more is known */
    TG_DIAGNOSIS_SOUND,       /* a well-formed key */
    TG_DIAGNOSIS_EMPTY,
    /* Something around or inside it. */
    TG_DIAGNOSIS_SPACE_AROUND,
    TG_DIAGNOSIS_SPACE_INSIDE,
    TG_DIAGNOSIS_NEWLINE,
    TG_DIAGNOSIS_CONTROL,
    TG_DIAGNOSIS_NOT_ASCII,
    TG_DIAGNOSIS_QUOTES,
    TG_DIAGNOSIS_BEARER_TWICE,
    TG_DIAGNOSIS_ASSIGNMENT, /* NAME=key, or a whole header line */
    /* A key of ours that was damaged. */
    TG_DIAGNOSIS_SK_TWICE,
    TG_DIAGNOSIS_SK_LOST,
    TG_DIAGNOSIS_LETTER_CASE,
    TG_DIAGNOSIS_KIND,
    TG_DIAGNOSIS_SHORT,
    TG_DIAGNOSIS_LONG,
    TG_DIAGNOSIS_CHARACTER,
    TG_DIAGNOSIS_MISTYPED,
    TG_DIAGNOSIS_MASKED,
    /* Never was a key. */
    TG_DIAGNOSIS_PLACEHOLDER,
    TG_DIAGNOSIS_VARIABLE,
    TG_DIAGNOSIS_URL,
    TG_DIAGNOSIS_JWT,
    TG_DIAGNOSIS_KEY_ID,
    /* A key of somebody else. */
    TG_DIAGNOSIS_SK_32, /* DeepSeek, DashScope or similar */
    TG_DIAGNOSIS_SK_OTHER,
    TG_DIAGNOSIS_ANTHROPIC,
    TG_DIAGNOSIS_OPENROUTER,
    TG_DIAGNOSIS_OPENAI,
    TG_DIAGNOSIS_LANGFUSE,
    TG_DIAGNOSIS_LANGSMITH,
    TG_DIAGNOSIS_GOOGLE,
    TG_DIAGNOSIS_GROQ,
    TG_DIAGNOSIS_XAI,
    TG_DIAGNOSIS_PERPLEXITY,
    TG_DIAGNOSIS_HUGGING_FACE,
    TG_DIAGNOSIS_NVIDIA,
    TG_DIAGNOSIS_REPLICATE,
    TG_DIAGNOSIS_FIREWORKS,
    TG_DIAGNOSIS_ELEVENLABS,
    TG_DIAGNOSIS_AWS,
    TG_DIAGNOSIS_ALIBABA,
    TG_DIAGNOSIS_GITHUB,
    TG_DIAGNOSIS_GITLAB,
    TG_DIAGNOSIS_STRIPE,
    TG_DIAGNOSIS_SLACK,
    TG_DIAGNOSIS_COUNT
};

/*
 * Says what a string is that came where a key belongs, without the header's
 * "Bearer ".  Any bytes of any length; O(len), no allocation.  SOUND exactly
 * when tg_key_parse accepts it.
 */
enum tg_diagnosis tg_key_diagnose(struct tg_str text);

/* A name for programs, "sk_twice"; static. */
const char *tg_diagnosis_name(enum tg_diagnosis diagnosis);

/*
 * An English sentence or two: what is wrong and what to do.  Static, so it
 * cannot repeat the key.  Values out of range read as UNKNOWN.
 */
const char *tg_diagnosis_sentence(enum tg_diagnosis diagnosis);

#endif
