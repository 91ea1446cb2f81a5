#include <stdlib.h>

#include "sqlite_key_calls.h"
#include "sqlite_recent.h"
#include "sqlite_rollup.h"

/* What is gathered of a key. */
struct gathering {
    struct tg_sqlite *db;
    const struct tg_store_filter *filter;
    int64_t until;
    int64_t oldest; /* number of the first call that is not gone */
    struct tg_store_load *list;
    size_t count, room;
};

static int
no_memory(struct gathering *all)
{
    return tg_error_set(&all->db->store.error, TG_ERR_SYSTEM, "out of memory");
}

static int
damaged(struct gathering *all, int64_t block)
{
    return tg_error_set(&all->db->store.error, TG_ERR_CORRUPT,
                        "the store: block %lld of key %s is damaged",
                        (long long)block, all->filter->key_id);
}

static int
add(struct gathering *all, struct tg_store_load load)
{
    if (load.seq < all->oldest || load.at < all->filter->since ||
        load.at >= all->until)
        return 0;
    if (all->count == all->room) {
        size_t room = all->room ? 2 * all->room : 1024;
        void *grown = realloc(all->list, room * sizeof(all->list[0]));

        if (grown == NULL)
            return no_memory(all);
        all->list = grown;
        all->room = room;
    }
    all->list[all->count++] = load;
    return 0;
}

static int
add_recent(struct gathering *all)
{
    struct tg_recent *recent;
    int err = tg_recent_load(all->db, &recent);
    bool *are_own;

    if (err != 0)
        return err;
    are_own = tg_block_holders_of(&recent->block, all->filter->key_id);
    if (are_own == NULL)
        return no_memory(all);
    for (uint32_t i = 0; i < recent->block.count && err == 0; i++) {
        const struct tg_block_call *call = &recent->block.calls[i];

        if (are_own[call->holder] &&
            tg_recent_is(recent, call, all->filter->key_id))
            err = add(all, (struct tg_store_load){
                               .seq = call->seq,
                               .at = call->at,
                               .latency_ms = call->latency_ms,
                               .tokens = call->prompt_tokens +
                                         call->completion_tokens,
                           });
    }
    free(are_own);
    return err;
}

/* A call of which the block does not say it. */
static int
add_one(struct gathering *all, struct tg_store_load load)
{
    sqlite3_stmt *stmt;
    int err;

    if (load.seq < all->oldest || load.at < all->filter->since)
        return 0;
    err = tg_sql_begin(all->db, &stmt,
                       "SELECT latency_ms, prompt_tokens + completion_tokens "
                       "FROM call_rows WHERE seq = ?",
                       "i", load.seq);
    if (err != 0)
        return err;
    err = tg_sql_next(all->db, stmt);
    if (err > 0) {
        load.latency_ms = sqlite3_column_int64(stmt, 0);
        load.tokens = sqlite3_column_int64(stmt, 1);
        err = add(all, load);
    }
    return tg_sql_end(stmt, err);
}

static int
add_entries(struct gathering *all, int64_t block, struct tg_str entries,
            struct tg_str loads)
{
    const uint8_t *at = (const uint8_t *)entries.data, *end = at + entries.len;
    const uint8_t *load = loads.len > 0 ? (const uint8_t *)loads.data : at;
    const uint8_t *loads_end = load + loads.len;
    struct tg_key_entry entry = {.seq = tg_block_first(block)};
    int err = 0;

    while (at < end && err == 0) {
        uint64_t latency_ms, tokens;

        if (tg_key_entry_read(&at, end, &entry) != 0)
            return damaged(all, block);
        if (loads.len == 0) {
            err = add_one(
                all, (struct tg_store_load){.seq = entry.seq, .at = entry.at});
            continue;
        }
        if (tg_varint_get(&load, loads_end, &latency_ms) != 0 ||
            tg_varint_get(&load, loads_end, &tokens) != 0)
            return damaged(all, block);
        err = add(all, (struct tg_store_load){
                           .seq = entry.seq,
                           .at = entry.at,
                           .latency_ms = (int64_t)latency_ms,
                           .tokens = (int64_t)tokens,
                       });
    }
    return err;
}

static int
add_block(struct gathering *all, int64_t block)
{
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(
        all->db, &stmt,
        "SELECT entries, iif(typeof(key_calls.loads) = "
        "'integer', (SELECT key_loads.loads FROM key_loads "
        "WHERE id = key_calls.loads), key_calls.loads) "
        "FROM key_calls WHERE block = ? AND key_id = ? AND last_at >= ?",
        "iti", block, all->filter->key_id, all->filter->since);

    if (err != 0)
        return err;
    err = tg_sql_next(all->db, stmt);
    if (err > 0)
        err = add_entries(all, block, tg_sql_bytes(stmt, 0),
                          tg_sql_bytes(stmt, 1));
    return tg_sql_end(stmt, err);
}

static int
newest_first(const void *a, const void *b)
{
    const struct tg_store_load *x = a, *y = b;

    if (x->at != y->at)
        return x->at < y->at ? 1 : -1;
    return (x->seq < y->seq) - (x->seq > y->seq);
}

/* They come oldest first, but for some that took long. */
static void
sort(struct gathering *all)
{
    size_t count = all->count;
    bool is_sorted = true;

    for (size_t i = 1; i < count && is_sorted; i++)
        is_sorted = newest_first(&all->list[i], &all->list[i - 1]) < 0;
    if (!is_sorted) {
        qsort(all->list, count, sizeof(all->list[0]), newest_first);
        return;
    }
    for (size_t i = 0; i < count / 2; i++) {
        struct tg_store_load swap = all->list[i];

        all->list[i] = all->list[count - 1 - i];
        all->list[count - 1 - i] = swap;
    }
}

static int
gather(struct gathering *all)
{
    struct tg_blocks blocks;
    int err = tg_blocks_find(all->db, &blocks);

    if (err != 0)
        return err;
    all->oldest = blocks.oldest;
    for (int64_t block = blocks.first; block <= blocks.last && err == 0;
         block++)
        err = add_block(all, block);
    if (err == 0)
        err = add_recent(all);
    if (err == 0)
        sort(all);
    return err;
}

int
tg_sqlite_key_loads(struct tg_store *store,
                    const struct tg_store_filter *filter,
                    struct tg_store_load **list, size_t *count)
{
    struct gathering all = {
        .db = tg_sqlite_of(store),
        .filter = filter,
        .until = filter->until != 0 ? filter->until : INT64_MAX,
    };
    bool is_alone = sqlite3_get_autocommit(all.db->db);
    int err = 0;

    /* All of it at one moment: a block may be rolled up meanwhile. */
    if (is_alone)
        err = tg_sql_run(all.db, NULL, "BEGIN", "");
    if (err == 0)
        err = gather(&all);
    if (is_alone)
        tg_sql_run(all.db, NULL, "ROLLBACK", "");
    if (err != 0) {
        free(all.list);
        return err;
    }
    *list = all.list;
    *count = all.count;
    return 0;
}
