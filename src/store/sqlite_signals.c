#include "fresh.h"
#include "sqlite.h"

int
tg_sqlite_feed_add(struct tg_store *store, const struct tg_denial *row)
{
    struct tg_str bytes = {(const char *)row, sizeof(*row)};

    return tg_sql_run(tg_sqlite_of(store), NULL,
                      "INSERT INTO denial_feed (row) VALUES (?)", "b", bytes);
}

int
tg_sqlite_feed_each(struct tg_store *store, int64_t after, uint32_t limit,
                    int (*visit)(void *, int64_t, const struct tg_denial *),
                    void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    sqlite3_stmt *stmt;
    int err;

    err = tg_sql_begin(db, &stmt,
                       "SELECT number, row FROM denial_feed WHERE number > ? "
                       "ORDER BY number LIMIT ?",
                       "ii", after, (int64_t)limit);
    if (err != 0)
        return err;
    while ((err = tg_sql_next(db, stmt)) > 0) {
        struct tg_str bytes = tg_sql_bytes(stmt, 1);
        struct tg_denial row = {0};

        if (bytes.len == sizeof(row))
            memcpy(&row, bytes.data, sizeof(row));
        err = visit(arg, sqlite3_column_int64(stmt, 0), &row);
        if (err != 0)
            break;
    }
    return tg_sql_end(stmt, err);
}

int
tg_sqlite_watched(struct tg_store *store, int64_t *seq)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(db, &stmt, "SELECT seq FROM watched", "");

    if (err != 0)
        return err;
    err = tg_sql_next(db, stmt);
    if (err > 0)
        *seq = sqlite3_column_int64(stmt, 0);
    return tg_sql_end(stmt, err > 0 ? 0 : err == 0 ? TG_ERR_CORRUPT : err);
}

int
tg_sqlite_watched_set(struct tg_store *store, int64_t seq, int64_t denial)
{
    int err = tg_sql_run(tg_sqlite_of(store), NULL,
                         "UPDATE watched SET seq = ? WHERE one = 1", "i", seq);

    if (err == 0)
        err = tg_sql_run(tg_sqlite_of(store), NULL,
                         "DELETE FROM denial_feed WHERE number <= ?", "i",
                         denial);
    return err;
}

int
tg_sqlite_glance_each(struct tg_store *store, int64_t after, uint32_t limit,
                      int (*visit)(void *, const struct tg_store_glance *),
                      void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    sqlite3_stmt *stmt;
    int err = TG_ERR_NOT_FOUND;

    if (store->follows != NULL)
        err = tg_fresh_glance(store->follows, after, limit, visit, arg);
    if (err != TG_ERR_NOT_FOUND)
        return err;
    err = tg_sql_begin(db, &stmt,
                       "SELECT seq, id, at, key_id, account_id, model, "
                       "cost_nanos, ip, user_agent FROM calls WHERE seq > ? "
                       "ORDER BY seq LIMIT ?",
                       "ii", after, (int64_t)limit);
    if (err != 0)
        return err;
    while ((err = tg_sql_next(db, stmt)) > 0) {
        struct tg_str id = tg_sql_bytes(stmt, 1);
        struct tg_store_glance row = {
            .seq = sqlite3_column_int64(stmt, 0),
            .at = sqlite3_column_int64(stmt, 2),
            .key_id = tg_sql_text(stmt, 3),
            .account_id = tg_sql_text(stmt, 4),
            .model = tg_sql_text(stmt, 5),
            .cost_nanos = sqlite3_column_int64(stmt, 6),
            .ip = tg_sql_text(stmt, 7),
            .user_agent = tg_sql_text(stmt, 8),
            .soon = "",
        };

        if (id.len == sizeof(row.id.bytes))
            memcpy(row.id.bytes, id.data, id.len);
        err = visit(arg, &row);
        if (err != 0)
            break;
    }
    return tg_sql_end(stmt, err);
}

int
tg_sqlite_watch_put(struct tg_store *store, const char *detector,
                    const char *subject, struct tg_str row)
{
    return tg_sql_run(tg_sqlite_of(store), NULL,
                      "INSERT INTO watches (detector, subject, row) VALUES "
                      "(?1, ?2, ?3) ON CONFLICT (detector, subject) DO UPDATE "
                      "SET row = ?3",
                      "ttb", detector, subject, row);
}

int
tg_sqlite_watch_drop(struct tg_store *store, const char *detector,
                     const char *subject)
{
    return tg_sql_run(tg_sqlite_of(store), NULL,
                      "DELETE FROM watches WHERE detector = ? AND subject = ?",
                      "tt", detector, subject);
}

int
tg_sqlite_watch_each(struct tg_store *store,
                     int (*visit)(void *, struct tg_str), void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(db, &stmt, "SELECT row FROM watches", "");

    if (err != 0)
        return err;
    while ((err = tg_sql_next(db, stmt)) > 0) {
        err = visit(arg, tg_sql_bytes(stmt, 0));
        if (err != 0)
            break;
    }
    return tg_sql_end(stmt, err);
}

int
tg_sqlite_habit_get(struct tg_store *store, const char *key_id,
                    int (*visit)(void *, struct tg_str), void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    sqlite3_stmt *stmt;
    int err;

    err = tg_sql_begin(db, &stmt, "SELECT habit FROM habits WHERE key_id = ?",
                       "t", key_id);
    if (err != 0)
        return err;
    err = tg_sql_next(db, stmt);
    if (err == 0)
        err = TG_ERR_NOT_FOUND;
    else if (err > 0)
        err = visit(arg, tg_sql_bytes(stmt, 0));
    return tg_sql_end(stmt, err);
}

int
tg_sqlite_habit_put(struct tg_store *store, const char *key_id,
                    struct tg_str habit)
{
    return tg_sql_run(tg_sqlite_of(store), NULL,
                      "INSERT INTO habits (key_id, habit) VALUES (?1, ?2) "
                      "ON CONFLICT (key_id) DO UPDATE SET habit = ?2",
                      "tb", key_id, habit);
}

int
tg_sqlite_key_respond(struct tg_store *store, const char *id,
                      const struct tg_store_response *response)
{
    int changes, err;

    err = tg_sql_run(tg_sqlite_of(store), &changes,
                     "UPDATE keys SET response = ?2, response_event = ?3, "
                     "response_at = ?4, response_until = ?5 WHERE id = ?1",
                     "tttii", id, response->action, response->event_id,
                     response->at, response->until);
    return err == 0 && changes == 0 ? TG_ERR_NOT_FOUND : err;
}

int
tg_sqlite_key_respite(struct tg_store *store, int64_t now_ms, uint32_t limit,
                      int (*visit)(void *, const char *), void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    sqlite3_stmt *stmt;
    int err;

    err = tg_sql_begin(db, &stmt,
                       "SELECT id FROM keys WHERE response_until <> 0 AND "
                       "response_until <= ? LIMIT ?",
                       "ii", now_ms, (int64_t)limit);
    if (err != 0)
        return err;
    while ((err = tg_sql_next(db, stmt)) > 0) {
        err = visit(arg, tg_sql_text(stmt, 0));
        if (err != 0)
            break;
    }
    return tg_sql_end(stmt, err);
}
