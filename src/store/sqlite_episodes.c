#include "sqlite.h"

int
tg_sqlite_episode_open(struct tg_store *store,
                       const struct tg_store_episode *row, bool *is_new)
{
    int changes;
    int err = tg_sql_run(
        tg_sqlite_of(store), &changes,
        "INSERT INTO episodes (id, rule_id, rule, kind, severity, once, "
        "is_single, key_id, account_id, upstream_id, credential_id, message, "
        "evidence, threshold, value, opened_at, last_at) VALUES (?, ?, ?, ?, "
        "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        "ttttttittttttiiii", row->id, row->rule_id, row->rule, row->kind,
        row->severity, row->once, (int64_t)row->is_single, row->key_id,
        row->account_id, row->upstream_id, row->credential_id, row->message,
        row->evidence, row->threshold, row->value, row->opened_at,
        row->opened_at);

    if (err == 0)
        *is_new = changes != 0;
    return err;
}

int
tg_sqlite_episode_again(struct tg_store *store, const char *once, int64_t at)
{
    int changes;
    int err = tg_sql_run(tg_sqlite_of(store), &changes,
                         "UPDATE episodes SET count = count + 1, "
                         "last_at = max(last_at, ?2) "
                         "WHERE once = ?1 AND closed_at = 0",
                         "ti", once, at);

    return err == 0 && changes == 0 ? TG_ERR_NOT_FOUND : err;
}

int
tg_sqlite_episode_close(struct tg_store *store, const char *id, int64_t at,
                        const char *closed_by)
{
    int changes;
    int err = tg_sql_run(tg_sqlite_of(store), &changes,
                         "UPDATE episodes SET closed_at = ?2, closed_by = ?3 "
                         "WHERE id = ?1 AND closed_at = 0",
                         "tit", id, at, closed_by);

    return err == 0 && changes == 0 ? TG_ERR_NOT_FOUND : err;
}

static void
read_episode(sqlite3_stmt *stmt, struct tg_store_episode *row)
{
    *row = (struct tg_store_episode){
        .id = tg_sql_text(stmt, 0),
        .rule_id = tg_sql_text(stmt, 1),
        .rule = tg_sql_text(stmt, 2),
        .kind = tg_sql_text(stmt, 3),
        .severity = tg_sql_text(stmt, 4),
        .once = tg_sql_text(stmt, 5),
        .is_single = sqlite3_column_int(stmt, 6) != 0,
        .key_id = tg_sql_text(stmt, 7),
        .account_id = tg_sql_text(stmt, 8),
        .upstream_id = tg_sql_text(stmt, 9),
        .credential_id = tg_sql_text(stmt, 10),
        .message = tg_sql_text(stmt, 11),
        .evidence = tg_sql_text(stmt, 12),
        .threshold = sqlite3_column_int64(stmt, 13),
        .value = sqlite3_column_int64(stmt, 14),
        .count = sqlite3_column_int64(stmt, 15),
        .opened_at = sqlite3_column_int64(stmt, 16),
        .last_at = sqlite3_column_int64(stmt, 17),
        .closed_at = sqlite3_column_int64(stmt, 18),
        .closed_by = tg_sql_text(stmt, 19),
    };
}

static int
find_number(struct tg_sqlite *db, const char *id, int64_t *number)
{
    sqlite3_stmt *stmt;
    int err;

    *number = INT64_MAX;
    if (id == NULL)
        return 0;
    err = tg_sql_begin(db, &stmt, "SELECT number FROM episodes WHERE id = ?",
                       "t", id);
    if (err != 0)
        return err;
    err = tg_sql_next(db, stmt);
    if (err > 0)
        *number = sqlite3_column_int64(stmt, 0);
    return tg_sql_end(stmt, err > 0 ? 0 : err == 0 ? TG_ERR_NOT_FOUND : err);
}

#define COLUMNS                                                                \
    "SELECT id, rule_id, rule, kind, severity, once, is_single, key_id, "      \
    "account_id, upstream_id, credential_id, message, evidence, threshold, "   \
    "value, count, opened_at, last_at, closed_at, closed_by FROM episodes "
#define WHERE                                                                  \
    "WHERE number < ?1 AND (?2 IS NULL OR rule_id = ?2) "                      \
    "AND (?3 IS NULL OR key_id = ?3) "
#define NEWEST "ORDER BY number DESC LIMIT ?4"

int
tg_sqlite_episode_get(struct tg_store *store, const char *id,
                      int (*visit)(void *, const struct tg_store_episode *),
                      void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    struct tg_store_episode row;
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(db, &stmt, COLUMNS "WHERE id = ?", "t", id);

    if (err != 0)
        return err;
    err = tg_sql_next(db, stmt);
    if (err <= 0)
        return tg_sql_end(stmt, err == 0 ? TG_ERR_NOT_FOUND : err);
    read_episode(stmt, &row);
    return tg_sql_end(stmt, visit(arg, &row));
}

int
tg_sqlite_episode_each(struct tg_store *store,
                       const struct tg_store_episode_filter *filter,
                       int (*visit)(void *, const struct tg_store_episode *),
                       void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    int64_t limit = filter->limit != 0 ? (int64_t)filter->limit : -1, number;
    struct tg_store_episode row;
    sqlite3_stmt *stmt;
    int err = find_number(db, filter->after, &number);

    if (err != 0)
        return err;
    err =
        tg_sql_begin(db, &stmt,
                     filter->is_open ? COLUMNS WHERE "AND closed_at = 0 " NEWEST
                                     : COLUMNS WHERE NEWEST,
                     "itti", number, filter->rule_id, filter->key_id, limit);
    if (err != 0)
        return err;
    while ((err = tg_sql_next(db, stmt)) > 0) {
        read_episode(stmt, &row);
        err = visit(arg, &row);
        if (err != 0)
            break;
    }
    return tg_sql_end(stmt, err);
}
