#include "sqlite_calls.h"

#include "fresh.h"
#include "sqlite_call_bind.h"
#include "sqlite_call_kinds.h"
#include "sqlite_gather.h"
#include "sqlite_metrics.h"

int
tg_sqlite_number(struct tg_sqlite *db)
{
    sqlite3_stmt *stmt;
    int err;

    if (db->next_seq != 0)
        return 0;
    err =
        tg_sql_begin(db, &stmt,
                     "SELECT max(coalesce((SELECT max(seq) FROM call_rows), 0) "
                     "+ 1, next) FROM rolled_up",
                     "");
    if (err != 0)
        return err;
    err = tg_sql_next(db, stmt);
    if (err > 0)
        db->next_seq = sqlite3_column_int64(stmt, 0);
    return tg_sql_end(stmt, err > 0 ? 0 : err == 0 ? TG_ERR_CORRUPT : err);
}

static int
add_moved(struct tg_sqlite *db, const struct tg_call *call)
{
    char key_id[TG_ID_TEXT_SIZE] = "";

    memcpy(key_id, call->key_id, TG_ID_LEN);
    return tg_sql_run(db, NULL,
                      "INSERT INTO moved_calls (seq, key_id, at, day, month, "
                      "cost_nanos) VALUES (?, ?, ?, ?, ?, ?)",
                      "itiiii", db->next_seq, key_id, call->at_ms,
                      (int64_t)call->day, (int64_t)call->month,
                      call->cost_nanos);
}

/*
 * A call that cannot be added ends its transaction, so a statement need not be
 * able to take itself back: for that, SQLite copies each page that it changes.
 */
#define INSERT "INSERT OR FAIL INTO call_rows " TG_CALL_COLUMNS " VALUES "
#define ROWS_4                                                                 \
    TG_CALL_VALUES "," TG_CALL_VALUES "," TG_CALL_VALUES "," TG_CALL_VALUES
#define ROWS_16 ROWS_4 "," ROWS_4 "," ROWS_4 "," ROWS_4
#define ONCE " ON CONFLICT (id) DO NOTHING"

static int
bind(struct tg_sqlite *db, sqlite3_stmt *stmt, struct tg_bound_call *bound,
     int row, const struct tg_record *record)
{
    int64_t seq = db->next_seq + row, kind;
    int result, err = tg_call_kind(db, &record->call, seq, &kind);

    if (err != 0)
        return err;
    result = tg_call_bind(stmt, bound, row, record, seq, kind);
    return result == SQLITE_OK ? 0 : tg_sqlite_fail(db, result);
}

/*
 * Inserts as many as the statement has rows, of which bound knows what is
 * bound.  *new_count: those whose id was not there; nothing is said of the
 * others.
 */
static int
insert(struct tg_sqlite *db, const char *sql, struct tg_bound_call *bound,
       const struct tg_record *records, int count, int *new_count)
{
    sqlite3_stmt *stmt;
    int result, err = tg_sql_prepare(db, &stmt, sql);

    for (int i = 0; i < count && err == 0; i++)
        err = bind(db, stmt, bound, i, &records[i]);
    if (err != 0)
        return err;
    result = sqlite3_step(stmt);
    if (result == SQLITE_DONE)
        *new_count = sqlite3_changes(db->db);
    else
        err = tg_sqlite_fail(db, result);
    sqlite3_reset(stmt);
    return err;
}

/*
 * Checks of values hold by the types of what is bound; with one that calls a
 * function SQLite takes each statement for one that may have to be taken back.
 */
static int
begin_adding(struct tg_sqlite *db)
{
    int err;

    if (db->bound_calls == NULL) {
        err = tg_sql_run(db, NULL, "PRAGMA ignore_check_constraints = ON", "");
        if (err != 0)
            return err;
        db->bound_calls = tg_bound_calls_new(TG_CALLS_AT_ONCE);
    }
    if (db->bound_call == NULL)
        db->bound_call = tg_bound_calls_new(1);
    if (db->bound_calls == NULL || db->bound_call == NULL)
        return tg_error_set(&db->store.error, TG_ERR_SYSTEM, "out of memory");
    return tg_sqlite_number(db);
}

_Static_assert(TG_CALLS_AT_ONCE == 16, "the rows of insert_all's statement");

/* A call that was not there before. */
static int
note_call(struct tg_sqlite *db, const struct tg_record *record, int64_t seq)
{
    if (db->store.adds_to != NULL)
        tg_fresh_add(db->store.adds_to, record, seq);
    return tg_metrics_note_call(db, &record->call);
}

/* Of calls that were added together, those that were not there before. */
static int
note_new(struct tg_sqlite *db, const struct tg_record *records, int new_count)
{
    struct tg_call_place place;
    int err = 0;

    for (size_t i = 0; i < TG_CALLS_AT_ONCE && err == 0; i++) {
        if (new_count < TG_CALLS_AT_ONCE) {
            err = tg_sqlite_call_place(db, &records[i].call.id, &place);
            if (err != 0 || place.seq != db->next_seq + (int64_t)i)
                continue;
        }
        err = note_call(db, &records[i], db->next_seq + (int64_t)i);
    }
    return err;
}

/* Opening what they go into is most of what one costs. */
static int
insert_all(struct tg_sqlite *db, const struct tg_record *records)
{
    static const char sql[] = INSERT ROWS_16 ONCE;
    int new_count = 0, err = insert(db, sql, db->bound_calls, records,
                                    TG_CALLS_AT_ONCE, &new_count);

    if (err == 0 && new_count > 0)
        err = note_new(db, records, new_count);
    if (err == 0)
        tg_gather_add(db, records, TG_CALLS_AT_ONCE, new_count, db->next_seq);
    /* Numbers of those that were there before are left out. */
    if (err == 0 && new_count > 0)
        db->next_seq += TG_CALLS_AT_ONCE;
    return err;
}

static bool
is_any_moved(const struct tg_record *records, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (records[i].call.flags & TG_CALL_MOVED)
            return true;
    }
    return false;
}

int
tg_sqlite_call_add(struct tg_store *store, const struct tg_record *record,
                   bool *is_new)
{
    static const char sql[] = INSERT TG_CALL_VALUES ONCE;
    struct tg_sqlite *db = tg_sqlite_of(store);
    int new_count = 0, err = begin_adding(db);

    if (err == 0)
        err = insert(db, sql, db->bound_call, record, 1, &new_count);
    if (err != 0)
        return err;
    *is_new = new_count > 0;
    if (*is_new && (record->call.flags & TG_CALL_MOVED))
        err = add_moved(db, &record->call);
    if (err == 0 && *is_new)
        err = note_call(db, record, db->next_seq);
    if (err == 0) {
        tg_gather_add(db, record, 1, new_count, db->next_seq);
        db->next_seq += *is_new;
    }
    return err;
}

int
tg_sqlite_calls_add(struct tg_store *store, const struct tg_record *records,
                    size_t count)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    int err = begin_adding(db);
    bool is_new;

    if (err == 0 && count == TG_CALLS_AT_ONCE && !is_any_moved(records, count))
        return insert_all(db, records);
    for (size_t i = 0; i < count && err == 0; i++)
        err = tg_sqlite_call_add(store, &records[i], &is_new);
    return err;
}

int
tg_sqlite_call_place(struct tg_sqlite *db, const struct tg_call_id *id,
                     struct tg_call_place *place)
{
    struct tg_str bytes = {(const char *)id->bytes, sizeof(id->bytes)};
    sqlite3_stmt *stmt;
    int err;

    err = tg_sql_begin(db, &stmt, "SELECT at, seq FROM call_rows WHERE id = ?",
                       "b", bytes);
    if (err != 0)
        return err;
    err = tg_sql_next(db, stmt);
    if (err > 0)
        *place = (struct tg_call_place){.at = sqlite3_column_int64(stmt, 0),
                                        .seq = sqlite3_column_int64(stmt, 1)};
    return tg_sql_end(stmt, err > 0 ? 0 : err == 0 ? TG_ERR_NOT_FOUND : err);
}

int
tg_sqlite_call_has(struct tg_store *store, const struct tg_call_id *id,
                   bool *has)
{
    struct tg_call_place place;
    int err = tg_sqlite_call_place(tg_sqlite_of(store), id, &place);

    if (err != 0 && err != TG_ERR_NOT_FOUND)
        return err;
    *has = err == 0;
    return 0;
}

void
tg_sqlite_read_call(sqlite3_stmt *stmt, struct tg_store_call *row)
{
    struct tg_str id = tg_sql_bytes(stmt, 0);

    *row = (struct tg_store_call){
        .at = sqlite3_column_int64(stmt, 1),
        .key_id = tg_sql_text(stmt, 2),
        .account_id = tg_sql_text(stmt, 3),
        .upstream_id = tg_sql_text(stmt, 4),
        .model = tg_sql_text(stmt, 5),
        .endpoint = sqlite3_column_int64(stmt, 6),
        .flags = sqlite3_column_int64(stmt, 7),
        .status = sqlite3_column_int64(stmt, 8),
        .code = sqlite3_column_int64(stmt, 9),
        .basis = sqlite3_column_int64(stmt, 10),
        .latency_ms = sqlite3_column_int64(stmt, 11),
        .ttft_ms = sqlite3_column_int64(stmt, 12),
        .prompt_tokens = sqlite3_column_int64(stmt, 13),
        .prompt_cache_hit_tokens = sqlite3_column_int64(stmt, 14),
        .completion_tokens = sqlite3_column_int64(stmt, 15),
        .reasoning_tokens = sqlite3_column_int64(stmt, 16),
        .cost_nanos = sqlite3_column_int64(stmt, 17),
        .ip = tg_sql_text(stmt, 18),
        .user_agent = tg_sql_text(stmt, 19),
        .trace_id = tg_sql_text(stmt, 20),
        .unit = sqlite3_column_int64(stmt, 21),
        .units = sqlite3_column_int64(stmt, 22),
    };
    if (id.len == sizeof(row->id.bytes))
        memcpy(row->id.bytes, id.data, id.len);
}

int
tg_sqlite_call_start(struct tg_sqlite *db, const struct tg_store_filter *filter,
                     const struct tg_call_id *after,
                     struct tg_call_place *start)
{
    struct tg_call_place place;
    int err;

    *start = (struct tg_call_place){
        .at = filter->until ? filter->until : INT64_MAX,
        .seq = 0,
    };
    if (after == NULL)
        return 0;
    err = tg_sqlite_call_place(db, after, &place);
    if (err == 0 && place.at < start->at)
        *start = place;
    return err;
}

int
tg_sqlite_call_each(struct tg_store *store,
                    const struct tg_store_filter *filter,
                    const struct tg_call_id *after, uint32_t limit,
                    int (*visit)(void *, const struct tg_store_call *),
                    void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    struct tg_call_place start;
    struct tg_store_call row;
    sqlite3_stmt *stmt;
    int err;

    if (filter->key_id != NULL)
        return tg_sqlite_key_call_each(store, filter, after, limit, visit, arg);
    err = tg_sqlite_call_start(db, filter, after, &start);
    if (err == 0)
        err = tg_sql_begin(
            db, &stmt,
            TG_SELECT_CALLS "at >= ?5 AND (at, seq) < (?6, ?7) "
                            "ORDER BY at DESC, seq DESC LIMIT ?8",
            "ttiiiiii", filter->account_id, filter->model, filter->status,
            (int64_t)filter->is_not_ok, filter->since, start.at, start.seq,
            limit ? (int64_t)limit : INT64_C(-1));
    if (err != 0)
        return err;
    while ((err = tg_sql_next(db, stmt)) > 0) {
        tg_sqlite_read_call(stmt, &row);
        err = visit(arg, &row);
        if (err != 0)
            break;
    }
    return tg_sql_end(stmt, err);
}
