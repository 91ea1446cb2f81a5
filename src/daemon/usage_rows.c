#include "usage_rows.h"

#include <stdlib.h>
#include <string.h>

#include "err.h"

static bool
say_too_many(struct tg_reply *reply)
{
    return tg_reply_invalid(
        reply, "by",
        "there are more than %d rows; ask of less time (since, until), in "
        "longer spans (by), or of fewer calls (key, account, model, scope, "
        "upstream, status)",
        TG_USAGE_ROWS_MAX);
}

static int
add_row(struct tg_usage_rows *rows, uint32_t group,
        const struct tg_store_usage *figures)
{
    struct tg_usage_row *list = rows->list;
    size_t room = rows->room;

    if (rows->count == TG_USAGE_ROWS_MAX)
        return TG_ERR_LIMIT;
    if (rows->count == room) {
        room = room ? room * 2 : 64;
        list = reallocarray(list, room, sizeof(*list));
        if (list == NULL)
            return TG_ERR_SYSTEM;
        rows->list = list;
        rows->room = room;
    }
    list[rows->count] = (struct tg_usage_row){group, *figures};
    list[rows->count++].figures.group = NULL;
    return 0;
}

/* While the rows come. */
struct asking {
    struct tg_usage_rows *rows;
    const struct tg_usage_query *query;
    struct tg_store *store;
};

static int
take_row(void *arg, const struct tg_store_usage *usage)
{
    struct asking *asking = arg;
    struct tg_names *groups = &asking->rows->groups;
    struct tg_usage_row_group group, *found;
    uint32_t number, known = groups->count;
    int err;

    memset(&group, 0, sizeof(group));
    strncpy(group.id, usage->group, sizeof(group.id) - 1);
    err = tg_names_find(groups, &group, &number);
    if (err != 0)
        return err;
    found = tg_names_at(groups, number);
    if (number == known)
        found->name =
            tg_usage_query_name(asking->query, asking->store, group.id);
    return add_row(asking->rows, number, usage);
}

static bool
say_failure(const struct tg_store *store, int err, struct tg_reply *reply)
{
    if (err == TG_ERR_LIMIT)
        return say_too_many(reply);
    return tg_reply_store(reply, store, err, "usage");
}

bool
tg_usage_rows_ask(struct tg_usage_rows *rows, struct tg_usage_query *query,
                  struct tg_store *store, struct tg_reply *reply)
{
    struct asking asking = {rows, query, store};
    int err = store->ops->begin_reading(store);

    rows->groups = (struct tg_names){
        .size = sizeof(struct tg_usage_row_group),
        .key_size = sizeof(((struct tg_usage_row_group *)NULL)->id)};
    query->question.rows_max = TG_USAGE_ROWS_MAX;
    if (err == 0)
        err = store->ops->usage(store, &query->question, &rows->total, take_row,
                                &asking);
    store->ops->rollback(store);
    return err == 0 || say_failure(store, err, reply);
}

/* Groups in the order in which rows of a span are. */
static int
by_id(const void *a, const void *b, void *arg)
{
    const struct tg_names *groups = arg;
    const struct tg_usage_row_group *x, *y;

    x = tg_names_at(groups, *(const uint32_t *)a);
    y = tg_names_at(groups, *(const uint32_t *)b);
    return strcmp(x->id, y->id);
}

static uint32_t *
order_groups(struct tg_usage_rows *rows)
{
    uint32_t *order = calloc(rows->groups.count + 1, sizeof(*order));

    for (uint32_t i = 0; order != NULL && i < rows->groups.count; i++)
        order[i] = i;
    if (order != NULL)
        qsort_r(order, rows->groups.count, sizeof(*order), by_id,
                &rows->groups);
    return order;
}

/* All rows of a span; *at is the next of those that there are. */
static int
fill_span(struct tg_usage_rows *full, const struct tg_usage_rows *rows,
          const uint32_t *order, int64_t span, size_t *at)
{
    struct tg_store_usage none = {
        .span = span, .latency_ms = {-1, -1, -1}, .ttft_ms = {-1, -1, -1}};
    int err = 0;

    for (uint32_t i = 0; i < rows->groups.count && err == 0; i++) {
        const struct tg_usage_row *row =
            *at < rows->count ? &rows->list[*at] : NULL;
        bool is_there =
            row != NULL && row->group == order[i] && row->figures.span == span;

        *at += is_there;
        err = add_row(full, order[i], is_there ? &row->figures : &none);
    }
    return err;
}

static int
fill(struct tg_usage_rows *full, struct tg_usage_rows *rows,
     const struct tg_usage_query *query)
{
    const struct tg_usage_question *question = &query->question;
    int64_t quarter = question->since / TG_QUARTER_MS, span, last = INT64_MIN;
    uint32_t *order = order_groups(rows);
    int err = order != NULL ? 0 : TG_ERR_SYSTEM;
    size_t at = 0;

    for (; quarter * TG_QUARTER_MS < question->until && err == 0; quarter++) {
        span = question->span_of(question->span_arg, quarter);
        if (span != last)
            err = fill_span(full, rows, order, span, &at);
        last = span;
    }
    free(order);
    return err;
}

/* Time alone is one group, also of no calls. */
static int
name_nothing(struct tg_usage_rows *rows)
{
    struct tg_usage_row_group group;
    uint32_t number;

    memset(&group, 0, sizeof(group));
    return tg_names_find(&rows->groups, &group, &number);
}

bool
tg_usage_rows_fill(struct tg_usage_rows *rows,
                   const struct tg_usage_query *query, struct tg_reply *reply)
{
    struct tg_usage_rows full = {0};
    int err = 0;

    if (!query->has_fill)
        return true;
    if (query->question.by == TG_BY_TOTAL)
        err = name_nothing(rows);
    if (err == 0 && rows->groups.count > 0)
        err = fill(&full, rows, query);
    if (err == 0) {
        free(rows->list);
        rows->list = full.list;
        rows->count = full.count;
        rows->room = full.room;
        return true;
    }
    free(full.list);
    if (err == TG_ERR_LIMIT)
        return say_too_many(reply);
    return tg_reply_error(reply, 500, "internal_error", NULL,
                          "there is no memory");
}

void
tg_usage_rows_free(struct tg_usage_rows *rows)
{
    for (uint32_t i = 0; i < rows->groups.count; i++) {
        struct tg_usage_row_group *group = tg_names_at(&rows->groups, i);

        free(group->name);
    }
    tg_names_release(&rows->groups);
    free(rows->list);
}
