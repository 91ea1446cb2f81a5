#include "sqlite.h"

/* Channels, through which alerts are told. */

#define COLUMNS                                                                \
    "SELECT id, name, kind, is_on, shown, sealed, min_severity, quiet_hours, " \
    "created_at, updated_at FROM channels "

int
tg_sqlite_channel_add(struct tg_store *store,
                      const struct tg_store_channel *row)
{
    return tg_sql_run(tg_sqlite_of(store), NULL,
                      "INSERT INTO channels (id, name, kind, is_on, shown, "
                      "sealed, min_severity, quiet_hours, created_at, "
                      "updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                      "tttitbttii", row->id, row->name, row->kind,
                      (int64_t)row->is_on, row->shown, row->sealed,
                      row->min_severity, row->quiet_hours, row->created_at,
                      row->updated_at);
}

int
tg_sqlite_channel_set(struct tg_store *store,
                      const struct tg_store_channel *row)
{
    int changes;
    int err = tg_sql_run(
        tg_sqlite_of(store), &changes,
        "UPDATE channels SET name = ?2, is_on = ?3, shown = ?4, sealed = ?5, "
        "min_severity = ?6, quiet_hours = ?7, updated_at = ?8 WHERE id = ?1",
        "ttitbtti", row->id, row->name, (int64_t)row->is_on, row->shown,
        row->sealed, row->min_severity, row->quiet_hours, row->updated_at);

    return err == 0 && changes == 0 ? TG_ERR_NOT_FOUND : err;
}

int
tg_sqlite_channel_delete(struct tg_store *store, const char *id)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    int changes;
    int err =
        tg_sql_run(db, &changes, "DELETE FROM channels WHERE id = ?", "t", id);

    if (err != 0 || changes == 0)
        return err != 0 ? err : TG_ERR_NOT_FOUND;
    return tg_sql_run(db, NULL,
                      "DELETE FROM notices WHERE channel_id = ? AND status IN "
                      "('pending', 'held')",
                      "t", id);
}

static int
walk(struct tg_sqlite *db, sqlite3_stmt *stmt, int *count,
     int (*visit)(void *, const struct tg_store_channel *), void *arg)
{
    int err;

    while ((err = tg_sql_next(db, stmt)) > 0) {
        struct tg_store_channel row = {
            .id = tg_sql_text(stmt, 0),
            .name = tg_sql_text(stmt, 1),
            .kind = tg_sql_text(stmt, 2),
            .is_on = sqlite3_column_int(stmt, 3) != 0,
            .shown = tg_sql_text(stmt, 4),
            .sealed = tg_sql_bytes(stmt, 5),
            .min_severity = tg_sql_text(stmt, 6),
            .quiet_hours = tg_sql_text(stmt, 7),
            .created_at = sqlite3_column_int64(stmt, 8),
            .updated_at = sqlite3_column_int64(stmt, 9),
        };

        ++*count;
        err = visit(arg, &row);
        if (err != 0)
            break;
    }
    return tg_sql_end(stmt, err);
}

int
tg_sqlite_channel_get(struct tg_store *store, const char *id_or_name,
                      int (*visit)(void *, const struct tg_store_channel *),
                      void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    sqlite3_stmt *stmt;
    int count = 0;
    int err = tg_sql_begin(db, &stmt,
                           COLUMNS "WHERE id = ?1 OR name = ?1 "
                                   "ORDER BY id <> ?1 LIMIT 1",
                           "t", id_or_name);

    if (err == 0)
        err = walk(db, stmt, &count, visit, arg);
    return err == 0 && count == 0 ? TG_ERR_NOT_FOUND : err;
}

int
tg_sqlite_channel_each(struct tg_store *store,
                       int (*visit)(void *, const struct tg_store_channel *),
                       void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    sqlite3_stmt *stmt;
    int count = 0;
    int err = tg_sql_begin(db, &stmt, COLUMNS "ORDER BY number", "");

    return err != 0 ? err : walk(db, stmt, &count, visit, arg);
}
