#include "advice_review.h"

#include <assert.h>
#include <string.h>

#define LIMIT_LEAST 100 /* no limit below is suggested: advice_rules.h */
#define DAY_MS INT64_C(86400000)
#define FEW_MODELS 3

static const struct tg_review_row rows[TG_REVIEW_FINDINGS] = {
    [TG_REVIEW_OLD_SECRET] = {"old_secret_in_use", "warning"},
    [TG_REVIEW_NEVER_USED] = {"never_used", "warning"},
    [TG_REVIEW_UNUSED] = {"unused", "warning"},
    [TG_REVIEW_SCOPES] = {"scopes_not_used", "warning"},
    [TG_REVIEW_MODELS] = {"models_not_used", "warning"},
    [TG_REVIEW_NOT_ROTATED] = {"not_rotated", "warning"},
    [TG_REVIEW_NO_EXPIRY] = {"no_expiry", "warning"},
    [TG_REVIEW_NO_NETWORK] = {"no_network", "info"},
    [TG_REVIEW_NO_BUDGET] = {"no_budget", "info"},
    [TG_REVIEW_LIMITS] = {"limits_wide", "info"},
    [TG_REVIEW_NO_ROTATION] = {"no_rotation", "info"},
    [TG_REVIEW_NO_OWNER] = {"no_owner", "info"},
    [TG_REVIEW_KIND] = {"kind_wide", "info"},
};

static bool
is_old(int64_t at, const struct tg_review_facts *facts, int64_t span_ms)
{
    return at <= facts->now_ms - span_ms;
}

/* The old secret will end soon, and somebody called with it within a day. */
static bool
is_late(const struct tg_review_facts *facts)
{
    int64_t left = facts->old_until - facts->now_ms;

    return facts->old_until != 0 && left > 0 &&
           left <= TG_REVIEW_GRACE_LEFT_MS && facts->old_used_at != 0 &&
           !is_old(facts->old_used_at, facts, DAY_MS);
}

static bool
has_wide_models(const struct tg_review_facts *facts)
{
    return facts->knows_models && facts->used_models > 0 &&
           (facts->is_any_model || facts->used_models < facts->model_count);
}

static bool
has_wide_limit(const struct tg_review_facts *facts)
{
    int64_t used =
        facts->busiest_day > LIMIT_LEAST ? facts->busiest_day : LIMIT_LEAST;

    return facts->requests > 0 &&
           (facts->requests_per_minute == 0 ||
            facts->requests_per_minute / TG_REVIEW_LIMIT_TIMES > used);
}

static bool
is_one_scope(uint32_t scopes)
{
    return scopes != 0 && (scopes & (scopes - 1)) == 0;
}

uint32_t
tg_review(const struct tg_review_facts *facts)
{
    bool was_used = facts->last_used_at != 0 || facts->requests > 0;
    bool is_idle = facts->requests == 0 &&
                   is_old(was_used ? facts->last_used_at : facts->created_at,
                          facts, facts->unused_ms);
    bool is_narrow = is_one_scope(facts->used_scopes) && facts->knows_models &&
                     facts->used_models <= FEW_MODELS;
    const bool found[TG_REVIEW_FINDINGS] = {
        [TG_REVIEW_OLD_SECRET] = is_late(facts),
        [TG_REVIEW_NEVER_USED] = !was_used && is_idle,
        [TG_REVIEW_UNUSED] = was_used && is_idle,
        [TG_REVIEW_SCOPES] = facts->used_scopes != 0 &&
                             (facts->scopes & ~facts->used_scopes) != 0,
        [TG_REVIEW_MODELS] = has_wide_models(facts),
        [TG_REVIEW_NOT_ROTATED] =
            facts->secret_made_at != 0 &&
            is_old(facts->secret_made_at, facts, facts->rotated_ms),
        [TG_REVIEW_NO_EXPIRY] = facts->expires_at == 0,
        [TG_REVIEW_NO_NETWORK] = !facts->has_network,
        [TG_REVIEW_NO_BUDGET] = !facts->has_budget,
        [TG_REVIEW_LIMITS] = has_wide_limit(facts),
        [TG_REVIEW_NO_ROTATION] = facts->rotate_days == 0,
        [TG_REVIEW_NO_OWNER] = !facts->has_owner,
        [TG_REVIEW_KIND] = facts->kind == TG_KIND_PRODUCTION && is_narrow,
    };
    uint32_t findings = 0;

    for (int i = 0; i < TG_REVIEW_FINDINGS; i++)
        findings |= (uint32_t)found[i] << i;
    return findings;
}

const struct tg_review_row *
tg_review_row(enum tg_review_finding finding)
{
    assert((int)finding >= 0 && finding < TG_REVIEW_FINDINGS);
    return &rows[finding];
}

bool
tg_review_covers(const char *pattern, const char *model)
{
    size_t len = strlen(pattern);

    return len > 0 && pattern[len - 1] == '*'
               ? strncmp(pattern, model, len - 1) == 0
               : strcmp(pattern, model) == 0;
}
