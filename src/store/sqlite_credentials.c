#include "sqlite.h"

int
tg_sqlite_credential_add(struct tg_store *store,
                         const struct tg_store_credential *row)
{
    return tg_sql_run(tg_sqlite_of(store), NULL,
                      "INSERT INTO credentials (id, upstream_id, sealed, "
                      "last4, status, created_at, position, concurrency) "
                      "VALUES (?, ?, ?, ?, 'active', ?, ?, ?)",
                      "ttbtiii", row->id, row->upstream_id, row->sealed,
                      row->last4, row->created_at, row->position,
                      row->concurrency);
}

int
tg_sqlite_credential_end(struct tg_store *store, const char *id,
                         const char *status, int64_t ended_at)
{
    int changes, err;

    err = tg_sql_run(tg_sqlite_of(store), &changes,
                     "UPDATE credentials SET status = ?2, ended_at = ?3 "
                     "WHERE id = ?1 AND status = 'active'",
                     "tti", id, status, ended_at);
    return err == 0 && changes == 0 ? TG_ERR_NOT_FOUND : err;
}

int
tg_sqlite_credential_set(struct tg_store *store, const char *id,
                         int64_t concurrency)
{
    int changes, err;

    err = tg_sql_run(tg_sqlite_of(store), &changes,
                     "UPDATE credentials SET concurrency = ?2 WHERE id = ?1",
                     "ti", id, concurrency);
    return err == 0 && changes == 0 ? TG_ERR_NOT_FOUND : err;
}

int
tg_sqlite_credential_each(struct tg_store *store,
                          int (*visit)(void *,
                                       const struct tg_store_credential *),
                          void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    sqlite3_stmt *stmt;
    int err;

    err = tg_sql_begin(db, &stmt,
                       "SELECT number, id, upstream_id, sealed, last4, "
                       "status, created_at, ended_at, position, concurrency "
                       "FROM credentials ORDER BY number",
                       "");
    if (err != 0)
        return err;
    while ((err = tg_sql_next(db, stmt)) > 0) {
        struct tg_store_credential row = {
            .number = sqlite3_column_int64(stmt, 0),
            .id = tg_sql_text(stmt, 1),
            .upstream_id = tg_sql_text(stmt, 2),
            .sealed = tg_sql_bytes(stmt, 3),
            .last4 = tg_sql_text(stmt, 4),
            .status = tg_sql_text(stmt, 5),
            .created_at = sqlite3_column_int64(stmt, 6),
            .ended_at = sqlite3_column_int64(stmt, 7),
            .position = sqlite3_column_int64(stmt, 8),
            .concurrency = sqlite3_column_int64(stmt, 9),
        };

        err = visit(arg, &row);
        if (err != 0)
            break;
    }
    return tg_sql_end(stmt, err);
}
