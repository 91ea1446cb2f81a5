#include "sqlite.h"

int
tg_sqlite_segment_each(struct tg_store *store,
                       int (*visit)(void *, const struct tg_store_segment *),
                       void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    sqlite3_stmt *stmt;
    int err;

    err = tg_sql_begin(
        db, &stmt,
        "SELECT writer_id, number, offset, bad, is_kept FROM segments", "");
    if (err != 0)
        return err;
    while ((err = tg_sql_next(db, stmt)) > 0) {
        struct tg_store_segment row = {
            .writer_id = (uint64_t)sqlite3_column_int64(stmt, 0),
            .number = (uint32_t)sqlite3_column_int64(stmt, 1),
            .offset = (uint64_t)sqlite3_column_int64(stmt, 2),
            .bad = tg_sql_text(stmt, 3),
            .is_kept = sqlite3_column_int(stmt, 4) != 0,
        };

        err = visit(arg, &row);
        if (err != 0)
            break;
    }
    return tg_sql_end(stmt, err);
}

int
tg_sqlite_segment_put(struct tg_store *store,
                      const struct tg_store_segment *row)
{
    return tg_sql_run(tg_sqlite_of(store), NULL,
                      "INSERT INTO segments (writer_id, number, offset, bad, "
                      "is_kept) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT "
                      "(writer_id, number) DO UPDATE SET offset = ?3, "
                      "bad = ?4, is_kept = ?5",
                      "iiiti", (int64_t)row->writer_id, (int64_t)row->number,
                      (int64_t)row->offset, row->bad, (int64_t)row->is_kept);
}

int
tg_sqlite_segment_gone(struct tg_store *store, uint64_t writer_id,
                       uint32_t number)
{
    return tg_sql_run(tg_sqlite_of(store), NULL,
                      "DELETE FROM segments WHERE writer_id = ? AND number "
                      "= ?",
                      "ii", (int64_t)writer_id, (int64_t)number);
}
