#include "usage_fold.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "route.h"

#define GROUP_BYTES 72 /* of a model's name or an endpoint's, and zeros */

static const uint32_t shares[TG_USAGE_QUANTILES] = {500, 950, 990};

struct group {
    char text[GROUP_BYTES];
    bool has_row; /* the last one that was asked for */
    uint32_t row;
    int64_t span;
};

/* The first two tell a row apart. */
struct row {
    int64_t span;
    uint64_t group;
    struct tg_sums sums;
    struct tg_times latency, ttft;
};

void
tg_usage_fold_init(struct tg_usage_fold *fold,
                   const struct tg_usage_question *question)
{
    *fold = (struct tg_usage_fold){
        .question = question,
        .groups = {.size = sizeof(struct group), .key_size = GROUP_BYTES},
        .rows = {.size = sizeof(struct row),
                 .key_size = offsetof(struct row, sums)},
    };
}

static bool
is_one_of(const char *wanted, const char *id)
{
    return wanted == NULL || strcmp(wanted, id) == 0;
}

bool
tg_usage_asks_kind(const struct tg_usage_question *question,
                   const struct tg_usage_kind *kind)
{
    return is_one_of(question->model, kind->model) &&
           is_one_of(question->upstream_id, kind->upstream_id) &&
           (question->status == 0 || question->status == kind->status) &&
           (question->endpoints == 0 ||
            (kind->endpoint >= 0 && kind->endpoint < 64 &&
             (question->endpoints >> kind->endpoint & 1) != 0));
}

bool
tg_usage_asks_holder(const struct tg_usage_question *question,
                     const char *key_id, const char *account_id)
{
    return is_one_of(question->key_id, key_id) &&
           is_one_of(question->account_id, account_id);
}

bool
tg_usage_groups_kinds(const struct tg_usage_question *question)
{
    return question->by != TG_BY_KEY && question->by != TG_BY_ACCOUNT;
}

static const char *
scope_name(const struct tg_route *route)
{
    const char *name = route != NULL ? tg_scope_name(route->scope) : NULL;

    return name != NULL ? name : "";
}

/* Each day's packs come in the same order, and so do groups of keys. */
static int
find_group(struct tg_usage_fold *fold, const char *text, uint32_t *group)
{
    const uint32_t guess = fold->next_group;
    struct group name = {.text = ""};
    const struct group *likely;
    int err;

    if (guess < fold->groups.count) {
        likely = tg_names_at(&fold->groups, guess);
        if (strncmp(likely->text, text, GROUP_BYTES - 1) == 0) {
            *group = guess;
            fold->next_group = guess + 1;
            return 0;
        }
    }
    memcpy(name.text, text, strnlen(text, GROUP_BYTES - 1));
    err = tg_names_find(&fold->groups, &name, group);
    if (err == 0)
        fold->next_group = *group + 1;
    return err;
}

int
tg_usage_fold_group(struct tg_usage_fold *fold, const char *key_id,
                    const char *account_id, const struct tg_usage_kind *kind,
                    uint32_t *group)
{
    enum tg_usage_by by = fold->question->by;
    const struct tg_route *route = NULL;
    const char *text = "";
    char status[24];

    if (by == TG_BY_SCOPE || by == TG_BY_ENDPOINT)
        route = tg_route_of((enum tg_endpoint)kind->endpoint);
    switch (by) {
    case TG_BY_TOTAL:
        break;
    case TG_BY_KEY:
        text = key_id;
        break;
    case TG_BY_ACCOUNT:
        text = account_id;
        break;
    case TG_BY_MODEL:
        text = kind->model;
        break;
    case TG_BY_SCOPE:
        text = scope_name(route);
        break;
    case TG_BY_ENDPOINT:
        text = route != NULL ? route->name : "";
        break;
    case TG_BY_UPSTREAM:
        text = kind->upstream_id;
        break;
    case TG_BY_STATUS:
        snprintf(status, sizeof(status), "%lld", (long long)kind->status);
        text = status;
        break;
    }
    return find_group(fold, text, group);
}

/* Days of a key come one by one, and each has two pieces at most. */
static int
find_row(struct tg_usage_fold *fold, uint32_t group, int64_t span,
         struct row **row)
{
    const struct tg_usage_question *question = fold->question;
    struct group *of = tg_names_at(&fold->groups, group);
    struct row name = {.span = span, .group = group};
    int err = 0;

    if (!of->has_row || of->span != span) {
        err = tg_names_find(&fold->rows, &name, &of->row);
        if (err == 0 && question->rows_max != 0 &&
            fold->rows.count > question->rows_max)
            err = TG_ERR_LIMIT;
        of->span = span;
        of->has_row = err == 0;
    }
    if (err == 0)
        *row = tg_names_at(&fold->rows, of->row);
    return err;
}

int
tg_usage_fold_add(struct tg_usage_fold *fold, uint32_t group, int64_t span,
                  const struct tg_sums *sums, struct tg_str latency,
                  struct tg_str ttft)
{
    struct row *row;
    int err = find_row(fold, group, span, &row);

    if (err == 0)
        err = tg_sums_add(&row->sums, sums);
    if (err != 0 || !fold->question->has_latency)
        return err;
    err = tg_times_merge(&fold->pool, &row->latency, latency.data, latency.len);
    if (err == 0)
        err = tg_times_merge(&fold->pool, &row->ttft, ttft.data, ttft.len);
    return err;
}

int
tg_usage_fold_heap(struct tg_usage_fold *fold, uint32_t group, int64_t span,
                   const struct tg_heap *heap)
{
    struct row *row;
    int err = find_row(fold, group, span, &row);

    if (err == 0)
        err = tg_sums_add(&row->sums, &heap->sums);
    if (err != 0 || !fold->question->has_latency)
        return err;
    err = tg_times_add_all(&fold->pool, &row->latency, &heap->latency);
    if (err == 0)
        err = tg_times_add_all(&fold->pool, &row->ttft, &heap->ttft);
    return err;
}

int
tg_usage_fold_call(struct tg_usage_fold *fold, uint32_t group, int64_t span,
                   const struct tg_sums *sums, uint32_t latency_ms,
                   const uint32_t *ttft_ms)
{
    struct row *row;
    int err = find_row(fold, group, span, &row);

    if (err == 0)
        err = tg_sums_add(&row->sums, sums);
    if (err != 0 || !fold->question->has_latency)
        return err;
    err = tg_times_add(&fold->pool, &row->latency, latency_ms);
    if (err == 0 && ttft_ms != NULL)
        err = tg_times_add(&fold->pool, &row->ttft, *ttft_ms);
    return err;
}

static void
say(const struct tg_usage_fold *fold, const struct row *row, const char *group,
    struct tg_store_usage *usage)
{
    *usage = (struct tg_store_usage){
        .group = group, .span = row->span, .sums = row->sums};
    tg_times_quantiles(&fold->pool, &row->latency, shares, TG_USAGE_QUANTILES,
                       usage->latency_ms);
    tg_times_quantiles(&fold->pool, &row->ttft, shares, TG_USAGE_QUANTILES,
                       usage->ttft_ms);
}

static int
sum_rows(struct tg_usage_fold *fold, struct tg_store_usage *total)
{
    struct row all = {.span = 0};
    int err = 0;

    for (uint32_t i = 0; i < fold->rows.count && err == 0; i++) {
        const struct row *row = tg_names_at(&fold->rows, i);

        err = tg_sums_add(&all.sums, &row->sums);
        if (err == 0)
            err = tg_times_sum(&fold->pool, &all.latency, &row->latency);
        if (err == 0)
            err = tg_times_sum(&fold->pool, &all.ttft, &row->ttft);
    }
    say(fold, &all, "", total);
    return err;
}

static int
visit_none(const struct tg_usage_fold *fold,
           int (*visit)(void *, const struct tg_store_usage *), void *arg)
{
    struct row none = {.span = 0};
    struct tg_store_usage usage;

    if (fold->question->by != TG_BY_TOTAL || fold->question->span_of != NULL)
        return 0;
    say(fold, &none, "", &usage);
    return visit(arg, &usage);
}

/* A group's text, and its number. */
struct ranked {
    const char *text;
    uint32_t number;
};

static int
by_text(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;

    return strcmp(x->text, y->text);
}

/* *ranked, which the caller frees, has the groups in order. */
static int
rank_groups(const struct tg_usage_fold *fold, struct ranked **ranked,
            uint32_t **ranks)
{
    uint32_t count = fold->groups.count;
    struct ranked *list = malloc(count * sizeof(*list));

    *ranked = list;
    *ranks = malloc(count * sizeof(**ranks));
    if (list == NULL || *ranks == NULL)
        return TG_ERR_SYSTEM;
    for (uint32_t i = 0; i < count; i++)
        list[i] = (struct ranked){tg_names_at(&fold->groups, i), i};
    qsort(list, count, sizeof(*list), by_text);
    for (uint32_t i = 0; i < count; i++)
        (*ranks)[list[i].number] = i;
    return 0;
}

/* A row's place in the answer; rows are large, and stay where they are. */
struct place {
    int64_t span;
    uint32_t group; /* among texts */
    uint32_t row;
};

static int
by_span_and_group(const void *a, const void *b)
{
    const struct place *x = a, *y = b;

    if (x->span != y->span)
        return x->span < y->span ? -1 : 1;
    return (x->group > y->group) - (x->group < y->group);
}

/* NULL: no memory; or the caller frees it. */
static struct place *
sort_rows(const struct tg_usage_fold *fold, const uint32_t *ranks)
{
    uint32_t count = fold->rows.count;
    struct place *places = malloc(count * sizeof(*places));

    if (places == NULL)
        return NULL;
    for (uint32_t i = 0; i < count; i++) {
        const struct row *row = tg_names_at(&fold->rows, i);

        places[i] = (struct place){
            .span = row->span, .group = ranks[row->group], .row = i};
    }
    qsort(places, count, sizeof(*places), by_span_and_group);
    return places;
}

static int
visit_rows(const struct tg_usage_fold *fold,
           int (*visit)(void *, const struct tg_store_usage *), void *arg)
{
    struct ranked *ranked;
    struct place *places = NULL;
    uint32_t *ranks;
    int err = rank_groups(fold, &ranked, &ranks);

    if (err == 0) {
        places = sort_rows(fold, ranks);
        err = places == NULL ? TG_ERR_SYSTEM : 0;
    }
    for (uint32_t i = 0; i < fold->rows.count && err == 0; i++) {
        struct tg_store_usage usage;

        say(fold, tg_names_at(&fold->rows, places[i].row),
            ranked[places[i].group].text, &usage);
        err = visit(arg, &usage);
    }
    free(ranked);
    free(ranks);
    free(places);
    return err;
}

int
tg_usage_fold_end(struct tg_usage_fold *fold, struct tg_store_usage *total,
                  int (*visit)(void *, const struct tg_store_usage *),
                  void *arg)
{
    int err = 0;

    if (total != NULL)
        err = sum_rows(fold, total);
    if (err != 0 || visit == NULL)
        return err;
    return fold->rows.count == 0 ? visit_none(fold, visit, arg)
                                 : visit_rows(fold, visit, arg);
}

void
tg_usage_fold_release(struct tg_usage_fold *fold)
{
    tg_names_release(&fold->groups);
    tg_names_release(&fold->rows);
    tg_times_release(&fold->pool);
}
