#include "sqlite_block.h"

#include <stdlib.h>

#define QUARTER_MS INT64_C(900000)

static void
copy_text(char *to, size_t size, sqlite3_stmt *stmt, int column)
{
    const char *text = tg_sql_text(stmt, column);
    size_t len = (size_t)sqlite3_column_bytes(stmt, column);

    memcpy(to, text, len < size ? len : size - 1);
}

static int
read_names(struct tg_rollup_block *block, sqlite3_stmt *stmt,
           struct tg_block_call *call)
{
    struct tg_block_key key = {.id = ""};
    struct tg_block_kind kind = {.model = ""};
    int err;

    copy_text(key.id, sizeof(key.id), stmt, 2);
    copy_text(key.account_id, sizeof(key.account_id), stmt, 3);
    copy_text(kind.upstream_id, sizeof(kind.upstream_id), stmt, 4);
    copy_text(kind.model, sizeof(kind.model), stmt, 5);
    kind.endpoint = sqlite3_column_int(stmt, 6);
    kind.status = sqlite3_column_int(stmt, 7);
    err = tg_names_find(&block->keys, &key, &call->key);
    return err == 0 ? tg_names_find(&block->kinds, &kind, &call->kind) : err;
}

static void
read_sums(sqlite3_stmt *stmt, struct tg_sums *sums)
{
    int64_t unit = sqlite3_column_int64(stmt, 17);
    int64_t units = sqlite3_column_int64(stmt, 18);

    *sums = (struct tg_sums){
        .requests = 1,
        .errors = sqlite3_column_int(stmt, 7) >= 400 ||
                  sqlite3_column_int64(stmt, 8) != 0,
        .prompt_tokens = sqlite3_column_int64(stmt, 11),
        .prompt_cache_hit_tokens = sqlite3_column_int64(stmt, 12),
        .cache_write_tokens = sqlite3_column_int64(stmt, 13),
        .completion_tokens = sqlite3_column_int64(stmt, 14),
        .reasoning_tokens = sqlite3_column_int64(stmt, 15),
        .cost_nanos = sqlite3_column_int64(stmt, 16),
        .images = unit == TG_UNIT_IMAGE ? units : 0,
        .audio_ms = unit == TG_UNIT_MILLISECOND ? units : 0,
        .characters = unit == TG_UNIT_CHARACTER ? units : 0,
    };
}

static int
read_call(struct tg_rollup_block *block, sqlite3_stmt *stmt)
{
    struct tg_block_call *call = &block->calls[block->count++];

    call->entry.seq = sqlite3_column_int64(stmt, 0);
    call->entry.at = sqlite3_column_int64(stmt, 1);
    call->latency_ms = (uint32_t)sqlite3_column_int64(stmt, 9);
    call->ttft_ms = sqlite3_column_type(stmt, 10) == SQLITE_NULL
                        ? TG_ABSENT_MS
                        : (uint32_t)sqlite3_column_int64(stmt, 10);
    read_sums(stmt, &call->sums);
    return read_names(block, stmt, call);
}

static int
read_calls(struct tg_sqlite *db, struct tg_rollup_block *block,
           const char *key_id)
{
    int64_t first = block->number << TG_BLOCK_BITS;
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(
        db, &stmt,
        "SELECT seq, at, key_id, account_id, upstream_id, model, endpoint, "
        "status, code, latency_ms, ttft_ms, prompt_tokens, "
        "prompt_cache_hit_tokens, cache_write_tokens, completion_tokens, "
        "reasoning_tokens, cost_nanos, unit, units FROM calls "
        "WHERE seq >= ? AND seq < ? AND key_id > ? ORDER BY seq",
        "iit", first, first + TG_BLOCK_CALLS, key_id);

    if (err != 0)
        return err;
    while ((err = tg_sql_next(db, stmt)) > 0) {
        err = read_call(block, stmt);
        if (err != 0) {
            tg_error_set(&db->store.error, err, "out of memory");
            break;
        }
    }
    return tg_sql_end(stmt, err);
}

/* A key, by its id. */
struct ranked {
    const char *id;
    uint32_t number;
};

static int
by_id(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;

    return strcmp(x->id, y->id);
}

/* ranks[number of a key] becomes its place among the ids. */
static int
rank_keys(const struct tg_names *keys, uint32_t *ranks)
{
    struct ranked *list = malloc((keys->count + 1) * sizeof(*list));

    if (list == NULL)
        return TG_ERR_SYSTEM;
    for (uint32_t i = 0; i < keys->count; i++)
        list[i] = (struct ranked){keys->list + i * keys->size, i};
    qsort(list, keys->count, sizeof(*list), by_id);
    for (uint32_t i = 0; i < keys->count; i++)
        ranks[list[i].number] = i;
    free(list);
    return 0;
}

static int
by_place(const void *a, const void *b)
{
    const struct tg_block_place *x = a, *y = b;

    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    if (x->quarter != y->quarter)
        return x->quarter < y->quarter ? -1 : 1;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    return (x->call > y->call) - (x->call < y->call);
}

static int
sort(struct tg_rollup_block *block)
{
    uint32_t *ranks = malloc((block->keys.count + 1) * sizeof(*ranks));
    int err = ranks == NULL ? TG_ERR_SYSTEM : rank_keys(&block->keys, ranks);

    for (uint32_t i = 0; i < block->count && err == 0; i++) {
        const struct tg_block_call *call = &block->calls[i];

        block->order[i] =
            (struct tg_block_place){.quarter = call->entry.at / QUARTER_MS,
                                    .rank = ranks[call->key],
                                    .kind = call->kind,
                                    .call = i};
    }
    if (err == 0 && block->count > 0)
        qsort(block->order, block->count, sizeof(block->order[0]), by_place);
    free(ranks);
    return err;
}

void
tg_rollup_block_free(struct tg_rollup_block *block)
{
    if (block == NULL)
        return;
    tg_names_release(&block->keys);
    tg_names_release(&block->kinds);
    tg_names_release(&block->totals);
    free(block->calls);
    free(block->order);
    free(block);
}

int
tg_block_load(struct tg_sqlite *db, int64_t number, const char *key_id,
              struct tg_rollup_block **block)
{
    struct tg_rollup_block *self = calloc(1, sizeof(*self));
    int err = TG_ERR_SYSTEM;

    if (self != NULL) {
        self->number = number;
        self->keys.size = sizeof(struct tg_block_key);
        self->keys.key_size = TG_ID_TEXT_SIZE;
        self->kinds.size = self->kinds.key_size = sizeof(struct tg_block_kind);
        self->totals.size = sizeof(struct tg_block_total);
        self->totals.key_size = offsetof(struct tg_block_total, sums);
        self->calls = malloc(TG_BLOCK_CALLS * sizeof(self->calls[0]));
        self->order = malloc(TG_BLOCK_CALLS * sizeof(self->order[0]));
        if (self->calls != NULL && self->order != NULL)
            err = 0;
    }
    if (err == 0) {
        err = read_calls(db, self, key_id);
        if (err == 0 && sort(self) != 0)
            err =
                tg_error_set(&db->store.error, TG_ERR_SYSTEM, "out of memory");
    } else {
        tg_error_set(&db->store.error, err, "out of memory");
    }
    if (err == 0)
        *block = self;
    else
        tg_rollup_block_free(self);
    return err;
}
