#include "sqlite_pack.h"

#include <stdlib.h>

#include "money.h"
#include "usage.h"

/* What was spent, from packs and from what is not in them yet. */

/* Who is told of which quarter-hours: from since to before until. */
struct spending {
    int64_t since, until;
    int (*visit)(void *, const struct tg_store_spend *);
    void *arg;
    struct tg_sqlite *db;
};

static int
visit_pack(const struct spending *spending, const struct tg_pack_row *row,
           struct tg_str pack)
{
    struct tg_pack_reader reader;
    struct tg_pack_cell cell;
    int got, err = 0;

    tg_pack_open(&reader, pack);
    while (err == 0 && (got = tg_pack_next(&reader, &cell)) != 0) {
        int64_t quarter = row->day * TG_PACK_QUARTERS + cell.quarter;
        struct tg_store_spend spend = {.key_id = row->key_id,
                                       .at = quarter * TG_QUARTER_MS,
                                       .cost_nanos = cell.sums.cost_nanos};

        if (got < 0)
            return tg_pack_fail(spending->db, got, row->day, row->key_id);
        if (quarter >= spending->since && quarter < spending->until)
            err = spending->visit(spending->arg, &spend);
    }
    return err;
}

static int
visit_row(void *arg, const struct tg_pack_row *row)
{
    int err = 0;

    for (int part = TG_PACK_SIXTH_CELLS; part < TG_PACK_PARTS && err == 0;
         part++)
        err = visit_pack(arg, row, row->parts[part]);
    return err;
}

/* A call of which nothing is said belongs to the periods of its instant. */
static int
visit_calls(const struct spending *spending)
{
    static const char sql[] =
        "SELECT key_id, at, 0, 0, cost_nanos FROM recent_calls "
        "WHERE +at >= ?1 AND +at < ?2 UNION ALL "
        /* What moved is counted there as if it had not. */
        "SELECT key_id, at, 0, 0, -cost_nanos FROM moved_calls "
        "WHERE at >= ?1 AND at < ?2 UNION ALL "
        "SELECT key_id, at, day, month, cost_nanos FROM moved_calls "
        "WHERE at >= ?1 AND at < ?2";
    struct tg_sqlite *db = spending->db;
    sqlite3_stmt *stmt;
    int err =
        tg_sql_begin(db, &stmt, sql, "ii", spending->since * TG_QUARTER_MS,
                     spending->until * TG_QUARTER_MS);

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

        err = spending->visit(spending->arg, &spend);
        if (err != 0)
            break;
    }
    return tg_sql_end(stmt, err);
}

static struct spending
spending_of(struct tg_store *store, int64_t since, int64_t until,
            int (*visit)(void *, const struct tg_store_spend *), void *arg)
{
    return (struct spending){since > 0 ? since / TG_QUARTER_MS : 0,
                             until / TG_QUARTER_MS, visit, arg,
                             tg_sqlite_of(store)};
}

/* Of one key, or of all: NULL. */
static int
visit_packs(struct spending *spending, const char *key_id)
{
    struct tg_pack_query query = {.family = TG_PACKS_OF_KEYS,
                                  .key_id = key_id,
                                  .first = spending->since,
                                  .end = spending->until};
    int err = tg_pack_names_load(spending->db);

    return err == 0 ? tg_packs_each(spending->db, &query, visit_row, spending)
                    : err;
}

int
tg_sqlite_spend_of(struct tg_store *store, const char *key_id, int64_t since,
                   int (*visit)(void *, const struct tg_store_spend *),
                   void *arg)
{
    struct spending spending = spending_of(store, since, INT64_MAX, visit, arg);

    return visit_packs(&spending, key_id);
}

int
tg_sqlite_spend_recent(struct tg_store *store, int64_t since,
                       int (*visit)(void *, const struct tg_store_spend *),
                       void *arg)
{
    struct spending spending = spending_of(store, since, INT64_MAX, visit, arg);

    return visit_calls(&spending);
}

int
tg_sqlite_spend_each(struct tg_store *store, int64_t since, int64_t until,
                     int (*visit)(void *, const struct tg_store_spend *),
                     void *arg)
{
    struct spending spending = spending_of(store, since, until, visit, arg);
    struct tg_sqlite *db = spending.db;
    bool is_alone = sqlite3_get_autocommit(db->db);
    int err = 0;

    /* All of it at one moment: a block may be rolled up meanwhile. */
    if (is_alone)
        err = tg_sql_run(db, NULL, "BEGIN", "");
    if (err == 0)
        err = visit_packs(&spending, NULL);
    if (err == 0)
        err = visit_calls(&spending);
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
    struct tg_pack_reader reader;
    struct tg_pack_cell cell;
    int got;

    *nanos = 0;
    tg_pack_open(&reader, sums);
    while ((got = tg_pack_next(&reader, &cell)) > 0) {
        got = tg_money_add(*nanos, cell.sums.cost_nanos, nanos);
        if (got != 0)
            break;
    }
    return got;
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

    for (int part = TG_PACK_SIXTH_CELLS; part < TG_PACK_PARTS && err == 0;
         part++)
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
