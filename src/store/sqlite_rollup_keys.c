#include "sqlite_rollup.h"

#include <stdlib.h>

#define ROW_BYTES 900 /* of a row of key_calls, in its page of 4096 */
#define ROWS 16       /* that are inserted at once */
#define CALLS_FEW 40  /* of a key, whose row waits for others */
#define CALL_BYTES (4 * TG_VARINT_MAX)

struct row {
    const char *key_id;
    int64_t last_at;
    struct tg_str entries, loads;
};

/* Rows that are to be inserted, in order. */
struct tg_key_rows {
    int count;
    struct row rows[ROWS];
    uint8_t bytes[ROWS][CALLS_FEW * CALL_BYTES];
};

#define VALUES "(?1, ?, ?, ?, ?)"
#define VALUES_4 VALUES "," VALUES "," VALUES "," VALUES
#define INSERT                                                                 \
    "INSERT OR FAIL INTO key_calls (block, key_id, last_at, entries, loads) "  \
    "VALUES "

static int
bind(sqlite3_stmt *stmt, int n, const struct row *row)
{
    int at = 4 * n + 2, failed;

    failed = sqlite3_bind_text(stmt, at, row->key_id, -1, SQLITE_STATIC);
    failed |= sqlite3_bind_int64(stmt, at + 1, row->last_at);
    failed |= sqlite3_bind_blob64(stmt, at + 2, row->entries.data,
                                  row->entries.len, SQLITE_STATIC);
    failed |= sqlite3_bind_blob64(stmt, at + 3, row->loads.data, row->loads.len,
                                  SQLITE_STATIC);
    return failed;
}

/* As many as the statement has. */
static int
insert(struct tg_sqlite *db, const struct tg_rollup *rollup, const char *sql,
       const struct row *rows, int count)
{
    sqlite3_stmt *stmt;
    int result,
        err = tg_sql_begin(db, &stmt, sql, "i", tg_block_number(rollup->first));

    if (err != 0)
        return err;
    result = SQLITE_OK;
    for (int i = 0; i < count && result == SQLITE_OK; i++)
        result = bind(stmt, i, &rows[i]);
    if (result != SQLITE_OK)
        err = tg_sqlite_fail(db, result);
    else
        err = tg_sql_next(db, stmt);
    return tg_sql_end(stmt, err);
}

static const char insert_one[] = INSERT VALUES;
static const char insert_all[] =
    INSERT VALUES_4 "," VALUES_4 "," VALUES_4 "," VALUES_4;

/*
 * Each is behind all that are there, which a statement finds but once.  One
 * that cannot be inserted ends its transaction (see sqlite_calls.c).
 */
int
tg_rollup_keys_end(struct tg_sqlite *db, struct tg_rollup *rollup)
{
    struct tg_key_rows *rows = rollup->rows;
    int err = 0;

    if (rows == NULL)
        return 0;
    if (rows->count == ROWS)
        err = insert(db, rollup, insert_all, rows->rows, ROWS);
    else
        for (int i = 0; i < rows->count && err == 0; i++)
            err = insert(db, rollup, insert_one, &rows->rows[i], 1);
    rows->count = 0;
    return err;
}

/* Calls from n on; bytes have room for all of them. */
static struct row
write_row(const struct tg_rollup *rollup, uint32_t n, uint32_t count,
          uint8_t *bytes)
{
    struct tg_key_entry last = {.seq = rollup->first};
    uint8_t *half = bytes + (size_t)count * CALL_BYTES / 2;
    uint8_t *entries = bytes, *loads = half;
    struct row row = {.key_id = tg_rollup_key(rollup, n), .last_at = INT64_MIN};

    for (uint32_t i = n; i < n + count; i++) {
        const struct tg_block_call *call = tg_rollup_call(rollup, i);

        entries += tg_varint_put(entries, tg_varint_fold(call->seq - last.seq));
        entries += tg_varint_put(entries, tg_varint_fold(call->at - last.at));
        loads += tg_varint_put(loads, call->latency_ms);
        loads += tg_varint_put(
            loads, (uint64_t)(call->prompt_tokens + call->completion_tokens));
        last = (struct tg_key_entry){call->seq, call->at};
        if (call->at > row.last_at)
            row.last_at = call->at;
    }
    row.entries =
        (struct tg_str){(const char *)bytes, (size_t)(entries - bytes)};
    row.loads = (struct tg_str){(const char *)half, (size_t)(loads - half)};
    return row;
}

/* A row of more would have a page of its own, most of which is empty. */
static bool
is_long(const struct row *row)
{
    return row->entries.len + row->loads.len > ROW_BYTES;
}

static int
put_long(struct tg_sqlite *db, const struct tg_rollup *rollup,
         const struct row *row)
{
    int err = tg_sql_run(db, NULL, "INSERT INTO key_loads (loads) VALUES (?)",
                         "b", row->loads);

    if (err != 0)
        return err;
    return tg_sql_run(db, NULL,
                      "INSERT INTO key_calls (block, key_id, last_at, entries, "
                      "loads) VALUES (?, ?, ?, ?, ?)",
                      "itibi", tg_block_number(rollup->first), row->key_id,
                      row->last_at, row->entries,
                      (int64_t)sqlite3_last_insert_rowid(db->db));
}

/* Of many calls: at once. */
static int
put_many(struct tg_sqlite *db, struct tg_rollup *rollup, uint32_t n,
         uint32_t count)
{
    uint8_t *bytes = malloc((size_t)count * CALL_BYTES);
    struct row row;
    int err;

    if (bytes == NULL)
        return tg_error_set(&db->store.error, TG_ERR_SYSTEM, "out of memory");
    row = write_row(rollup, n, count, bytes);
    err = tg_rollup_keys_end(db, rollup);
    if (err == 0)
        err = is_long(&row) ? put_long(db, rollup, &row)
                            : insert(db, rollup, insert_one, &row, 1);
    free(bytes);
    return err;
}

int
tg_rollup_keys_put(struct tg_sqlite *db, struct tg_rollup *rollup, uint32_t n,
                   uint32_t count)
{
    struct tg_key_rows *rows = rollup->rows;
    struct row row;

    if (count > CALLS_FEW)
        return put_many(db, rollup, n, count);
    if (rows == NULL) {
        rows = rollup->rows = malloc(sizeof(*rows));
        if (rows == NULL)
            return tg_error_set(&db->store.error, TG_ERR_SYSTEM,
                                "out of memory");
        rows->count = 0;
    }
    row = write_row(rollup, n, count, rows->bytes[rows->count]);
    if (is_long(&row))
        return put_many(db, rollup, n, count);
    rows->rows[rows->count++] = row;
    return rows->count == ROWS ? tg_rollup_keys_end(db, rollup) : 0;
}
