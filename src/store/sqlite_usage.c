#include "sqlite_pack.h"
#include "sqlite_recent.h"
#include "usage_fold.h"

#include <stdlib.h>

/* Instants, and the whole quarter-hours between them. */
struct span {
    int64_t since, until;
    int64_t first, end;       /* quarter-hours */
    int64_t first_at, end_at; /* outside of which calls are asked */
};

/* What is known of a kind or holder, by its number. */
struct group {
    bool is_asked;
    uint32_t number;
};

/* An answer being made. */
struct asking {
    struct tg_sqlite *db;
    const struct tg_usage_question *question;
    struct tg_usage_fold fold;
    struct span span;
    struct group *kinds; /* of packs */
    uint32_t account;    /* the only one that is asked for; 0: any */
    struct {
        int64_t day; /* -1: none yet */
        bool is_one; /* all of it is one span */
        int64_t of[TG_PACK_QUARTERS];
    } spans;
};

static void
find_span(const struct tg_usage_question *question, struct span *span)
{
    span->since = question->since > 0 ? question->since : 0;
    span->until = question->until ? question->until : INT64_MAX;
    span->first =
        span->since / TG_QUARTER_MS + (span->since % TG_QUARTER_MS != 0);
    span->end = span->until / TG_QUARTER_MS;
    span->first_at = span->end_at = span->until;
    if (span->first < span->end) {
        span->first_at = span->first * TG_QUARTER_MS;
        span->end_at = span->end * TG_QUARTER_MS;
    } else {
        span->end = span->first;
    }
}

/* Whether calls of an instant's quarter-hour are gone. */
static int
is_thinned(struct tg_sqlite *db, int64_t at, bool *is)
{
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(db, &stmt, "SELECT 1 FROM thinned WHERE quarter = ?",
                           "i", at / TG_QUARTER_MS);

    if (err != 0)
        return err;
    err = tg_sql_next(db, stmt);
    *is = err > 0;
    return tg_sql_end(stmt, err > 0 ? 0 : err);
}

static int
find_first_quarter(struct tg_sqlite *db, int64_t *quarter)
{
    sqlite3_stmt *stmt;
    int err =
        tg_sql_begin(db, &stmt, "SELECT first_quarter FROM retention", "");

    if (err != 0)
        return err;
    err = tg_sql_next(db, stmt);
    *quarter = err > 0 ? sqlite3_column_int64(stmt, 0) : 0;
    return tg_sql_end(stmt, err > 0 ? 0 : err);
}

/* What can be answered: outward to quarter-hours, up to where rollups are. */
static int
cover(struct tg_sqlite *db, struct tg_usage_question *question)
{
    bool is_since = false, is_until = false;
    int64_t first = 0;
    int err = is_thinned(db, question->since, &is_since);

    if (err == 0)
        err = is_thinned(db, question->until, &is_until);
    if (err == 0)
        err = find_first_quarter(db, &first);
    if (err != 0)
        return err;
    if (is_since)
        question->since -= question->since % TG_QUARTER_MS;
    if (is_until && question->until % TG_QUARTER_MS != 0)
        question->until += TG_QUARTER_MS - question->until % TG_QUARTER_MS;
    if (question->since < first * TG_QUARTER_MS)
        question->since = first * TG_QUARTER_MS;
    if (question->until != 0 && question->until < question->since)
        question->until = question->since;
    return 0;
}

static int64_t
span_of(const struct tg_usage_question *question, int64_t quarter)
{
    return question->span_of != NULL
               ? question->span_of(question->span_arg, quarter)
               : 0;
}

/* Of each quarter-hour of a day. */
static void
find_spans(struct asking *asking, int64_t day)
{
    int64_t *of = asking->spans.of;

    if (asking->spans.day == day)
        return;
    for (int i = 0; i < TG_PACK_QUARTERS; i++)
        of[i] = span_of(asking->question, day * TG_PACK_QUARTERS + i);
    /* They grow with time. */
    asking->spans.is_one = of[0] == of[TG_PACK_QUARTERS - 1];
    asking->spans.day = day;
}

/* Which kinds are asked for, and their groups, where groups are of kinds. */
static int
group_kinds(struct asking *asking, const struct tg_names *kinds,
            struct group **groups)
{
    const struct tg_usage_question *question = asking->question;
    struct group *list = calloc(kinds->count + 1, sizeof(*list));
    int err = list == NULL ? TG_ERR_SYSTEM : 0;

    for (uint32_t i = 0; i < kinds->count && err == 0; i++) {
        const struct tg_block_kind *name = tg_names_at(kinds, i);
        struct tg_usage_kind kind = {.model = name->model,
                                     .upstream_id = name->upstream_id,
                                     .endpoint = name->endpoint,
                                     .status = name->status};

        list[i].is_asked = tg_usage_asks_kind(question, &kind);
        if (list[i].is_asked && tg_usage_groups_kinds(question))
            err = tg_usage_fold_group(&asking->fold, NULL, NULL, &kind,
                                      &list[i].number);
    }
    *groups = list;
    return err;
}

/* Of a key and account, unless groups are of kinds. */
static int
group_holder(struct asking *asking, const char *key_id, const char *account_id,
             uint32_t *group)
{
    static const struct tg_usage_kind none;

    if (tg_usage_groups_kinds(asking->question))
        return 0;
    return tg_usage_fold_group(&asking->fold, key_id, account_id, &none, group);
}

/* Cells of the kind that the reader is at, from one quarter-hour to another. */
static int
take_cells(struct asking *asking, struct tg_pack_reader *reader, uint32_t group,
           uint32_t from, uint32_t to)
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
take_pack(struct asking *asking, struct tg_str pack, uint32_t group,
          uint32_t from, uint32_t to)
{
    bool has_own = tg_usage_groups_kinds(asking->question);
    uint32_t count = asking->db->pack_kinds.count;
    struct tg_pack_reader reader;
    int err = 0, got;

    tg_pack_open(&reader, pack);
    while (err == 0 && (got = tg_pack_next_kind(&reader)) > 0) {
        const struct group *kind;

        if (reader.kind == 0 || reader.kind > count)
            return TG_ERR_CORRUPT;
        kind = &asking->kinds[reader.kind - 1];
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
    struct asking *asking = arg;
    int64_t begin = day * TG_PACK_QUARTERS;

    find_spans(asking, day);
    return asking->spans.is_one && asking->span.first <= begin &&
           asking->span.end >= begin + TG_PACK_QUARTERS;
}

static int
take_row(void *arg, const struct tg_pack_row *row)
{
    struct asking *asking = arg;
    int64_t begin = row->day * TG_PACK_QUARTERS;
    int64_t from = asking->span.first - begin, to = asking->span.end - begin;
    uint32_t group = 0;
    int err = 0;

    if (asking->account != 0 && row->account != asking->account)
        return 0;
    if (row->account != TG_PACK_ALL_ACCOUNTS)
        err = group_holder(asking, row->key_id,
                           tg_pack_account(asking->db, row->account), &group);
    if (err == 0)
        err =
            take_pack(asking, row->pack, group, from > 0 ? (uint32_t)from : 0,
                      to < TG_PACK_QUARTERS ? (uint32_t)to : TG_PACK_QUARTERS);
    return err == 0 ? 0 : tg_pack_fail(asking->db, err, row->day, row->key_id);
}

/* The number of the account that is asked for; *is_there: it has packs. */
static void
find_account(struct asking *asking, bool *is_there)
{
    const struct tg_names *accounts = &asking->db->pack_accounts;
    const char *wanted = asking->question->account_id;

    *is_there = wanted == NULL;
    for (uint32_t i = 0; i < accounts->count && !*is_there; i++) {
        *is_there = strcmp(tg_names_at(accounts, i), wanted) == 0;
        asking->account = i + 1;
    }
}

static int
take_packs(struct asking *asking)
{
    const struct tg_usage_question *question = asking->question;
    struct tg_pack_query query = {.is_whole = is_whole,
                                  .key_id = question->key_id,
                                  .first = asking->span.first,
                                  .end = asking->span.end};
    bool is_there;
    int err;

    find_account(asking, &is_there);
    if (!is_there)
        return 0;
    query.account = asking->account;
    if (question->key_id != NULL || question->by == TG_BY_KEY)
        query.family = TG_PACKS_OF_KEYS;
    else if (question->account_id != NULL || question->by == TG_BY_ACCOUNT)
        query.family = TG_PACKS_OF_ACCOUNTS;
    else
        query.family = TG_PACKS_OF_ALL;
    err = group_kinds(asking, &asking->db->pack_kinds, &asking->kinds);
    if (err == 0)
        err = tg_packs_each(asking->db, &query, take_row, asking);
    free(asking->kinds);
    return err;
}

/* Calls in memory, as they are asked for. */
struct walk {
    const struct tg_block *block;
    const struct tg_recent *recent; /* NULL: all of the block */
    int64_t since, until;
    struct group *kinds, *holders;
};

static int
group_holders(struct asking *asking, const struct tg_block *block,
              struct group **groups)
{
    struct group *list = calloc(block->holders.count + 1, sizeof(*list));
    int err = list == NULL ? TG_ERR_SYSTEM : 0;

    for (uint32_t i = 0; i < block->holders.count && err == 0; i++) {
        const struct tg_block_holder *name = tg_names_at(&block->holders, i);

        list[i].is_asked = tg_usage_asks_holder(asking->question, name->key_id,
                                                name->account_id);
        if (list[i].is_asked)
            err = group_holder(asking, name->key_id, name->account_id,
                               &list[i].number);
    }
    *groups = list;
    return err;
}

static bool
is_wanted(const struct walk *walk, const struct tg_block_call *call)
{
    return call->at >= walk->since && call->at < walk->until &&
           walk->kinds[call->kind].is_asked &&
           walk->holders[call->holder].is_asked &&
           (walk->recent == NULL ||
            tg_recent_is(walk->recent, call,
                         tg_block_holder(walk->block, call)->key_id));
}

static int
take_call(struct asking *asking, const struct walk *walk,
          const struct tg_block_call *call)
{
    const struct group *group = tg_usage_groups_kinds(asking->question)
                                    ? &walk->kinds[call->kind]
                                    : &walk->holders[call->holder];
    int64_t quarter = call->at / TG_QUARTER_MS;
    struct tg_sums sums;

    tg_block_sums(call, &sums);
    find_spans(asking, quarter / TG_PACK_QUARTERS);
    return tg_usage_fold_call(
        &asking->fold, group->number,
        asking->spans.of[quarter % TG_PACK_QUARTERS], &sums, call->latency_ms,
        call->ttft_ms == TG_ABSENT_MS ? NULL : &call->ttft_ms);
}

static int
take_block(struct asking *asking, struct walk *walk)
{
    int err = group_kinds(asking, &walk->block->kinds, &walk->kinds);

    if (err == 0)
        err = group_holders(asking, walk->block, &walk->holders);
    for (uint32_t i = 0; i < walk->block->count && err == 0; i++) {
        const struct tg_block_call *call = &walk->block->calls[i];

        if (is_wanted(walk, call))
            err = take_call(asking, walk, call);
    }
    free(walk->kinds);
    free(walk->holders);
    walk->kinds = walk->holders = NULL;
    return err == 0
               ? 0
               : tg_error_set(&asking->db->store.error, err,
                              "the store: calls cannot be added up: %s",
                              err == TG_ERR_LIMIT   ? "there are too many rows"
                              : err == TG_ERR_RANGE ? "a sum is too large"
                                                    : "out of memory");
}

/* Calls that are rolled up, of a part of a quarter-hour. */
static int
take_part(struct asking *asking, int64_t since, int64_t until)
{
    struct tg_block block;
    struct walk walk = {.block = &block, .since = since, .until = until};
    sqlite3_stmt *stmt;
    int err;

    if (since >= until)
        return 0;
    err = tg_sql_begin(asking->db, &stmt,
                       "SELECT " TG_BLOCK_COLUMNS " FROM rolled_calls "
                       "WHERE at >= ?1 AND at < ?2",
                       "ii", since, until);
    if (err != 0)
        return err;
    tg_block_init(&block);
    err = tg_block_read(asking->db, &block, stmt);
    if (err == 0)
        err = take_block(asking, &walk);
    tg_block_release(&block);
    return err;
}

static int
take_recent(struct asking *asking)
{
    struct walk walk = {.since = asking->span.since,
                        .until = asking->span.until};
    struct tg_recent *recent;
    int err = tg_recent_load(asking->db, &recent);

    if (err != 0)
        return err;
    walk.block = &recent->block;
    walk.recent = recent;
    return take_block(asking, &walk);
}

static int
take_all(struct asking *asking)
{
    const struct span *span = &asking->span;
    int err = tg_pack_names_load(asking->db);

    if (err == 0)
        err = take_packs(asking);
    if (err == 0)
        err = take_recent(asking);
    if (err == 0)
        err = take_part(asking, span->since, span->first_at);
    if (err == 0)
        err = take_part(asking, span->end_at, span->until);
    return err;
}

static int
answer(struct tg_sqlite *db, struct tg_usage_question *question,
       struct tg_store_usage *total,
       int (*visit)(void *, const struct tg_store_usage *), void *arg)
{
    struct asking asking = {
        .db = db, .question = question, .spans = {.day = -1}};
    int err = cover(db, question);

    if (err != 0)
        return err;
    find_span(question, &asking.span);
    tg_usage_fold_init(&asking.fold, question);
    err = take_all(&asking);
    if (err == 0)
        err = tg_usage_fold_end(&asking.fold, total, visit, arg);
    tg_usage_fold_release(&asking.fold);
    return err;
}

int
tg_sqlite_usage(struct tg_store *store, struct tg_usage_question *question,
                struct tg_store_usage *total,
                int (*visit)(void *, const struct tg_store_usage *), void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    bool is_alone = sqlite3_get_autocommit(db->db);
    int err = 0;

    /* All of it at one moment: a block may be rolled up meanwhile. */
    if (is_alone)
        err = tg_sql_run(db, NULL, "BEGIN", "");
    if (err == 0)
        err = answer(db, question, total, visit, arg);
    if (is_alone)
        tg_sql_run(db, NULL, "ROLLBACK", "");
    return err;
}
