#include "sqlite.h"

#define COLUMNS                                                                \
    "SELECT number, id, channel_id, channel, episode_id, what, severity, "     \
    "body, status, attempts, next_at, last_status, last_error, created_at, "   \
    "ended_at FROM notices "

int
tg_sqlite_notice_add(struct tg_store *store, const struct tg_store_notice *row)
{
    return tg_sql_run(tg_sqlite_of(store), NULL,
                      "INSERT INTO notices (id, channel_id, channel, "
                      "episode_id, what, severity, body, status, created_at) "
                      "VALUES (?, ?, ?, ?, ?, ?, ?, 'pending', ?)",
                      "ttttttti", row->id, row->channel_id, row->channel,
                      row->episode_id, row->what, row->severity, row->body,
                      row->created_at);
}

static int
walk(struct tg_sqlite *db, sqlite3_stmt *stmt,
     int (*visit)(void *, const struct tg_store_notice *), void *arg)
{
    int err;

    while ((err = tg_sql_next(db, stmt)) > 0) {
        struct tg_store_notice row = {
            .number = sqlite3_column_int64(stmt, 0),
            .id = tg_sql_text(stmt, 1),
            .channel_id = tg_sql_text(stmt, 2),
            .channel = tg_sql_text(stmt, 3),
            .episode_id = tg_sql_text(stmt, 4),
            .what = tg_sql_text(stmt, 5),
            .severity = tg_sql_text(stmt, 6),
            .body = tg_sql_text(stmt, 7),
            .status = tg_sql_text(stmt, 8),
            .attempts = sqlite3_column_int64(stmt, 9),
            .next_at = sqlite3_column_int64(stmt, 10),
            .last_status = sqlite3_column_int64(stmt, 11),
            .last_error = tg_sql_text(stmt, 12),
            .created_at = sqlite3_column_int64(stmt, 13),
            .ended_at = sqlite3_column_int64(stmt, 14),
        };

        err = visit(arg, &row);
        if (err != 0)
            break;
    }
    return tg_sql_end(stmt, err);
}

static int
find_number(struct tg_sqlite *db, const char *id, int64_t *number)
{
    sqlite3_stmt *stmt;
    int err;

    *number = INT64_MAX;
    if (id == NULL)
        return 0;
    err = tg_sql_begin(db, &stmt, "SELECT number FROM notices WHERE id = ?",
                       "t", id);
    if (err != 0)
        return err;
    err = tg_sql_next(db, stmt);
    if (err > 0)
        *number = sqlite3_column_int64(stmt, 0);
    return tg_sql_end(stmt, err > 0 ? 0 : err == 0 ? TG_ERR_NOT_FOUND : err);
}

int
tg_sqlite_notice_each(struct tg_store *store,
                      const struct tg_store_notice_filter *filter,
                      int (*visit)(void *, const struct tg_store_notice *),
                      void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    int64_t limit = filter->limit != 0 ? (int64_t)filter->limit : -1, number;
    sqlite3_stmt *stmt;
    int err = find_number(db, filter->after, &number);

    if (err != 0)
        return err;
    err =
        tg_sql_begin(db, &stmt,
                     COLUMNS "WHERE number < ?1 AND "
                             "(?2 IS NULL OR channel_id = ?2) AND "
                             "(?3 IS NULL OR status = ?3) "
                             "ORDER BY number DESC LIMIT ?4",
                     "itti", number, filter->channel_id, filter->status, limit);
    return err != 0 ? err : walk(db, stmt, visit, arg);
}

int
tg_sqlite_notice_waiting(struct tg_store *store, const char *channel_id,
                         const char *status, uint32_t limit,
                         int (*visit)(void *, const struct tg_store_notice *),
                         void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(db, &stmt,
                           COLUMNS "WHERE channel_id = ?1 AND status IN "
                                   "('pending', 'held') AND status = ?2 "
                                   "ORDER BY number LIMIT ?3",
                           "tti", channel_id, status, (int64_t)limit);

    return err != 0 ? err : walk(db, stmt, visit, arg);
}

int
tg_sqlite_notice_set(struct tg_store *store, const char *id,
                     const struct tg_store_fate *fate)
{
    int changes;
    int err = tg_sql_run(
        tg_sqlite_of(store), &changes,
        "UPDATE notices SET status = ?2, attempts = ?3, next_at = ?4, "
        "last_status = ?5, last_error = ?6, ended_at = ?7 WHERE id = ?1",
        "ttiiiti", id, fate->status, fate->attempts, fate->next_at,
        fate->last_status, fate->last_error, fate->ended_at);

    return err == 0 && changes == 0 ? TG_ERR_NOT_FOUND : err;
}

int
tg_sqlite_alerts_forget(struct tg_store *store, int64_t before, uint32_t limit)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    int err = tg_sql_run(db, NULL,
                         "DELETE FROM notices WHERE number IN (SELECT number "
                         "FROM notices WHERE ended_at <> 0 AND ended_at < ?1 "
                         "LIMIT ?2)",
                         "ii", before, (int64_t)limit);

    if (err != 0)
        return err;
    return tg_sql_run(db, NULL,
                      "DELETE FROM episodes WHERE number IN (SELECT number "
                      "FROM episodes WHERE closed_at <> 0 AND closed_at < ?1 "
                      "LIMIT ?2)",
                      "ii", before, (int64_t)limit);
}
