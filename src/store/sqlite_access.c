#include "sqlite_access.h"

#include <string.h>

#include "sqlite.h"

/* Both tables in one shape; those of the operator follow. */
#define TOKENS                                                                 \
    "SELECT a.id, a.digest, a.operator_id, 'token', a.name, a.last4, "         \
    "a.scopes, a.account_id, a.created_at, a.expires_at, a.revoked_at, "       \
    "a.last_used_at, a.last_used_ip, a.last_used_agent, a.fresh_until, " WHO   \
    "FROM tokens AS a JOIN operators AS o ON o.id = a.operator_id "
#define SESSIONS                                                               \
    "SELECT a.id, a.digest, a.operator_id, a.kind, '', '', '[]', '', "         \
    "a.created_at, a.expires_at, a.ended_at, a.last_used_at, "                 \
    "a.last_used_ip, a.last_used_agent, a.fresh_until, " WHO                   \
    "FROM sessions AS a JOIN operators AS o ON o.id = a.operator_id "
#define WHO                                                                    \
    "o.name, o.role, o.status, o.accounts, o.created_at, o.ended_at, "         \
    "o.password <> '', length(o.totp) > 0 "

static bool
is_session(const char *id)
{
    return strncmp(id, "ses_", 4) == 0;
}

static struct tg_str
bytes_of(const struct tg_digest *digest)
{
    return (struct tg_str){(const char *)digest->bytes, sizeof(digest->bytes)};
}

int
tg_sqlite_token_add(struct tg_store *store, const struct tg_store_access *row)
{
    return tg_sql_run(tg_sqlite_of(store), NULL,
                      "INSERT OR IGNORE INTO tokens (digest, id, operator_id, "
                      "name, last4, scopes, account_id, created_at, "
                      "expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                      "bttttttii", bytes_of(&row->digest), row->id,
                      row->operator_id, row->name, row->last4, row->scopes,
                      row->account_id, row->created_at, row->expires_at);
}

/* Long enough to say where an operator was seen; see was_here. */
#define KEPT_MS INT64_C(7776000000) /* 90 days */

int
tg_sqlite_session_add(struct tg_store *store, const struct tg_store_access *row)
{
    int err = tg_sql_run(tg_sqlite_of(store), NULL,
                         "DELETE FROM sessions WHERE last_used_at < ?", "i",
                         row->created_at - KEPT_MS);

    if (err != 0)
        return err;
    return tg_sql_run(tg_sqlite_of(store), NULL,
                      "INSERT INTO sessions (digest, id, operator_id, kind, "
                      "created_at, expires_at, last_used_at, last_used_ip, "
                      "last_used_agent, fresh_until) VALUES (?, ?, ?, ?, ?, "
                      "?, ?, ?, ?, ?)",
                      "btttiiitti", bytes_of(&row->digest), row->id,
                      row->operator_id, row->kind, row->created_at,
                      row->expires_at, row->last_used_at, row->last_used_ip,
                      row->last_used_agent, row->fresh_until);
}

static void
read_row(sqlite3_stmt *stmt, struct tg_store_access *row,
         struct tg_store_operator *who)
{
    struct tg_str digest = tg_sql_bytes(stmt, 1);

    *row = (struct tg_store_access){
        .id = tg_sql_text(stmt, 0),
        .operator_id = tg_sql_text(stmt, 2),
        .operator_name = tg_sql_text(stmt, 15),
        .kind = tg_sql_text(stmt, 3),
        .name = tg_sql_text(stmt, 4),
        .last4 = tg_sql_text(stmt, 5),
        .scopes = tg_sql_text(stmt, 6),
        .account_id = tg_sql_text(stmt, 7),
        .created_at = sqlite3_column_int64(stmt, 8),
        .expires_at = sqlite3_column_int64(stmt, 9),
        .ended_at = sqlite3_column_int64(stmt, 10),
        .last_used_at = sqlite3_column_int64(stmt, 11),
        .last_used_ip = tg_sql_text(stmt, 12),
        .last_used_agent = tg_sql_text(stmt, 13),
        .fresh_until = sqlite3_column_int64(stmt, 14),
    };
    if (digest.len == sizeof(row->digest.bytes))
        memcpy(row->digest.bytes, digest.data, digest.len);
    *who = (struct tg_store_operator){
        .id = row->operator_id,
        .name = row->operator_name,
        .role = tg_sql_text(stmt, 16),
        .status = tg_sql_text(stmt, 17),
        .accounts = tg_sql_text(stmt, 18),
        .created_at = sqlite3_column_int64(stmt, 19),
        .ended_at = sqlite3_column_int64(stmt, 20),
        .has_password = sqlite3_column_int(stmt, 21),
        .has_totp = sqlite3_column_int(stmt, 22),
    };
}

static int
walk(struct tg_sqlite *db, sqlite3_stmt *stmt, int *count,
     tg_access_visit *visit, void *arg)
{
    struct tg_store_access row;
    struct tg_store_operator who;
    int err;

    while ((err = tg_sql_next(db, stmt)) > 0) {
        ++*count;
        read_row(stmt, &row, &who);
        err = visit(arg, &row, &who);
        if (err != 0)
            break;
    }
    return tg_sql_end(stmt, err);
}

static int
one(struct tg_sqlite *db, sqlite3_stmt *stmt, tg_access_visit *visit, void *arg)
{
    int count = 0, err = walk(db, stmt, &count, visit, arg);

    return err == 0 && count == 0 ? TG_ERR_NOT_FOUND : err;
}

int
tg_sqlite_token_known(struct tg_store *store, const struct tg_digest *digest,
                      tg_access_visit *visit, void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(db, &stmt,
                           TOKENS "WHERE a.digest = ? AND a.revoked_at = 0",
                           "b", bytes_of(digest));

    return err ? err : one(db, stmt, visit, arg);
}

int
tg_sqlite_session_known(struct tg_store *store, const struct tg_digest *digest,
                        tg_access_visit *visit, void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(db, &stmt,
                           SESSIONS "WHERE a.digest = ? AND a.ended_at = 0",
                           "b", bytes_of(digest));

    return err ? err : one(db, stmt, visit, arg);
}

int
tg_sqlite_access_get(struct tg_store *store, const char *id,
                     tg_access_visit *visit, void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    sqlite3_stmt *stmt;
    int err;

    if (is_session(id))
        err = tg_sql_begin(
            db, &stmt, SESSIONS "WHERE a.id = ? AND a.ended_at = 0", "t", id);
    else
        err = tg_sql_begin(db, &stmt, TOKENS "WHERE a.id = ?", "t", id);
    return err ? err : one(db, stmt, visit, arg);
}

int
tg_sqlite_access_each(struct tg_store *store,
                      const struct tg_store_access_filter *filter,
                      tg_access_visit *visit, void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    int64_t limit = filter->limit ? (int64_t)filter->limit : -1;
    sqlite3_stmt *stmt;
    int count = 0, err;

    if (filter->is_session)
        err = tg_sql_begin(
            db, &stmt,
            SESSIONS "WHERE (?1 IS NULL OR a.operator_id = ?1) AND "
                     "(?2 IS NULL OR (a.created_at, a.id) < (SELECT "
                     "created_at, id FROM sessions WHERE id = ?2)) AND "
                     "a.ended_at = 0 AND a.expires_at > ?4 AND "
                     "a.last_used_at >= CASE a.kind WHEN 'bearer' THEN ?5 "
                     "ELSE ?6 END ORDER BY a.created_at DESC, a.id DESC "
                     "LIMIT ?3",
            "ttiiii", filter->operator_id, filter->after, limit,
            filter->alive_at, filter->used_since[0], filter->used_since[1]);
    else
        err = tg_sql_begin(
            db, &stmt,
            TOKENS "WHERE (?1 IS NULL OR a.operator_id = ?1) AND (?2 IS NULL "
                   "OR (a.created_at, a.id) < (SELECT created_at, id FROM "
                   "tokens WHERE id = ?2)) ORDER BY a.created_at DESC, "
                   "a.id DESC LIMIT ?3",
            "tti", filter->operator_id, filter->after, limit);
    return err ? err : walk(db, stmt, &count, visit, arg);
}

int
tg_sqlite_access_used(struct tg_store *store, const char *id, int64_t at,
                      const char *ip, const char *agent)
{
    struct tg_sqlite *db = tg_sqlite_of(store);

    if (is_session(id))
        return tg_sql_run(db, NULL,
                          "UPDATE sessions SET last_used_at = ?2, "
                          "last_used_ip = ?3, last_used_agent = ?4 "
                          "WHERE id = ?1",
                          "titt", id, at, ip, agent);
    return tg_sql_run(db, NULL,
                      "UPDATE tokens SET last_used_at = ?2, "
                      "last_used_ip = ?3, last_used_agent = ?4 WHERE id = ?1",
                      "titt", id, at, ip, agent);
}

int
tg_sqlite_access_fresh(struct tg_store *store, const char *id, int64_t until)
{
    struct tg_sqlite *db = tg_sqlite_of(store);

    if (is_session(id))
        return tg_sql_run(db, NULL,
                          "UPDATE sessions SET fresh_until = ?2 WHERE id = ?1",
                          "ti", id, until);
    return tg_sql_run(db, NULL,
                      "UPDATE tokens SET fresh_until = ?2 WHERE id = ?1", "ti",
                      id, until);
}

int
tg_sqlite_access_end(struct tg_store *store, const char *id, int64_t at)
{
    struct tg_sqlite *db = tg_sqlite_of(store);

    if (is_session(id))
        return tg_sql_run(db, NULL,
                          "UPDATE sessions SET ended_at = ?2 WHERE id = ?1 "
                          "AND ended_at = 0",
                          "ti", id, at);
    return tg_sql_run(db, NULL,
                      "UPDATE tokens SET revoked_at = ?2 WHERE id = ?1 AND "
                      "revoked_at = 0",
                      "ti", id, at);
}

int
tg_sqlite_end_all(struct tg_store *store, const char *operator_id,
                  bool has_tokens, int64_t at)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    int err = tg_sql_run(db, NULL,
                         "UPDATE sessions SET ended_at = ?2 WHERE "
                         "operator_id = ?1 AND ended_at = 0",
                         "ti", operator_id, at);

    if (err == 0 && has_tokens)
        err = tg_sql_run(db, NULL,
                         "UPDATE tokens SET revoked_at = ?2 WHERE "
                         "operator_id = ?1 AND revoked_at = 0",
                         "ti", operator_id, at);
    return err;
}

int
tg_sqlite_was_here(struct tg_store *store, const char *operator_id,
                   const char *ip, int64_t since, bool *was)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(db, &stmt,
                           "SELECT 1 FROM sessions WHERE operator_id = ?1 AND "
                           "last_used_ip = ?2 AND last_used_at >= ?3 LIMIT 1",
                           "tti", operator_id, ip, since);

    if (err != 0)
        return err;
    err = tg_sql_next(db, stmt);
    if (err >= 0)
        *was = err > 0;
    return tg_sql_end(stmt, err > 0 ? 0 : err);
}

int
tg_sqlite_attempts(struct tg_store *store, const char *name, int64_t *paid_at)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(
        db, &stmt, "SELECT paid_at FROM attempts WHERE name = ?", "t", name);

    if (err != 0)
        return err;
    err = tg_sql_next(db, stmt);
    if (err >= 0)
        *paid_at = err > 0 ? sqlite3_column_int64(stmt, 0) : 0;
    return tg_sql_end(stmt, err > 0 ? 0 : err);
}

int
tg_sqlite_set_attempts(struct tg_store *store, const char *name,
                       int64_t paid_at, int64_t old)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    int err = tg_sql_run(db, NULL,
                         "INSERT INTO attempts (name, paid_at) VALUES (?, ?) "
                         "ON CONFLICT (name) DO UPDATE SET paid_at = "
                         "excluded.paid_at",
                         "ti", name, paid_at);

    return err ? err
               : tg_sql_run(db, NULL, "DELETE FROM attempts WHERE paid_at < ?",
                            "i", old);
}
