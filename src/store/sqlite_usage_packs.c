#include "sqlite_usage.h"

#include <stdlib.h>

/* Packs being read. */
struct reading {
    struct tg_asking *asking;
    struct tg_asking_group *kinds;
    uint32_t account; /* the only one that is asked for; 0: any */
};

/* Cells of the kind that the reader is at, from one quarter-hour to another. */
static int
take_cells(struct tg_asking *asking, struct tg_pack_reader *reader,
           uint32_t group, uint32_t from, uint32_t to)
{
    struct tg_pack_cell cell;
    int err = 0, got;

    while ((got = tg_pack_next_cell(reader, &cell)) > 0 && cell.quarter < to) {
        if (cell.quarter < from)
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
take_pack(struct reading *reading, struct tg_str pack, uint32_t group,
          uint32_t from, uint32_t to)
{
    struct tg_asking *asking = reading->asking;
    bool has_own = tg_usage_groups_kinds(asking->question);
    uint32_t count = asking->db->pack_kinds.count;
    struct tg_pack_reader reader;
    int err = 0, got;

    tg_pack_open(&reader, pack);
    while (err == 0 && (got = tg_pack_next_kind(&reader)) > 0) {
        const struct tg_asking_group *kind;

        if (reader.kind == 0 || reader.kind > count)
            return TG_ERR_CORRUPT;
        kind = &reading->kinds[reader.kind - 1];
        if (kind->is_asked)
            err = take_cells(asking, &reader, has_own ? kind->number : group,
                             from, to);
    }
    return err != 0 ? err : got;
}

/* A day of which all is asked for, as one span. */
static bool
is_whole(void *arg, int64_t day)
{
    struct reading *reading = arg;
    struct tg_asking *asking = reading->asking;
    int64_t begin = day * TG_PACK_QUARTERS;

    tg_asking_spans(asking, day);
    return asking->spans.is_one && asking->span.first <= begin &&
           asking->span.end >= begin + TG_PACK_QUARTERS;
}

static int
take_row(void *arg, const struct tg_pack_row *row)
{
    struct reading *reading = arg;
    struct tg_asking *asking = reading->asking;
    int64_t begin = row->day * TG_PACK_QUARTERS;
    int64_t from = asking->span.first - begin, to = asking->span.end - begin;
    uint32_t group = 0;
    int err = 0;

    if (reading->account != 0 && row->account != reading->account)
        return 0;
    if (row->account != TG_PACK_ALL_ACCOUNTS)
        err =
            tg_asking_holder(asking, row->key_id,
                             tg_pack_account(asking->db, row->account), &group);
    if (err == 0)
        err =
            take_pack(reading, row->pack, group, from > 0 ? (uint32_t)from : 0,
                      to < TG_PACK_QUARTERS ? (uint32_t)to : TG_PACK_QUARTERS);
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

int
tg_asking_packs(struct tg_asking *asking)
{
    struct reading reading = {.asking = asking};
    const struct tg_usage_question *question = asking->question;
    struct tg_pack_query query = {.is_whole = is_whole,
                                  .key_id = question->key_id,
                                  .first = asking->span.first,
                                  .end = asking->span.end};
    bool is_there;
    int err;

    find_account(&reading, &is_there);
    if (!is_there)
        return 0;
    query.account = reading.account;
    if (question->key_id != NULL || question->by == TG_BY_KEY)
        query.family = TG_PACKS_OF_KEYS;
    else if (question->account_id != NULL || question->by == TG_BY_ACCOUNT)
        query.family = TG_PACKS_OF_ACCOUNTS;
    else
        query.family = TG_PACKS_OF_ALL;
    err = tg_asking_kinds(asking, &asking->db->pack_kinds, &reading.kinds);
    if (err == 0)
        err = tg_packs_each(asking->db, &query, take_row, &reading);
    free(reading.kinds);
    return err;
}
