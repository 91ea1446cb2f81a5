#include "settle.h"

#include <assert.h>

#include "bound.h"
#include "budget.h"
#include "code.h"
#include "measure.h"
#include "price.h"
#include "rate.h"
#include "route.h"
#include "usage.h"

static int64_t
or_zero(int64_t tokens)
{
    return tokens < 0 ? 0 : tokens;
}

static enum tg_family
family_of(const struct tg_call *call)
{
    const struct tg_route *route =
        tg_route_of((enum tg_endpoint)call->endpoint);

    return route == NULL ? TG_FAMILY_TEXT : route->family;
}

/* Whether an answer of this endpoint has completion tokens at all. */
static bool
completes(const struct tg_call *call)
{
    return family_of(call) != TG_FAMILY_VECTORS;
}

/*
 * Whether the bounds on entry have room for a report.  They are what is held,
 * so what goes beyond them would be money that nobody set aside.
 */
static bool
is_possible(const struct tg_call *call, const struct tg_usage *usage)
{
    if (usage->prompt_tokens < 0 ||
        (usage->completion_tokens < 0 && completes(call)))
        return false;
    return usage->prompt_tokens <= call->prompt_bound &&
           usage->completion_tokens <= call->completion_bound;
}

/* What is charged; of a usage, what is not known is none. */
static void
take(struct tg_call *call, enum tg_basis basis, const struct tg_usage *used)
{
    call->basis = (uint8_t)basis;
    call->prompt_tokens = or_zero(used->prompt_tokens);
    call->cached_tokens = or_zero(used->cached_tokens);
    call->written_tokens = or_zero(used->cache_write_tokens);
    call->completion_tokens = or_zero(used->completion_tokens);
    call->reasoning_tokens = or_zero(used->reasoning_tokens);
}

/*
 * A count is an estimate, and never charged above the bound.  What was
 * reported of an answer that was not over, Anthropic's prompt at its start, is
 * better than one.
 */
static void
take_count(struct tg_call *call, const struct tg_usage *so_far, int64_t counted)
{
    struct tg_usage used = {.prompt_tokens =
                                tg_bound_likely(call->prompt_bound)};

    if (so_far != NULL && so_far->prompt_tokens >= 0 &&
        so_far->prompt_tokens <= call->prompt_bound)
        used = *so_far;
    if (used.completion_tokens < counted)
        used.completion_tokens = counted;
    if (used.completion_tokens > call->completion_bound)
        used.completion_tokens = call->completion_bound;
    if (used.reasoning_tokens > used.completion_tokens)
        used.reasoning_tokens = used.completion_tokens;
    take(call, TG_BASIS_COUNTED, &used);
}

/* Whether tokens cost anything; else they are only told. */
static bool
has_token_price(const struct tg_call *call)
{
    const struct tg_rates *rates = &call->rates;

    return call->unit == TG_UNIT_NONE || rates->hit_picos != 0 ||
           rates->miss_picos != 0 || rates->write_picos != 0 ||
           rates->output_picos != 0;
}

/* What a call that holds in steps holds is less than its bounds. */
static void
take_hold(struct tg_call *call)
{
    int64_t held = tg_bound_affordable_call(call, call->held_nanos);
    struct tg_usage most = {.prompt_tokens = call->prompt_bound,
                            .completion_tokens = call->completion_bound};

    if (held < most.completion_tokens)
        most.completion_tokens = or_zero(held);
    if (!has_token_price(call))
        most.prompt_tokens = most.completion_tokens = 0;
    take(call, TG_BASIS_HELD, &most);
    call->units = call->unit_bound;
}

static void
take_nothing(struct tg_call *call)
{
    struct tg_usage none = {.prompt_tokens = 0};

    take(call, TG_BASIS_NONE, &none);
    call->units = 0;
}

/* The slot that a call stands in. */
static struct tg_call_slot *
slot_of(struct tg_state *state, struct tg_call *call)
{
    size_t at = (size_t)((char *)call - (char *)state->call_slots);

    assert(at % sizeof(struct tg_call_slot) ==
           offsetof(struct tg_call_slot, call));
    return &state->call_slots[at / sizeof(struct tg_call_slot)];
}

/*
 * A stream that holds in steps may have cost more than it holds, within its
 * bounds: more was made than was seen on the way.  That is held, too, if it
 * can be.
 */
static bool
hold_cost(struct tg_state *state, struct tg_call_slot *slot, int64_t nanos)
{
    const struct tg_call *call = &slot->call;
    struct tg_account_policy account;
    struct tg_budget_verdict verdict;
    struct tg_key_policy key;
    uint64_t seq;

    return tg_budget_holds(slot) &&
           tg_state_key(state, call->key_slot, &key, &seq) == 0 &&
           memcmp(key.id, call->key_id, TG_ID_LEN) == 0 &&
           tg_state_account(state, call->account_slot, &account) == 0 &&
           tg_budget_more(state, slot, nanos, &key, &account, &verdict);
}

/* What was used may cost more than can be held: then it costs the hold. */
static void
take_cost(struct tg_state *state, struct tg_call *call)
{
    struct tg_quantity quantity = tg_call_quantity(call);

    if (call->basis != TG_BASIS_HELD) {
        if (tg_price_cost(&call->rates, &quantity, &call->cost_nanos) != 0)
            take_hold(call);
        else if (call->cost_nanos > call->held_nanos &&
                 !hold_cost(state, slot_of(state, call), call->cost_nanos))
            call->basis = TG_BASIS_HELD;
    }
    if (call->basis == TG_BASIS_HELD)
        call->cost_nanos = call->held_nanos;
}

static void
count(struct tg_counters *counters, const struct tg_call *call)
{
    int64_t now_ms = call->at_ms;

    atomic_fetch_add_explicit(&counters->settled_nanos, call->cost_nanos,
                              memory_order_relaxed);
    atomic_fetch_sub_explicit(&counters->held_nanos, call->held_nanos,
                              memory_order_relaxed);
    atomic_fetch_sub_explicit(&counters->in_flight, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&counters->calls, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&counters->prompt_tokens, call->prompt_tokens,
                              memory_order_relaxed);
    atomic_fetch_add_explicit(&counters->completion_tokens,
                              call->completion_tokens, memory_order_relaxed);
    if (now_ms >
        atomic_load_explicit(&counters->last_used_at_ms, memory_order_relaxed))
        atomic_store_explicit(&counters->last_used_at_ms, now_ms,
                              memory_order_relaxed);
}

/* Tokens a minute took an estimate on entry; now it is known. */
static void
correct_rate(struct tg_state *state, const struct tg_call *call, int64_t now_ms)
{
    struct tg_key_policy policy;
    uint64_t seq;

    if (tg_state_key(state, call->key_slot, &policy, &seq) == 0 &&
        memcmp(policy.id, call->key_id, TG_ID_LEN) == 0)
        tg_rate_settle(&state->keys[call->key_slot].counters, &policy,
                       tg_bound_likely(call->prompt_bound),
                       call->prompt_tokens + call->completion_tokens, now_ms);
}

/* What a settled call no longer needs goes back; counters follow. */
static void
give_back(struct tg_state *state, struct tg_call *call, int64_t now_ms)
{
    tg_budget_settle(state, slot_of(state, call));
    correct_rate(state, call, now_ms);
    count(&state->keys[call->key_slot].counters, call);
    count(&state->accounts[call->account_slot].counters, call);
}

/* Ends the call with its tokens decided: cost, time, money, counters. */
static void
finish(struct tg_state *state, struct tg_call *call, uint16_t status,
       uint16_t code, int64_t now_ms)
{
    take_cost(state, call);
    call->latency_ms = tg_call_elapsed_ms(call, now_ms);
    call->code = code;
    call->status = status != 0 ? status : tg_code_row(code)->status;
    /* A status says that the record is whole, should we die from here on. */
    atomic_thread_fence(memory_order_release);
    give_back(state, call, now_ms);
}

/* An answer whose head says that another one follows is none to read. */
static bool
is_garbled(const struct tg_outcome *outcome)
{
    return outcome->is_garbled ||
           (outcome->upstream_status > 0 && outcome->upstream_status < 200);
}

/*
 * Whether the upstream may have made an answer that costs.  One that said no
 * made none, and one that closed without a word, or with blank lines alone, is
 * taken to have made none: so ends a connection that it had just given up, and
 * a call that DeepSeek did not come to.  One that was left in the middle, that
 * let us wait in vain, or whose words nobody can read may have.
 */
static bool
may_cost(const struct tg_call *call, const struct tg_outcome *outcome)
{
    const struct tg_meter *meter = outcome->meter;

    if (!(call->flags & TG_CALL_SENT))
        return false;
    if (outcome->upstream_status >= 300)
        return false;
    /* An object may tell of an error of its own. */
    if (family_of(call) != TG_FAMILY_OBJECTS && meter->has_error &&
        meter->content_bytes == 0)
        return false;
    return meter->has_bytes || outcome->client_left || is_garbled(outcome) ||
           outcome->is_late;
}

/*
 * Whether a count of nothing is a count: of a stream all that was made went
 * by, of an answer in one piece nothing does before its end.
 */
static bool
is_countable(const struct tg_call *call)
{
    return (call->flags & TG_CALL_STREAM) || !completes(call);
}

/* What went by and could not be read is not counted by it. */
static bool
is_readable(const struct tg_outcome *outcome)
{
    const struct tg_meter *meter = outcome->meter;

    return !is_garbled(outcome) &&
           !(meter->shape == TG_METER_JSON && meter->has_garbage);
}

/*
 * Speech that is not streamed reports nothing, and its bytes are of some
 * format.  A character of text takes about 1.3 tokens of sound, so three for
 * two bytes of it are rather too many; never above the bound.
 */
static int64_t
count_speech(const struct tg_call *call)
{
    return (call->prompt_bound - TG_BOUND_ALLOWANCE_TOKENS) * 3 / 2;
}

static bool
is_over(const struct tg_outcome *outcome)
{
    if (outcome->meter->shape == TG_METER_BYTES)
        return outcome->code == TG_CODE_NONE && !outcome->client_left;
    return tg_meter_is_over(outcome->meter);
}

static void
take_tokens(struct tg_call *call, const struct tg_outcome *outcome,
            const struct tg_usage *usage)
{
    const struct tg_meter *meter = outcome->meter;
    bool is_whole = is_over(outcome);
    int64_t counted = tg_meter_counted_tokens(meter);

    if (usage != NULL && is_whole && is_possible(call, usage))
        take(call, TG_BASIS_REPORTED, usage);
    else if (!may_cost(call, outcome))
        take_nothing(call);
    else if (counted > 0 || (is_countable(call) && is_readable(outcome)))
        take_count(call, is_whole ? NULL : usage, counted);
    else if (family_of(call) == TG_FAMILY_SPEECH)
        take_count(call, NULL, count_speech(call));
    else
        take_hold(call);
}

/* Tokens that cost nothing are told where they were reported. */
static void
take_told(struct tg_call *call, const struct tg_outcome *outcome,
          const struct tg_usage *usage)
{
    static const struct tg_usage none;
    bool is_told =
        usage != NULL && is_over(outcome) && is_possible(call, usage);

    take(call, TG_BASIS_REPORTED, is_told ? usage : &none);
}

/* By the weaker basis of the two: tokens, and what is not counted in them. */
static void
take_units(struct tg_call *call, const struct tg_outcome *outcome,
           const struct tg_usage *usage)
{
    bool is_sure =
        call->unit == TG_UNIT_CALL || call->unit == TG_UNIT_CHARACTER;
    enum tg_basis basis = tg_measure_used(call, outcome->meter, usage,
                                          is_over(outcome), &call->units);

    if (basis == TG_BASIS_HELD)
        take_hold(call);
    else if (basis < call->basis && !(is_sure && has_token_price(call)))
        call->basis = (uint8_t)basis;
}

void
tg_settle(struct tg_state *state, struct tg_call *call,
          const struct tg_outcome *outcome)
{
    struct tg_usage usage;
    bool is_believed =
        tg_meter_usage(outcome->meter, &usage) == TG_USAGE_BELIEVED;
    const struct tg_usage *believed = is_believed ? &usage : NULL;

    if (outcome->client_left)
        call->flags |= TG_CALL_CLIENT_LEFT;
    if (has_token_price(call))
        take_tokens(call, outcome, believed);
    else if (may_cost(call, outcome))
        take_told(call, outcome, believed);
    else
        take_nothing(call);
    if (call->unit != TG_UNIT_NONE && call->basis != TG_BASIS_NONE)
        take_units(call, outcome, &usage);
    finish(state, call, outcome->status, outcome->code, outcome->now_ms);
}

void
tg_settle_forgotten(struct tg_call *call)
{
    take_hold(call);
    call->cost_nanos = call->held_nanos;
    call->flags |= TG_CALL_RECOVERED;
    call->code = TG_CODE_INTERNAL_ERROR;
    call->status = tg_code_row(TG_CODE_INTERNAL_ERROR)->status;
}

void
tg_settle_lost(struct tg_state *state, struct tg_call *call, int64_t now_ms)
{
    /* What the call holds, and where, is only certain after this. */
    tg_budget_recover(state, slot_of(state, call));
    call->flags |= TG_CALL_RECOVERED;
    if (call->status != 0) {
        /* Its record is whole; until its money is, nobody has counted it. */
        if (!tg_budget_is_over(slot_of(state, call)))
            give_back(state, call, now_ms);
        return;
    }
    if (!(call->flags & TG_CALL_SENT))
        take_nothing(call);
    else if (has_token_price(call) && (call->counted > 0 || is_countable(call)))
        take_count(call, NULL, call->counted);
    else
        take_hold(call);
    if (call->basis == TG_BASIS_COUNTED)
        call->units = call->unit_bound;
    finish(state, call, tg_code_row(TG_CODE_INTERNAL_ERROR)->status,
           TG_CODE_INTERNAL_ERROR, now_ms);
}
