#include "reconcile.h"

#include <stdio.h>
#include <string.h>

#include "err.h"
#include "money.h"
#include "reply.h"

/* By enum tg_meter_kind: the simulator's names, and for people. */
static const struct {
    const char *name, *what;
    enum tg_finding_unit unit;
} meters[TG_METERS] = {
    [TG_METER_REQUESTS] = {"requests", "requests", TG_FINDING_CALLS},
    [TG_METER_PROMPT] = {"prompt_tokens", "prompt tokens", TG_FINDING_TOKENS},
    [TG_METER_CACHED] = {"prompt_cache_hit_tokens", "cached prompt tokens",
                         TG_FINDING_TOKENS},
    [TG_METER_COMPLETION] = {"completion_tokens", "completion tokens",
                             TG_FINDING_TOKENS},
    [TG_METER_REASONING] = {"reasoning_tokens", "reasoning tokens",
                            TG_FINDING_TOKENS},
};

struct tg_tally *
tg_tally_of(struct tg_tallies *tallies, const char *model)
{
    struct tg_tally *tally;

    for (size_t i = 0; i < tallies->count; i++) {
        if (strcmp(tallies->list[i].model, model) == 0)
            return &tallies->list[i];
    }
    if (tallies->count == TG_TALLY_MODELS)
        return NULL;
    tally = &tallies->list[tallies->count++];
    memset(tally, 0, sizeof(*tally));
    strncpy(tally->model, model, sizeof(tally->model) - 1);
    return tally;
}

void
tg_tally_call(struct tg_tallies *tallies, const struct tg_call *call)
{
    char model[TG_MODEL_NAME_MAX + 1] = "";
    struct tg_tally *tally;

    if (call->basis == TG_BASIS_NONE)
        return;
    memcpy(model, call->model, TG_MODEL_NAME_MAX);
    tally = tg_tally_of(tallies, model);
    if (tally == NULL)
        return;
    tally->values[TG_METER_REQUESTS]++;
    tally->values[TG_METER_PROMPT] += call->prompt_tokens;
    tally->values[TG_METER_CACHED] += call->cached_tokens;
    tally->values[TG_METER_COMPLETION] += call->completion_tokens;
    tally->values[TG_METER_REASONING] += call->reasoning_tokens;
}

int
tg_reading_counts(struct tg_reading *reading, const json_t *answer)
{
    json_t *models = json_object_get(answer, "models"), *row;
    const char *model;

    if (!json_is_object(models))
        return TG_ERR_FORMAT;
    reading->is_balance = false;
    reading->counts.count = 0;
    json_object_foreach(models, model, row)
    {
        char name[TG_MODEL_NAME_MAX + 1];
        struct tg_tally *tally;

        /* "(files)" is what is no model, and has a name without here. */
        snprintf(name, sizeof(name), "%s", model + (model[0] == '('));
        if (model[0] == '(')
            name[strcspn(name, ")")] = '\0';
        tally = tg_tally_of(&reading->counts, name);

        for (int i = 0; i < TG_METERS && tally != NULL; i++)
            tally->values[i] =
                json_integer_value(json_object_get(row, meters[i].name));
    }
    return 0;
}

/* "110.00" is told to within 0.01. */
static int64_t
step_of(const char *text)
{
    const char *point = strchr(text, '.');
    int64_t step = TG_NANOS_PER_UNIT;

    for (size_t i = point != NULL ? strlen(point + 1) : 0; i > 0 && step > 1;
         i--)
        step /= 10;
    return step;
}

int
tg_reading_balance(struct tg_reading *reading, const json_t *answer,
                   const char *currency)
{
    const json_t *infos = json_object_get(answer, "balance_infos"), *row;
    size_t i;

    json_array_foreach(infos, i, row)
    {
        const char *of = json_string_value(json_object_get(row, "currency"));
        const char *text =
            json_string_value(json_object_get(row, "total_balance"));

        if (of == NULL || text == NULL || strcmp(of, currency) != 0)
            continue;
        if (tg_money_parse_signed((struct tg_str){text, strlen(text)},
                                  &reading->balance_nanos) != 0)
            return TG_ERR_FORMAT;
        reading->is_balance = true;
        reading->step_nanos = step_of(text);
        return 0;
    }
    return TG_ERR_FORMAT;
}

static json_t *
counts_object(const struct tg_tallies *counts)
{
    json_t *models = json_object();

    for (size_t i = 0; i < counts->count; i++) {
        json_t *row = json_object();

        for (int j = 0; j < TG_METERS; j++)
            json_object_set_new(row, meters[j].name,
                                json_integer(counts->list[i].values[j]));
        json_object_set_new(models, counts->list[i].model, row);
    }
    return models;
}

json_t *
tg_reading_save(const struct tg_reading *reading)
{
    return json_pack("{s:b,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:o}", "is_balance",
                     reading->is_balance, "at_ms", (json_int_t)reading->at_ms,
                     "seq", (json_int_t)reading->seq, "slack_calls",
                     (json_int_t)reading->slack.calls, "slack_tokens",
                     (json_int_t)reading->slack.tokens, "slack_nanos",
                     (json_int_t)reading->slack.nanos, "balance_nanos",
                     (json_int_t)reading->balance_nanos, "step_nanos",
                     (json_int_t)reading->step_nanos, "models",
                     counts_object(&reading->counts));
}

static int64_t
member(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

int
tg_reading_load(struct tg_reading *reading, const json_t *saved)
{
    memset(reading, 0, sizeof(*reading));
    if (tg_reading_counts(reading, saved) != 0)
        return TG_ERR_FORMAT;
    reading->is_balance = json_is_true(json_object_get(saved, "is_balance"));
    reading->at_ms = member(saved, "at_ms");
    reading->seq = member(saved, "seq");
    reading->slack.calls = member(saved, "slack_calls");
    reading->slack.tokens = member(saved, "slack_tokens");
    reading->slack.nanos = member(saved, "slack_nanos");
    reading->balance_nanos = member(saved, "balance_nanos");
    reading->step_nanos = member(saved, "step_nanos");
    return 0;
}

static int64_t
value_of(const struct tg_tallies *tallies, const char *model, int meter)
{
    for (size_t i = 0; i < tallies->count; i++) {
        if (strcmp(tallies->list[i].model, model) == 0)
            return tallies->list[i].values[meter];
    }
    return 0;
}

bool
tg_reading_is_newer(const struct tg_reading *first,
                    const struct tg_reading *last)
{
    if (first->is_balance)
        return false;
    for (size_t i = 0; i < first->counts.count; i++) {
        const struct tg_tally *row = &first->counts.list[i];

        if (value_of(&last->counts, row->model, TG_METER_REQUESTS) <
            row->values[TG_METER_REQUESTS])
            return true;
    }
    return false;
}

static json_t *
figure(enum tg_finding_unit unit, int64_t value)
{
    return unit == TG_FINDING_MONEY ? tg_reply_money(value)
                                    : json_integer(value);
}

struct pair {
    const char *subject, *what;
    enum tg_finding_unit unit;
    int64_t ledger, upstream;
    int64_t below, above; /* as much the upstream's may be off, all the same */
};

static void
compare(const struct pair *pair, struct tg_findings *findings, json_t *figures)
{
    struct tg_difference difference = {
        .kind = pair->unit == TG_FINDING_MONEY ? "upstream_balance"
                                               : "upstream_count",
        .subject = pair->subject,
        .what = pair->what,
        .unit = pair->unit,
        .expected = pair->upstream,
        .found = pair->ledger,
    };
    int64_t off = pair->upstream - pair->ledger;

    json_array_append_new(
        figures,
        json_pack("{s:s,s:s,s:o,s:o,s:o}", "subject", pair->subject, "what",
                  pair->what, "ledger", figure(pair->unit, pair->ledger),
                  "upstream", figure(pair->unit, pair->upstream), "difference",
                  figure(pair->unit, pair->ledger - pair->upstream)));
    if (off < -pair->below || off > pair->above)
        tg_findings_add(findings, &difference);
}

/* Of any model either side knows of. */
static void
compare_models(const struct tg_reading *first, const struct tg_reading *last,
               const struct tg_tallies *ledger, struct tg_findings *findings,
               json_t *figures)
{
    static struct tg_tallies all; /* names alone; the caller holds a lock */

    all.count = 0;
    for (size_t i = 0; i < last->counts.count; i++)
        (void)tg_tally_of(&all, last->counts.list[i].model);
    for (size_t i = 0; i < ledger->count; i++)
        (void)tg_tally_of(&all, ledger->list[i].model);
    for (size_t i = 0; i < all.count; i++) {
        const char *model = all.list[i].model;

        for (int j = 0; j < TG_METERS; j++) {
            bool is_calls = j == TG_METER_REQUESTS;
            struct pair pair = {
                .subject = model,
                .what = meters[j].what,
                .unit = meters[j].unit,
                .ledger = value_of(ledger, model, j),
                .upstream = value_of(&last->counts, model, j) -
                            value_of(&first->counts, model, j),
                .below = is_calls ? first->slack.calls : first->slack.tokens,
                .above = is_calls ? last->slack.calls : last->slack.tokens,
            };

            compare(&pair, findings, figures);
        }
    }
}

void
tg_reconcile(const struct tg_reading *first, const struct tg_reading *last,
             const struct tg_tallies *ledger, int64_t ledger_nanos,
             struct tg_findings *findings, json_t *figures)
{
    struct pair pair = {
        .subject = "balance",
        .what = "what its balance fell by, and what calls cost",
        .unit = TG_FINDING_MONEY,
        .ledger = ledger_nanos,
        .upstream = first->balance_nanos - last->balance_nanos,
        .below = first->slack.nanos + last->step_nanos,
        .above = last->slack.nanos + last->step_nanos,
    };

    if (last->is_balance)
        compare(&pair, findings, figures);
    else
        compare_models(first, last, ledger, findings, figures);
}
