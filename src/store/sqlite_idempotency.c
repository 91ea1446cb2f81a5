#include "sqlite.h"

static struct tg_str
bytes_of(const struct tg_digest *digest)
{
    return (struct tg_str){(const char *)digest->bytes, sizeof(digest->bytes)};
}

int
tg_sqlite_repeat_add(struct tg_store *store, const struct tg_store_repeat *row)
{
    return tg_sql_run(tg_sqlite_of(store), NULL,
                      "INSERT INTO idempotency (operator_id, key, request, "
                      "created_at, subject, status, etag, sealed) "
                      "VALUES (?, ?, ?, ?, ?, ?, ?, ?) "
                      "ON CONFLICT (operator_id, key) DO NOTHING",
                      "tbbititb", row->operator_id, bytes_of(&row->key),
                      bytes_of(&row->request), row->created_at, row->subject,
                      row->status, row->etag, row->sealed);
}

int
tg_sqlite_repeat_answer(struct tg_store *store,
                        const struct tg_store_repeat *row)
{
    int changes, err;

    err = tg_sql_run(tg_sqlite_of(store), &changes,
                     "UPDATE idempotency SET status = ?3, etag = ?4, "
                     "sealed = ?5 WHERE operator_id = ?1 AND key = ?2",
                     "tbitb", row->operator_id, bytes_of(&row->key),
                     row->status, row->etag, row->sealed);
    return err == 0 && changes == 0 ? TG_ERR_NOT_FOUND : err;
}

static void
take_digest(sqlite3_stmt *stmt, int column, struct tg_digest *digest)
{
    struct tg_str bytes = tg_sql_bytes(stmt, column);

    if (bytes.len == sizeof(digest->bytes))
        memcpy(digest->bytes, bytes.data, bytes.len);
}

int
tg_sqlite_repeat_get(struct tg_store *store, const char *operator_id,
                     const struct tg_digest *key,
                     int (*visit)(void *, const struct tg_store_repeat *),
                     void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    struct tg_store_repeat row = {.operator_id = operator_id, .key = *key};
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(db, &stmt,
                           "SELECT request, created_at, subject, status, etag, "
                           "sealed FROM idempotency "
                           "WHERE operator_id = ? AND key = ?",
                           "tb", operator_id, bytes_of(key));

    if (err != 0)
        return err;
    err = tg_sql_next(db, stmt);
    if (err > 0) {
        take_digest(stmt, 0, &row.request);
        row.created_at = sqlite3_column_int64(stmt, 1);
        row.subject = tg_sql_text(stmt, 2);
        row.status = sqlite3_column_int64(stmt, 3);
        row.etag = tg_sql_text(stmt, 4);
        row.sealed = tg_sql_bytes(stmt, 5);
        err = visit(arg, &row);
    } else if (err == 0) {
        err = TG_ERR_NOT_FOUND;
    }
    return tg_sql_end(stmt, err);
}

int
tg_sqlite_repeat_old(struct tg_store *store, int64_t before, uint32_t keep,
                     int64_t *last)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(
        db, &stmt,
        "SELECT max("
        "coalesce((SELECT number FROM idempotency WHERE created_at < ?1 "
        "ORDER BY created_at DESC LIMIT 1), 0), "
        "coalesce((SELECT number FROM idempotency ORDER BY created_at DESC "
        "LIMIT 1 OFFSET ?2), 0))",
        "ii", before, (int64_t)keep);

    if (err != 0)
        return err;
    err = tg_sql_next(db, stmt);
    *last = err > 0 ? sqlite3_column_int64(stmt, 0) : 0;
    return tg_sql_end(stmt, err > 0 ? 0 : err);
}

int
tg_sqlite_repeat_forget(struct tg_store *store, int64_t last)
{
    return tg_sql_run(tg_sqlite_of(store), NULL,
                      "DELETE FROM idempotency WHERE number <= ?", "i", last);
}
