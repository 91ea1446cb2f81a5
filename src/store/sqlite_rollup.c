#include <stdlib.h>

#include "sqlite_block.h"

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
        sqlite3_snprintf(sizeof(key_id), key_id, "%s", tg_sql_text(stmt, 1));
    }
    err = tg_sql_end(stmt, err > 0 ? 0 : err == 0 ? TG_ERR_CORRUPT : err);
    if (err != 0 || db->next_seq < first + TG_BLOCK_CALLS)
        return err;
    return tg_block_load(db, first >> TG_BLOCK_BITS, key_id, block);
}

/* Of calls from n on, in order. */
static int
put_entries(struct tg_sqlite *db, const struct tg_rollup_block *block,
            uint32_t n, uint32_t count)
{
    struct tg_key_entry last = {.seq = block->number << TG_BLOCK_BITS};
    uint8_t *bytes = malloc((size_t)count * 2 * TG_VARINT_MAX);
    struct tg_str entries = {(const char *)bytes, 0};
    int64_t last_at = INT64_MIN;
    int err;

    if (bytes == NULL)
        return tg_error_set(&db->store.error, TG_ERR_SYSTEM, "out of memory");
    for (uint32_t i = n; i < n + count; i++) {
        const struct tg_key_entry *entry = &tg_block_call(block, i)->entry;

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
                     "itib", block->number, tg_block_key(block, n)->id, last_at,
                     entries);
    free(bytes);
    return err;
}

static int
add_call(struct tg_rollup_block *block, const struct tg_block_call *call,
         struct tg_sums *sums)
{
    tg_histogram_add(&block->latency, call->latency_ms);
    if (call->ttft_ms != TG_ABSENT_MS)
        tg_histogram_add(&block->ttft, call->ttft_ms);
    return tg_sums_add(sums, &call->sums);
}

static int
merge(struct tg_histogram *histogram, sqlite3_stmt *stmt, int column)
{
    struct tg_str bytes = tg_sql_bytes(stmt, column);

    return tg_histogram_merge(histogram, bytes.data, bytes.len);
}

/* Adds what an earlier block has put into the same rollup. */
static int
add_stored(struct tg_sqlite *db, struct tg_rollup_block *block, uint32_t n,
           struct tg_sums *sums)
{
    const struct tg_block_kind *kind = tg_block_kind(block, n);
    struct tg_sums stored;
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(
        db, &stmt,
        "SELECT requests, errors, prompt_tokens, prompt_cache_hit_tokens, "
        "cache_write_tokens, completion_tokens, reasoning_tokens, cost_nanos, "
        "images, audio_ms, characters, latency, ttft FROM rollups "
        "WHERE quarter = ? AND key_id = ? AND model = ? AND endpoint = ? "
        "AND upstream_id = ? AND status = ?",
        "ittiti", block->order[n].quarter, tg_block_key(block, n)->id,
        kind->model, (int64_t)kind->endpoint, kind->upstream_id,
        (int64_t)kind->status);

    if (err != 0)
        return err;
    err = tg_sql_next(db, stmt);
    if (err <= 0)
        return tg_sql_end(stmt, err);
    stored = (struct tg_sums){
        .requests = sqlite3_column_int64(stmt, 0),
        .errors = sqlite3_column_int64(stmt, 1),
        .prompt_tokens = sqlite3_column_int64(stmt, 2),
        .prompt_cache_hit_tokens = sqlite3_column_int64(stmt, 3),
        .cache_write_tokens = sqlite3_column_int64(stmt, 4),
        .completion_tokens = sqlite3_column_int64(stmt, 5),
        .reasoning_tokens = sqlite3_column_int64(stmt, 6),
        .cost_nanos = sqlite3_column_int64(stmt, 7),
        .images = sqlite3_column_int64(stmt, 8),
        .audio_ms = sqlite3_column_int64(stmt, 9),
        .characters = sqlite3_column_int64(stmt, 10),
    };
    err = merge(&block->latency, stmt, 11);
    if (err == 0)
        err = merge(&block->ttft, stmt, 12);
    if (err == 0)
        err = tg_sums_add(sums, &stored);
    return tg_sql_end(stmt, err);
}

static int
put_rollup(struct tg_sqlite *db, const struct tg_rollup_block *block,
           uint32_t n, const struct tg_sums *sums)
{
    static const char sql[] =
        "INSERT OR REPLACE INTO rollups (quarter, key_id, model, endpoint, "
        "upstream_id, status, account_id, requests, errors, prompt_tokens, "
        "prompt_cache_hit_tokens, cache_write_tokens, completion_tokens, "
        "reasoning_tokens, cost_nanos, images, audio_ms, characters, latency, "
        "ttft) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
        "?, ?)";
    const struct tg_block_key *key = tg_block_key(block, n);
    const struct tg_block_kind *kind = tg_block_kind(block, n);
    uint8_t bytes[2][TG_HISTOGRAM_BYTES_MAX];
    struct tg_str latency = {(const char *)bytes[0], 0};
    struct tg_str ttft = {(const char *)bytes[1], 0};

    latency.len = tg_histogram_encode(&block->latency, bytes[0]);
    ttft.len = tg_histogram_encode(&block->ttft, bytes[1]);
    return tg_sql_run(
        db, NULL, sql, "ittititiiiiiiiiiiibb", block->order[n].quarter, key->id,
        kind->model, (int64_t)kind->endpoint, kind->upstream_id,
        (int64_t)kind->status, key->account_id, sums->requests, sums->errors,
        sums->prompt_tokens, sums->prompt_cache_hit_tokens,
        sums->cache_write_tokens, sums->completion_tokens,
        sums->reasoning_tokens, sums->cost_nanos, sums->images, sums->audio_ms,
        sums->characters, latency, ttft);
}

/* Calls from n on that go into one rollup. */
static int
roll_up(struct tg_sqlite *db, struct tg_rollup_block *block, uint32_t n,
        uint32_t count)
{
    struct tg_sums sums = {0};
    int err = 0;

    tg_histogram_clear(&block->latency);
    tg_histogram_clear(&block->ttft);
    for (uint32_t i = n; i < n + count && err == 0; i++)
        err = add_call(block, tg_block_call(block, i), &sums);
    if (err == 0)
        err = tg_totals_note(block, block->order[n].quarter,
                             tg_block_kind(block, n)->model, &sums);
    if (err == 0)
        err = add_stored(db, block, n, &sums);
    if (err == TG_ERR_RANGE || err == TG_ERR_CORRUPT)
        return tg_error_set(&db->store.error, err,
                            "the store: the sums of key %s cannot be added up",
                            tg_block_key(block, n)->id);
    return err == 0 ? put_rollup(db, block, n, &sums) : err;
}

/* How many calls from n on are of the same key; or of the same rollup. */
static uint32_t
count_same(const struct tg_rollup_block *block, uint32_t n, bool of_rollup)
{
    const struct tg_block_place *first = &block->order[n];
    uint32_t end = n + 1;

    for (; end < block->count; end++) {
        const struct tg_block_place *place = &block->order[end];

        if (place->rank != first->rank ||
            (of_rollup &&
             (place->quarter != first->quarter || place->kind != first->kind)))
            break;
    }
    return end - n;
}

/* All calls of the key that is next; *rows counts rollups. */
static int
take_key(struct tg_sqlite *db, struct tg_rollup_block *block, uint32_t *rows)
{
    uint32_t end = block->next + count_same(block, block->next, false);
    int err = put_entries(db, block, block->next, end - block->next);

    while (block->next < end && err == 0) {
        uint32_t count = count_same(block, block->next, true);

        err = roll_up(db, block, block->next, count);
        block->next += count;
        ++*rows;
    }
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
                      is_done ? "" : tg_block_key(block, block->next - 1)->id);
}

int
tg_sqlite_roll_up_ahead(struct tg_store *store, bool *is_ready)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    int err = tg_sqlite_number(db);

    if (err == 0 && db->block == NULL)
        err = find_block(db, &db->block);
    *is_ready = err == 0 && db->block != NULL;
    return err;
}

int
tg_sqlite_roll_up(struct tg_store *store, uint32_t rows, bool *has_more)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    uint32_t done = 0;
    bool is_ready;
    int err = tg_sqlite_roll_up_ahead(store, &is_ready);

    *has_more = false;
    if (err != 0 || db->block == NULL)
        return err;
    while (done < rows && db->block->next < db->block->count && err == 0)
        err = take_key(db, db->block, &done);
    if (err == 0)
        err = tg_totals_write(db, db->block);
    if (err == 0)
        err = note_progress(db, db->block);
    *has_more = err == 0;
    if (db->block->next == db->block->count || err != 0) {
        tg_rollup_block_free(db->block);
        db->block = NULL;
    }
    return err;
}
