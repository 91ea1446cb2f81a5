#include <string.h>

#include "sqlite.h"

/* For whoever checks the books: calls as they were settled. */

#define COLUMNS                                                                \
    "seq, id, at, key_id, account_id, upstream_id, credential_id, model, "     \
    "endpoint, flags, status, code, basis, unit, day, month, "                 \
    "prompt_tokens, prompt_cache_hit_tokens, cache_write_tokens, "             \
    "completion_tokens, reasoning_tokens, units, hit_picos, miss_picos, "      \
    "output_picos, write_picos, unit_picos, held_nanos, cost_nanos "

static void
text(sqlite3_stmt *stmt, int column, char *field, size_t size)
{
    /* As text, SQLite would make a copy with a zero behind it. */
    struct tg_str bytes = tg_sql_bytes(stmt, column);

    tg_field_set(field, size, bytes.data, bytes.len);
}

static int64_t
number(sqlite3_stmt *stmt, int column)
{
    return sqlite3_column_int64(stmt, column);
}

static void
read_texts(sqlite3_stmt *stmt, struct tg_call *call)
{
    struct tg_str id = tg_sql_bytes(stmt, 1);

    if (id.len == sizeof(call->id.bytes))
        memcpy(call->id.bytes, id.data, id.len);
    text(stmt, 3, call->key_id, sizeof(call->key_id));
    text(stmt, 4, call->account_id, sizeof(call->account_id));
    text(stmt, 5, call->upstream_id, sizeof(call->upstream_id));
    text(stmt, 6, call->credential_id, sizeof(call->credential_id));
    text(stmt, 7, call->model, sizeof(call->model));
}

static void
read_call(sqlite3_stmt *stmt, struct tg_call *call)
{
    *call = (struct tg_call){
        .at_ms = number(stmt, 2),
        .endpoint = (uint16_t)number(stmt, 8),
        .flags = (uint16_t)number(stmt, 9),
        .status = (uint16_t)number(stmt, 10),
        .code = (uint16_t)number(stmt, 11),
        .basis = (uint8_t)number(stmt, 12),
        .unit = (uint8_t)number(stmt, 13),
        .day = (uint32_t)number(stmt, 14),
        .month = (uint16_t)number(stmt, 15),
        .prompt_tokens = number(stmt, 16),
        .cached_tokens = number(stmt, 17),
        .written_tokens = number(stmt, 18),
        .completion_tokens = number(stmt, 19),
        .reasoning_tokens = number(stmt, 20),
        .units = number(stmt, 21),
        .rates =
            {
                .hit_picos = number(stmt, 22),
                .miss_picos = number(stmt, 23),
                .output_picos = number(stmt, 24),
                .write_picos = number(stmt, 25),
                .unit_picos = number(stmt, 26),
            },
        .held_nanos = number(stmt, 27),
        .cost_nanos = number(stmt, 28),
    };
    read_texts(stmt, call);
}

int
tg_sqlite_call_scan(struct tg_store *store, int64_t seq, uint32_t limit,
                    int (*visit)(void *, int64_t, const struct tg_call *),
                    void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    struct tg_call call;
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(db, &stmt,
                           "SELECT " COLUMNS "FROM calls WHERE seq > ? "
                           "ORDER BY seq LIMIT ?",
                           "ii", seq, (int64_t)limit);

    if (err != 0)
        return err;
    while ((err = tg_sql_next(db, stmt)) > 0) {
        read_call(stmt, &call);
        err = visit(arg, number(stmt, 0), &call);
        if (err != 0)
            break;
    }
    return tg_sql_end(stmt, err);
}

int
tg_sqlite_call_get(struct tg_store *store, const struct tg_call_id *id,
                   int64_t *seq, struct tg_call *call)
{
    struct tg_str bytes = {(const char *)id->bytes, sizeof(id->bytes)};
    struct tg_sqlite *db = tg_sqlite_of(store);
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(
        db, &stmt, "SELECT " COLUMNS "FROM calls WHERE id = ?", "b", bytes);

    if (err != 0)
        return err;
    err = tg_sql_next(db, stmt);
    if (err > 0) {
        *seq = number(stmt, 0);
        read_call(stmt, call);
    }
    return tg_sql_end(stmt, err > 0 ? 0 : err == 0 ? TG_ERR_NOT_FOUND : err);
}

int
tg_sqlite_call_span(struct tg_store *store, int64_t *first, int64_t *last)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(db, &stmt,
                           "SELECT coalesce((SELECT min(seq) FROM call_rows), "
                           "(SELECT max(next, 1) FROM rolled_up)), "
                           "coalesce((SELECT max(seq) FROM call_rows), "
                           "(SELECT max(next, 1) - 1 FROM rolled_up))",
                           "");

    if (err != 0)
        return err;
    err = tg_sql_next(db, stmt);
    if (err > 0) {
        *first = number(stmt, 0);
        *last = number(stmt, 1);
    }
    return tg_sql_end(stmt, err > 0 ? 0 : err);
}

static int
check_pages(struct tg_sqlite *db, int (*visit)(void *, const char *), void *arg)
{
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(db, &stmt, "PRAGMA quick_check(20)", "");

    if (err != 0)
        return err;
    while ((err = tg_sql_next(db, stmt)) > 0) {
        err = strcmp(tg_sql_text(stmt, 0), "ok") == 0
                  ? 0
                  : visit(arg, tg_sql_text(stmt, 0));
        if (err != 0)
            break;
    }
    return tg_sql_end(stmt, err);
}

/* A call's kind is no foreign key, which would be looked at with each call. */
static int
check_references(struct tg_sqlite *db, int (*visit)(void *, const char *),
                 void *arg)
{
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(
        db, &stmt,
        "SELECT * FROM (SELECT printf('a row of %s refers to one of %s that is "
        "not there', \"table\", parent) FROM pragma_foreign_key_check "
        "LIMIT 20) UNION ALL SELECT * FROM (SELECT printf('a row of call_rows "
        "refers to one of call_kinds that is not there') FROM call_rows "
        "WHERE kind NOT IN (SELECT number FROM call_kinds) LIMIT 20)",
        "");

    if (err != 0)
        return err;
    while ((err = tg_sql_next(db, stmt)) > 0) {
        err = visit(arg, tg_sql_text(stmt, 0));
        if (err != 0)
            break;
    }
    return tg_sql_end(stmt, err);
}

int
tg_sqlite_check(struct tg_store *store, int (*visit)(void *, const char *),
                void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    int err = check_pages(db, visit, arg);

    return err == 0 ? check_references(db, visit, arg) : err;
}

void
tg_sqlite_interrupt(struct tg_store *store)
{
    sqlite3_interrupt(tg_sqlite_of(store)->db);
}
