#include "sqlite.h"

int
tg_sqlite_credential_add(struct tg_store *store,
                         const struct tg_store_credential *row)
{
    return tg_sql_run(tg_sqlite_of(store), NULL,
                      "INSERT INTO credentials (id, upstream_id, sealed, "
                      "last4, status, created_at, position, concurrency, "
                      "expires_at, balance_alert_nanos, replaces) "
                      "VALUES (?, ?, ?, ?, 'active', ?, ?, ?, ?, ?, "
                      "coalesce(?, ''))",
                      "ttbtiiiiit", row->id, row->upstream_id, row->sealed,
                      row->last4, row->created_at, row->position,
                      row->concurrency, row->expires_at,
                      row->balance_alert_nanos, row->replaces);
}

int
tg_sqlite_credential_end(struct tg_store *store, const char *id,
                         const char *status, int64_t ended_at)
{
    int changes, err;

    err = tg_sql_run(tg_sqlite_of(store), &changes,
                     "UPDATE credentials SET status = ?2, ended_at = ?3 "
                     "WHERE id = ?1 AND status = 'active'",
                     "tti", id, status, ended_at);
    return err == 0 && changes == 0 ? TG_ERR_NOT_FOUND : err;
}

int
tg_sqlite_credential_set(struct tg_store *store,
                         const struct tg_store_credential *row)
{
    int changes, err;

    err = tg_sql_run(tg_sqlite_of(store), &changes,
                     "UPDATE credentials SET concurrency = ?2, "
                     "expires_at = ?3, balance_alert_nanos = ?4 WHERE id = ?1",
                     "tiii", row->id, row->concurrency, row->expires_at,
                     row->balance_alert_nanos);
    return err == 0 && changes == 0 ? TG_ERR_NOT_FOUND : err;
}

int
tg_sqlite_credential_retire(struct tg_store *store, const char *id,
                            int64_t position, int64_t retire_at)
{
    int changes, err;

    err = tg_sql_run(tg_sqlite_of(store), &changes,
                     "UPDATE credentials SET position = ?2, retire_at = ?3 "
                     "WHERE id = ?1 AND status = 'active'",
                     "tii", id, position, retire_at);
    return err == 0 && changes == 0 ? TG_ERR_NOT_FOUND : err;
}

int
tg_sqlite_credential_each(struct tg_store *store,
                          int (*visit)(void *,
                                       const struct tg_store_credential *),
                          void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    sqlite3_stmt *stmt;
    int err;

    err = tg_sql_begin(db, &stmt,
                       "SELECT number, id, upstream_id, sealed, last4, "
                       "status, created_at, ended_at, position, concurrency, "
                       "expires_at, balance_alert_nanos, replaces, retire_at "
                       "FROM credentials ORDER BY number",
                       "");
    if (err != 0)
        return err;
    while ((err = tg_sql_next(db, stmt)) > 0) {
        struct tg_store_credential row = {
            .number = sqlite3_column_int64(stmt, 0),
            .id = tg_sql_text(stmt, 1),
            .upstream_id = tg_sql_text(stmt, 2),
            .sealed = tg_sql_bytes(stmt, 3),
            .last4 = tg_sql_text(stmt, 4),
            .status = tg_sql_text(stmt, 5),
            .created_at = sqlite3_column_int64(stmt, 6),
            .ended_at = sqlite3_column_int64(stmt, 7),
            .position = sqlite3_column_int64(stmt, 8),
            .concurrency = sqlite3_column_int64(stmt, 9),
            .expires_at = sqlite3_column_int64(stmt, 10),
            .balance_alert_nanos = sqlite3_column_int64(stmt, 11),
            .replaces = tg_sql_text(stmt, 12),
            .retire_at = sqlite3_column_int64(stmt, 13),
        };

        err = visit(arg, &row);
        if (err != 0)
            break;
    }
    return tg_sql_end(stmt, err);
}

int
tg_sqlite_check_put(struct tg_store *store, const struct tg_store_check *row)
{
    return tg_sql_run(
        tg_sqlite_of(store), NULL,
        "INSERT OR REPLACE INTO credential_checks (credential_id, at, result, "
        "http_status, latency_ms, message, balances, failures, next_at, "
        "refused_since, low_since, error_at, error_status, error) VALUES "
        "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        "titiittiiiiiit", row->credential_id, row->at, row->result,
        row->http_status, row->latency_ms, row->message, row->balances,
        row->failures, row->next_at, row->refused_since, row->low_since,
        row->error_at, row->error_status, row->error);
}

int
tg_sqlite_check_get(struct tg_store *store, const char *credential_id,
                    int (*visit)(void *, const struct tg_store_check *),
                    void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    struct tg_store_check row;
    sqlite3_stmt *stmt;
    int err;

    err = tg_sql_begin(db, &stmt,
                       "SELECT credential_id, at, result, http_status, "
                       "latency_ms, message, balances, failures, next_at, "
                       "refused_since, low_since, error_at, error_status, "
                       "error FROM credential_checks WHERE credential_id = ?",
                       "t", credential_id);
    if (err != 0)
        return err;
    err = tg_sql_next(db, stmt);
    if (err > 0) {
        row = (struct tg_store_check){
            .credential_id = tg_sql_text(stmt, 0),
            .at = sqlite3_column_int64(stmt, 1),
            .result = tg_sql_text(stmt, 2),
            .http_status = sqlite3_column_int64(stmt, 3),
            .latency_ms = sqlite3_column_int64(stmt, 4),
            .message = tg_sql_text(stmt, 5),
            .balances = tg_sql_text(stmt, 6),
            .failures = sqlite3_column_int64(stmt, 7),
            .next_at = sqlite3_column_int64(stmt, 8),
            .refused_since = sqlite3_column_int64(stmt, 9),
            .low_since = sqlite3_column_int64(stmt, 10),
            .error_at = sqlite3_column_int64(stmt, 11),
            .error_status = sqlite3_column_int64(stmt, 12),
            .error = tg_sql_text(stmt, 13),
        };
        err = visit(arg, &row);
    } else if (err == 0) {
        err = TG_ERR_NOT_FOUND;
    }
    return tg_sql_end(stmt, err);
}
