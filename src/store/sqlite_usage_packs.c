#include "sqlite_usage.h"
#include "usage_carve.h"

#include <stdlib.h>

/* Packs being read. */
struct reading {
    struct tg_asking *asking;
    struct tg_asking_group *kinds;
    uint32_t account;     /* the only one that is asked for; 0: any */
    bool has_own;         /* groups are of kinds */
    uint32_t from, to;    /* the quarter-hours of the day that are asked for */
    bool is_whole;        /* all of it, as one span */
    bool is_carved;       /* by carver */
    struct tg_carve plan; /* of the day */
    struct tg_carver carver;
    uint32_t carved_group; /* of what is in its heaps */
};

/* The next kind that is asked for, and its group, if it has one: 1, or 0. */
static int
next_kind(struct reading *reading, struct tg_pack_reader *reader,
          uint32_t *group)
{
    int got;

    while ((got = tg_pack_next_kind(reader)) > 0) {
        const struct tg_asking_group *kind;

        if (reader->kind == 0 ||
            reader->kind > reading->asking->db->pack_kinds.count)
            return TG_ERR_CORRUPT;
        kind = &reading->kinds[reader->kind - 1];
        if (!kind->is_asked)
            continue;
        if (reading->has_own)
            *group = kind->number;
        break;
    }
    return got;
}

/* Cells of the kind that the reader is at. */
static int
take_cells(struct reading *reading, struct tg_pack_reader *reader,
           uint32_t group)
{
    struct tg_asking *asking = reading->asking;
    struct tg_pack_cell cell;
    int err = 0, got;

    while ((got = tg_pack_next_cell(reader, &cell)) > 0 &&
           cell.quarter < reading->to) {
        /* The day's sums are one cell, of its first quarter-hour. */
        if (cell.quarter < reading->from)
            continue;
        err = tg_usage_fold_add(&asking->fold, group,
                                asking->spans.of[cell.quarter], &cell.sums,
                                cell.latency, cell.ttft);
        if (err != 0)
            return err;
    }
    return got < 0 ? got : 0;
}

static int
take_pack(struct reading *reading, struct tg_str pack, uint32_t group)
{
    struct tg_pack_reader reader;
    int err = 0, got;

    tg_pack_open(&reader, pack);
    while (err == 0 && (got = next_kind(reading, &reader, &group)) != 0)
        err = got < 0 ? got : take_cells(reading, &reader, group);
    return err;
}

/*
 * What is in the carver's heaps, in the order of time: the first piece of a day
 * is mostly of the span that the last one of the day before was of.
 */
static int
take_pieces(struct reading *reading)
{
    const struct tg_carve *plan = &reading->plan;
    int err = tg_carver_carve(&reading->carver);

    for (uint32_t i = 0; i < plan->piece_count && err == 0; i++) {
        const struct tg_carve_piece *piece = &plan->pieces[i];
        const struct tg_heap *heap;

        if (!piece->is_asked)
            continue;
        heap = &reading->carver.heaps[piece->heap];
        if (heap->sums.requests > 0)
            err = tg_usage_fold_heap(&reading->asking->fold,
                                     reading->carved_group, piece->span, heap);
    }
    tg_carver_clear(&reading->carver);
    return err;
}

/* Kinds of one group are carved together. */
static int
carve(struct reading *reading, const struct tg_pack_row *row, uint32_t group)
{
    struct tg_pack_reader reader;
    bool has_some = false;
    int err = tg_carver_open(&reading->carver, row), got;

    tg_pack_open(&reader, row->parts[TG_PACK_SUMS]);
    while (err == 0 && (got = next_kind(reading, &reader, &group)) != 0) {
        if (got > 0 && has_some && group != reading->carved_group)
            err = take_pieces(reading);
        reading->carved_group = group;
        has_some = true;
        if (err == 0)
            err = got < 0 ? got : tg_carver_add(&reading->carver, &reader);
    }
    return err == 0 && has_some ? take_pieces(reading) : err;
}

/* What of a day is wanted, and how it is read. */
static uint32_t
plan_day(void *arg, int64_t day)
{
    struct reading *reading = arg;
    struct tg_asking *asking = reading->asking;
    int64_t from = asking->span.first - day * TG_PACK_QUARTERS;
    int64_t to = asking->span.end - day * TG_PACK_QUARTERS;

    tg_asking_spans(asking, day);
    reading->from = from > 0 ? (uint32_t)from : 0;
    reading->to = to < TG_PACK_QUARTERS ? (uint32_t)to : TG_PACK_QUARTERS;
    reading->is_whole = asking->spans.is_one && reading->from == 0 &&
                        reading->to == TG_PACK_QUARTERS;
    reading->is_carved =
        !reading->is_whole && tg_carve_plan(&reading->plan, asking->spans.of,
                                            reading->from, reading->to);
    if (reading->is_whole)
        return 0;
    return reading->is_carved ? reading->plan.wanted : TG_PACK_ALL_CELLS;
}

static int
take_parts(struct reading *reading, const struct tg_pack_row *row,
           uint32_t group)
{
    int err = 0;

    if (reading->is_whole)
        return take_pack(reading, row->parts[TG_PACK_SUMS], group);
    if (reading->is_carved && row->has_sixths)
        return carve(reading, row, group);
    for (int part = TG_PACK_SIXTH_CELLS; part < TG_PACK_PARTS && err == 0;
         part++)
        err = take_pack(reading, row->parts[part], group);
    return err;
}

static int
take_row(void *arg, const struct tg_pack_row *row)
{
    struct reading *reading = arg;
    struct tg_asking *asking = reading->asking;
    uint32_t group = 0;
    int err = 0;

    if (reading->account != 0 && row->account != reading->account)
        return 0;
    if (row->account != TG_PACK_ALL_ACCOUNTS)
        err =
            tg_asking_holder(asking, row->key_id,
                             tg_pack_account(asking->db, row->account), &group);
    if (err == 0)
        err = take_parts(reading, row, group);
    return err == 0 ? 0 : tg_pack_fail(asking->db, err, row->day, row->key_id);
}

/* The number of the account that is asked for; *is_there: it has packs. */
static void
find_account(struct reading *reading, bool *is_there)
{
    const struct tg_names *accounts = &reading->asking->db->pack_accounts;
    const char *wanted = reading->asking->question->account_id;

    *is_there = wanted == NULL;
    for (uint32_t i = 0; i < accounts->count && !*is_there; i++) {
        *is_there = strcmp(tg_names_at(accounts, i), wanted) == 0;
        reading->account = i + 1;
    }
}

static int
read_packs(struct reading *reading)
{
    struct tg_asking *asking = reading->asking;
    const struct tg_usage_question *question = asking->question;
    struct tg_pack_query query = {.wanted = plan_day,
                                  .account = reading->account,
                                  .key_id = question->key_id,
                                  .first = asking->span.first,
                                  .end = asking->span.end};

    if (question->key_id != NULL || question->by == TG_BY_KEY)
        query.family = TG_PACKS_OF_KEYS;
    else if (question->account_id != NULL || question->by == TG_BY_ACCOUNT)
        query.family = TG_PACKS_OF_ACCOUNTS;
    else
        query.family = TG_PACKS_OF_ALL;
    return tg_packs_each(asking->db, &query, take_row, reading);
}

int
tg_asking_packs(struct tg_asking *asking)
{
    struct reading *reading = calloc(1, sizeof(*reading));
    bool is_there;
    int err;

    if (reading == NULL)
        return tg_error_set(&asking->db->store.error, TG_ERR_SYSTEM,
                            "out of memory");
    reading->asking = asking;
    reading->has_own = tg_usage_groups_kinds(asking->question);
    reading->carver.carve = &reading->plan;
    reading->carver.has_times = asking->question->has_latency;
    find_account(reading, &is_there);
    err = !is_there ? 0
                    : tg_asking_kinds(asking, &asking->db->pack_kinds,
                                      &reading->kinds);
    if (is_there && err == 0)
        err = read_packs(reading);
    free(reading->kinds);
    free(reading);
    return err;
}
