#include "plot.h"

#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "plot_part.h"

/* Rows of a question, with groups; a fold of so many is 50 MB. */
#define ROWS_MAX 200000

#define HOUR_MS INT64_C(3600000)

/* So that there are 50 to 150 points. */
static const struct {
    int64_t up_to_ms;
    const char *span;
} spans[] = {
    {12 * HOUR_MS, "15m"},       {5 * 24 * HOUR_MS, "hour"},
    {100 * 24 * HOUR_MS, "day"}, {900 * 24 * HOUR_MS, "week"},
    {INT64_MAX, "month"},
};

const struct tg_usage_span *
tg_plot_span(int64_t since, int64_t until)
{
    size_t i = 0;

    while (until - since > spans[i].up_to_ms)
        i++;
    return tg_usage_span_named(spans[i].span);
}

/* While the rows come. */
struct asking {
    struct tg_plot *plot;
    const struct tg_usage_query *query;
    struct tg_store *store;
};

static bool
is_larger(const struct tg_sums *a, const struct tg_sums *b)
{
    if (a->cost_nanos != b->cost_nanos)
        return a->cost_nanos > b->cost_nanos;
    return a->requests > b->requests;
}

/* Rows come by id, so of two that are as large the first one stays first. */
static int
rank_group(void *arg, const struct tg_store_usage *row)
{
    struct asking *asking = arg;
    struct tg_plot *plot = asking->plot;
    size_t at = plot->group_count < TG_CHART_SERIES ? plot->group_count
                                                    : TG_CHART_SERIES;

    plot->group_count++;
    while (at > 0 && is_larger(&row->sums, &plot->groups[at - 1].sums)) {
        at--;
        if (at + 1 < TG_CHART_SERIES)
            plot->groups[at + 1] = plot->groups[at];
    }
    if (at == TG_CHART_SERIES)
        return 0;
    plot->groups[at] = (struct tg_plot_group){.sums = row->sums};
    strncpy(plot->groups[at].id, row->group, sizeof(plot->groups[at].id) - 1);
    return 0;
}

static size_t
series_of(const struct tg_plot *plot, const char *group)
{
    size_t count = tg_plot_named(plot);

    for (size_t i = 0; i < count; i++) {
        if (strcmp(plot->groups[i].id, group) == 0)
            return i;
    }
    return count;
}

static int
point_of(struct tg_plot *plot, int64_t span, struct tg_plot_point **point)
{
    size_t n = plot->point_count, room = plot->point_room;
    struct tg_plot_point *points = plot->points;

    if (n == 0 || points[n - 1].span != span) {
        if (n == TG_CHART_POINTS)
            return TG_ERR_LIMIT;
        if (n == room) {
            room = room > 0 ? room * 2 : 64;
            points = reallocarray(points, room, sizeof(*points));
            if (points == NULL)
                return TG_ERR_SYSTEM;
            plot->points = points;
            plot->point_room = room;
        }
        points[n] = (struct tg_plot_point){.span = span};
        plot->point_count = ++n;
    }
    *point = &points[n - 1];
    return 0;
}

/* No sum of some is larger than that of all, which the store has made. */
static int
take_row(void *arg, const struct tg_store_usage *row)
{
    struct asking *asking = arg;
    struct tg_plot_point *point;
    size_t series = series_of(asking->plot, row->group);
    int err = point_of(asking->plot, row->span, &point);

    if (err == 0)
        err = tg_sums_add(&point->sums, &row->sums);
    if (err != 0)
        return err;
    point->requests[series] += row->sums.requests;
    point->cost_nanos[series] += row->sums.cost_nanos;
    return 0;
}

/* Which groups there are, over all of the time. */
static int
ask_groups(struct asking *asking, const struct tg_usage_query *query)
{
    struct tg_usage_question question = query->question;

    question.span_of = NULL;
    return asking->store->ops->usage(asking->store, &question, NULL, rank_group,
                                     asking);
}

static int
ask(struct asking *asking, struct tg_usage_query *query)
{
    struct tg_plot *plot = asking->plot;
    struct tg_store_usage total;
    int err = 0;

    if (query->question.by != TG_BY_TOTAL)
        err = ask_groups(asking, query);
    if (err == 0)
        err = asking->store->ops->usage(asking->store, &query->question, &total,
                                        take_row, asking);
    if (err == 0) {
        plot->total = total.sums;
        tg_plot_name(plot, query, asking->store);
    }
    return err;
}

int
tg_plot_ask(struct tg_plot *plot, struct tg_usage_query *query,
            struct tg_store *store)
{
    struct tg_usage_question *question = &query->question;
    struct asking asking = {plot, query, store};
    int err;

    if (query->spans.span == NULL)
        query->spans.span = tg_plot_span(question->since, question->until);
    question->span_of = tg_usage_span_of;
    question->span_arg = &query->spans;
    question->has_latency = false;
    question->rows_max = ROWS_MAX;
    err = store->ops->begin_reading(store);
    if (err == 0)
        err = ask(&asking, query);
    store->ops->rollback(store);
    return err;
}

void
tg_plot_release(struct tg_plot *plot)
{
    free(plot->points);
    free(plot->numbers);
    *plot = (struct tg_plot){0};
}
