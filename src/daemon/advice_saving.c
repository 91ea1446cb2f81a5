#include "advice_saving.h"

#include <stdlib.h>
#include <string.h>

#include "civil.h"
#include "dialect.h"
#include "money.h"
#include "price.h"

#define MINUTE_MS 60000
#define MONTH_DAYS 30

/* Amounts of many calls: what does not fit is the largest that does. */
static void
add(int64_t *sum, int64_t value)
{
    if (__builtin_add_overflow(*sum, value, sum))
        *sum = INT64_MAX;
}

static void
note(struct tg_saving_calls *calls, const struct tg_call *call)
{
    calls->calls++;
    add(&calls->tokens, call->prompt_tokens + call->completion_tokens);
    add(&calls->cost_nanos, call->cost_nanos);
    if (calls->example_count < TG_SAVING_EXAMPLES)
        calls->examples[calls->example_count++] = call->id;
}

static bool
has_peak(const struct tg_price *price)
{
    int at = 0;
    struct tg_price_span span;

    return tg_price_next_span(price->peak_quarters, &at, &span);
}

static const struct tg_rates *
band(const struct tg_price *price, bool is_peak)
{
    return tg_price_rates(price, is_peak && has_peak(price));
}

/* Whether no price of a token is larger, and one is smaller. */
static bool
is_cheaper(const struct tg_price *a, const struct tg_price *b)
{
    bool is_smaller = false;

    for (int i = 0; i < 2; i++) {
        const struct tg_rates *left = band(a, i), *right = band(b, i);

        if (left->hit_picos > right->hit_picos ||
            left->miss_picos > right->miss_picos ||
            left->output_picos > right->output_picos)
            return false;
        is_smaller |= left->hit_picos < right->hit_picos ||
                      left->miss_picos < right->miss_picos ||
                      left->output_picos < right->output_picos;
    }
    return is_smaller;
}

static const struct tg_price *
price_of(const struct tg_model *model, int64_t at_ms)
{
    return tg_price_at(model->prices, model->price_count, at_ms);
}

/* By what a token in and one out cost, and then by name. */
static bool
comes_first(const struct tg_model *a, const struct tg_model *b, int64_t now_ms)
{
    const struct tg_rates *left = &price_of(a, now_ms)->off_peak;
    const struct tg_rates *right = &price_of(b, now_ms)->off_peak;
    __int128 sum = (__int128)left->miss_picos + left->output_picos;
    __int128 other = (__int128)right->miss_picos + right->output_picos;

    if (sum != other)
        return sum < other;
    return strncmp(a->name, b->name, sizeof(a->name)) < 0;
}

static void
insert(struct tg_saving_group *group, const struct tg_catalog *catalog,
       uint16_t row, int64_t now_ms)
{
    size_t at = group->candidate_count;

    while (at > 0 &&
           comes_first(&catalog->models[row],
                       &catalog->models[group->candidates[at - 1]], now_ms))
        at--;
    if (at == TG_SAVING_CANDIDATES)
        return;
    if (group->candidate_count < TG_SAVING_CANDIDATES)
        group->candidate_count++;
    memmove(&group->candidates[at + 1], &group->candidates[at],
            (group->candidate_count - at - 1) * sizeof(group->candidates[0]));
    group->candidates[at] = row;
}

void
tg_saving_choose(struct tg_saving_group *group,
                 const struct tg_catalog *catalog, int64_t now_ms,
                 bool is_development)
{
    const struct tg_price *own, *other;

    if (group->row < 0)
        return;
    own = price_of(&catalog->models[group->row], now_ms);
    for (uint32_t i = 0; own != NULL && i < catalog->model_count; i++) {
        const struct tg_model *model = &catalog->models[i];

        other = price_of(model, now_ms);
        if ((int)i != group->row && other != NULL &&
            other->unit == TG_UNIT_NONE && model->upstream_count > 0 &&
            (model->scopes & catalog->models[group->row].scopes) != 0 &&
            (!is_development || (model->flags & TG_MODEL_DEVELOPMENT)) &&
            is_cheaper(other, own))
            insert(group, catalog, (uint16_t)i, now_ms);
    }
}

/* The rates of a model at an instant, as they are for the key. */
static bool
rates_at(const struct tg_saving_group *group, const struct tg_catalog *catalog,
         const struct tg_model *model, int64_t at_ms, struct tg_rates *rates)
{
    const struct tg_price *price = price_of(model, at_ms);

    if (price == NULL)
        return false;
    *rates =
        *tg_price_rates(price, tg_price_is_peak(price, at_ms, catalog->holidays,
                                                catalog->holiday_count));
    return tg_price_scale(rates, group->factor_ppm) == 0;
}

static bool
is_same(const struct tg_rates *a, const struct tg_rates *b)
{
    return a->hit_picos == b->hit_picos && a->miss_picos == b->miss_picos &&
           a->output_picos == b->output_picos &&
           a->write_picos == b->write_picos;
}

/*
 * A call can be priced again where its cost is that of its tokens, by the
 * price that the book has for its instant.  *off_peak: the rates of that
 * price at other hours.
 */
static bool
is_known(const struct tg_saving_group *group, const struct tg_catalog *catalog,
         const struct tg_call *call, struct tg_rates *off_peak)
{
    const struct tg_route *route =
        tg_route_of((enum tg_endpoint)call->endpoint);
    struct tg_quantity quantity = tg_call_quantity(call);
    const struct tg_price *price;
    struct tg_rates rates;
    int64_t nanos;

    if (group->row < 0 || route == NULL || call->basis == TG_BASIS_HELD ||
        (route->family != TG_FAMILY_TEXT &&
         route->family != TG_FAMILY_VECTORS) ||
        (call->unit != TG_UNIT_NONE && call->unit != TG_UNIT_CALL))
        return false;
    price = price_of(&catalog->models[group->row], call->at_ms);
    if (price == NULL)
        return false;
    rates = *tg_price_rates(price, call->flags & TG_CALL_PEAK);
    *off_peak = price->off_peak;
    return tg_price_scale(&rates, group->factor_ppm) == 0 &&
           tg_price_scale(off_peak, group->factor_ppm) == 0 &&
           is_same(&rates, &call->rates) &&
           tg_price_cost(&call->rates, &quantity, &nanos) == 0 &&
           nanos == call->cost_nanos;
}

/* Whether a model takes such a call at all; 0 is a limit not known. */
static bool
takes(const struct tg_catalog *catalog, const struct tg_model *model,
      const struct tg_call *call)
{
    const struct tg_route *route =
        tg_route_of((enum tg_endpoint)call->endpoint);
    bool is_chat = route->scope == TG_SCOPE_CHAT, is_served = false;
    int64_t most = is_chat ? model->max_output_tokens : model->max_fim_tokens;

    for (uint16_t i = 0; i < model->upstream_count; i++) {
        const struct tg_upstream *upstream =
            &catalog->upstreams[model->upstreams[i]];

        is_served |= tg_dialect_serves((enum tg_dialect)upstream->dialect,
                                       route->endpoint);
    }
    return is_served && (model->scopes & route->scope) != 0 &&
           (most == 0 || call->completion_tokens <= most) &&
           (model->max_context_tokens == 0 ||
            call->prompt_tokens + call->completion_tokens <=
                model->max_context_tokens);
}

static void
take_model(struct tg_saving_group *group, const struct tg_catalog *catalog,
           const struct tg_call *call)
{
    const struct tg_route *route =
        tg_route_of((enum tg_endpoint)call->endpoint);
    struct tg_quantity quantity = tg_call_quantity(call);

    for (size_t i = 0; i < group->candidate_count; i++) {
        const struct tg_model *model = &catalog->models[group->candidates[i]];
        struct tg_rates rates;
        int64_t nanos = 0;

        /* Vectors of two models are of two spaces. */
        if (route->family == TG_FAMILY_TEXT && call->unit == TG_UNIT_NONE &&
            takes(catalog, model, call) &&
            rates_at(group, catalog, model, call->at_ms, &rates) &&
            tg_price_cost(&rates, &quantity, &nanos) == 0)
            add(&group->then_nanos[i], nanos);
        else
            group->misfits[i]++;
    }
}

/* Of what is sent once, what was cached goes first: it is the cheapest. */
static void
take_away(struct tg_quantity *quantity, int64_t tokens)
{
    int64_t missed = quantity->prompt_tokens - quantity->cached_tokens -
                     quantity->written_tokens;
    int64_t cached =
        tokens < quantity->cached_tokens ? tokens : quantity->cached_tokens;
    int64_t rest = tokens - cached;

    quantity->prompt_tokens -= tokens;
    quantity->cached_tokens -= cached;
    if (rest > missed)
        quantity->written_tokens -= rest - missed;
}

static void
end_run(struct tg_saving_group *group)
{
    struct tg_saving_run *run = &group->run;
    struct tg_quantity shared = run->sum;
    int64_t merged, once;

    if (run->unit == TG_UNIT_CALL && run->calls > 0)
        run->sum.units = shared.units = 1;
    if (run->calls < 2)
        return;
    take_away(&shared, (run->calls - 1) * run->least_prompt);
    if (tg_price_cost(&run->rates, &run->sum, &merged) != 0 ||
        tg_price_cost(&run->rates, &shared, &once) != 0)
        return;
    group->small.calls += run->calls;
    add(&group->small.tokens,
        run->sum.prompt_tokens + run->sum.completion_tokens);
    add(&group->small.cost_nanos, run->cost_nanos);
    add(&group->merged_nanos, merged);
    add(&group->shared_nanos, once);
    group->small_requests++;
}

static bool
goes_on(const struct tg_saving_run *run, const struct tg_call *call)
{
    return run->calls > 0 && run->minute == call->at_ms / MINUTE_MS &&
           run->unit == call->unit &&
           memcmp(&run->rates, &call->rates, sizeof(run->rates)) == 0;
}

static void
take_small(struct tg_saving_group *group, const struct tg_call *call)
{
    struct tg_saving_run *run = &group->run;
    struct tg_saving_calls *small = &group->small;

    if (call->prompt_tokens + call->completion_tokens >= TG_SAVING_SMALL_TOKENS)
        return;
    if (!goes_on(run, call)) {
        end_run(group);
        *run = (struct tg_saving_run){
            .minute = call->at_ms / MINUTE_MS,
            .least_prompt = call->prompt_tokens,
            .unit = call->unit,
            .rates = call->rates,
        };
    } else if (small->example_count < TG_SAVING_EXAMPLES) {
        small->examples[small->example_count++] = call->id;
    }
    run->calls++;
    run->cost_nanos += call->cost_nanos;
    run->sum.prompt_tokens += call->prompt_tokens;
    run->sum.cached_tokens += call->cached_tokens;
    run->sum.written_tokens += call->written_tokens;
    run->sum.completion_tokens += call->completion_tokens;
    run->sum.units += call->units;
    if (call->prompt_tokens < run->least_prompt)
        run->least_prompt = call->prompt_tokens;
}

bool
tg_saving_has_rate(const struct tg_saving_prompts *prompts)
{
    return prompts->calls >= TG_SAVING_RATE_CALLS &&
           prompts->prompt_tokens >= TG_SAVING_RATE_TOKENS;
}

bool
tg_saving_is_better(const struct tg_saving_prompts *a,
                    const struct tg_saving_prompts *b)
{
    return (__int128)a->cached_tokens * b->prompt_tokens >
           (__int128)b->cached_tokens * a->prompt_tokens;
}

static void
end_day(struct tg_saving_group *group)
{
    if (tg_saving_has_rate(&group->today) &&
        (group->best_day.calls == 0 ||
         tg_saving_is_better(&group->today, &group->best_day)))
        group->best_day = group->today;
    group->today = (struct tg_saving_prompts){0};
}

static void
add_prompt(struct tg_saving_prompts *prompts, const struct tg_call *call)
{
    prompts->calls++;
    prompts->prompt_tokens += call->prompt_tokens;
    prompts->cached_tokens += call->cached_tokens;
}

static struct tg_saving_class *
class_of(struct tg_saving_group *group, const struct tg_rates *rates)
{
    for (size_t i = 0; i < group->class_count; i++) {
        if (is_same(&group->classes[i].rates, rates))
            return &group->classes[i];
    }
    if (group->class_count == TG_SAVING_CLASSES)
        return NULL;
    group->classes[group->class_count].rates = *rates;
    return &group->classes[group->class_count++];
}

static void
take_prompt(struct tg_saving_group *group, const struct tg_call *call)
{
    int64_t day = call->at_ms / TG_MS_PER_DAY;
    struct tg_saving_class *class = class_of(group, &call->rates);

    if (group->today.calls > 0 && group->today.day != day)
        end_day(group);
    group->today.day = day;
    add_prompt(&group->today, call);
    add_prompt(&group->prompts, call);
    if (class == NULL)
        return;
    class->prompt_tokens += call->prompt_tokens;
    class->cached_tokens += call->cached_tokens;
    class->written_tokens += call->written_tokens;
}

static void
take_peak(struct tg_saving_group *group, const struct tg_call *call,
          const struct tg_rates *off_peak)
{
    struct tg_quantity quantity = tg_call_quantity(call);
    int64_t nanos;

    if (!(call->flags & TG_CALL_PEAK) ||
        tg_price_cost(off_peak, &quantity, &nanos) != 0)
        return;
    note(&group->peak, call);
    add(&group->peak_then_nanos, nanos);
    if (call->flags & TG_CALL_STREAM)
        return;
    note(&group->movable, call);
    add(&group->movable_then_nanos, nanos);
}

void
tg_saving_take(struct tg_saving_group *group, const struct tg_catalog *catalog,
               const struct tg_call *call)
{
    struct tg_rates off_peak;

    if (!is_known(group, catalog, call, &off_peak)) {
        group->left_out++;
        add(&group->left_out_nanos, call->cost_nanos);
        return;
    }
    note(&group->all, call);
    take_model(group, catalog, call);
    take_small(group, call);
    take_prompt(group, call);
    take_peak(group, call, &off_peak);
}

void
tg_saving_end(struct tg_saving_group *group)
{
    end_run(group);
    group->run = (struct tg_saving_run){0};
    end_day(group);
}

int
tg_saving_model(const struct tg_saving_group *group, int64_t *nanos)
{
    int best = -1;

    *nanos = 0;
    for (size_t i = 0; i < group->candidate_count; i++) {
        int64_t saved = group->all.cost_nanos - group->then_nanos[i];

        if (group->misfits[i] > 0 || saved <= *nanos)
            continue;
        *nanos = saved;
        best = (int)i;
    }
    return best;
}

/* Tokens of prompts that would be hits at a rate; rounded down. */
static int64_t
hits_of(int64_t prompt_tokens, const struct tg_saving_prompts *target)
{
    return (int64_t)((__int128)prompt_tokens * target->cached_tokens /
                     target->prompt_tokens);
}

static int64_t
difference(const struct tg_saving_class *class)
{
    int64_t picos = class->rates.miss_picos - class->rates.hit_picos;

    return picos > 0 ? picos : 0;
}

static int
least_first(const void *a, const void *b)
{
    int64_t left = difference(a), right = difference(b);

    return (left > right) - (left < right);
}

int64_t
tg_saving_cache(const struct tg_saving_group *group,
                const struct tg_saving_prompts *target, int64_t *hits)
{
    struct tg_saving_class classes[TG_SAVING_CLASSES];
    int64_t left = hits_of(group->prompts.prompt_tokens, target) -
                   group->prompts.cached_tokens;
    __int128 picos = 0;

    memcpy(classes, group->classes, sizeof(classes));
    qsort(classes, group->class_count, sizeof(classes[0]), least_first);
    *hits = group->prompts.cached_tokens;
    for (size_t i = 0; i < group->class_count && left > 0; i++) {
        const struct tg_saving_class *class = &classes[i];
        int64_t most = class->prompt_tokens - class->written_tokens;
        int64_t more = hits_of(class->prompt_tokens, target);

        more = (more < most ? more : most) - class->cached_tokens;
        more = more < left ? more : left;
        if (more <= 0)
            continue;
        left -= more;
        *hits += more;
        picos += (__int128)more * difference(class);
    }
    picos /= TG_PICOS_PER_NANO;
    return picos > INT64_MAX ? INT64_MAX : (int64_t)picos;
}

int64_t
tg_saving_per_month(int64_t nanos, int64_t lasted_ms)
{
    int64_t lasted = lasted_ms < TG_MS_PER_DAY ? TG_MS_PER_DAY : lasted_ms;
    __int128 month = (__int128)nanos * MONTH_DAYS * TG_MS_PER_DAY / lasted;

    return month > INT64_MAX ? INT64_MAX : (int64_t)month;
}
