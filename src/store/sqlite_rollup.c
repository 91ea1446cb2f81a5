#include "sqlite_rollup.h"

#include <stdlib.h>

#include "civil.h"
#include "histogram.h"

#define QUARTER_MS INT64_C(900000)
#define MODEL_SIZE (TG_MODEL_NAME_MAX + 1)

/* What one call adds to its rollup. */
struct sums {
    int64_t requests, errors, prompt, cached, written, completion, reasoning;
    int64_t cost_nanos, images, audio_ms, characters;
};

struct call {
    struct tg_key_entry entry;
    char key_id[TG_ID_TEXT_SIZE], account_id[TG_ID_TEXT_SIZE];
    char upstream_id[TG_ID_TEXT_SIZE], model[MODEL_SIZE];
    int32_t endpoint, status;
    uint32_t latency_ms, ttft_ms; /* TG_ABSENT_MS: none came */
    struct sums sums;
};

struct tg_rollup_block {
    int64_t number;
    size_t count, next; /* calls, and the first that is not rolled up */
    struct call *calls; /* by key and what a rollup is of */
};

void
tg_rollup_block_free(struct tg_rollup_block *block)
{
    if (block != NULL)
        free(block->calls);
    free(block);
}

int
tg_key_entry_read(const uint8_t **at, const uint8_t *end,
                  struct tg_key_entry *entry)
{
    uint64_t seq, instant;

    if (tg_varint_get(at, end, &seq) != 0 ||
        tg_varint_get(at, end, &instant) != 0)
        return TG_ERR_CORRUPT;
    if (__builtin_add_overflow(entry->seq, tg_varint_unfold(seq),
                               &entry->seq) ||
        __builtin_add_overflow(entry->at, tg_varint_unfold(instant),
                               &entry->at))
        return TG_ERR_CORRUPT;
    return 0;
}

/* Same rollup: 0. */
static int
by_rollup(const struct call *a, const struct call *b)
{
    int64_t x = a->entry.at / QUARTER_MS, y = b->entry.at / QUARTER_MS;
    int order = strcmp(a->key_id, b->key_id);

    if (order == 0)
        order = (x > y) - (x < y);
    if (order == 0)
        order = strcmp(a->model, b->model);
    if (order == 0)
        order = a->endpoint - b->endpoint;
    if (order == 0)
        order = strcmp(a->upstream_id, b->upstream_id);
    return order ? order : a->status - b->status;
}

static int
by_rollup_and_number(const void *a, const void *b)
{
    const struct call *x = a, *y = b;
    int order = by_rollup(x, y);

    if (order != 0)
        return order;
    return (x->entry.seq > y->entry.seq) - (x->entry.seq < y->entry.seq);
}

static void
copy_text(char *to, size_t size, sqlite3_stmt *stmt, int column)
{
    sqlite3_snprintf((int)size, to, "%s", tg_sql_text(stmt, column));
}

static void
read_call(sqlite3_stmt *stmt, struct call *call)
{
    int64_t unit = sqlite3_column_int64(stmt, 17);
    int64_t units = sqlite3_column_int64(stmt, 18);

    call->entry.seq = sqlite3_column_int64(stmt, 0);
    call->entry.at = sqlite3_column_int64(stmt, 1);
    copy_text(call->key_id, sizeof(call->key_id), stmt, 2);
    copy_text(call->account_id, sizeof(call->account_id), stmt, 3);
    copy_text(call->upstream_id, sizeof(call->upstream_id), stmt, 4);
    copy_text(call->model, sizeof(call->model), stmt, 5);
    call->endpoint = (int32_t)sqlite3_column_int64(stmt, 6);
    call->status = (int32_t)sqlite3_column_int64(stmt, 7);
    call->latency_ms = (uint32_t)sqlite3_column_int64(stmt, 9);
    call->ttft_ms = sqlite3_column_type(stmt, 10) == SQLITE_NULL
                        ? TG_ABSENT_MS
                        : (uint32_t)sqlite3_column_int64(stmt, 10);
    call->sums = (struct sums){
        .requests = 1,
        .errors = call->status >= 400 || sqlite3_column_int64(stmt, 8) != 0,
        .prompt = sqlite3_column_int64(stmt, 11),
        .cached = sqlite3_column_int64(stmt, 12),
        .written = sqlite3_column_int64(stmt, 13),
        .completion = sqlite3_column_int64(stmt, 14),
        .reasoning = sqlite3_column_int64(stmt, 15),
        .cost_nanos = sqlite3_column_int64(stmt, 16),
        .images = unit == TG_UNIT_IMAGE ? units : 0,
        .audio_ms = unit == TG_UNIT_MILLISECOND ? units : 0,
        .characters = unit == TG_UNIT_CHARACTER ? units : 0,
    };
}

/* The calls of a block whose keys come behind key_id. */
static int
load(struct tg_sqlite *db, struct tg_rollup_block *block, const char *key_id)
{
    int64_t first = block->number << TG_BLOCK_BITS;
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(
        db, &stmt,
        "SELECT seq, at, key_id, account_id, upstream_id, model, endpoint, "
        "status, code, latency_ms, ttft_ms, prompt_tokens, "
        "prompt_cache_hit_tokens, cache_write_tokens, completion_tokens, "
        "reasoning_tokens, cost_nanos, unit, units FROM calls "
        "WHERE seq >= ? AND seq < ? AND key_id > ?",
        "iit", first, first + TG_BLOCK_CALLS, key_id);

    if (err != 0)
        return err;
    while ((err = tg_sql_next(db, stmt)) > 0)
        read_call(stmt, &block->calls[block->count++]);
    if (block->count > 0)
        qsort(block->calls, block->count, sizeof(block->calls[0]),
              by_rollup_and_number);
    return tg_sql_end(stmt, err);
}

/* Sets *block to the one that is next, or to NULL when it is not full yet. */
static int
find_block(struct tg_sqlite *db, struct tg_rollup_block **block)
{
    char key_id[TG_ID_TEXT_SIZE];
    int64_t first = 0;
    sqlite3_stmt *stmt;
    int err =
        tg_sql_begin(db, &stmt, "SELECT first, key_id FROM rolled_up", "");

    if (err != 0)
        return err;
    err = tg_sql_next(db, stmt);
    if (err > 0) {
        first = sqlite3_column_int64(stmt, 0);
        copy_text(key_id, sizeof(key_id), stmt, 1);
    }
    err = tg_sql_end(stmt, err > 0 ? 0 : err == 0 ? TG_ERR_CORRUPT : err);
    if (err != 0 || db->next_seq < first + TG_BLOCK_CALLS)
        return err;
    *block = calloc(1, sizeof(**block));
    if (*block != NULL)
        (*block)->calls =
            malloc((size_t)TG_BLOCK_CALLS * sizeof((*block)->calls[0]));
    if (*block == NULL || (*block)->calls == NULL)
        return tg_error_set(&db->store.error, TG_ERR_SYSTEM, "out of memory");
    (*block)->number = first >> TG_BLOCK_BITS;
    return load(db, *block, key_id);
}

static int
put_entries(struct tg_sqlite *db, const struct tg_rollup_block *block,
            const struct call *calls, size_t count)
{
    struct tg_key_entry last = {.seq = block->number << TG_BLOCK_BITS};
    uint8_t *bytes = malloc(count * 2 * TG_VARINT_MAX);
    struct tg_str entries = {(const char *)bytes, 0};
    int64_t last_at = INT64_MIN;
    int err;

    if (bytes == NULL)
        return tg_error_set(&db->store.error, TG_ERR_SYSTEM, "out of memory");
    for (size_t i = 0; i < count; i++) {
        const struct tg_key_entry *entry = &calls[i].entry;

        entries.len += tg_varint_put(bytes + entries.len,
                                     tg_varint_fold(entry->seq - last.seq));
        entries.len += tg_varint_put(bytes + entries.len,
                                     tg_varint_fold(entry->at - last.at));
        last = *entry;
        if (entry->at > last_at)
            last_at = entry->at;
    }
    err = tg_sql_run(db, NULL,
                     "INSERT INTO key_calls (block, key_id, last_at, entries) "
                     "VALUES (?, ?, ?, ?)",
                     "itib", block->number, calls->key_id, last_at, entries);
    free(bytes);
    return err;
}

struct tallies {
    struct sums sums;
    struct tg_histogram latency, ttft;
};

static int
add(int64_t *to, int64_t more)
{
    return __builtin_add_overflow(*to, more, to) ? TG_ERR_RANGE : 0;
}

static int
add_sums(struct sums *to, const struct sums *from)
{
    int err = add(&to->requests, from->requests);

    err |= add(&to->errors, from->errors);
    err |= add(&to->prompt, from->prompt);
    err |= add(&to->cached, from->cached);
    err |= add(&to->written, from->written);
    err |= add(&to->completion, from->completion);
    err |= add(&to->reasoning, from->reasoning);
    err |= add(&to->cost_nanos, from->cost_nanos);
    err |= add(&to->images, from->images);
    err |= add(&to->audio_ms, from->audio_ms);
    err |= add(&to->characters, from->characters);
    return err ? TG_ERR_RANGE : 0;
}

static int
add_call(struct tallies *tallies, const struct call *call)
{
    tg_histogram_add(&tallies->latency, call->latency_ms);
    if (call->ttft_ms != TG_ABSENT_MS)
        tg_histogram_add(&tallies->ttft, call->ttft_ms);
    return add_sums(&tallies->sums, &call->sums);
}

static int
merge(struct tg_histogram *histogram, sqlite3_stmt *stmt, int column)
{
    struct tg_str bytes = tg_sql_bytes(stmt, column);

    return tg_histogram_merge(histogram, bytes.data, bytes.len);
}

/* Adds what an earlier block has put into the same rollup. */
static int
add_stored(struct tg_sqlite *db, const struct call *call,
           struct tallies *tallies)
{
    struct sums sums;
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(
        db, &stmt,
        "SELECT requests, errors, prompt_tokens, prompt_cache_hit_tokens, "
        "cache_write_tokens, completion_tokens, reasoning_tokens, cost_nanos, "
        "images, audio_ms, characters, latency, ttft FROM rollups "
        "WHERE quarter = ? AND key_id = ? AND model = ? AND endpoint = ? "
        "AND upstream_id = ? AND status = ?",
        "ittiti", call->entry.at / QUARTER_MS, call->key_id, call->model,
        (int64_t)call->endpoint, call->upstream_id, (int64_t)call->status);

    if (err != 0)
        return err;
    err = tg_sql_next(db, stmt);
    if (err <= 0)
        return tg_sql_end(stmt, err);
    sums = (struct sums){
        .requests = sqlite3_column_int64(stmt, 0),
        .errors = sqlite3_column_int64(stmt, 1),
        .prompt = sqlite3_column_int64(stmt, 2),
        .cached = sqlite3_column_int64(stmt, 3),
        .written = sqlite3_column_int64(stmt, 4),
        .completion = sqlite3_column_int64(stmt, 5),
        .reasoning = sqlite3_column_int64(stmt, 6),
        .cost_nanos = sqlite3_column_int64(stmt, 7),
        .images = sqlite3_column_int64(stmt, 8),
        .audio_ms = sqlite3_column_int64(stmt, 9),
        .characters = sqlite3_column_int64(stmt, 10),
    };
    err = merge(&tallies->latency, stmt, 11);
    if (err == 0)
        err = merge(&tallies->ttft, stmt, 12);
    if (err == 0)
        err = add_sums(&tallies->sums, &sums);
    return tg_sql_end(stmt, err);
}

static int
put_rollup(struct tg_sqlite *db, const struct call *call,
           const struct tallies *tallies)
{
    static const char sql[] =
        "INSERT OR REPLACE INTO rollups (quarter, key_id, model, endpoint, "
        "upstream_id, status, account_id, requests, errors, prompt_tokens, "
        "prompt_cache_hit_tokens, cache_write_tokens, completion_tokens, "
        "reasoning_tokens, cost_nanos, images, audio_ms, characters, latency, "
        "ttft) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
        "?, ?)";
    uint8_t bytes[2][TG_HISTOGRAM_BYTES_MAX];
    struct tg_str latency = {(const char *)bytes[0], 0};
    struct tg_str ttft = {(const char *)bytes[1], 0};
    const struct sums *sums = &tallies->sums;

    latency.len = tg_histogram_encode(&tallies->latency, bytes[0]);
    ttft.len = tg_histogram_encode(&tallies->ttft, bytes[1]);
    return tg_sql_run(
        db, NULL, sql, "ittititiiiiiiiiiiibb", call->entry.at / QUARTER_MS,
        call->key_id, call->model, (int64_t)call->endpoint, call->upstream_id,
        (int64_t)call->status, call->account_id, sums->requests, sums->errors,
        sums->prompt, sums->cached, sums->written, sums->completion,
        sums->reasoning, sums->cost_nanos, sums->images, sums->audio_ms,
        sums->characters, latency, ttft);
}

/* The calls that go into one rollup. */
static int
roll_up(struct tg_sqlite *db, const struct call *calls, size_t count)
{
    struct tallies tallies = {{0}, {{0}}, {{0}}};
    int err = add_stored(db, calls, &tallies);

    for (size_t i = 0; i < count && err == 0; i++)
        err = add_call(&tallies, &calls[i]);
    if (err == TG_ERR_RANGE || err == TG_ERR_CORRUPT)
        return tg_error_set(&db->store.error, err,
                            "the store: the sums of key %s cannot be added up",
                            calls->key_id);
    return err == 0 ? put_rollup(db, calls, &tallies) : err;
}

static size_t
same_key(const struct call *calls, size_t left)
{
    size_t count = 1;

    while (count < left && strcmp(calls[count].key_id, calls->key_id) == 0)
        count++;
    return count;
}

/* All calls of the key that is next; *rows counts rollups. */
static int
take_key(struct tg_sqlite *db, struct tg_rollup_block *block, uint32_t *rows)
{
    const struct call *calls = block->calls + block->next;
    size_t count = same_key(calls, block->count - block->next), end;
    int err = put_entries(db, block, calls, count);

    for (size_t i = 0; i < count && err == 0; i = end) {
        for (end = i + 1; end < count; end++) {
            if (by_rollup(&calls[i], &calls[end]) != 0)
                break;
        }
        err = roll_up(db, calls + i, end - i);
        ++*rows;
    }
    block->next += count;
    return err;
}

static int
note_progress(struct tg_sqlite *db, const struct tg_rollup_block *block)
{
    int64_t first = block->number << TG_BLOCK_BITS;
    int64_t next = first + TG_BLOCK_CALLS;
    bool is_done = block->next == block->count;

    return tg_sql_run(db, NULL,
                      "UPDATE rolled_up SET first = ?, next = ?, key_id = ?",
                      "iit", is_done ? next : first, next,
                      is_done ? "" : block->calls[block->next - 1].key_id);
}

int
tg_sqlite_roll_up(struct tg_store *store, uint32_t rows, bool *has_more)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    uint32_t done = 0;
    int err = tg_sqlite_number(db);

    if (err == 0 && db->block == NULL)
        err = find_block(db, &db->block);
    *has_more = false;
    if (err != 0 || db->block == NULL)
        return err;
    while (done < rows && db->block->next < db->block->count && err == 0)
        err = take_key(db, db->block, &done);
    if (err == 0)
        err = note_progress(db, db->block);
    *has_more = err == 0;
    if (db->block->next == db->block->count || err != 0) {
        tg_rollup_block_free(db->block);
        db->block = NULL;
    }
    return err;
}
