#include "sqlite.h"

/* Reports that are sent by a schedule. */

#define COLUMNS                                                                \
    "SELECT id, name, is_on, period, at_minutes, timezone, channel_id, "       \
    "account_id, key_id, format, lang, next_day, last_at, last_period, "       \
    "last_notice_id, created_at, updated_at FROM report_schedules "

int
tg_sqlite_schedule_add(struct tg_store *store,
                       const struct tg_store_schedule *row)
{
    return tg_sql_run(tg_sqlite_of(store), NULL,
                      "INSERT INTO report_schedules (id, name, is_on, period, "
                      "at_minutes, timezone, channel_id, account_id, key_id, "
                      "format, lang, next_day, created_at, updated_at) "
                      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                      "ttititt"
                      "ttttiii",
                      row->id, row->name, (int64_t)row->is_on, row->period,
                      row->at_minutes, row->timezone, row->channel_id,
                      row->account_id, row->key_id, row->format, row->lang,
                      row->next_day, row->created_at, row->updated_at);
}

int
tg_sqlite_schedule_set(struct tg_store *store,
                       const struct tg_store_schedule *row, bool sets_next)
{
    int changes;
    int err = tg_sql_run(
        tg_sqlite_of(store), &changes,
        "UPDATE report_schedules SET name = ?2, is_on = ?3, period = ?4, "
        "at_minutes = ?5, timezone = ?6, channel_id = ?7, account_id = ?8, "
        "key_id = ?9, format = ?10, lang = ?11, updated_at = ?12, "
        "next_day = iif(?13, ?14, next_day) WHERE id = ?1 AND "
        "(NOT ?13 OR last_notice_id = ?15)",
        "ttititt"
        "ttttiiit",
        row->id, row->name, (int64_t)row->is_on, row->period, row->at_minutes,
        row->timezone, row->channel_id, row->account_id, row->key_id,
        row->format, row->lang, row->updated_at, (int64_t)sets_next,
        row->next_day, row->last_notice_id);

    return err == 0 && changes == 0 ? TG_ERR_NOT_FOUND : err;
}

int
tg_sqlite_schedule_delete(struct tg_store *store, const char *id)
{
    int changes;
    int err = tg_sql_run(tg_sqlite_of(store), &changes,
                         "DELETE FROM report_schedules WHERE id = ?", "t", id);

    return err == 0 && changes == 0 ? TG_ERR_NOT_FOUND : err;
}

static int
walk(struct tg_sqlite *db, sqlite3_stmt *stmt, int *count,
     int (*visit)(void *, const struct tg_store_schedule *), void *arg)
{
    int err;

    while ((err = tg_sql_next(db, stmt)) > 0) {
        struct tg_store_schedule row = {
            .id = tg_sql_text(stmt, 0),
            .name = tg_sql_text(stmt, 1),
            .is_on = sqlite3_column_int(stmt, 2) != 0,
            .period = tg_sql_text(stmt, 3),
            .at_minutes = sqlite3_column_int64(stmt, 4),
            .timezone = tg_sql_text(stmt, 5),
            .channel_id = tg_sql_text(stmt, 6),
            .account_id = tg_sql_text(stmt, 7),
            .key_id = tg_sql_text(stmt, 8),
            .format = tg_sql_text(stmt, 9),
            .lang = tg_sql_text(stmt, 10),
            .next_day = sqlite3_column_int64(stmt, 11),
            .last_at = sqlite3_column_int64(stmt, 12),
            .last_period = tg_sql_text(stmt, 13),
            .last_notice_id = tg_sql_text(stmt, 14),
            .created_at = sqlite3_column_int64(stmt, 15),
            .updated_at = sqlite3_column_int64(stmt, 16),
        };

        ++*count;
        err = visit(arg, &row);
        if (err != 0)
            break;
    }
    return tg_sql_end(stmt, err);
}

int
tg_sqlite_schedule_get(struct tg_store *store, const char *id_or_name,
                       int (*visit)(void *, const struct tg_store_schedule *),
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
tg_sqlite_schedule_each(struct tg_store *store,
                        int (*visit)(void *, const struct tg_store_schedule *),
                        void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    sqlite3_stmt *stmt;
    int count = 0;
    int err = tg_sql_begin(db, &stmt, COLUMNS "ORDER BY number", "");

    return err != 0 ? err : walk(db, stmt, &count, visit, arg);
}

int
tg_sqlite_schedule_sent(struct tg_store *store,
                        const struct tg_store_sent *sent)
{
    int changes;
    int err = tg_sql_run(tg_sqlite_of(store), &changes,
                         "UPDATE report_schedules SET next_day = ?3, "
                         "last_at = iif(?6 = '', last_at, ?4), "
                         "last_period = iif(?6 = '', last_period, ?5), "
                         "last_notice_id = iif(?6 = '', last_notice_id, ?6) "
                         "WHERE id = ?1 AND next_day = ?2 AND is_on = 1",
                         "tiiitt", sent->schedule_id, sent->day, sent->next_day,
                         sent->at, sent->period, sent->notice_id);

    return err == 0 && changes == 0 ? TG_ERR_NOT_FOUND : err;
}
