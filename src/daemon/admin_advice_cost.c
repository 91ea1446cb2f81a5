/*
 * What could be saved, by which calls, and how much: docs/advice.md.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin.h"
#include "advice_calls.h"
#include "advice_cost.h"
#include "book.h"
#include "civil.h"
#include "clock.h"
#include "err.h"
#include "money.h"
#include "own.h"
#include "route.h"
#include "usage_sums.h"

#define DEFAULT_DAYS 30
#define TEXT_SIZE 640

/* With no more calls a day than these, answers can be compared one by one. */
#define LOW_VOLUME_A_DAY 100

struct advising {
    struct tg_request *request;
    struct tg_reply *reply;
    struct tg_advice_cost *cost;
    char account_id[TG_ID_TEXT_SIZE];
    int64_t least_nanos; /* a month; what saves less is counted only */
    uint32_t limit;
    int64_t lasted_ms;
    struct found *found;
    size_t count, room, hidden;
};

/* A recommendation on its way. */
struct found {
    int64_t month_nanos, most_nanos;
    json_t *object;
};

/* What all kinds have. */
struct saving {
    const char *kind;
    const struct tg_saving_group *group;
    const char *candidate; /* another model, or NULL */
    const struct tg_saving_calls *calls;
    int64_t nanos;      /* what is saved */
    int64_t most_nanos; /* and if all goes as the assumption says */
    const char *confidence;
    const char *assumption;
    json_t *evidence; /* taken over */
    const char *command;
};

__attribute__((format(printf, 2, 3))) static const char *
words(char out[TEXT_SIZE], const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    vsnprintf(out, TEXT_SIZE, format, ap);
    va_end(ap);
    return out;
}

static json_t *
examples_of(const struct tg_saving_calls *calls)
{
    char text[TG_REQUEST_ID_TEXT_SIZE];
    json_t *list = json_array();

    for (size_t i = 0; i < calls->example_count; i++) {
        tg_request_id_text(&calls->examples[i], text);
        json_array_append_new(list, json_string(text));
    }
    return list;
}

static int
take_name(void *arg, const struct tg_store_key *row)
{
    *(json_t **)arg = tg_reply_text(row->name);
    return 0;
}

/* The caller holds the lock. */
static json_t *
name_of(struct tg_store *store, const char *key_id)
{
    json_t *name = NULL;

    (void)store->ops->key_get(store, key_id, take_name, &name);
    return name != NULL ? name : json_null();
}

static json_t *
object_of(const struct advising *all, const struct saving *saving)
{
    const struct tg_saving_group *group = saving->group;
    const struct tg_saving_calls *calls = saving->calls;
    int64_t lasted_ms = all->lasted_ms;

    return json_pack(
        "{s:s,s:s,s:s,s:o,s:s,s:s,s:s?,s:I,s:I,s:o,s:o,s:o,s:o,s:o,s:o,s:s,"
        "s:s,s:o,s:o,s:s}",
        "object", "cost_recommendation", "kind", saving->kind, "key_id",
        group->key_id, "key_name",
        name_of(all->request->daemon->reports, group->key_id), "account_id",
        group->account_id, "model", group->model, "candidate",
        saving->candidate, "requests", (json_int_t)calls->calls, "tokens",
        (json_int_t)calls->tokens, "cost", tg_reply_money(calls->cost_nanos),
        "cost_then", tg_reply_money(calls->cost_nanos - saving->nanos),
        "saving", tg_reply_money(saving->nanos), "saving_per_month",
        tg_reply_money(tg_saving_per_month(saving->nanos, lasted_ms)),
        "saving_at_most", tg_reply_money(saving->most_nanos),
        "saving_at_most_per_month",
        tg_reply_money(tg_saving_per_month(saving->most_nanos, lasted_ms)),
        "confidence", saving->confidence, "assumption", saving->assumption,
        "evidence", saving->evidence, "examples", examples_of(calls), "command",
        saving->command);
}

static void
put(struct advising *all, const struct saving *saving)
{
    int64_t month = tg_saving_per_month(saving->most_nanos, all->lasted_ms);
    struct found *grown;

    if (saving->most_nanos <= 0 || month < all->least_nanos) {
        all->hidden += saving->most_nanos > 0;
        json_decref(saving->evidence);
        return;
    }
    if (all->count == all->room) {
        all->room = all->room != 0 ? 2 * all->room : 64;
        grown = realloc(all->found, all->room * sizeof(*grown));
        if (grown == NULL) {
            json_decref(saving->evidence);
            return;
        }
        all->found = grown;
    }
    all->found[all->count++] = (struct found){saving->nanos, saving->most_nanos,
                                              object_of(all, saving)};
}

static const char *
scope_of(const struct tg_catalog *catalog, const struct tg_saving_group *group)
{
    const struct tg_model *model = &catalog->models[group->row];

    return model->scopes & TG_SCOPE_CHAT ? "chat" : "code";
}

static void
put_model(struct advising *all, const struct tg_saving_group *group)
{
    const struct tg_catalog *catalog = all->cost->catalog;
    char name[TG_MODEL_NAME_MAX + 1] = "", command[TEXT_SIZE];
    int64_t nanos, days = all->lasted_ms / TG_MS_PER_DAY;
    int best = tg_saving_model(group, &nanos);
    bool is_low;

    if (best < 0)
        return;
    memcpy(name, catalog->models[group->candidates[best]].name,
           TG_MODEL_NAME_MAX);
    is_low = group->all.calls <= LOW_VOLUME_A_DAY * (days > 0 ? days : 1);
    put(all,
        &(struct saving){
            .kind = "cheaper_model",
            .group = group,
            .candidate = name,
            .calls = &group->all,
            .nanos = nanos,
            .most_nanos = nanos,
            .confidence = is_low ? "medium" : "low",
            .assumption =
                "the other model answers as well, with as many tokens and "
                "cache hits: a candidate to be tried, not a promise",
            .evidence = json_pack("{s:b,s:i}", "is_low_volume", is_low,
                                  "candidates", (int)group->candidate_count),
            .command =
                words(command, "tollgate keys check %s --scope %s --model %s",
                      group->key_id, scope_of(catalog, group), name),
        });
}

static void
put_batch(struct advising *all, const struct tg_saving_group *group)
{
    const struct tg_saving_calls *small = &group->small;
    char command[TEXT_SIZE];

    put(all,
        &(struct saving){
            .kind = "batching",
            .group = group,
            .calls = small,
            .nanos = small->cost_nanos - group->merged_nanos,
            .most_nanos = small->cost_nanos - group->shared_nanos,
            .confidence = "low",
            .assumption =
                "tokens cost the same in one request as in many; what is "
                "saved for sure is what is charged by the request, and "
                "rounding. At most, the shortest prompt of a minute is the "
                "part that all of its prompts share, and is sent once",
            .evidence = json_pack("{s:I,s:i}", "requests_then",
                                  (json_int_t)group->small_requests,
                                  "below_tokens", TG_SAVING_SMALL_TOKENS),
            .command = words(command, "tollgate calls list --key %s --model %s",
                             group->key_id, group->model),
        });
}

static json_t *
target_object(const struct tg_saving_group *own,
              const struct tg_saving_group *best,
              const struct tg_saving_prompts *target)
{
    char date[TG_CIVIL_DATE_SIZE];
    bool is_day = target == &own->best_day;

    tg_civil_format_date((int32_t)target->day, date);
    return json_pack(
        "{s:s?,s:s?,s:I,s:I,s:o}", "key_id", is_day ? NULL : best->key_id,
        "day", is_day ? date : NULL, "prompt_tokens",
        (json_int_t)target->prompt_tokens, "prompt_cache_hit_tokens",
        (json_int_t)target->cached_tokens, "hit_rate",
        tg_usage_ratio(target->cached_tokens, target->prompt_tokens, 4));
}

/* The best of its own days, or another key's rate, whichever is better. */
static void
put_cache(struct advising *all, const struct tg_saving_group *group)
{
    const struct tg_saving_group *best =
        tg_advice_cost_best(all->cost, group->model);
    const struct tg_saving_prompts *target = &group->best_day;
    char command[TEXT_SIZE];
    int64_t hits, nanos;

    if (!tg_saving_has_rate(&group->prompts))
        return;
    if (best != NULL &&
        (target->calls == 0 || tg_saving_is_better(&best->prompts, target)))
        target = &best->prompts;
    nanos = tg_saving_cache(group, target, &hits);
    put(all,
        &(struct saving){
            .kind = "prompt_cache",
            .group = group,
            .calls = &group->all,
            .nanos = nanos,
            .most_nanos = nanos,
            .confidence = "medium",
            .assumption = "its prompts can begin with what they share as "
                          "those of the target do: what does not change goes "
                          "first",
            .evidence =
                json_pack("{s:I,s:I,s:o,s:I,s:o}", "prompt_tokens",
                          (json_int_t)group->prompts.prompt_tokens,
                          "prompt_cache_hit_tokens",
                          (json_int_t)group->prompts.cached_tokens, "hit_rate",
                          tg_usage_ratio(group->prompts.cached_tokens,
                                         group->prompts.prompt_tokens, 4),
                          "prompt_cache_hit_tokens_then", (json_int_t)hits,
                          "target", target_object(group, best, target)),
            .command =
                words(command, "tollgate usage --key %s --model %s --by day",
                      group->key_id, group->model),
        });
}

/* The price in force is the one that says when it is cheap. */
static const char *
off_peak_command(const struct advising *all,
                 const struct tg_saving_group *group, char out[TEXT_SIZE])
{
    const struct tg_model *model = &all->cost->catalog->models[group->row];
    const struct tg_price *price =
        tg_price_at(model->prices, model->price_count, all->cost->until);
    char hours[TG_SAVING_HOURS_SIZE] = "";

    if (price != NULL)
        tg_saving_hours(price->peak_quarters, hours);
    return words(out, "tollgate keys update %s --hours '%s'", group->key_id,
                 hours);
}

static void
put_hours(struct advising *all, const struct tg_saving_group *group)
{
    char command[TEXT_SIZE];

    if (group->peak.calls == 0)
        return;
    put(all,
        &(struct saving){
            .kind = "off_peak",
            .group = group,
            .calls = &group->peak,
            .nanos = group->movable.cost_nanos - group->movable_then_nanos,
            .most_nanos = group->peak.cost_nanos - group->peak_then_nanos,
            .confidence = group->movable.calls > 0 ? "medium" : "low",
            .assumption =
                "calls that are not streamed can wait for a cheaper hour; at "
                "most, all can. The command lets the key call in no other "
                "hours: it is for keys of which all work can wait",
            .evidence = json_pack(
                "{s:I,s:I,s:o,s:o}", "movable_requests",
                (json_int_t)group->movable.calls, "movable_tokens",
                (json_int_t)group->movable.tokens, "movable_cost",
                tg_reply_money(group->movable.cost_nanos), "movable_cost_then",
                tg_reply_money(group->movable_then_nanos)),
            .command = off_peak_command(all, group, command),
        });
}

static int
most_first(const void *a, const void *b)
{
    const struct found *left = a, *right = b;

    if (left->month_nanos != right->month_nanos)
        return left->month_nanos > right->month_nanos ? -1 : 1;
    return (left->most_nanos < right->most_nanos) -
           (left->most_nanos > right->most_nanos);
}

static json_t *
notes_of(const struct advising *all)
{
    const struct tg_advice_cost *cost = all->cost;
    json_t *notes = json_array();
    char text[TEXT_SIZE], money[TG_MONEY_TEXT_SIZE];

    tg_money_format(cost->left_out_nanos, money);
    if (cost->is_cut)
        json_array_append_new(
            notes, json_string(words(text,
                                     "there are more calls than are read: the "
                                     "newest %lld are looked at",
                                     (long long)cost->calls)));
    if (cost->left_out > 0)
        json_array_append_new(
            notes, json_string(words(
                       text,
                       "%lld call%s left out, which cost %s %s: not "
                       "priced by tokens, or by a price that the price book "
                       "of now does not have",
                       (long long)cost->left_out,
                       cost->left_out == 1 ? " is" : "s are", money,
                       TG_BOOK_CURRENCY)));
    if (all->count > 1)
        json_array_append_new(
            notes, json_string("savings of several recommendations for the "
                               "same calls do not add up"));
    return notes;
}

static void
answer(struct advising *all)
{
    const struct tg_advice_cost *cost = all->cost;
    json_t *list = json_array();
    size_t shown = all->count < all->limit ? all->count : all->limit;

    qsort(all->found, all->count, sizeof(all->found[0]), most_first);
    for (size_t i = 0; i < all->count; i++) {
        if (i < shown)
            json_array_append_new(list, all->found[i].object);
        else
            json_decref(all->found[i].object);
    }
    tg_reply_json(
        all->reply, 200,
        json_pack("{s:s,s:o,s:o,s:I,s:s,s:I,s:o,s:I,s:o,s:b,s:I,s:I,s:o,s:o}",
                  "object", "cost_advice", "from",
                  tg_reply_instant(cost->until - all->lasted_ms), "to",
                  tg_reply_instant(cost->until), "lasted_ms",
                  (json_int_t)all->lasted_ms, "currency", TG_BOOK_CURRENCY,
                  "requests", (json_int_t)cost->calls, "cost",
                  tg_reply_money(cost->cost_nanos), "left_out",
                  (json_int_t)cost->left_out, "left_out_cost",
                  tg_reply_money(cost->left_out_nanos), "is_cut", cost->is_cut,
                  "total", (json_int_t)all->count, "hidden",
                  (json_int_t)all->hidden, "recommendations", list, "notes",
                  notes_of(all)));
}

static void
advise(struct advising *all)
{
    struct tg_daemon *daemon = all->request->daemon;
    struct tg_advice_cost *cost = all->cost;
    int err = tg_advice_cost_read(cost);

    pthread_mutex_lock(&daemon->reports_lock);
    if (err != 0) {
        tg_reply_store(all->reply, daemon->reports, err, "calls");
    } else {
        all->lasted_ms =
            cost->calls > 0 ? cost->until - cost->first_at : TG_MS_PER_DAY;
        for (size_t i = 0; i < cost->group_count; i++) {
            put_model(all, &cost->groups[i]);
            put_batch(all, &cost->groups[i]);
            put_cache(all, &cost->groups[i]);
            put_hours(all, &cost->groups[i]);
        }
        answer(all);
    }
    pthread_mutex_unlock(&daemon->reports_lock);
}

static bool
read_arguments(struct advising *all)
{
    const struct tg_request *request = all->request;
    const char *least = tg_request_argument(request, "min_saving");
    struct tg_advice_cost *cost = all->cost;
    bool is_good;

    cost->until = tg_clock_ms();
    cost->since = cost->until - DEFAULT_DAYS * TG_MS_PER_DAY;
    if (!tg_request_instant(request, all->reply, "since", &cost->since) ||
        !tg_request_limit(request, all->reply, &all->limit))
        return false;
    if (cost->since >= cost->until)
        return tg_reply_invalid(all->reply, "since",
                                "since is an instant that has been");
    if (least != NULL && tg_money_parse((struct tg_str){least, strlen(least)},
                                        &all->least_nanos) != 0)
        return tg_reply_invalid(all->reply, "min_saving",
                                "min_saving is an amount a month, such as "
                                "0.50");
    pthread_mutex_lock(&request->daemon->reports_lock);
    is_good = tg_own_filter(request, request->daemon->reports, all->reply,
                            all->account_id, &cost->account_id) &&
              tg_own_key(request, request->daemon->reports, all->reply,
                         &cost->key_id);
    pthread_mutex_unlock(&request->daemon->reports_lock);
    return is_good;
}

void
tg_admin_advice_cost(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_advice_cost *cost = calloc(1, sizeof(*cost));
    struct advising all = {.request = request, .reply = reply, .cost = cost};

    if (cost == NULL) {
        tg_reply_error(reply, 500, "internal_error", NULL, "out of memory");
        return;
    }
    cost->daemon = request->daemon;
    if (read_arguments(&all)) {
        tg_daemon_catch_up(request->daemon);
        advise(&all);
    }
    free(all.found);
    tg_advice_cost_close(cost);
    free(cost);
}
