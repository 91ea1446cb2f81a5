#include "sqlite_pack.h"

#include <stdlib.h>

#include "money.h"
#include "usage.h"

/* What was spent, from packs and from what is not in them yet. */

/* Whose packs are visited, and from which quarter-hour on. */
struct spending {
    int64_t since;
    int (*visit)(void *, const struct tg_store_spend *);
    void *arg;
    struct tg_sqlite *db;
};

/* What a day's cells cost by quarter-hour; seen: there are some. */
struct costs {
    bool seen[TG_PACK_QUARTERS];
    int64_t nanos[TG_PACK_QUARTERS];
};

static int
add_costs(struct tg_str pack, struct costs *costs)
{
    struct tg_pack_reader reader;
    struct tg_pack_cell cell;
    int got;

    tg_pack_open(&reader, pack);
    while ((got = tg_pack_next(&reader, &cell)) > 0) {
        costs->seen[cell.quarter] = true;
        got = tg_money_add(costs->nanos[cell.quarter], cell.sums.cost_nanos,
                           &costs->nanos[cell.quarter]);
        if (got != 0)
            break;
    }
    return got;
}

static int
visit_row(void *arg, const struct tg_pack_row *row)
{
    struct spending *spending = arg;
    int64_t begin = row->day * TG_PACK_QUARTERS;
    struct costs costs = {.seen = {false}};
    int err = 0;

    for (int part = TG_PACK_CELLS_0; part < TG_PACK_PARTS && err == 0; part++)
        err = add_costs(row->parts[part], &costs);
    if (err != 0)
        return tg_pack_fail(spending->db, err, row->day, row->key_id);
    for (int i = 0; i < TG_PACK_QUARTERS && err == 0; i++) {
        struct tg_store_spend spend = {.key_id = row->key_id,
                                       .at = (begin + i) * TG_QUARTER_MS,
                                       .cost_nanos = costs.nanos[i]};

        if (costs.seen[i] && begin + i >= spending->since)
            err = spending->visit(spending->arg, &spend);
    }
    return err;
}

static int
visit_calls(struct tg_sqlite *db, int64_t since,
            int (*visit)(void *, const struct tg_store_spend *), void *arg)
{
    static const char sql[] =
        "SELECT key_id, at, 0, 0, cost_nanos FROM recent_calls "
        "WHERE +at >= ?1 / 900000 * 900000 UNION ALL "
        /* What moved is counted there as if it had not. */
        "SELECT key_id, at, 0, 0, -cost_nanos FROM moved_calls "
        "WHERE at >= ?1 / 900000 * 900000 UNION ALL "
        "SELECT key_id, at, day, month, cost_nanos FROM moved_calls "
        "WHERE at >= ?1 / 900000 * 900000";
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(db, &stmt, sql, "i", since);

    if (err != 0)
        return err;
    while ((err = tg_sql_next(db, stmt)) > 0) {
        struct tg_store_spend spend = {
            .key_id = tg_sql_text(stmt, 0),
            .at = sqlite3_column_int64(stmt, 1),
            .day = sqlite3_column_int64(stmt, 2),
            .month = sqlite3_column_int64(stmt, 3),
            .cost_nanos = sqlite3_column_int64(stmt, 4),
        };

        err = visit(arg, &spend);
        if (err != 0)
            break;
    }
    return tg_sql_end(stmt, err);
}

/* Of one key, or of all: NULL. */
static int
visit_packs(struct tg_sqlite *db, const char *key_id, int64_t since,
            int (*visit)(void *, const struct tg_store_spend *), void *arg)
{
    struct spending spending = {since > 0 ? since / TG_QUARTER_MS : 0, visit,
                                arg, db};
    struct tg_pack_query query = {.family = TG_PACKS_OF_KEYS,
                                  .key_id = key_id,
                                  .first = spending.since,
                                  .end = INT64_MAX};
    int err = tg_pack_names_load(db);

    return err == 0 ? tg_packs_each(db, &query, visit_row, &spending) : err;
}

int
tg_sqlite_spend_of(struct tg_store *store, const char *key_id, int64_t since,
                   int (*visit)(void *, const struct tg_store_spend *),
                   void *arg)
{
    return visit_packs(tg_sqlite_of(store), key_id, since, visit, arg);
}

int
tg_sqlite_spend_recent(struct tg_store *store, int64_t since,
                       int (*visit)(void *, const struct tg_store_spend *),
                       void *arg)
{
    return visit_calls(tg_sqlite_of(store), since, visit, arg);
}

int
tg_sqlite_spend_each(struct tg_store *store, int64_t since,
                     int (*visit)(void *, const struct tg_store_spend *),
                     void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    bool is_alone = sqlite3_get_autocommit(db->db);
    int err = 0;

    /* All of it at one moment: a block may be rolled up meanwhile. */
    if (is_alone)
        err = tg_sql_run(db, NULL, "BEGIN", "");
    if (err == 0)
        err = visit_packs(db, NULL, since, visit, arg);
    if (err == 0)
        err = visit_calls(db, since, visit, arg);
    if (is_alone)
        tg_sql_run(db, NULL, "ROLLBACK", "");
    return err;
}

/* Sums of accounts, by their numbers in packs. */
struct settling {
    struct tg_sqlite *db;
    int64_t *nanos;
};

int
tg_pack_cost(struct tg_str sums, int64_t *nanos)
{
    struct costs costs = {.seen = {false}};
    int err = add_costs(sums, &costs);

    *nanos = costs.nanos[0];
    return err;
}

static uint32_t
no_more(void *arg, int64_t day)
{
    (void)arg;
    (void)day;
    return 0;
}

static int
settle_row(void *arg, const struct tg_pack_row *row)
{
    struct settling *settling = arg;
    int64_t *to = &settling->nanos[row->account], nanos;
    int err = tg_pack_cost(row->parts[TG_PACK_SUMS], &nanos);

    if (err == 0)
        err = tg_money_add(*to, nanos, to);
    return err == 0 ? 0
                    : tg_pack_fail(settling->db, err, row->day, row->key_id);
}

int
tg_packs_settled(struct tg_sqlite *db, int64_t **nanos)
{
    struct settling settling = {.db = db};
    struct tg_pack_query query = {
        .wanted = no_more, .family = TG_PACKS_OF_ACCOUNTS, .end = INT64_MAX};
    int err = tg_pack_names_load(db);

    if (err != 0)
        return err;
    settling.nanos =
        calloc(db->pack_accounts.count + 1, sizeof(settling.nanos[0]));
    if (settling.nanos == NULL)
        return tg_error_set(&db->store.error, TG_ERR_SYSTEM, "out of memory");
    err = tg_packs_each(db, &query, settle_row, &settling);
    if (err == 0)
        *nanos = settling.nanos;
    else
        free(settling.nanos);
    return err;
}

/* A key's requests of some quarter-hours. */
struct counting {
    struct tg_sqlite *db;
    int64_t first, end;
    int64_t requests;
};

static int
count_pack(struct counting *counting, struct tg_str pack, int64_t begin)
{
    struct tg_pack_reader reader;
    struct tg_pack_cell cell;
    int got;

    tg_pack_open(&reader, pack);
    while ((got = tg_pack_next(&reader, &cell)) > 0) {
        if (begin + cell.quarter >= counting->first &&
            begin + cell.quarter < counting->end)
            counting->requests += cell.sums.requests;
    }
    return got;
}

static int
count_row(void *arg, const struct tg_pack_row *row)
{
    struct counting *counting = arg;
    int err = 0;

    for (int part = TG_PACK_CELLS_0; part < TG_PACK_PARTS && err == 0; part++)
        err =
            count_pack(counting, row->parts[part], row->day * TG_PACK_QUARTERS);
    return err == 0 ? 0
                    : tg_pack_fail(counting->db, err, row->day, row->key_id);
}

int
tg_sqlite_key_requests(struct tg_store *store, const char *key_id,
                       int64_t first, int64_t end, int64_t *requests)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    struct counting counting = {.db = db, .first = first, .end = end};
    struct tg_pack_query query = {.family = TG_PACKS_OF_KEYS,
                                  .key_id = key_id,
                                  .first = first,
                                  .end = end};
    int err = tg_pack_names_load(db);

    if (err == 0)
        err = tg_packs_each(db, &query, count_row, &counting);
    if (err == 0)
        *requests = counting.requests;
    return err;
}
