#include "sqlite.h"

#define COLUMNS                                                                \
    "id, name, role, status, accounts, created_at, ended_at, "                 \
    "password <> '', length(totp) > 0 "

static struct tg_str
bytes_of(const struct tg_digest *digest)
{
    return (struct tg_str){(const char *)digest->bytes, sizeof(digest->bytes)};
}

static int
add(struct tg_store *store, const struct tg_store_operator *row)
{
    return tg_sql_run(tg_sqlite_of(store), NULL,
                      "INSERT INTO operators (id, name, role, status, "
                      "accounts, created_at) VALUES (?, ?, ?, ?, ?, ?)",
                      "ttttti", row->id, row->name, row->role, row->status,
                      row->accounts, row->created_at);
}

static int
walk(struct tg_sqlite *db, sqlite3_stmt *stmt, int *count,
     tg_operator_visit *visit, void *arg)
{
    int err;

    while ((err = tg_sql_next(db, stmt)) > 0) {
        struct tg_store_operator row = {
            .id = tg_sql_text(stmt, 0),
            .name = tg_sql_text(stmt, 1),
            .role = tg_sql_text(stmt, 2),
            .status = tg_sql_text(stmt, 3),
            .accounts = tg_sql_text(stmt, 4),
            .created_at = sqlite3_column_int64(stmt, 5),
            .ended_at = sqlite3_column_int64(stmt, 6),
            .has_password = sqlite3_column_int(stmt, 7),
            .has_totp = sqlite3_column_int(stmt, 8),
        };

        ++*count;
        err = visit(arg, &row);
        if (err != 0)
            break;
    }
    return tg_sql_end(stmt, err);
}

static int
get(struct tg_store *store, const char *id_or_name, tg_operator_visit *visit,
    void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    sqlite3_stmt *stmt;
    int count = 0, err;

    err = tg_sql_begin(db, &stmt,
                       "SELECT " COLUMNS "FROM operators WHERE id = ?1 OR "
                       "name = ?1 ORDER BY id <> ?1 LIMIT 1",
                       "t", id_or_name);
    if (err == 0)
        err = walk(db, stmt, &count, visit, arg);
    return err == 0 && count == 0 ? TG_ERR_NOT_FOUND : err;
}

static int
each(struct tg_store *store, const char *after, uint32_t limit,
     tg_operator_visit *visit, void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    sqlite3_stmt *stmt;
    int count = 0, err;

    err = tg_sql_begin(db, &stmt,
                       "SELECT " COLUMNS "FROM operators WHERE ?1 IS NULL OR "
                       "(created_at, id) > (SELECT created_at, id FROM "
                       "operators WHERE id = ?1) ORDER BY created_at, id "
                       "LIMIT ?2",
                       "ti", after, limit ? (int64_t)limit : INT64_C(-1));
    return err ? err : walk(db, stmt, &count, visit, arg);
}

/* What a change of one row has come to. */
static int
found(int err, int changes)
{
    return err == 0 && changes == 0 ? TG_ERR_NOT_FOUND : err;
}

static int
set(struct tg_store *store, const struct tg_store_operator *row)
{
    int changes = 0;
    int err = tg_sql_run(tg_sqlite_of(store), &changes,
                         "UPDATE operators SET name = ?2, role = ?3, "
                         "status = ?4, accounts = ?5, ended_at = ?6 "
                         "WHERE id = ?1",
                         "ttttti", row->id, row->name, row->role, row->status,
                         row->accounts, row->ended_at);

    return found(err, changes);
}

/* The number that a statement's only row holds. */
static int
number_of(struct tg_sqlite *db, sqlite3_stmt *stmt, int64_t *number)
{
    int err = tg_sql_next(db, stmt);

    if (err > 0)
        *number = sqlite3_column_int64(stmt, 0);
    return tg_sql_end(stmt, err > 0 ? 0 : err == 0 ? TG_ERR_NOT_FOUND : err);
}

static int
count_owners(struct tg_store *store, int64_t *count)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(db, &stmt,
                           "SELECT count(*) FROM operators WHERE "
                           "role = 'owner' AND status = 'active'",
                           "");

    return err ? err : number_of(db, stmt, count);
}

static int
proof(struct tg_store *store, const char *operator_id, tg_proof_visit *visit,
      void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(db, &stmt,
                           "SELECT password, totp, totp_pending, totp_next "
                           "FROM operators WHERE id = ?",
                           "t", operator_id);

    if (err != 0)
        return err;
    err = tg_sql_next(db, stmt);
    if (err > 0) {
        struct tg_store_proof row = {
            .password = tg_sql_text(stmt, 0),
            .totp = tg_sql_bytes(stmt, 1),
            .totp_pending = tg_sql_bytes(stmt, 2),
            .totp_next = sqlite3_column_int64(stmt, 3),
        };

        err = visit(arg, &row);
    } else if (err == 0) {
        err = TG_ERR_NOT_FOUND;
    }
    return tg_sql_end(stmt, err);
}

static int
set_password(struct tg_store *store, const char *operator_id,
             const char *password)
{
    int changes = 0;
    int err = tg_sql_run(tg_sqlite_of(store), &changes,
                         "UPDATE operators SET password = ?2 WHERE id = ?1",
                         "tt", operator_id, password);

    return found(err, changes);
}

/* No bytes are an empty blob, not NULL. */
static struct tg_str
blob(struct tg_str bytes)
{
    return bytes.len != 0 ? bytes : (struct tg_str){"", 0};
}

static int
set_totp(struct tg_store *store, const char *operator_id, struct tg_str totp,
         struct tg_str pending, int64_t next)
{
    int changes = 0;
    int err = tg_sql_run(tg_sqlite_of(store), &changes,
                         "UPDATE operators SET totp = ?2, totp_pending = ?3, "
                         "totp_next = ?4 WHERE id = ?1",
                         "tbbi", operator_id, blob(totp), blob(pending), next);

    return found(err, changes);
}

static int
use_totp(struct tg_store *store, const char *operator_id, int64_t step,
         bool *is_new)
{
    int changes = 0;
    int err = tg_sql_run(tg_sqlite_of(store), &changes,
                         "UPDATE operators SET totp_next = ?2 + 1 WHERE "
                         "id = ?1 AND totp_next <= ?2",
                         "ti", operator_id, step);

    if (err == 0)
        *is_new = changes != 0;
    return err;
}

static int
set_recovery(struct tg_store *store, const char *operator_id,
             const struct tg_digest *codes, size_t count)
{
    int err = tg_sql_run(tg_sqlite_of(store), NULL,
                         "DELETE FROM recovery_codes WHERE operator_id = ?",
                         "t", operator_id);

    for (size_t i = 0; i < count && err == 0; i++)
        err = tg_sql_run(tg_sqlite_of(store), NULL,
                         "INSERT INTO recovery_codes (operator_id, digest) "
                         "VALUES (?, ?)",
                         "tb", operator_id, bytes_of(&codes[i]));
    return err;
}

static int
use_recovery(struct tg_store *store, const char *operator_id,
             const struct tg_digest *code, int64_t at, bool *is_new)
{
    int changes = 0;
    int err = tg_sql_run(tg_sqlite_of(store), &changes,
                         "UPDATE recovery_codes SET used_at = ?3 WHERE "
                         "operator_id = ?1 AND digest = ?2 AND used_at = 0",
                         "tbi", operator_id, bytes_of(code), at);

    if (err == 0)
        *is_new = changes != 0;
    return err;
}

static int
count_recovery(struct tg_store *store, const char *operator_id, int64_t *count)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(db, &stmt,
                           "SELECT count(*) FROM recovery_codes WHERE "
                           "operator_id = ? AND used_at = 0",
                           "t", operator_id);

    return err ? err : number_of(db, stmt, count);
}

const struct tg_store_operator_ops tg_sqlite_operator_ops = {
    .add = add,
    .get = get,
    .each = each,
    .set = set,
    .count_owners = count_owners,
    .proof = proof,
    .set_password = set_password,
    .set_totp = set_totp,
    .use_totp = use_totp,
    .set_recovery = set_recovery,
    .use_recovery = use_recovery,
    .count_recovery = count_recovery,
    .token_add = tg_sqlite_token_add,
    .session_add = tg_sqlite_session_add,
    .token_known = tg_sqlite_token_known,
    .session_known = tg_sqlite_session_known,
    .access_get = tg_sqlite_access_get,
    .access_each = tg_sqlite_access_each,
    .access_used = tg_sqlite_access_used,
    .access_fresh = tg_sqlite_access_fresh,
    .access_end = tg_sqlite_access_end,
    .end_all = tg_sqlite_end_all,
    .was_here = tg_sqlite_was_here,
    .attempts = tg_sqlite_attempts,
    .set_attempts = tg_sqlite_set_attempts,
};
