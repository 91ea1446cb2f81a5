#include "sqlite_deliveries.h"

#include "sqlite.h"

#define COLUMNS                                                                \
    "SELECT id, key_id, secret_id, sink_id, sink, place, name, state, "        \
    "sealed, attempts, next_at, is_told, error, created_at, ended_at "         \
    "FROM deliveries "

int
tg_sqlite_delivery_add(struct tg_store *store,
                       const struct tg_store_delivery *row)
{
    return tg_sql_run(tg_sqlite_of(store), NULL,
                      "INSERT INTO deliveries (id, key_id, secret_id, sink_id, "
                      "sink, place, name, state, sealed, attempts, next_at, "
                      "is_told, error, created_at, ended_at) VALUES (?, ?, ?, "
                      "?, ?, ?, ?, 'waiting', ?, 0, ?, 0, '', ?, 0)",
                      "tttttttbii", row->id, row->key_id, row->secret_id,
                      row->sink_id, row->sink, row->place, row->name,
                      row->sealed, row->next_at, row->created_at);
}

int
tg_sqlite_delivery_set(struct tg_store *store,
                       const struct tg_store_delivery *row)
{
    int changes,
        err = tg_sql_run(tg_sqlite_of(store), &changes,
                         "UPDATE deliveries SET state = ?2, sealed = ?3, "
                         "attempts = ?4, next_at = ?5, is_told = ?6, error = "
                         "?7, ended_at = ?8 WHERE id = ?1 AND state = "
                         "'waiting'",
                         "ttbiiiti", row->id, row->state, row->sealed,
                         row->attempts, row->next_at, (int64_t)row->is_told,
                         row->error, row->ended_at);

    return err == 0 && changes == 0 ? TG_ERR_NOT_FOUND : err;
}

int
tg_sqlite_delivery_drop(struct tg_store *store, const char *key_id,
                        const char *sink_id, const char *place,
                        const char *name, int64_t at)
{
    return tg_sql_run(tg_sqlite_of(store), NULL,
                      "UPDATE deliveries SET state = 'dropped', sealed = x'', "
                      "ended_at = ?5 WHERE key_id = ?1 AND sink_id = ?2 AND "
                      "place = ?3 AND name = ?4 AND state = 'waiting'",
                      "tttti", key_id, sink_id, place, name, at);
}

int
tg_sqlite_delivery_hasten(struct tg_store *store, const char *key_id,
                          const char *sink_id, int64_t at, int64_t *count)
{
    int changes,
        err = tg_sql_run(tg_sqlite_of(store), &changes,
                         "UPDATE deliveries SET next_at = min(next_at, ?3) "
                         "WHERE state = 'waiting' AND (?1 IS NULL OR key_id = "
                         "?1) AND (?2 IS NULL OR sink_id = ?2)",
                         "tti", key_id, sink_id, at);

    if (err == 0)
        *count = changes;
    return err;
}

static int
begin_due(struct tg_sqlite *db, sqlite3_stmt **stmt,
          const struct tg_store_delivery_filter *filter)
{
    return tg_sql_begin(db, stmt,
                        COLUMNS "WHERE state = 'waiting' AND next_at <= ? "
                                "ORDER BY next_at, number LIMIT ?",
                        "ii", filter->due_at,
                        filter->limit != 0 ? (int64_t)filter->limit : -1);
}

#define FILTER                                                                 \
    "AND (?2 IS NULL OR sink_id = ?2) AND (?3 IS NULL OR secret_id = ?3) AND " \
    "(?4 IS NULL OR state = ?4) AND (?5 IS NULL OR number < (SELECT number "   \
    "FROM deliveries WHERE id = ?5)) ORDER BY number DESC LIMIT ?6"

/* A key's are few, and found by its index. */
static int
begin_list(struct tg_sqlite *db, sqlite3_stmt **stmt,
           const struct tg_store_delivery_filter *filter)
{
    int64_t limit = filter->limit != 0 ? (int64_t)filter->limit : -1;

    if (filter->key_id != NULL)
        return tg_sql_begin(db, stmt, COLUMNS "WHERE key_id = ?1 " FILTER,
                            "ttttti", filter->key_id, filter->sink_id,
                            filter->secret_id, filter->state, filter->after,
                            limit);
    return tg_sql_begin(db, stmt, COLUMNS "WHERE ?1 IS NULL " FILTER, "ttttti",
                        NULL, filter->sink_id, filter->secret_id, filter->state,
                        filter->after, limit);
}

int
tg_sqlite_delivery_each(struct tg_store *store,
                        const struct tg_store_delivery_filter *filter,
                        tg_delivery_visit *visit, void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    sqlite3_stmt *stmt;
    int err = filter->due_at != 0 ? begin_due(db, &stmt, filter)
                                  : begin_list(db, &stmt, filter);

    if (err != 0)
        return err;
    while ((err = tg_sql_next(db, stmt)) > 0) {
        struct tg_store_delivery row = {
            .id = tg_sql_text(stmt, 0),
            .key_id = tg_sql_text(stmt, 1),
            .secret_id = tg_sql_text(stmt, 2),
            .sink_id = tg_sql_text(stmt, 3),
            .sink = tg_sql_text(stmt, 4),
            .place = tg_sql_text(stmt, 5),
            .name = tg_sql_text(stmt, 6),
            .state = tg_sql_text(stmt, 7),
            .sealed = tg_sql_bytes(stmt, 8),
            .attempts = sqlite3_column_int64(stmt, 9),
            .next_at = sqlite3_column_int64(stmt, 10),
            .is_told = sqlite3_column_int64(stmt, 11) != 0,
            .error = tg_sql_text(stmt, 12),
            .created_at = sqlite3_column_int64(stmt, 13),
            .ended_at = sqlite3_column_int64(stmt, 14),
        };

        err = visit(arg, &row);
        if (err != 0)
            break;
    }
    return tg_sql_end(stmt, err);
}

int
tg_sqlite_delivery_count(struct tg_store *store, const char *secret_id,
                         int64_t *waiting, int64_t *failed)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(db, &stmt,
                           "SELECT coalesce(sum(state = 'waiting'), 0), "
                           "coalesce(sum(state = 'failed'), 0) FROM "
                           "deliveries WHERE secret_id = ?",
                           "t", secret_id);

    if (err != 0)
        return err;
    err = tg_sql_next(db, stmt);
    if (err > 0) {
        *waiting = sqlite3_column_int64(stmt, 0);
        *failed = sqlite3_column_int64(stmt, 1);
    }
    return tg_sql_end(stmt, err > 0 ? 0 : err);
}
