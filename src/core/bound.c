#include "bound.h"

#include "err.h"
#include "measure.h"
#include "money.h"
#include "usage.h"

/* Larger than the answers of any model today: for one nobody described. */
#define UNKNOWN_LIMIT_TOKENS (1 << 20)

#define TIMES (1u << TG_BODY_N | 1u << TG_BODY_BEST_OF)

static enum tg_family
family_of(enum tg_endpoint endpoint)
{
    const struct tg_route *route = tg_route_of(endpoint);

    return route == NULL ? TG_FAMILY_TEXT : route->family;
}

/*
 * The members by which an upstream lets a request limit the answer.  One that
 * it ignores bounds nothing: DeepSeek has no max_completion_tokens, nobody's
 * completions have, and max_output_tokens is of responses alone.
 */
uint32_t
tg_bound_obeyed(enum tg_dialect dialect, enum tg_endpoint endpoint)
{
    uint32_t members = 0;

    if (family_of(endpoint) > TG_FAMILY_VECTORS)
        return 0;
    if (endpoint == TG_ENDPOINT_RESPONSES)
        return 1u << TG_BODY_MAX_OUTPUT_TOKENS;
    if (dialect != TG_DIALECT_NONE)
        members |= 1u << TG_BODY_MAX_TOKENS;
    if (endpoint == TG_ENDPOINT_CHAT &&
        (dialect == TG_DIALECT_OPENAI || dialect == TG_DIALECT_VLLM))
        members |= 1u << TG_BODY_MAX_COMPLETION_TOKENS;
    return members;
}

enum tg_body_member
tg_bound_limit(enum tg_endpoint endpoint)
{
    return endpoint == TG_ENDPOINT_RESPONSES ? TG_BODY_MAX_OUTPUT_TOKENS
                                             : TG_BODY_MAX_TOKENS;
}

static int64_t
value_of(const struct tg_body_facts *facts, int member)
{
    const struct tg_body_value *value = &facts->members[member];

    return value->is_present && !value->is_null ? value->value : 0;
}

/* The largest of these members, TG_BODY_NONE when all are 0 or absent. */
static enum tg_body_member
largest_of(const struct tg_body_facts *facts, uint32_t members)
{
    int found = TG_BODY_NONE, m;

    for (; members != 0; members &= members - 1) {
        m = __builtin_ctz(members);
        if (value_of(facts, m) > value_of(facts, found))
            found = m;
    }
    return (enum tg_body_member)found;
}

static int64_t
model_limit(const struct tg_model *model, enum tg_endpoint endpoint)
{
    bool is_fim =
        endpoint == TG_ENDPOINT_COMPLETIONS || endpoint == TG_ENDPOINT_FIM;
    int64_t most = is_fim ? model->max_fim_tokens : model->max_output_tokens;

    if (most <= 0)
        most = model->max_output_tokens;
    if (most <= 0)
        most = model->max_context_tokens;
    return most > 0 ? most : UNKNOWN_LIMIT_TOKENS;
}

static bool
is_unseen(const struct tg_asked *asked, enum tg_dialect dialect)
{
    uint32_t kinds = 1u << TG_ASK_UNSEEN;

    if (dialect == TG_DIALECT_OPENAI)
        kinds |= 1u << TG_ASK_REASONING;
    return (asked->kinds & kinds) != 0;
}

/* Each product is below 2^96, each sum as well. */
int64_t
tg_bound_prompt(const struct tg_body_facts *facts, const struct tg_model *model,
                enum tg_dialect dialect)
{
    const struct tg_asked *asked = &facts->asked;
    int64_t image = model->max_image_tokens;
    __int128 tokens = (__int128)facts->prompt_bytes - asked->image_bytes;

    if (image <= 0)
        image = TG_BOUND_IMAGE_TOKENS;
    tokens += (__int128)asked->images * image;
    tokens += (__int128)asked->client_tools * TG_BOUND_TOOL_TOKENS;
    if (is_unseen(asked, dialect) && tokens < model->max_context_tokens)
        tokens = model->max_context_tokens;
    if (tokens > TG_USAGE_TOKENS_MAX)
        tokens = TG_USAGE_TOKENS_MAX;
    return (int64_t)tokens + TG_BOUND_ALLOWANCE_TOKENS;
}

int64_t
tg_bound_request(const struct tg_body_facts *facts,
                 const struct tg_model *model, enum tg_dialect dialect,
                 enum tg_family family, const struct tg_rates *rates)
{
    int64_t tokens = tg_bound_prompt(facts, model, dialect);

    if (family == TG_FAMILY_OBJECTS)
        return 0;
    if (rates->miss_picos != 0 || rates->output_picos != 0)
        tokens += tg_measure_file_tokens(facts, family, model->max_image_tokens,
                                         model->max_context_tokens);
    return tokens < TG_USAGE_TOKENS_MAX
               ? tokens
               : TG_USAGE_TOKENS_MAX + TG_BOUND_ALLOWANCE_TOKENS;
}

int64_t
tg_bound_likely(int64_t prompt_bound)
{
    if (prompt_bound <= TG_BOUND_ALLOWANCE_TOKENS)
        return 0;
    return (prompt_bound - TG_BOUND_ALLOWANCE_TOKENS + 3) / 4;
}

int
tg_bound_cost(const struct tg_call *call, int64_t *nanos)
{
    return tg_bound_hold(call, call->completion_bound, nanos);
}

int
tg_bound_hold(const struct tg_call *call, int64_t completion_tokens,
              int64_t *nanos)
{
    struct tg_rates dearest = tg_price_dearest(&call->rates);
    struct tg_quantity most = {
        .prompt_tokens = call->prompt_bound,
        .completion_tokens = completion_tokens,
        .units = call->unit_bound,
    };

    return tg_price_cost(&dearest, &most, nanos);
}

/*
 * A cost is picos / 1000 rounded up, so it is at most left just when the picos
 * are at most left * 1000.  Products of two non-negative int64 are below
 * 2^126.
 */
int64_t
tg_bound_affordable(const struct tg_rates *rates, int64_t prompt_bound,
                    int64_t left_nanos)
{
    struct tg_rates dearest = tg_price_dearest(rates);
    __int128 left, tokens;

    if (rates->hit_picos < 0 || rates->miss_picos < 0 ||
        rates->write_picos < 0 || rates->output_picos < 0 || prompt_bound < 0 ||
        left_nanos < 0)
        return -1;
    left = (__int128)left_nanos * TG_PICOS_PER_NANO -
           (__int128)prompt_bound * dearest.miss_picos;
    if (left < 0)
        return -1;
    if (rates->output_picos == 0)
        return TG_USAGE_TOKENS_MAX;
    tokens = left / rates->output_picos;
    return tokens < TG_USAGE_TOKENS_MAX ? (int64_t)tokens : TG_USAGE_TOKENS_MAX;
}

int64_t
tg_bound_affordable_call(const struct tg_call *call, int64_t left_nanos)
{
    struct tg_quantity units = {.units = call->unit_bound};
    int64_t nanos;

    if (tg_price_cost(&call->rates, &units, &nanos) != 0)
        return -1;
    return tg_bound_affordable(&call->rates, call->prompt_bound,
                               left_nanos - nanos);
}

static bool
is_priced_by_answer(const struct tg_model *model)
{
    for (uint32_t i = 0; i < model->price_count && i < TG_MODEL_PRICES; i++) {
        if (model->prices[i].off_peak.output_picos != 0 ||
            model->prices[i].peak.output_picos != 0)
            return true;
    }
    return false;
}

/* Prompts that get answers of their own. */
static int64_t
prompts_of(const struct tg_body_facts *facts, enum tg_endpoint endpoint)
{
    bool may_list =
        endpoint == TG_ENDPOINT_COMPLETIONS || endpoint == TG_ENDPOINT_FIM;

    return may_list && facts->asked.prompts > 1 ? facts->asked.prompts : 1;
}

/*
 * Whether an answer has tokens at all: pictures and sound have them by models
 * that are described with a limit of them, or priced by them.
 */
static bool
has_answer_tokens(const struct tg_model *model, enum tg_endpoint endpoint)
{
    switch (family_of(endpoint)) {
    case TG_FAMILY_TEXT:
        return true;
    case TG_FAMILY_VECTORS:
    case TG_FAMILY_OBJECTS:
        return false;
    default:
        return model->max_output_tokens > 0 || is_priced_by_answer(model);
    }
}

/* Of numbers that are not negative; without a division, which takes long. */
static bool
multiply(int64_t *tokens, int64_t times)
{
    return !__builtin_mul_overflow(*tokens, times, tokens) &&
           *tokens <= TG_USAGE_TOKENS_MAX;
}

/* What upstreams make of a limit of 0 differs, so it counts as none. */
int
tg_bound_completion(const struct tg_body_facts *facts,
                    const struct tg_model *model, enum tg_dialect dialect,
                    enum tg_endpoint endpoint, int64_t *tokens,
                    enum tg_body_member *member)
{
    enum tg_body_member limit =
        largest_of(facts, tg_bound_obeyed(dialect, endpoint));
    enum tg_body_member times = largest_of(facts, TIMES);
    int64_t most = value_of(facts, limit), n = value_of(facts, times);
    int64_t prompts = prompts_of(facts, endpoint);

    *member = limit == TG_BODY_NONE ? tg_bound_limit(endpoint) : limit;
    if (!has_answer_tokens(model, endpoint)) {
        *tokens = 0;
        return 0;
    }
    if (limit == TG_BODY_NONE)
        most = model_limit(model, endpoint);
    if (!multiply(&most, prompts))
        return TG_ERR_RANGE;
    if (n > 1 && !multiply(&most, n)) {
        *member = times;
        return TG_ERR_RANGE;
    }
    *tokens = most;
    return 0;
}
