#include "usage_fold.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "histogram.h"
#include "route.h"

#define GROUP_BYTES 72 /* of a model's name or an endpoint's, and zeros */

static const uint32_t shares[TG_USAGE_QUANTILES] = {500, 950, 990};

/* The first two tell a row apart. */
struct row {
    int64_t span;
    char group[GROUP_BYTES];
    struct tg_sums sums;
    struct tg_histogram *latency, *ttft; /* NULL: nothing came */
};

void
tg_usage_fold_init(struct tg_usage_fold *fold,
                   const struct tg_usage_question *question)
{
    *fold = (struct tg_usage_fold){
        .question = question,
        .rows = {.size = sizeof(struct row),
                 .key_size = offsetof(struct row, sums)},
    };
}

static bool
is_one_of(const char *wanted, const char *id)
{
    return wanted == NULL || strcmp(wanted, id) == 0;
}

static bool
is_asked(const struct tg_usage_question *question,
         const struct tg_usage_part *part)
{
    return is_one_of(question->key_id, part->key_id) &&
           is_one_of(question->account_id, part->account_id) &&
           is_one_of(question->model, part->model) &&
           is_one_of(question->upstream_id, part->upstream_id) &&
           (question->status == 0 || question->status == part->status) &&
           (question->endpoints == 0 ||
            (part->endpoint >= 0 && part->endpoint < 64 &&
             (question->endpoints >> part->endpoint & 1) != 0));
}

static const char *
scope_name(const struct tg_route *route)
{
    const char *name = route != NULL ? tg_scope_name(route->scope) : NULL;

    return name != NULL ? name : "";
}

static void
name_group(enum tg_usage_by by, const struct tg_usage_part *part,
           char group[GROUP_BYTES])
{
    const struct tg_route *route = NULL;
    const char *name = "";

    if (by == TG_BY_SCOPE || by == TG_BY_ENDPOINT)
        route = tg_route_of((enum tg_endpoint)part->endpoint);
    switch (by) {
    case TG_BY_TOTAL:
        break;
    case TG_BY_KEY:
        name = part->key_id;
        break;
    case TG_BY_ACCOUNT:
        name = part->account_id;
        break;
    case TG_BY_MODEL:
        name = part->model;
        break;
    case TG_BY_SCOPE:
        name = scope_name(route);
        break;
    case TG_BY_ENDPOINT:
        name = route != NULL ? route->name : "";
        break;
    case TG_BY_UPSTREAM:
        name = part->upstream_id;
        break;
    case TG_BY_STATUS:
        snprintf(group, GROUP_BYTES, "%lld", (long long)part->status);
        return;
    }
    strncpy(group, name, GROUP_BYTES - 1);
}

static int
add_times(struct tg_histogram **histogram, struct tg_str many, int64_t one)
{
    if (many.data != NULL ? many.len == 0 : one < 0)
        return 0;
    if (*histogram == NULL)
        *histogram = calloc(1, sizeof(**histogram));
    if (*histogram == NULL)
        return TG_ERR_SYSTEM;
    if (many.data != NULL)
        return tg_histogram_merge(*histogram, many.data, many.len);
    tg_histogram_add(*histogram, (uint32_t)one);
    return 0;
}

int
tg_usage_fold_take(struct tg_usage_fold *fold, const struct tg_usage_part *part)
{
    const struct tg_usage_question *question = fold->question;
    struct row *row, name;
    uint32_t number;
    int err;

    if (!is_asked(question, part))
        return 0;
    memset(&name, 0, sizeof(name));
    if (question->span_of != NULL)
        name.span = question->span_of(question->span_arg, part->quarter);
    name_group(question->by, part, name.group);
    err = tg_names_find(&fold->rows, &name, &number);
    if (err == 0 && question->rows_max != 0 &&
        fold->rows.count > question->rows_max)
        err = TG_ERR_LIMIT;
    if (err != 0)
        return err;
    row = tg_names_at(&fold->rows, number);
    err = tg_sums_add(&row->sums, &part->sums);
    if (err == 0 && question->has_latency)
        err = add_times(&row->latency, part->latency, part->latency_ms);
    if (err == 0 && question->has_latency)
        err = add_times(&row->ttft, part->ttft, part->ttft_ms);
    return err;
}

static int
by_span_and_group(const void *a, const void *b)
{
    const struct row *x = a, *y = b;

    if (x->span != y->span)
        return x->span < y->span ? -1 : 1;
    return strcmp(x->group, y->group);
}

static void
read_times(const struct tg_histogram *histogram,
           int64_t times[TG_USAGE_QUANTILES])
{
    for (int i = 0; i < TG_USAGE_QUANTILES; i++)
        times[i] = histogram != NULL
                       ? (int64_t)tg_histogram_quantile(histogram, shares[i])
                       : -1;
}

static void
say(const struct row *row, struct tg_store_usage *usage)
{
    *usage = (struct tg_store_usage){
        .group = row->group, .span = row->span, .sums = row->sums};
    read_times(row->latency, usage->latency_ms);
    read_times(row->ttft, usage->ttft_ms);
}

static int
add_histogram(struct tg_histogram *to, const struct tg_histogram *from)
{
    uint8_t bytes[TG_HISTOGRAM_BYTES_MAX];

    if (from == NULL)
        return 0;
    return tg_histogram_merge(to, bytes, tg_histogram_encode(from, bytes));
}

static int
sum_rows(const struct tg_usage_fold *fold, struct tg_store_usage *total)
{
    struct tg_histogram latency = {.used = {0}}, ttft = {.used = {0}};
    struct row all = {.span = 0};
    int err = 0;

    for (uint32_t i = 0; i < fold->rows.count && err == 0; i++) {
        const struct row *row = tg_names_at(&fold->rows, i);

        err = tg_sums_add(&all.sums, &row->sums);
        if (err == 0)
            err = add_histogram(&latency, row->latency);
        if (err == 0)
            err = add_histogram(&ttft, row->ttft);
    }
    all.latency = tg_histogram_count(&latency) > 0 ? &latency : NULL;
    all.ttft = tg_histogram_count(&ttft) > 0 ? &ttft : NULL;
    say(&all, total);
    total->group = "";
    return err;
}

static int
visit_none(const struct tg_usage_question *question,
           int (*visit)(void *, const struct tg_store_usage *), void *arg)
{
    struct row none = {.span = 0};
    struct tg_store_usage usage;

    if (question->by != TG_BY_TOTAL || question->span_of != NULL)
        return 0;
    say(&none, &usage);
    return visit(arg, &usage);
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
    if (fold->rows.count == 0)
        return visit_none(fold->question, visit, arg);
    qsort(fold->rows.list, fold->rows.count, sizeof(struct row),
          by_span_and_group);
    for (uint32_t i = 0; i < fold->rows.count && err == 0; i++) {
        struct tg_store_usage usage;

        say(tg_names_at(&fold->rows, i), &usage);
        err = visit(arg, &usage);
    }
    return err;
}

void
tg_usage_fold_release(struct tg_usage_fold *fold)
{
    for (uint32_t i = 0; i < fold->rows.count; i++) {
        struct row *row = tg_names_at(&fold->rows, i);

        free(row->latency);
        free(row->ttft);
    }
    tg_names_release(&fold->rows);
}
