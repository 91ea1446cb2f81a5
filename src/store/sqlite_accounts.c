#include "sqlite_pack.h"

#include <stdlib.h>

#include "money.h"

#define COLUMNS                                                                \
    "id, name, plan, status, verification, billing, granted_nanos, "           \
    "topped_up_nanos, base_nanos, created_at, responses "

int
tg_sqlite_account_add(struct tg_store *store,
                      const struct tg_store_account *row)
{
    return tg_sql_run(tg_sqlite_of(store), NULL,
                      "INSERT INTO accounts (" COLUMNS
                      ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
                      "coalesce(?, '{}'))",
                      "ttttttiiiit", row->id, row->name, row->plan, row->status,
                      row->verification, row->billing, row->granted_nanos,
                      row->topped_up_nanos, row->base_nanos, row->created_at,
                      row->responses);
}

static int
walk(struct tg_sqlite *db, sqlite3_stmt *stmt,
     int (*visit)(void *, const struct tg_store_account *), void *arg)
{
    int err;

    while ((err = tg_sql_next(db, stmt)) > 0) {
        struct tg_store_account row = {
            .id = tg_sql_text(stmt, 0),
            .name = tg_sql_text(stmt, 1),
            .plan = tg_sql_text(stmt, 2),
            .status = tg_sql_text(stmt, 3),
            .verification = tg_sql_text(stmt, 4),
            .billing = tg_sql_text(stmt, 5),
            .granted_nanos = sqlite3_column_int64(stmt, 6),
            .topped_up_nanos = sqlite3_column_int64(stmt, 7),
            .base_nanos = sqlite3_column_int64(stmt, 8),
            .created_at = sqlite3_column_int64(stmt, 9),
            .responses = tg_sql_text(stmt, 10),
        };

        err = visit(arg, &row);
        if (err != 0)
            break;
    }
    return tg_sql_end(stmt, err);
}

struct counted {
    int (*visit)(void *, const struct tg_store_account *);
    void *arg;
    int count;
};

static int
count_one(void *arg, const struct tg_store_account *row)
{
    struct counted *counted = arg;

    counted->count++;
    return counted->visit(counted->arg, row);
}

int
tg_sqlite_account_get(struct tg_store *store, const char *id_or_name,
                      int (*visit)(void *, const struct tg_store_account *),
                      void *arg)
{
    struct counted counted = {visit, arg, 0};
    sqlite3_stmt *stmt;
    int err;

    err = tg_sql_begin(tg_sqlite_of(store), &stmt,
                       "SELECT " COLUMNS
                       "FROM accounts WHERE id = ?1 OR name = ?1 "
                       "ORDER BY id <> ?1 LIMIT 1",
                       "t", id_or_name);
    if (err == 0)
        err = walk(tg_sqlite_of(store), stmt, count_one, &counted);
    return err == 0 && counted.count == 0 ? TG_ERR_NOT_FOUND : err;
}

int
tg_sqlite_account_each(struct tg_store *store, const struct tg_store_page *page,
                       int (*visit)(void *, const struct tg_store_account *),
                       void *arg)
{
    int64_t limit = page->limit ? (int64_t)page->limit : -1;
    sqlite3_stmt *stmt;
    int err;

    err = tg_sql_begin(tg_sqlite_of(store), &stmt,
                       "SELECT " COLUMNS "FROM accounts WHERE ?1 IS NULL OR "
                       "number > (SELECT number FROM accounts WHERE id = ?1) "
                       "ORDER BY number LIMIT ?2",
                       "ti", page->after, limit);
    return err ? err : walk(tg_sqlite_of(store), stmt, visit, arg);
}

int
tg_sqlite_account_set(struct tg_store *store,
                      const struct tg_store_account *row)
{
    int changes, err;

    err = tg_sql_run(tg_sqlite_of(store), &changes,
                     "UPDATE accounts SET name = coalesce(?2, name), "
                     "plan = coalesce(?3, plan), "
                     "billing = coalesce(?4, billing), "
                     "status = coalesce(?5, status), "
                     "verification = coalesce(?6, verification), "
                     "responses = coalesce(?7, responses) WHERE id = ?1",
                     "ttttttt", row->id, row->name, row->plan, row->billing,
                     row->status, row->verification, row->responses);
    return err == 0 && changes == 0 ? TG_ERR_NOT_FOUND : err;
}

struct credit {
    int64_t granted_nanos, topped_up_nanos;
};

static int
add_credit(void *arg, const struct tg_store_account *row)
{
    struct credit *credit = arg;
    int64_t total;
    int err = tg_money_add(credit->granted_nanos, row->granted_nanos,
                           &credit->granted_nanos);

    if (err == 0)
        err = tg_money_add(credit->topped_up_nanos, row->topped_up_nanos,
                           &credit->topped_up_nanos);
    if (err == 0)
        err = tg_money_add(credit->granted_nanos, credit->topped_up_nanos,
                           &total);
    return err;
}

int
tg_sqlite_account_credit(struct tg_store *store, const char *id,
                         int64_t granted_nanos, int64_t topped_up_nanos)
{
    struct credit credit = {granted_nanos, topped_up_nanos};
    int err = tg_sqlite_account_get(store, id, add_credit, &credit);

    if (err != 0)
        return err;
    return tg_sql_run(tg_sqlite_of(store), NULL,
                      "UPDATE accounts SET granted_nanos = ?2, "
                      "topped_up_nanos = ?3 WHERE id = ?1",
                      "tii", id, credit.granted_nanos, credit.topped_up_nanos);
}

/* What is in packs. */
static int
add_settled(struct tg_sqlite *db, const int64_t *nanos)
{
    int err = 0;

    for (uint32_t i = 1; i <= db->pack_accounts.count && err == 0; i++) {
        if (nanos[i] != 0)
            err = tg_sql_run(db, NULL,
                             "UPDATE accounts SET base_nanos = base_nanos + ? "
                             "WHERE id = ?",
                             "it", nanos[i], tg_pack_account(db, i));
    }
    return err;
}

int
tg_sqlite_account_rebase(struct tg_store *store)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    int64_t *nanos = NULL;
    int err;

    err =
        tg_sql_run(db, NULL, "UPDATE accounts SET base_nanos = gone_nanos", "");
    if (err == 0)
        err = tg_packs_settled(db, &nanos);
    if (err == 0)
        err = add_settled(db, nanos);
    free(nanos);
    if (err != 0)
        return err;
    return tg_sql_run(db, NULL,
                      "UPDATE accounts SET base_nanos = base_nanos + total "
                      "FROM (SELECT account_id, sum(cost_nanos) AS total FROM "
                      "recent_calls GROUP BY account_id) AS sums "
                      "WHERE sums.account_id = accounts.id",
                      "");
}
