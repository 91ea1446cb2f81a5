#include "sqlite.h"

int
tg_sqlite_errand_put(struct tg_store *store, const struct tg_store_errand *row)
{
    struct tg_sqlite *db = tg_sqlite_of(store);

    if (row->at == 0)
        return tg_sql_run(db, NULL,
                          "DELETE FROM errands WHERE key_id = ? AND what = ?",
                          "tt", row->key_id, row->what);
    return tg_sql_run(db, NULL,
                      "INSERT INTO errands (key_id, what, at) VALUES (?, ?, ?) "
                      "ON CONFLICT (key_id, what) DO UPDATE SET at = "
                      "excluded.at",
                      "tti", row->key_id, row->what, row->at);
}

int
tg_sqlite_errand_due(struct tg_store *store, int64_t now_ms, uint32_t limit,
                     int (*visit)(void *, const struct tg_store_errand *),
                     void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(db, &stmt,
                           "SELECT key_id, what, at FROM errands WHERE at <= ? "
                           "ORDER BY at LIMIT ?",
                           "ii", now_ms, (int64_t)limit);

    if (err != 0)
        return err;
    while ((err = tg_sql_next(db, stmt)) > 0) {
        struct tg_store_errand row = {
            .key_id = tg_sql_text(stmt, 0),
            .what = tg_sql_text(stmt, 1),
            .at = sqlite3_column_int64(stmt, 2),
        };

        err = visit(arg, &row);
        if (err != 0)
            break;
    }
    return tg_sql_end(stmt, err);
}
