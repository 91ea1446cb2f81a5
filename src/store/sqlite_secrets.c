#include "sqlite_secrets.h"

int
tg_sqlite_secret_add(struct tg_store *store, const struct tg_store_secret *row)
{
    struct tg_str digest = {(const char *)row->digest.bytes,
                            sizeof(row->digest.bytes)};

    return tg_sql_run(tg_sqlite_of(store), NULL,
                      "INSERT INTO secrets (id, key_id, digest, prefix, "
                      "last4, created_at, valid_until, ordinal, grace_ms, "
                      "is_awaited) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                      "ttbttiiiii", row->id, row->key_id, digest, row->prefix,
                      row->last4, row->created_at, row->valid_until,
                      row->ordinal, row->grace_ms, (int64_t)row->is_awaited);
}

void
tg_sqlite_read_secret(sqlite3_stmt *stmt, int first, const char *key_id,
                      struct tg_store_secret *row)
{
    struct tg_str digest = tg_sql_bytes(stmt, first + 1);

    *row = (struct tg_store_secret){
        .id = tg_sql_text(stmt, first),
        .key_id = key_id,
        .prefix = tg_sql_text(stmt, first + 2),
        .last4 = tg_sql_text(stmt, first + 3),
        .created_at = sqlite3_column_int64(stmt, first + 4),
        .valid_until = sqlite3_column_int64(stmt, first + 5),
        .last_used_at = sqlite3_column_int64(stmt, first + 6),
        .last_used_ip = tg_sql_text(stmt, first + 7),
        .last_used_agent = tg_sql_text(stmt, first + 8),
        .ordinal = sqlite3_column_int64(stmt, first + 9),
        .grace_ms = sqlite3_column_int64(stmt, first + 10),
        .is_awaited = sqlite3_column_int64(stmt, first + 11) != 0,
    };
    if (digest.len == sizeof(row->digest.bytes))
        memcpy(row->digest.bytes, digest.data, digest.len);
}

int
tg_sqlite_secret_each(struct tg_store *store, const char *key_id,
                      int (*visit)(void *, const struct tg_store_secret *),
                      void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    struct tg_store_secret row;
    sqlite3_stmt *stmt;
    int err;

    err = tg_sql_begin(
        db, &stmt,
        "SELECT " TG_SECRET_COLUMNS_OF("") "FROM secrets WHERE key_id = ? "
                                           "ORDER BY number DESC",
        "t", key_id);
    if (err != 0)
        return err;
    while ((err = tg_sql_next(db, stmt)) > 0) {
        tg_sqlite_read_secret(stmt, 0, key_id, &row);
        err = visit(arg, &row);
        if (err != 0)
            break;
    }
    return tg_sql_end(stmt, err);
}

int
tg_sqlite_secret_set(struct tg_store *store, const struct tg_store_secret *row)
{
    int changes, err;

    err = tg_sql_run(tg_sqlite_of(store), &changes,
                     "UPDATE secrets SET valid_until = ?2, grace_ms = ?3, "
                     "is_awaited = ?4 WHERE id = ?1",
                     "tiii", row->id, row->valid_until, row->grace_ms,
                     (int64_t)row->is_awaited);
    return err == 0 && changes == 0 ? TG_ERR_NOT_FOUND : err;
}
