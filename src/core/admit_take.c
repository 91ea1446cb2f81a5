#include "admit_take.h"

#include "admit_part.h"
#include "bound.h"
#include "edit.h"
#include "price.h"

/* Others may be quicker to the same money; then what is left is asked anew. */
#define TRIES 3

/* A call's end frees its place: SDKs then come back in a second. */
#define CALL_RETRY_MS 1000

static struct tg_counters *
counters_of(const struct tg_area_claim *claim, const struct tg_admission *a)
{
    return &claim->state->keys[a->head.key_slot].counters;
}

bool
tg_admit_take_rates(struct tg_area_claim *claim, int64_t now_ms,
                    struct tg_admission *a)
{
    struct tg_counters *counters = counters_of(claim, a);

    if (tg_rate_take(counters, &a->key, now_ms, (int32_t)a->call.day,
                     a->tokens_estimate, &a->rate) != 0)
        return tg_admit_refuse(a, TG_CODE_RATE_LIMIT_EXCEEDED, TG_REASON_CODE);
    tg_rate_report(counters, &a->key, now_ms, &a->limits);
    return true;
}

bool
tg_admit_refuse_money(struct tg_admission *a)
{
    return tg_admit_refuse(a,
                           a->budget.kind == TG_BUDGET_BALANCE
                               ? TG_CODE_INSUFFICIENT_BALANCE
                               : TG_CODE_BUDGET_EXCEEDED,
                           TG_REASON_CODE);
}

bool
tg_admit_has_room(const struct tg_state *state, int64_t tokens, int64_t now_ms,
                  struct tg_admission *a)
{
    struct tg_counters *counters = &state->keys[a->head.key_slot].counters;

    a->tokens_estimate = tokens;
    return tg_rate_peek(counters, &a->key, now_ms, (int32_t)a->call.day, tokens,
                        &a->rate) == 0 ||
           tg_admit_refuse(a, TG_CODE_RATE_LIMIT_EXCEEDED, TG_REASON_CODE);
}

bool
tg_admit_has_money(const struct tg_state *state, bool is_priced,
                   struct tg_admission *a)
{
    struct tg_call least = {
        .key_slot = a->head.key_slot,
        .account_slot = a->key.account,
        .day = a->call.day,
        .month = a->call.month,
        .rates = a->call.rates,
        .prompt_bound = TG_BOUND_ALLOWANCE_TOKENS,
        .completion_bound = TG_BOUND_FLOOR_TOKENS,
        .unit_bound = 1,
    };

    /* What has no price costs something. */
    if (!is_priced || tg_bound_cost(&least, &least.held_nanos) != 0)
        least.held_nanos = 1;
    return tg_budget_left(state, &least, &a->key, &a->account, &a->budget) >=
               least.held_nanos ||
           tg_admit_refuse_money(a);
}

/* Pictures and sound are made as long as they are. */
static bool
may_shorten(const struct tg_admission *a)
{
    return tg_bound_obeyed((enum tg_dialect)a->upstream.dialect,
                           a->head.route->endpoint) != 0;
}

/*
 * Shortens the answer to what is left.  *max_tokens becomes what each answer
 * may have, or stays -1 when all of it is affordable.
 */
static bool
shorten(struct tg_area_claim *claim, const struct tg_body_facts *facts,
        struct tg_admission *a, int64_t *max_tokens)
{
    struct tg_call *call = &a->call;
    int64_t n = tg_hold_choices(facts), affordable;
    int64_t left =
        tg_budget_left(claim->state, call, &a->key, &a->account, &a->budget);

    *max_tokens = -1;
    if (call->held_nanos <= left)
        return true;
    affordable = tg_bound_affordable_call(call, left);
    if (call->completion_bound == 0 || !may_shorten(a) ||
        affordable / n < TG_BOUND_FLOOR_TOKENS)
        return tg_admit_refuse_money(a);
    *max_tokens = affordable / n;
    call->completion_bound = *max_tokens * n;
    return true;
}

/* Of what is affordable, a stream holds a first slice. */
static bool
begin_hold(const struct tg_body_facts *facts, struct tg_admission *a)
{
    tg_hold_begin(&a->hold, &a->call, (enum tg_dialect)a->upstream.dialect,
                  facts);
    return tg_bound_hold(&a->call, a->hold.held_tokens, &a->call.held_nanos) ==
               0 ||
           tg_admit_refuse(a, TG_CODE_INTERNAL_ERROR, TG_REASON_CODE);
}

/* A slot that holds its money, or NULL and the refusal. */
static struct tg_call_slot *
take_money(struct tg_area_claim *claim, const struct tg_body_facts *facts,
           struct tg_admission *a, int64_t *max_tokens)
{
    int64_t completion_bound = a->call.completion_bound;
    int64_t held_nanos = a->call.held_nanos;
    struct tg_call_slot *slot;

    for (int i = 0; i < TRIES; i++) {
        a->call.completion_bound = completion_bound;
        a->call.held_nanos = held_nanos;
        if (!shorten(claim, facts, a, max_tokens) || !begin_hold(facts, a))
            return NULL;
        slot = tg_area_begin(claim, &a->call);
        if (slot == NULL) {
            tg_admit_refuse(a, TG_CODE_GATE_UNAVAILABLE, TG_REASON_CODE);
            return NULL;
        }
        if (tg_budget_hold(claim->state, slot, &a->key, &a->account,
                           &a->budget))
            return slot;
        tg_area_cancel(claim, slot);
    }
    tg_admit_refuse_money(a);
    return NULL;
}

void
tg_admit_plan(const struct tg_body_facts *facts, int64_t max_tokens,
              struct tg_admission *a)
{
    struct tg_body_want want = {
        .include_usage = a->edit_rule != TG_EDIT_NOTHING,
        .max_tokens = max_tokens,
        .obeyed = tg_bound_obeyed((enum tg_dialect)a->upstream.dialect,
                                  a->head.route->endpoint),
        .limit_member = tg_bound_limit(a->head.route->endpoint),
    };

    a->edit_count = 0;
    if (want.include_usage || max_tokens >= 0)
        a->edit_count = tg_body_plan(facts, &want, a->edits);
}

struct tg_call_slot *
tg_admit_take(struct tg_area_claim *claim, const struct tg_body_facts *facts,
              struct tg_queue_place *place, int64_t now_ms,
              struct tg_admission *a)
{
    uint16_t dialect = a->upstream.dialect;
    struct tg_call_slot *slot;
    int64_t max_tokens;

    /*
     * What an answer will be is not known yet, so tokens a minute take the
     * prompt's likely size now, and settling takes the rest.
     */
    a->tokens_estimate = tg_bound_likely(a->call.prompt_bound);
    if (!tg_admit_take_turn(claim, place, now_ms, a))
        return NULL;
    slot = take_money(claim, facts, a, &max_tokens);
    if (slot == NULL) {
        tg_rate_refund(counters_of(claim, a), &a->key, (int32_t)a->call.day,
                       a->tokens_estimate);
        return NULL;
    }
    a->target = (struct tg_target){.is_tied = a->target.is_tied};
    if (!tg_admit_take_target(claim, slot, now_ms, a)) {
        tg_admit_give_back(claim, slot, a);
        return NULL;
    }
    /* A revocation that was answered by now counts: the key is asked last. */
    if (!tg_state_key_is_current(claim->state, a->head.key_slot, a->key_seq) &&
        !tg_admit_again(claim->state, now_ms, a)) {
        tg_admit_give_back(claim, slot, a);
        return NULL;
    }
    if (a->upstream.dialect == dialect) {
        tg_admit_plan(facts, max_tokens, a);
    } else if (!tg_admit_translate(claim->state, slot, facts, a)) {
        tg_admit_give_back(claim, slot, a);
        tg_admit_refuse(a, TG_CODE_UPSTREAM_UNAVAILABLE, TG_REASON_CODE);
        return NULL;
    }
    return slot;
}

void
tg_admit_give_back(struct tg_area_claim *claim, struct tg_call_slot *slot,
                   struct tg_admission *a)
{
    tg_target_leave(claim, &a->target, slot->call.at_ms);
    tg_area_cancel(claim, slot);
    tg_rate_refund(counters_of(claim, a), &a->key, (int32_t)a->call.day,
                   a->tokens_estimate);
}

int64_t
tg_admit_retry_ms(const struct tg_admission *a)
{
    if (a->action != TG_ACTION_REFUSE || a->code != TG_CODE_RATE_LIMIT_EXCEEDED)
        return 0;
    if (a->reason == TG_REASON_POOL_FULL)
        return CALL_RETRY_MS;
    if (a->reason == TG_REASON_POOL_BUSY)
        return a->pool_wait_ms;
    switch (a->rate.wait_ms) {
    case TG_RATE_NEVER:
    case TG_RATE_UNTIL_DAY:
        return 0;
    case TG_RATE_UNTIL_CALL:
        return CALL_RETRY_MS;
    default:
        return a->rate.wait_ms > 0 ? a->rate.wait_ms : 1;
    }
}

bool
tg_admit_may_retry(const struct tg_admission *a)
{
    return a->reason != TG_REASON_WRONG_KEYS && tg_admit_retry_ms(a) != 0;
}
