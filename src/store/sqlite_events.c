#include "sqlite.h"

int
tg_sqlite_event_add(struct tg_store *store, const struct tg_store_event *row,
                    bool *is_new)
{
    int changes, err;

    err =
        tg_sql_run(tg_sqlite_of(store), &changes,
                   "INSERT INTO events (id, at, type, severity, key_id, "
                   "account_id, upstream_id, credential_id, message, "
                   "evidence, once) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
                   "?) ON CONFLICT (once) DO NOTHING",
                   "tittttttttt", row->id, row->at, row->type, row->severity,
                   row->key_id, row->account_id, row->upstream_id,
                   row->credential_id, row->message, row->evidence, row->once);
    if (err == 0)
        *is_new = changes != 0;
    return err;
}

static int
walk_events(struct tg_sqlite *db, sqlite3_stmt *stmt,
            int (*visit)(void *, const struct tg_store_event *), void *arg)
{
    int err;

    while ((err = tg_sql_next(db, stmt)) > 0) {
        struct tg_store_event row = {
            .id = tg_sql_text(stmt, 0),
            .at = sqlite3_column_int64(stmt, 1),
            .type = tg_sql_text(stmt, 2),
            .severity = tg_sql_text(stmt, 3),
            .key_id = tg_sql_text(stmt, 4),
            .account_id = tg_sql_text(stmt, 5),
            .upstream_id = tg_sql_text(stmt, 6),
            .credential_id = tg_sql_text(stmt, 7),
            .message = tg_sql_text(stmt, 8),
            .evidence = tg_sql_text(stmt, 9),
        };

        err = visit(arg, &row);
        if (err != 0)
            break;
    }
    return tg_sql_end(stmt, err);
}

/* The number of an event; the next after the newest for NULL. */
static int
find_number(struct tg_sqlite *db, const char *id, int64_t *number)
{
    sqlite3_stmt *stmt;
    int err;

    *number = INT64_MAX;
    if (id == NULL)
        return 0;
    err = tg_sql_begin(db, &stmt, "SELECT number FROM events WHERE id = ?", "t",
                       id);
    if (err != 0)
        return err;
    err = tg_sql_next(db, stmt);
    if (err > 0)
        *number = sqlite3_column_int64(stmt, 0);
    return tg_sql_end(stmt, err > 0 ? 0 : err == 0 ? TG_ERR_NOT_FOUND : err);
}

/* scope names an index; what it does not use of ?1 to ?3 is asked here. */
#define SELECT_EVENTS(scope)                                                   \
    "SELECT id, at, type, severity, key_id, account_id, upstream_id, "         \
    "credential_id, message, evidence FROM events WHERE " scope " "            \
    "AND (?2 IS NULL OR account_id = ?2) AND (?3 IS NULL OR id = ?3) "         \
    "AND (?4 IS NULL OR type = ?4) AND (?5 IS NULL OR severity = ?5) "         \
    "AND at >= ?6 AND (?7 = 0 OR at < ?7) AND number < ?8 "                    \
    "ORDER BY number DESC LIMIT ?9"

static const char *
select_by(const struct tg_store_event_filter *filter)
{
    static const char by_id[] = SELECT_EVENTS("?1 IS NULL AND id = ?3");
    static const char by_key[] = SELECT_EVENTS("key_id = ?1 AND key_id <> ''");
    static const char by_account[] =
        SELECT_EVENTS("?1 IS NULL AND account_id = ?2 AND account_id <> ''");
    static const char by_time[] = SELECT_EVENTS("?1 IS NULL");

    return filter->id != NULL           ? by_id
           : filter->key_id != NULL     ? by_key
           : filter->account_id != NULL ? by_account
                                        : by_time;
}

int
tg_sqlite_event_each(struct tg_store *store,
                     const struct tg_store_event_filter *filter,
                     int (*visit)(void *, const struct tg_store_event *),
                     void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    int64_t limit = filter->limit != 0 ? (int64_t)filter->limit : -1, number;
    sqlite3_stmt *stmt;
    int err = find_number(db, filter->after, &number);

    if (err != 0)
        return err;
    err = tg_sql_begin(db, &stmt, select_by(filter), "tttttiiii",
                       filter->key_id, filter->account_id, filter->id,
                       filter->type, filter->severity, filter->since,
                       filter->until, number, limit);
    return err != 0 ? err : walk_events(db, stmt, visit, arg);
}
