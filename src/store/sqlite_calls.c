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
    err = tg_sql_begin(db, &stmt,
                       "SELECT coalesce((SELECT max(seq) FROM call_rows), 0) "
                       "+ 1, next FROM rolled_up",
                       "");
    if (err != 0)
        return err;
    err = tg_sql_next(db, stmt);
    if (err > 0) {
        int64_t behind_last = sqlite3_column_int64(stmt, 0);
        int64_t behind_block = sqlite3_column_int64(stmt, 1);

        db->is_behind_last = behind_last >= behind_block;
        db->next_seq = db->is_behind_last ? behind_last : behind_block;
    }
    return tg_sql_end(stmt, err > 0 ? 0 : err == 0 ? TG_ERR_CORRUPT : err);
}

static int
add_moved(struct tg_sqlite *db, const struct tg_call *call, int64_t seq)
{
    char key_id[TG_ID_TEXT_SIZE] = "";

    memcpy(key_id, call->key_id, TG_ID_LEN);
    return tg_sql_run(db, NULL,
                      "INSERT INTO moved_calls (seq, key_id, at, day, month, "
                      "cost_nanos) VALUES (?, ?, ?, ?, ?, ?)",
                      "itiiii", seq, key_id, call->at_ms, (int64_t)call->day,
                      (int64_t)call->month, call->cost_nanos);
}

/*
 * A call that cannot be added ends its transaction, so a statement need not be
 * able to take itself back: for that, SQLite copies each page that it changes.
 */
#define INSERT "INSERT OR FAIL INTO call_rows " TG_CALL_COLUMNS " VALUES "
#define ROWS_4                                                                 \
    TG_CALL_VALUES "," TG_CALL_VALUES "," TG_CALL_VALUES "," TG_CALL_VALUES
#define ROWS_16 ROWS_4 "," ROWS_4 "," ROWS_4 "," ROWS_4
#define ROWS_32 ROWS_16 "," ROWS_16
#define ONCE " ON CONFLICT (id) DO NOTHING"

/*
 * Opening what calls go into is much of what one alone costs, so there are
 * statements for many of them and for some.
 */
static const struct {
    size_t rows;
    const char *sql;
} inserts[TG_CALL_INSERTS] = {
    {32, INSERT ROWS_32 ONCE},
    {4, INSERT ROWS_4 ONCE},
    {1, INSERT TG_CALL_VALUES ONCE},
};

_Static_assert(TG_CALLS_AT_ONCE == 32, "the rows of the first");

/* That of the most rows there are calls for. */
static size_t
insert_for(size_t count)
{
    size_t which = 0;

    while (inserts[which].rows > count)
        which++;
    return which;
}

/*
 * SQLite looks for a number that it is given, to see whether there is such a
 * row; one that it gives itself it knows to be free.
 */
static int
bind(struct tg_sqlite *db, sqlite3_stmt *stmt, size_t which, int row,
     const struct tg_record *record)
{
    int64_t kind, seq = db->next_seq + row;
    int result, err = tg_call_kind(db, &record->call, seq, &kind);

    if (err != 0)
        return err;
    result = tg_call_bind(stmt, db->bound_calls[which], row, record,
                          db->is_behind_last ? 0 : seq, kind);
    return result == SQLITE_OK ? 0 : tg_sqlite_fail(db, result);
}

/* Were there a row behind the last one that we know, all is taken back. */
static int
check_number(struct tg_sqlite *db, int new_count)
{
    if (sqlite3_last_insert_rowid(db->db) == db->next_seq + new_count - 1)
        return 0;
    return tg_error_set(&db->store.error, TG_ERR_CORRUPT,
                        "the store: a call did not get the next number");
}

/*
 * Inserts as many as the statement has rows.  *new_count: those whose id was
 * not there, which are numbered from next_seq on; nothing is said of the
 * others.  Not behind the last row there is one call, which gets there.
 */
static int
insert(struct tg_sqlite *db, size_t which, const struct tg_record *records,
       int *new_count)
{
    sqlite3_stmt *stmt;
    int result, err = tg_sql_prepare(db, &stmt, inserts[which].sql);

    for (int i = 0; i < (int)inserts[which].rows && err == 0; i++)
        err = bind(db, stmt, which, i, &records[i]);
    if (err != 0)
        return err;
    result = sqlite3_step(stmt);
    *new_count = sqlite3_changes(db->db);
    if (result != SQLITE_DONE)
        err = tg_sqlite_fail(db, result);
    else if (*new_count > 0)
        err = check_number(db, *new_count);
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
    int err = 0;

    if (db->bound_calls[0] == NULL)
        err = tg_sql_run(db, NULL, "PRAGMA ignore_check_constraints = ON", "");
    if (err != 0)
        return err;
    for (size_t i = 0; i < TG_CALL_INSERTS; i++) {
        if (db->bound_calls[i] == NULL)
            db->bound_calls[i] = tg_bound_calls_new(inserts[i].rows);
        if (db->bound_calls[i] == NULL)
            return tg_error_set(&db->store.error, TG_ERR_SYSTEM,
                                "out of memory");
    }
    return tg_sqlite_number(db);
}

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
note_new(struct tg_sqlite *db, const struct tg_record *records, size_t count,
         int new_count)
{
    int64_t seq = db->next_seq, end = seq + new_count;
    struct tg_call_place place;
    int err = 0;

    for (size_t i = 0; i < count && seq < end && err == 0; i++) {
        if ((size_t)new_count < count) {
            err = tg_sqlite_call_place(db, &records[i].call.id, &place);
            if (err != 0 || place.seq != seq)
                continue;
        }
        err = note_call(db, &records[i], seq++);
    }
    return err;
}

/* As many as the statement has rows. */
static int
add(struct tg_sqlite *db, size_t which, const struct tg_record *records,
    int *new_count)
{
    size_t count = inserts[which].rows;
    int err = insert(db, which, records, new_count);

    if (err == 0 && *new_count > 0)
        err = note_new(db, records, count, *new_count);
    if (err != 0)
        return err;
    tg_gather_add(db, records, count, *new_count, db->next_seq);
    db->next_seq += *new_count;
    db->is_behind_last |= *new_count > 0;
    return 0;
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
    struct tg_sqlite *db = tg_sqlite_of(store);
    int new_count = 0, err = begin_adding(db);

    if (err == 0)
        err = add(db, insert_for(1), record, &new_count);
    if (err == 0 && new_count > 0 && (record->call.flags & TG_CALL_MOVED))
        err = add_moved(db, &record->call, db->next_seq - 1);
    if (err == 0)
        *is_new = new_count > 0;
    return err;
}

int
tg_sqlite_calls_add(struct tg_store *store, const struct tg_record *records,
                    size_t count)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    bool is_moved = is_any_moved(records, count), is_new;
    int new_count, err = begin_adding(db);
    size_t which;

    for (size_t i = 0; i < count && err == 0; i += inserts[which].rows) {
        which = insert_for(is_moved || !db->is_behind_last ? 1 : count - i);
        err = inserts[which].rows == 1
                  ? tg_sqlite_call_add(store, &records[i], &is_new)
                  : add(db, which, &records[i], &new_count);
    }
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
