#include <arpa/inet.h>

#include "sqlite_calls.h"

#define TEXT_SIZE 66 /* a model's name or an id, with a NUL */

static const char *
field_text(const char *field, size_t size, char out[TEXT_SIZE])
{
    size_t len = tg_field_len(field, size);

    memcpy(out, field, len);
    out[len] = '\0';
    return out;
}

static const char *
address_text(const uint8_t ip[16], char out[INET6_ADDRSTRLEN])
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255};

    if (memcmp(ip, mapped, sizeof(mapped)) == 0)
        return inet_ntop(AF_INET, ip + 12, out, INET6_ADDRSTRLEN);
    return inet_ntop(AF_INET6, ip, out, INET6_ADDRSTRLEN);
}

/* Texts of a call, as SQLite wants them. */
struct texts {
    char key_id[TEXT_SIZE], account_id[TEXT_SIZE], upstream_id[TEXT_SIZE];
    char credential_id[TEXT_SIZE], model[TEXT_SIZE], ip[INET6_ADDRSTRLEN];
    char agent[TG_JOURNAL_AGENT_MAX + 1], trace_id[TG_JOURNAL_TRACE_MAX + 1];
};

static void
copy_str(struct tg_str from, char *to, size_t cap)
{
    size_t len = from.len < cap ? from.len : cap - 1;

    if (len > 0)
        memcpy(to, from.data, len);
    to[len] = '\0';
}

static void
fill_texts(const struct tg_record *record, struct texts *texts)
{
    const struct tg_call *call = &record->call;

    field_text(call->key_id, sizeof(call->key_id), texts->key_id);
    field_text(call->account_id, sizeof(call->account_id), texts->account_id);
    field_text(call->upstream_id, sizeof(call->upstream_id),
               texts->upstream_id);
    field_text(call->credential_id, sizeof(call->credential_id),
               texts->credential_id);
    field_text(call->model, sizeof(call->model), texts->model);
    address_text(call->ip, texts->ip);
    copy_str(record->agent, texts->agent, sizeof(texts->agent));
    copy_str(record->trace_id, texts->trace_id, sizeof(texts->trace_id));
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
add_moved(struct tg_sqlite *db, const struct tg_call *call, const char *key_id)
{
    return tg_sql_run(db, NULL,
                      "INSERT INTO moved_calls (seq, key_id, at, day, month, "
                      "cost_nanos) VALUES (?, ?, ?, ?, ?, ?)",
                      "itiiii", db->next_seq, key_id, call->at_ms,
                      (int64_t)call->day, (int64_t)call->month,
                      call->cost_nanos);
}

int
tg_sqlite_call_add(struct tg_store *store, const struct tg_record *record,
                   bool *is_new)
{
    static const char sql[] =
        "INSERT INTO calls (seq, id, at, key_id, account_id, upstream_id, "
        "credential_id, model, endpoint, flags, status, code, basis, "
        "latency_ms, ttft_ms, prompt_tokens, prompt_cache_hit_tokens, "
        "cache_write_tokens, completion_tokens, reasoning_tokens, unit, units, "
        "hit_picos, miss_picos, output_picos, write_picos, unit_picos, "
        "held_nanos, cost_nanos, day, month, ip, user_agent, trace_id) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, nullif(?, -1), ?, "
        "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (id) DO NOTHING";
    const struct tg_call *call = &record->call;
    struct tg_sqlite *db = tg_sqlite_of(store);
    struct tg_str id = {(const char *)call->id.bytes, sizeof(call->id.bytes)};
    int64_t ttft_ms =
        call->ttft_ms == TG_ABSENT_MS ? -1 : (int64_t)call->ttft_ms;
    struct texts texts;
    int changes, err = tg_sqlite_number(db);

    if (err != 0)
        return err;
    fill_texts(record, &texts);
    err = tg_sql_run(
        db, &changes, sql, "ibitttttiiiiiiiiiiiiiiiiiiiiiiittt", db->next_seq,
        id, call->at_ms, texts.key_id, texts.account_id, texts.upstream_id,
        texts.credential_id, texts.model, (int64_t)call->endpoint,
        (int64_t)call->flags, (int64_t)call->status, (int64_t)call->code,
        (int64_t)call->basis, (int64_t)call->latency_ms, ttft_ms,
        call->prompt_tokens, call->cached_tokens, call->written_tokens,
        call->completion_tokens, call->reasoning_tokens, (int64_t)call->unit,
        call->units, call->rates.hit_picos, call->rates.miss_picos,
        call->rates.output_picos, call->rates.write_picos,
        call->rates.unit_picos, call->held_nanos, call->cost_nanos,
        (int64_t)call->day, (int64_t)call->month, texts.ip, texts.agent,
        texts.trace_id);
    if (err == 0 && changes > 0 && (call->flags & TG_CALL_MOVED))
        err = add_moved(db, call, texts.key_id);
    if (err != 0)
        return err;
    *is_new = changes > 0;
    db->next_seq += changes > 0;
    return 0;
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
