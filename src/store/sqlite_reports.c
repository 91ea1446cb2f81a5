#include "sqlite.h"

/* What reports tell beside usage. */

/* Of events and episodes, whose account may stand in their key alone. */
#define IS_OF "(?3 IS NULL OR key_id = ?3) AND (?4 IS NULL OR account_id = ?4) "

static int
count_notes(struct tg_store *store, const char *sql,
            const struct tg_store_note_filter *filter,
            int (*visit)(void *, const struct tg_store_note *), void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(db, &stmt, sql, "iitt", filter->since, filter->until,
                           filter->key_id, filter->account_id);

    if (err != 0)
        return err;
    while ((err = tg_sql_next(db, stmt)) > 0) {
        struct tg_store_note row = {
            .name = tg_sql_text(stmt, 0),
            .kind = tg_sql_text(stmt, 1),
            .severity = tg_sql_text(stmt, 2),
            .count = sqlite3_column_int64(stmt, 3),
            .open = sqlite3_column_int64(stmt, 4),
        };

        err = visit(arg, &row);
        if (err != 0)
            break;
    }
    return tg_sql_end(stmt, err);
}

static int
refusals(struct tg_store *store, const struct tg_store_note_filter *filter,
         int (*visit)(void *, const struct tg_store_note *), void *arg)
{
    return count_notes(
        store,
        "SELECT CAST(code AS TEXT), '', '', sum(min(count, 1000000000000)), 0 "
        "FROM denials WHERE quarter >= ?1 / 900000 AND "
        "quarter < (?2 + 899999) / 900000 AND " IS_OF
        "GROUP BY code ORDER BY 4 DESC, code",
        filter, visit, arg);
}

static int
events(struct tg_store *store, const struct tg_store_note_filter *filter,
       int (*visit)(void *, const struct tg_store_note *), void *arg)
{
    return count_notes(store,
                       "SELECT type, '', severity, count(*), 0 FROM events "
                       "WHERE at >= ?1 AND at < ?2 AND " IS_OF
                       "GROUP BY type, severity ORDER BY 4 DESC, type, "
                       "severity",
                       filter, visit, arg);
}

static int
alerts(struct tg_store *store, const struct tg_store_note_filter *filter,
       int (*visit)(void *, const struct tg_store_note *), void *arg)
{
    return count_notes(store,
                       "SELECT rule, kind, severity, count(*), "
                       "sum(closed_at = 0) FROM episodes "
                       "WHERE opened_at >= ?1 AND opened_at < ?2 AND "
                       "kind <> 'budget' AND " IS_OF
                       "GROUP BY rule, kind, severity "
                       "ORDER BY 4 DESC, rule, severity",
                       filter, visit, arg);
}

static int
touched(struct tg_store *store, const struct tg_store_note_filter *filter,
        uint32_t limit, int (*visit)(void *, const struct tg_store_touch *),
        void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(
        db, &stmt,
        "SELECT key_id, message, severity, opened_at FROM episodes "
        "WHERE opened_at >= ?1 AND opened_at < ?2 AND kind = 'budget' "
        "AND " IS_OF "ORDER BY number DESC LIMIT ?5",
        "iitti", filter->since, filter->until, filter->key_id,
        filter->account_id, (int64_t)limit);

    if (err != 0)
        return err;
    while ((err = tg_sql_next(db, stmt)) > 0) {
        struct tg_store_touch row = {
            .key_id = tg_sql_text(stmt, 0),
            .message = tg_sql_text(stmt, 1),
            .severity = tg_sql_text(stmt, 2),
            .at = sqlite3_column_int64(stmt, 3),
        };

        err = visit(arg, &row);
        if (err != 0)
            break;
    }
    return tg_sql_end(stmt, err);
}

const struct tg_store_report_ops tg_sqlite_report_ops = {
    .refusals = refusals,
    .events = events,
    .alerts = alerts,
    .touched = touched,
    .schedule_add = tg_sqlite_schedule_add,
    .schedule_set = tg_sqlite_schedule_set,
    .schedule_delete = tg_sqlite_schedule_delete,
    .schedule_get = tg_sqlite_schedule_get,
    .schedule_each = tg_sqlite_schedule_each,
    .schedule_sent = tg_sqlite_schedule_sent,
};
