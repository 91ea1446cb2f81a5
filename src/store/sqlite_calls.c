#include <arpa/inet.h>

#include "sqlite_calls.h"
#include "sqlite_gather.h"
#include "sqlite_metrics.h"

/* inet_ntop, without printf for IPv4: each call that comes in has one. */
static const char *
address_text(const uint8_t ip[16], char out[INET6_ADDRSTRLEN])
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255};
    char *end = out;

    if (memcmp(ip, mapped, sizeof(mapped)) != 0)
        return inet_ntop(AF_INET6, ip, out, INET6_ADDRSTRLEN);
    for (int i = 12; i < 16; i++) {
        if (ip[i] >= 100)
            *end++ = (char)('0' + ip[i] / 100);
        if (ip[i] >= 10)
            *end++ = (char)('0' + ip[i] / 10 % 10);
        *end++ = (char)('0' + ip[i] % 10);
        *end++ = '.';
    }
    end[-1] = '\0';
    return out;
}

int
tg_sqlite_number(struct tg_sqlite *db)
{
    sqlite3_stmt *stmt;
    int err;

    if (db->next_seq != 0)
        return 0;
    err = tg_sql_begin(db, &stmt,
                       "SELECT max(coalesce((SELECT max(seq) FROM calls), 0) "
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

/* Binds values in a row, without asking for their types as tg_sql_run does. */
struct binding {
    sqlite3_stmt *stmt;
    int index;
    int failed; /* SQLITE_OK, or what the first one said */
};

static void
put_int(struct binding *to, int64_t value)
{
    to->failed |= sqlite3_bind_int64(to->stmt, ++to->index, value);
}

/* Up to its first NUL, if it has one. */
static void
put_text(struct binding *to, const char *text, size_t size)
{
    size_t len = size > 0 ? strnlen(text, size) : 0;

    to->failed |= sqlite3_bind_text(to->stmt, ++to->index, len > 0 ? text : "",
                                    (int)len, SQLITE_STATIC);
}

static void
put_policy(struct binding *to, const struct tg_call *call)
{
    put_int(to, call->at_ms);
    put_text(to, call->key_id, sizeof(call->key_id));
    put_text(to, call->account_id, sizeof(call->account_id));
    put_text(to, call->upstream_id, sizeof(call->upstream_id));
    put_text(to, call->credential_id, sizeof(call->credential_id));
    put_text(to, call->model, sizeof(call->model));
    put_int(to, call->endpoint);
    put_int(to, call->flags);
    put_int(to, call->status);
    put_int(to, call->code);
    put_int(to, call->basis);
    put_int(to, call->latency_ms);
    if (call->ttft_ms == TG_ABSENT_MS)
        to->failed |= sqlite3_bind_null(to->stmt, ++to->index);
    else
        put_int(to, call->ttft_ms);
}

static void
put_sums(struct binding *to, const struct tg_call *call)
{
    put_int(to, call->prompt_tokens);
    put_int(to, call->cached_tokens);
    put_int(to, call->written_tokens);
    put_int(to, call->completion_tokens);
    put_int(to, call->reasoning_tokens);
    put_int(to, call->unit);
    put_int(to, call->units);
    put_int(to, call->rates.hit_picos);
    put_int(to, call->rates.miss_picos);
    put_int(to, call->rates.output_picos);
    put_int(to, call->rates.write_picos);
    put_int(to, call->rates.unit_picos);
    put_int(to, call->held_nanos);
    put_int(to, call->cost_nanos);
    put_int(to, call->day);
    put_int(to, call->month);
}

/* ip is room for its text, until the statement is over. */
static void
put_record(struct binding *to, const struct tg_record *record, int64_t seq,
           char ip[INET6_ADDRSTRLEN])
{
    const struct tg_call *call = &record->call;

    put_int(to, seq);
    to->failed |= sqlite3_bind_blob(to->stmt, ++to->index, call->id.bytes,
                                    (int)sizeof(call->id.bytes), SQLITE_STATIC);
    put_policy(to, call);
    put_sums(to, call);
    put_text(to, address_text(call->ip, ip), INET6_ADDRSTRLEN);
    put_text(to, record->agent.data,
             record->agent.len < TG_JOURNAL_AGENT_MAX ? record->agent.len
                                                      : TG_JOURNAL_AGENT_MAX);
    put_text(to, record->trace_id.data,
             record->trace_id.len < TG_JOURNAL_TRACE_MAX
                 ? record->trace_id.len
                 : TG_JOURNAL_TRACE_MAX);
}

/*
 * Inserts as many as the statement has rows.  *new_count: those whose id was
 * not there; nothing is said of the others.
 */
static int
insert(struct tg_sqlite *db, const char *sql, const struct tg_record *records,
       size_t count, int *new_count)
{
    char ips[TG_CALLS_AT_ONCE][INET6_ADDRSTRLEN];
    struct binding to = {.index = 0};
    int result, err = tg_sql_prepare(db, &to.stmt, sql);

    if (err != 0)
        return err;
    for (size_t i = 0; i < count; i++)
        put_record(&to, &records[i], db->next_seq + (int64_t)i, ips[i]);
    result = to.failed ? to.failed : sqlite3_step(to.stmt);
    if (result == SQLITE_DONE)
        *new_count = sqlite3_changes(db->db);
    else
        err = tg_sqlite_fail(db, result);
    /* All of it is bound anew for the next one. */
    sqlite3_reset(to.stmt);
    return err;
}

#define COLUMNS                                                                \
    "INSERT INTO calls (seq, id, at, key_id, account_id, upstream_id, "        \
    "credential_id, model, endpoint, flags, status, code, basis, "             \
    "latency_ms, ttft_ms, prompt_tokens, prompt_cache_hit_tokens, "            \
    "cache_write_tokens, completion_tokens, reasoning_tokens, unit, units, "   \
    "hit_picos, miss_picos, output_picos, write_picos, unit_picos, "           \
    "held_nanos, cost_nanos, day, month, ip, user_agent, trace_id) VALUES "
#define ROW                                                                    \
    "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "   \
    "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
#define ROWS_4 ROW "," ROW "," ROW "," ROW
#define ROWS_16 ROWS_4 "," ROWS_4 "," ROWS_4 "," ROWS_4
#define ONCE " ON CONFLICT (id) DO NOTHING"

_Static_assert(TG_CALLS_AT_ONCE == 16, "the rows of insert_all's statement");

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
        err = tg_metrics_note_call(db, &records[i].call);
    }
    return err;
}

/* Opening what they go into is most of what one costs. */
static int
insert_all(struct tg_sqlite *db, const struct tg_record *records)
{
    static const char sql[] = COLUMNS ROWS_16 ONCE;
    int new_count, err = insert(db, sql, records, TG_CALLS_AT_ONCE, &new_count);

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
    static const char sql[] = COLUMNS ROW ONCE;
    struct tg_sqlite *db = tg_sqlite_of(store);
    int new_count = 0, err = tg_sqlite_number(db);

    if (err == 0)
        err = insert(db, sql, record, 1, &new_count);
    if (err != 0)
        return err;
    *is_new = new_count > 0;
    if (*is_new && (record->call.flags & TG_CALL_MOVED))
        err = add_moved(db, &record->call);
    if (err == 0 && *is_new)
        err = tg_metrics_note_call(db, &record->call);
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
    int err = tg_sqlite_number(db);
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

    err = tg_sql_begin(db, &stmt, "SELECT at, seq FROM calls WHERE id = ?", "b",
                       bytes);
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
