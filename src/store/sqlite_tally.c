#include "fresh.h"
#include "sqlite.h"

/* Events and calls, as rules of alerts follow them. */

int
tg_sqlite_event_behind(struct tg_store *store, int64_t number, uint32_t limit,
                       int (*visit)(void *, int64_t,
                                    const struct tg_store_event *),
                       void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(db, &stmt,
                           "SELECT number, id, at, type, severity, key_id, "
                           "account_id, upstream_id, credential_id, message, "
                           "evidence FROM events WHERE number > ? "
                           "ORDER BY number LIMIT ?",
                           "ii", number, (int64_t)limit);

    if (err != 0)
        return err;
    while ((err = tg_sql_next(db, stmt)) > 0) {
        struct tg_store_event row = {
            .id = tg_sql_text(stmt, 1),
            .at = sqlite3_column_int64(stmt, 2),
            .type = tg_sql_text(stmt, 3),
            .severity = tg_sql_text(stmt, 4),
            .key_id = tg_sql_text(stmt, 5),
            .account_id = tg_sql_text(stmt, 6),
            .upstream_id = tg_sql_text(stmt, 7),
            .credential_id = tg_sql_text(stmt, 8),
            .message = tg_sql_text(stmt, 9),
            .evidence = tg_sql_text(stmt, 10),
        };

        err = visit(arg, sqlite3_column_int64(stmt, 0), &row);
        if (err != 0)
            break;
    }
    return tg_sql_end(stmt, err);
}

int
tg_sqlite_call_tally(struct tg_store *store, int64_t seq, uint32_t limit,
                     int (*visit)(void *, const struct tg_store_tally *),
                     void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    sqlite3_stmt *stmt;
    int err = TG_ERR_NOT_FOUND;

    if (store->follows != NULL)
        err = tg_fresh_tally(store->follows, seq, limit, visit, arg);
    if (err != TG_ERR_NOT_FOUND)
        return err;
    err = tg_sql_begin(db, &stmt,
                       "SELECT seq, at, key_id, account_id, "
                       "status >= 400 OR code <> 0, "
                       "prompt_tokens + completion_tokens FROM call_rows "
                       "WHERE seq > ? ORDER BY seq LIMIT ?",
                       "ii", seq, (int64_t)limit);
    if (err != 0)
        return err;
    while ((err = tg_sql_next(db, stmt)) > 0) {
        struct tg_store_tally row = {
            .seq = sqlite3_column_int64(stmt, 0),
            .at = sqlite3_column_int64(stmt, 1),
            .key_id = tg_sql_text(stmt, 2),
            .account_id = tg_sql_text(stmt, 3),
            .is_error = sqlite3_column_int(stmt, 4) != 0,
            .tokens = sqlite3_column_int64(stmt, 5),
            .soon = "",
        };

        err = visit(arg, &row);
        if (err != 0)
            break;
    }
    return tg_sql_end(stmt, err);
}

static int
one_number(struct tg_sqlite *db, sqlite3_stmt *stmt, int64_t *number)
{
    int err = tg_sql_next(db, stmt);

    *number = err > 0 ? sqlite3_column_int64(stmt, 0) : 0;
    return tg_sql_end(stmt, err > 0 ? 0 : err);
}

int
tg_sqlite_call_before(struct tg_store *store, int64_t at, int64_t *seq)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(db, &stmt,
                           "SELECT coalesce((SELECT seq FROM call_rows "
                           "WHERE at < ? ORDER BY at DESC, seq DESC LIMIT 1), "
                           "0)",
                           "i", at);

    return err != 0 ? err : one_number(db, stmt, seq);
}

int
tg_sqlite_recent_each(struct tg_store *store, int64_t since, int64_t until,
                      int (*visit)(void *, const char *), void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(db, &stmt,
                           "SELECT key_id FROM recent_calls "
                           "WHERE +at >= ? AND +at < ?",
                           "ii", since, until);

    if (err != 0)
        return err;
    while ((err = tg_sql_next(db, stmt)) > 0) {
        err = visit(arg, tg_sql_text(stmt, 0));
        if (err != 0)
            break;
    }
    return tg_sql_end(stmt, err);
}
