#include "err.h"
#include "sqlite.h"

static int
owner(struct tg_store *store, const struct tg_digest *digest,
      int (*visit)(void *, const struct tg_store_owner *), void *arg)
{
    struct tg_str bytes = {(const char *)digest->bytes, sizeof(digest->bytes)};
    struct tg_sqlite *db = tg_sqlite_of(store);
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(db, &stmt,
                           "SELECT key_id, id, valid_until FROM secrets "
                           "WHERE digest = ?",
                           "b", bytes);

    if (err != 0)
        return err;
    err = tg_sql_next(db, stmt);
    if (err > 0) {
        struct tg_store_owner row = {
            .key_id = tg_sql_text(stmt, 0),
            .secret_id = tg_sql_text(stmt, 1),
            .valid_until = sqlite3_column_int64(stmt, 2),
        };

        err = visit(arg, &row);
    } else if (err == 0) {
        err = TG_ERR_NOT_FOUND;
    }
    return tg_sql_end(stmt, err);
}

static int
add(struct tg_store *store, const struct tg_store_leak *row, bool *is_new)
{
    int changes = 0;
    int err =
        tg_sql_run(tg_sqlite_of(store), &changes,
                   "INSERT INTO leaks (id, at, key_id, secret_id, "
                   "source, place, url, was_in_force, is_shut, "
                   "replaced_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
                   "ON CONFLICT (key_id, secret_id, source, place, url) "
                   "DO NOTHING",
                   "tittttt"
                   "iit",
                   row->id, row->at, row->key_id, row->secret_id, row->source,
                   row->place, row->url, (int64_t)row->was_in_force,
                   (int64_t)row->is_shut, row->replaced_by);

    if (err == 0)
        *is_new = changes != 0;
    return err;
}

static int
each(struct tg_store *store, const char *key_id, const char *after,
     uint32_t limit, int (*visit)(void *, const struct tg_store_leak *),
     void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(
        db, &stmt,
        "SELECT id, at, key_id, secret_id, source, place, url, was_in_force, "
        "is_shut, replaced_by FROM leaks WHERE (?1 IS NULL OR key_id = ?1) "
        "AND (?2 IS NULL OR number < (SELECT number FROM leaks WHERE id = "
        "?2)) ORDER BY number DESC LIMIT ?3",
        "tti", key_id, after, (int64_t)limit);

    if (err != 0)
        return err;
    while ((err = tg_sql_next(db, stmt)) > 0) {
        struct tg_store_leak row = {
            .id = tg_sql_text(stmt, 0),
            .at = sqlite3_column_int64(stmt, 1),
            .key_id = tg_sql_text(stmt, 2),
            .secret_id = tg_sql_text(stmt, 3),
            .source = tg_sql_text(stmt, 4),
            .place = tg_sql_text(stmt, 5),
            .url = tg_sql_text(stmt, 6),
            .was_in_force = sqlite3_column_int(stmt, 7),
            .is_shut = sqlite3_column_int(stmt, 8),
            .replaced_by = tg_sql_text(stmt, 9),
        };

        err = visit(arg, &row);
        if (err != 0)
            break;
    }
    return tg_sql_end(stmt, err);
}

const struct tg_store_leak_ops tg_sqlite_leak_ops = {owner, add, each};
