#include "sqlite.h"

#include <string.h>

int
tg_sqlite_audit_add(struct tg_store *store, const struct tg_store_audit *row)
{
    struct tg_str digest = {(const char *)row->digest.bytes,
                            sizeof(row->digest.bytes)};

    return tg_sql_run(tg_sqlite_of(store), NULL,
                      "INSERT INTO audit (number, id, at, operator_id, "
                      "operator, via, ip, request_id, action, subject, "
                      "details, digest) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
                      "?, ?)",
                      "itittttttttb", row->number, row->id, row->at,
                      row->operator_id, row->operator, row->via, row->ip,
                      row->request_id, row->action, row->subject, row->details,
                      digest);
}

static void
take_digest(sqlite3_stmt *stmt, int column, struct tg_digest *digest)
{
    struct tg_str bytes = tg_sql_bytes(stmt, column);

    if (bytes.len == sizeof(digest->bytes))
        memcpy(digest->bytes, bytes.data, bytes.len);
}

int
tg_sqlite_audit_last(struct tg_store *store, int64_t *number,
                     struct tg_digest *digest)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(db, &stmt,
                           "SELECT number, digest FROM audit "
                           "ORDER BY number DESC LIMIT 1",
                           "");

    if (err != 0)
        return err;
    *number = 0;
    memset(digest, 0, sizeof(*digest));
    err = tg_sql_next(db, stmt);
    if (err > 0) {
        *number = sqlite3_column_int64(stmt, 0);
        take_digest(stmt, 1, digest);
    }
    return tg_sql_end(stmt, err > 0 ? 0 : err);
}

#define COLUMNS                                                                \
    "number, id, at, operator_id, operator, via, ip, request_id, action, "     \
    "subject, details, digest "

static int
walk(struct tg_sqlite *db, sqlite3_stmt *stmt,
     int (*visit)(void *, const struct tg_store_audit *), void *arg)
{
    int err;

    while ((err = tg_sql_next(db, stmt)) > 0) {
        struct tg_store_audit row = {
            .number = sqlite3_column_int64(stmt, 0),
            .id = tg_sql_text(stmt, 1),
            .at = sqlite3_column_int64(stmt, 2),
            .operator_id = tg_sql_text(stmt, 3),
            .operator= tg_sql_text(stmt, 4),
            .via = tg_sql_text(stmt, 5),
            .ip = tg_sql_text(stmt, 6),
            .request_id = tg_sql_text(stmt, 7),
            .action = tg_sql_text(stmt, 8),
            .subject = tg_sql_text(stmt, 9),
            .details = tg_sql_text(stmt, 10),
        };

        take_digest(stmt, 11, &row.digest);
        err = visit(arg, &row);
        if (err != 0)
            break;
    }
    return tg_sql_end(stmt, err);
}

int
tg_sqlite_audit_each(struct tg_store *store, int64_t after, uint32_t limit,
                     int (*visit)(void *, const struct tg_store_audit *),
                     void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    sqlite3_stmt *stmt;
    int err;

    err = tg_sql_begin(db, &stmt,
                       "SELECT " COLUMNS
                       "FROM audit WHERE number > ? ORDER BY number LIMIT ?",
                       "ii", after, limit != 0 ? (int64_t)limit : -1);
    return err != 0 ? err : walk(db, stmt, visit, arg);
}

/* The number of an entry; the next after the newest for NULL. */
static int
find_number(struct tg_sqlite *db, const char *id, int64_t *number)
{
    sqlite3_stmt *stmt;
    int err;

    *number = INT64_MAX;
    if (id == NULL)
        return 0;
    err = tg_sql_begin(db, &stmt, "SELECT number FROM audit WHERE id = ?", "t",
                       id);
    if (err != 0)
        return err;
    err = tg_sql_next(db, stmt);
    if (err > 0)
        *number = sqlite3_column_int64(stmt, 0);
    return tg_sql_end(stmt, err > 0 ? 0 : err == 0 ? TG_ERR_NOT_FOUND : err);
}

int
tg_sqlite_audit_list(struct tg_store *store,
                     const struct tg_store_audit_filter *filter,
                     int (*visit)(void *, const struct tg_store_audit *),
                     void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    int64_t number;
    sqlite3_stmt *stmt;
    int err = find_number(db, filter->after, &number);

    if (err != 0)
        return err;
    err = tg_sql_begin(db, &stmt,
                       "SELECT " COLUMNS "FROM audit WHERE number < ?1 "
                       "AND (?2 IS NULL OR operator_id = ?2 OR operator = ?2) "
                       "AND (?3 IS NULL OR action = ?3 "
                       "OR substr(action, 1, length(?3) + 1) = ?3 || '.') "
                       "AND (?4 IS NULL OR subject = ?4) AND at >= ?5 "
                       "AND (?6 = 0 OR at < ?6) ORDER BY number DESC LIMIT ?7",
                       "itttiii", number, filter->operator, filter->action,
                       filter->subject, filter->since, filter->until,
                       filter->limit != 0 ? (int64_t)filter->limit : -1);
    return err != 0 ? err : walk(db, stmt, visit, arg);
}
