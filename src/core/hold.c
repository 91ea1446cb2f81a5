#include "hold.h"

#include "admit_part.h"
#include "bound.h"
#include "budget.h"
#include "route.h"

/* Others may be quicker to the same money; then what is left is asked anew. */
#define TRIES 3

/*
 * Where every token of an answer is shown as it is made.  OpenAI's models
 * reason unseen, and Anthropic's show a summary of it, or nothing.
 */
static const struct {
    enum tg_dialect dialect;
    enum tg_endpoint endpoint;
} shown[] = {
    {TG_DIALECT_DEEPSEEK, TG_ENDPOINT_CHAT},
    {TG_DIALECT_DEEPSEEK, TG_ENDPOINT_COMPLETIONS},
    {TG_DIALECT_DEEPSEEK, TG_ENDPOINT_FIM},
    {TG_DIALECT_DEEPSEEK, TG_ENDPOINT_MESSAGES},
    {TG_DIALECT_VLLM, TG_ENDPOINT_CHAT},
    {TG_DIALECT_VLLM, TG_ENDPOINT_COMPLETIONS},
};

static int64_t
value_of(const struct tg_body_facts *facts, enum tg_body_member member)
{
    return facts->members[member].value;
}

int64_t
tg_hold_choices(const struct tg_body_facts *facts)
{
    int64_t n = value_of(facts, TG_BODY_N);
    int64_t best_of = value_of(facts, TG_BODY_BEST_OF);

    if (best_of > n)
        n = best_of;
    if (n < 1)
        n = 1;
    return facts->asked.prompts > 1 ? n * facts->asked.prompts : n;
}

static bool
is_shown(const struct tg_call *call, enum tg_dialect dialect)
{
    for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
        if (shown[i].dialect == dialect && shown[i].endpoint == call->endpoint)
            return true;
    }
    return false;
}

/* Choices that are made and not chosen are not shown, either. */
static bool
has_steps(const struct tg_call *call, enum tg_dialect dialect,
          const struct tg_body_facts *facts)
{
    return (call->flags & TG_CALL_STREAM) && is_shown(call, dialect) &&
           !facts->hides_tokens && facts->asked.prompts <= 1 &&
           (tg_hold_choices(facts) == 1 ||
            tg_hold_choices(facts) == value_of(facts, TG_BODY_N));
}

/* All that can be made is held when the bound is. */
static void
set_held(struct tg_hold *hold, const struct tg_call *call, int64_t tokens)
{
    hold->held_tokens = tokens;
    hold->limit_tokens = tokens >= call->completion_bound
                             ? INT64_MAX
                             : tokens - TG_HOLD_SLACK_TOKENS;
}

void
tg_hold_begin(struct tg_hold *hold, const struct tg_call *call,
              enum tg_dialect dialect, const struct tg_body_facts *facts)
{
    int64_t tokens = call->completion_bound;

    if (tokens > TG_HOLD_FIRST_TOKENS && has_steps(call, dialect, facts))
        tokens = TG_HOLD_FIRST_TOKENS;
    set_held(hold, call, tokens);
    hold->is_single = tg_hold_choices(facts) == 1;
}

static int64_t
smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* The next step: what is held once more, but at least what was made. */
static int64_t
next(const struct tg_hold *hold, int64_t made_tokens)
{
    int64_t tokens =
        hold->held_tokens + smaller(hold->held_tokens, TG_HOLD_STEP_TOKENS);
    int64_t least = made_tokens + TG_HOLD_FIRST_TOKENS;

    return tokens > least ? tokens : least;
}

static bool
take(struct tg_state *state, struct tg_call_slot *slot, int64_t tokens,
     struct tg_admission *a)
{
    int64_t nanos;

    return tg_bound_hold(&slot->call, tokens, &nanos) == 0 &&
           (nanos <= slot->call.held_nanos ||
            tg_budget_more(state, slot, nanos, &a->key, &a->account,
                           &a->budget));
}

/*
 * Takes tokens, or as many as there is money for and at least least.  Returns
 * what is held then, or -1 and a->budget.
 */
static int64_t
take_most(struct tg_state *state, struct tg_call_slot *slot, int64_t tokens,
          int64_t least, struct tg_admission *a)
{
    const struct tg_call *call = &slot->call;

    for (int i = 0; i < TRIES && tokens >= least; i++) {
        if (take(state, slot, tokens, a))
            return tokens;
        tokens = smaller(tokens, tg_bound_affordable_call(
                                     call, tg_budget_room(state, call, &a->key,
                                                          &a->account)));
    }
    return -1;
}

bool
tg_hold_move(struct tg_hold *hold, struct tg_state *state,
             struct tg_call_slot *slot, enum tg_dialect dialect,
             const struct tg_body_facts *facts, struct tg_admission *a)
{
    struct tg_call *call = &slot->call;
    int64_t n = tg_hold_choices(facts), tokens;

    if (hold->held_tokens >= call->completion_bound ||
        has_steps(call, dialect, facts))
        return true;
    tokens = take_most(state, slot, call->completion_bound,
                       n * TG_BOUND_FLOOR_TOKENS, a);
    if (tokens < 0)
        return false;
    call->completion_bound = tokens - tokens % n;
    set_held(hold, call, tokens);
    return true;
}

bool
tg_hold_more(struct tg_hold *hold, struct tg_state *state,
             struct tg_call_slot *slot, const struct tg_meter *meter,
             int64_t now_ms, struct tg_admission *a)
{
    const struct tg_call *call = &slot->call;
    int64_t made = tg_meter_most_tokens(meter);
    int64_t tokens = smaller(next(hold, made), call->completion_bound);
    int64_t least =
        smaller(made + TG_HOLD_SLACK_TOKENS, call->completion_bound);

    if (!tg_admit_again(state, now_ms, a))
        return false;
    tokens = take_most(state, slot, tokens, least, a);
    if (tokens < 0) {
        tg_admit_find_day(state, now_ms, a);
        return tg_admit_refuse_money(a);
    }
    set_held(hold, call, tokens);
    return true;
}
