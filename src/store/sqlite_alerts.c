#include "sqlite.h"

/* Rules of alerts. */

#define COLUMNS                                                                \
    "SELECT id, name, kind, is_on, severity, scope, params, channels, "        \
    "tells_recovery, created_at, updated_at FROM alert_rules "

int
tg_sqlite_rule_add(struct tg_store *store, const struct tg_store_rule *row)
{
    return tg_sql_run(tg_sqlite_of(store), NULL,
                      "INSERT INTO alert_rules (id, name, kind, is_on, "
                      "severity, scope, params, channels, tells_recovery, "
                      "created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, "
                      "?, ?, ?, ?)",
                      "tttittttiii", row->id, row->name, row->kind,
                      (int64_t)row->is_on, row->severity, row->scope,
                      row->params, row->channels, (int64_t)row->tells_recovery,
                      row->created_at, row->updated_at);
}

int
tg_sqlite_rule_set(struct tg_store *store, const struct tg_store_rule *row)
{
    int changes;
    int err = tg_sql_run(
        tg_sqlite_of(store), &changes,
        "UPDATE alert_rules SET name = ?2, is_on = ?3, severity = ?4, "
        "scope = ?5, params = ?6, channels = ?7, tells_recovery = ?8, "
        "updated_at = ?9 WHERE id = ?1",
        "ttittttii", row->id, row->name, (int64_t)row->is_on, row->severity,
        row->scope, row->params, row->channels, (int64_t)row->tells_recovery,
        row->updated_at);

    return err == 0 && changes == 0 ? TG_ERR_NOT_FOUND : err;
}

int
tg_sqlite_rule_delete(struct tg_store *store, const char *id)
{
    int changes;
    int err = tg_sql_run(tg_sqlite_of(store), &changes,
                         "DELETE FROM alert_rules WHERE id = ?", "t", id);

    return err == 0 && changes == 0 ? TG_ERR_NOT_FOUND : err;
}

static int
walk(struct tg_sqlite *db, sqlite3_stmt *stmt, int *count,
     int (*visit)(void *, const struct tg_store_rule *), void *arg)
{
    int err;

    while ((err = tg_sql_next(db, stmt)) > 0) {
        struct tg_store_rule row = {
            .id = tg_sql_text(stmt, 0),
            .name = tg_sql_text(stmt, 1),
            .kind = tg_sql_text(stmt, 2),
            .is_on = sqlite3_column_int(stmt, 3) != 0,
            .severity = tg_sql_text(stmt, 4),
            .scope = tg_sql_text(stmt, 5),
            .params = tg_sql_text(stmt, 6),
            .channels = tg_sql_text(stmt, 7),
            .tells_recovery = sqlite3_column_int(stmt, 8) != 0,
            .created_at = sqlite3_column_int64(stmt, 9),
            .updated_at = sqlite3_column_int64(stmt, 10),
        };

        ++*count;
        err = visit(arg, &row);
        if (err != 0)
            break;
    }
    return tg_sql_end(stmt, err);
}

int
tg_sqlite_rule_get(struct tg_store *store, const char *id_or_name,
                   int (*visit)(void *, const struct tg_store_rule *),
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
tg_sqlite_rule_each(struct tg_store *store,
                    int (*visit)(void *, const struct tg_store_rule *),
                    void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    sqlite3_stmt *stmt;
    int count = 0;
    int err = tg_sql_begin(db, &stmt, COLUMNS "ORDER BY number", "");

    return err != 0 ? err : walk(db, stmt, &count, visit, arg);
}
