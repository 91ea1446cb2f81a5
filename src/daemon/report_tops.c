#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "code.h"
#include "err.h"
#include "report_part.h"
#include "usage_sums.h"

#define NAME_SIZE 256 /* of a model, or an id */
#define NOTES_MAX 20
#define TOUCHED_MAX 10

/* The rows of a group, of which the dearest are named. */
struct row {
    char name[NAME_SIZE];
    struct tg_sums sums;
};

struct rows {
    struct row *list;
    size_t count, room;
};

static int
take_row(void *arg, const struct tg_store_usage *usage)
{
    struct rows *rows = arg;
    struct row *row;

    if (rows->count == rows->room) {
        size_t room = rows->room * 2 + 64;

        row = realloc(rows->list, room * sizeof(*row));
        if (row == NULL)
            return TG_ERR_SYSTEM;
        rows->list = row;
        rows->room = room;
    }
    row = &rows->list[rows->count++];
    snprintf(row->name, sizeof(row->name), "%s", usage->group);
    row->sums = usage->sums;
    return 0;
}

/* By cost, then by requests, then by name, so that there is one order. */
static int
compare(const void *a, const void *b)
{
    const struct row *x = a, *y = b;

    if (x->sums.cost_nanos != y->sums.cost_nanos)
        return x->sums.cost_nanos < y->sums.cost_nanos ? 1 : -1;
    if (x->sums.requests != y->sums.requests)
        return x->sums.requests < y->sums.requests ? 1 : -1;
    return strcmp(x->name, y->name);
}

static int
take_key_name(void *arg, const struct tg_store_key *row)
{
    json_object_set_new(arg, "name", tg_reply_text(row->name));
    return 0;
}

static int
take_account_name(void *arg, const struct tg_store_account *row)
{
    json_object_set_new(arg, "name", tg_reply_text(row->name));
    return 0;
}

static json_t *
row_object(const struct tg_report_making *making, enum tg_usage_by by,
           const struct row *row)
{
    struct tg_store *store = making->store;
    int64_t all = making->now.total.sums.cost_nanos;
    json_t *object = json_object();

    json_object_set_new(object, by == TG_BY_MODEL ? "model" : "id",
                        tg_reply_text(row->name));
    if (by != TG_BY_MODEL)
        json_object_set_new(object, "name", json_null());
    if (by == TG_BY_KEY)
        store->ops->key_get(store, row->name, take_key_name, object);
    else if (by == TG_BY_ACCOUNT)
        store->ops->account_get(store, row->name, take_account_name, object);
    tg_report_row(object, &row->sums);
    json_object_set_new(
        object, "share",
        all == 0 ? json_null() : tg_usage_ratio(row->sums.cost_nanos, all, 4));
    return object;
}

static json_t *
named(const struct tg_report_making *making, enum tg_usage_by by,
      const struct rows *rows, int *err)
{
    json_t *list = json_array(), *others = json_null();
    struct row rest = {.sums = {0}};

    for (size_t i = 0; i < rows->count && *err == 0; i++) {
        if (i < TG_REPORT_TOP)
            json_array_append_new(list, row_object(making, by, &rows->list[i]));
        else
            *err = tg_sums_add(&rest.sums, &rows->list[i].sums);
    }
    if (rows->count > TG_REPORT_TOP) {
        others = json_object();
        tg_report_row(others, &rest.sums);
    }
    return json_pack("{s:I,s:o,s:o}", "count", (json_int_t)rows->count, "rows",
                     list, "others", others);
}

json_t *
tg_report_top(const struct tg_report_making *making, enum tg_usage_by by,
              int *err)
{
    struct tg_store *store = making->store;
    struct tg_usage_question question =
        tg_report_usage(making, making->now.period.from, making->now.until);
    struct rows rows = {NULL, 0, 0};
    json_t *object = NULL;

    if (*err != 0)
        return NULL;
    question.by = by;
    *err = store->ops->usage(store, &question, NULL, take_row, &rows);
    if (*err == 0) {
        if (rows.count > 0)
            qsort(rows.list, rows.count, sizeof(*rows.list), compare);
        object = named(making, by, &rows, err);
    }
    free(rows.list);
    return object;
}

static int
take_status(void *arg, const struct tg_store_usage *row)
{
    if (row->sums.requests != 0)
        json_array_append_new(
            arg, json_pack("{s:I,s:I,s:I}", "status",
                           (json_int_t)strtoll(row->group, NULL, 10),
                           "requests", (json_int_t)row->sums.requests, "errors",
                           (json_int_t)row->sums.errors));
    return 0;
}

json_t *
tg_report_statuses(const struct tg_report_making *making, int *err)
{
    struct tg_store *store = making->store;
    struct tg_usage_question question =
        tg_report_usage(making, making->now.period.from, making->now.until);
    json_t *list;

    if (*err != 0)
        return NULL;
    list = json_array();
    question.by = TG_BY_STATUS;
    *err = store->ops->usage(store, &question, NULL, take_status, list);
    return list;
}

/* How often, and of what: the first of them, and all. */
struct notes {
    const char *what;
    json_t *rows;
    int64_t count;
};

static int
take_note(void *arg, const struct tg_store_note *row)
{
    struct notes *notes = arg;
    json_t *object;

    notes->count += row->count;
    if (json_array_size(notes->rows) == NOTES_MAX)
        return 0;
    if (strcmp(notes->what, "refusals") == 0) {
        const struct tg_code_row *code =
            tg_code_row((enum tg_code)strtoll(row->name, NULL, 10));

        object = json_pack("{s:s,s:i}", "code", code->name, "status",
                           (int)code->status);
    } else if (strcmp(notes->what, "events") == 0) {
        object = json_pack("{s:s,s:s}", "type", row->name, "severity",
                           row->severity);
    } else {
        object =
            json_pack("{s:o,s:s,s:s,s:I}", "alert", tg_reply_text(row->name),
                      "kind", row->kind, "severity", row->severity, "open",
                      (json_int_t)row->open);
    }
    json_object_set_new(object, "count", json_integer(row->count));
    json_array_append_new(notes->rows, object);
    return 0;
}

struct touches {
    struct tg_store *store;
    json_t *rows;
};

static int
take_touch(void *arg, const struct tg_store_touch *row)
{
    struct touches *touches = arg;
    json_t *object = json_pack("{s:o,s:n,s:s,s:o,s:o}", "key_id",
                               tg_reply_text(row->key_id), "name", "severity",
                               row->severity, "at", tg_reply_instant(row->at),
                               "message", tg_reply_text(row->message));

    touches->store->ops->key_get(touches->store, row->key_id, take_key_name,
                                 object);
    json_array_append_new(touches->rows, object);
    return 0;
}

json_t *
tg_report_notes(const struct tg_report_making *making, const char *what,
                int *err)
{
    const struct tg_store_report_ops *ops = making->store->reports;
    struct tg_store_note_filter filter = {
        .key_id = making->question->key_id,
        .account_id = making->question->account_id,
        .since = making->now.period.from,
        .until = making->now.until,
    };
    struct notes notes = {.what = what, .rows = json_array()};
    struct touches touches = {making->store, notes.rows};

    if (strcmp(what, "budgets") == 0) {
        *err = ops->touched(making->store, &filter, TOUCHED_MAX, take_touch,
                            &touches);
        return notes.rows;
    }
    *err = (strcmp(what, "refusals") == 0 ? ops->refusals
            : strcmp(what, "events") == 0
                ? ops->events
                : ops->alerts)(making->store, &filter, take_note, &notes);
    return json_pack("{s:I,s:o}", "count", (json_int_t)notes.count, "rows",
                     notes.rows);
}
