#include "sqlite.h"

static struct tg_str
bytes_of(const struct tg_digest *digest)
{
    return (struct tg_str){(const char *)digest->bytes, sizeof(digest->bytes)};
}

int
tg_sqlite_operator_add(struct tg_store *store,
                       const struct tg_store_operator *row)
{
    return tg_sql_run(tg_sqlite_of(store), NULL,
                      "INSERT INTO operators (id, name, role, created_at) "
                      "VALUES (?, ?, ?, ?)",
                      "ttti", row->id, row->name, row->role, row->created_at);
}

static int
visit_one(struct tg_sqlite *db, sqlite3_stmt *stmt,
          int (*visit)(void *, const struct tg_store_operator *), void *arg)
{
    int err = tg_sql_next(db, stmt);

    if (err > 0) {
        struct tg_store_operator row = {
            .id = tg_sql_text(stmt, 0),
            .name = tg_sql_text(stmt, 1),
            .role = tg_sql_text(stmt, 2),
            .created_at = sqlite3_column_int64(stmt, 3),
        };

        err = visit(arg, &row);
    } else if (err == 0) {
        err = TG_ERR_NOT_FOUND;
    }
    return tg_sql_end(stmt, err);
}

int
tg_sqlite_operator_named(struct tg_store *store, const char *name,
                         int (*visit)(void *, const struct tg_store_operator *),
                         void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    sqlite3_stmt *stmt;
    int err;

    err = tg_sql_begin(db, &stmt,
                       "SELECT id, name, role, created_at FROM operators "
                       "WHERE name = ?",
                       "t", name);
    return err ? err : visit_one(db, stmt, visit, arg);
}

int
tg_sqlite_token_add(struct tg_store *store, const struct tg_digest *digest,
                    const char *operator_id, int64_t created_at)
{
    return tg_sql_run(tg_sqlite_of(store), NULL,
                      "INSERT OR IGNORE INTO tokens (digest, operator_id, "
                      "created_at) VALUES (?, ?, ?)",
                      "bti", bytes_of(digest), operator_id, created_at);
}

int
tg_sqlite_token_get(struct tg_store *store, const struct tg_digest *digest,
                    int (*visit)(void *, const struct tg_store_operator *),
                    void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    sqlite3_stmt *stmt;
    int err;

    err = tg_sql_begin(db, &stmt,
                       "SELECT o.id, o.name, o.role, o.created_at FROM tokens "
                       "AS t JOIN operators AS o ON o.id = t.operator_id "
                       "WHERE t.digest = ? AND t.revoked_at = 0",
                       "b", bytes_of(digest));
    return err ? err : visit_one(db, stmt, visit, arg);
}
