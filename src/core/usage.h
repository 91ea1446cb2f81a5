/*
 * usage.h: the tokens an upstream says a call took, in one meaning for all
 * dialects, and whether to believe it.
 */
#ifndef TG_USAGE_H
#define TG_USAGE_H

#include <stdint.h>

/* Above this a figure is not physically possible for one call. */
#define TG_USAGE_TOKENS_MAX ((int64_t)1 << 40)

/* Tokens; -1 where the upstream said nothing.  A reported 0 is 0. */
struct tg_usage {
    int64_t prompt_tokens;      /* cache reads and writes included */
    int64_t cached_tokens;      /* of these, read from the cache */
    int64_t cache_write_tokens; /* of these, written to it, for however long */
    int64_t completion_tokens;  /* reasoning included */
    int64_t reasoning_tokens;   /* of these */
    int64_t total_tokens;       /* as reported, else prompt + completion when
                                   both are known */
    int64_t audio_ms;           /* of what was listened to; apart from the
                                   doubts below, -1 when it is none to
                                   believe */
};

/* Why a usage is not believed. */
enum tg_usage_doubt {
    TG_USAGE_ABSENT = 0, /* neither prompt nor completion was reported */
    TG_USAGE_BELIEVED,
    TG_USAGE_NOT_A_NUMBER,   /* a string, true, an object, … */
    TG_USAGE_NOT_AN_INTEGER, /* 1.5, 1e3 */
    TG_USAGE_NEGATIVE,
    TG_USAGE_HUGE,               /* above TG_USAGE_TOKENS_MAX */
    TG_USAGE_CACHED_OVER_PROMPT, /* with what was written */
    TG_USAGE_REASONING_OVER_COMPLETION,
};

/* The figures as upstreams write them, before they mean the same. */
enum tg_usage_field {
    TG_USAGE_PROMPT,      /* cache included (OpenAI, DeepSeek, vLLM) */
    TG_USAGE_INPUT,       /* the same in responses; Anthropic: excluded */
    TG_USAGE_CACHED,      /* part of prompt or input */
    TG_USAGE_WRITTEN,     /* so is this (OpenAI) */
    TG_USAGE_CACHE_READ,  /* Anthropic: beside input */
    TG_USAGE_CACHE_WRITE, /* Anthropic: beside input */
    TG_USAGE_COMPLETION,
    TG_USAGE_REASONING,
    TG_USAGE_TOTAL,
    TG_USAGE_SECONDS,  /* in ms; what is charged (OpenAI, usage) */
    TG_USAGE_DURATION, /* in ms; what there was (OpenAI, verbose_json) */
    TG_USAGE_FIELDS,
};

/* What was read: bit f of seen says that value[f] counts. */
struct tg_usage_report {
    int64_t value[TG_USAGE_FIELDS]; /* tokens, or -enum tg_usage_doubt */
    uint32_t seen;
};

/* Takes over what newer says; what it does not mention stays. */
void tg_usage_update(struct tg_usage_report *report,
                     const struct tg_usage_report *newer);

/*
 * Brings a report into our meaning.  Writes *usage always (members that are
 * not believed as -1) and returns TG_USAGE_BELIEVED, _ABSENT, or the reason.
 */
enum tg_usage_doubt tg_usage_resolve(const struct tg_usage_report *report,
                                     struct tg_usage *usage);

#endif
