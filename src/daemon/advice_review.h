/*
 * advice_review.h: what of a key's policy could be better, by what it was used
 * for.  Pure: facts go in, findings come out.  docs/advice.md has the rules.
 */
#ifndef TG_ADVICE_REVIEW_H
#define TG_ADVICE_REVIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "key.h"

/* A limit a minute is wide when it is more than so many times what is used. */
#define TG_REVIEW_LIMIT_TIMES 10

/* What is left of a grace is little when it is less than this. */
#define TG_REVIEW_GRACE_LEFT_MS INT64_C(172800000) /* two days */

/* As they are listed: the gravest first, of each severity. */
enum tg_review_finding {
    TG_REVIEW_OLD_SECRET = 0,
    TG_REVIEW_NEVER_USED,
    TG_REVIEW_UNUSED,
    TG_REVIEW_SCOPES,
    TG_REVIEW_MODELS,
    TG_REVIEW_NOT_ROTATED,
    TG_REVIEW_NO_EXPIRY,
    TG_REVIEW_NO_NETWORK,
    TG_REVIEW_NO_BUDGET,
    TG_REVIEW_LIMITS,
    TG_REVIEW_NO_ROTATION,
    TG_REVIEW_NO_OWNER,
    TG_REVIEW_KIND,
    TG_REVIEW_FINDINGS,
};

/* Instants are Unix time in ms; 0: never, or there is none. */
struct tg_review_facts {
    int64_t now_ms, unused_ms, rotated_ms; /* how long is too long */
    enum tg_key_kind kind;
    int64_t created_at, expires_at, last_used_at;
    int64_t secret_made_at; /* the newest in force */
    /* A rotation: until when the old secret is valid, and its last use. */
    int64_t old_until, old_used_at;
    int64_t rotate_days;
    bool has_owner, has_network, has_budget;
    /* What may be used, and what was, in the time that is looked at. */
    uint32_t scopes, used_scopes;    /* enum tg_scope */
    bool is_any_model;               /* all that are priced, or a pattern */
    size_t model_count, used_models; /* that it names; of these, used ones */
    bool knows_models;               /* used_models is right */
    int64_t requests, busiest_day;   /* calls */
    int64_t requests_per_minute;     /* 0: no limit */
};

/* A bit for each: 1 << enum tg_review_finding. */
uint32_t tg_review(const struct tg_review_facts *facts);

struct tg_review_row {
    const char *code;
    const char *severity; /* warning, info */
};

const struct tg_review_row *tg_review_row(enum tg_review_finding finding);

/* Whether a policy's models have a name: as it is, or as "deepseek-*". */
bool tg_review_covers(const char *pattern, const char *model);

#endif
