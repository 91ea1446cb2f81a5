#include "sqlite_block.h"

#include <stdlib.h>

#define ROOM_LEAST 1024

void
tg_block_init(struct tg_block *block)
{
    *block = (struct tg_block){
        .holders = {.size = sizeof(struct tg_block_holder),
                    .key_size = sizeof(struct tg_block_holder)},
        .kinds = {.size = sizeof(struct tg_block_kind),
                  .key_size = sizeof(struct tg_block_kind)},
    };
}

void
tg_block_release(struct tg_block *block)
{
    tg_names_release(&block->holders);
    tg_names_release(&block->kinds);
    free(block->calls);
    tg_block_init(block);
}

bool *
tg_block_holders_of(const struct tg_block *block, const char *key_id)
{
    bool *are = calloc(block->holders.count + 1, sizeof(*are));

    for (uint32_t i = 0; are != NULL && i < block->holders.count; i++) {
        const struct tg_block_holder *holder = tg_names_at(&block->holders, i);

        are[i] = strcmp(holder->key_id, key_id) == 0;
    }
    return are;
}

static struct tg_block_call *
add_call(struct tg_block *block)
{
    if (block->count == block->room) {
        uint32_t room = block->room ? block->room * 2 : ROOM_LEAST;
        void *calls = realloc(block->calls, room * sizeof(block->calls[0]));

        if (calls == NULL)
            return NULL;
        block->calls = calls;
        block->room = room;
    }
    return &block->calls[block->count];
}

static void
copy_text(char *to, size_t size, sqlite3_stmt *stmt, int column)
{
    const char *text = tg_sql_text(stmt, column);
    size_t len = (size_t)sqlite3_column_bytes(stmt, column);

    memcpy(to, text, len < size ? len : size - 1);
}

static int
read_names(struct tg_block *block, sqlite3_stmt *stmt,
           struct tg_block_call *call)
{
    struct tg_block_holder holder;
    struct tg_block_kind kind;
    int err;

    memset(&holder, 0, sizeof(holder));
    memset(&kind, 0, sizeof(kind));
    copy_text(holder.key_id, sizeof(holder.key_id), stmt, 2);
    copy_text(holder.account_id, sizeof(holder.account_id), stmt, 3);
    copy_text(kind.upstream_id, sizeof(kind.upstream_id), stmt, 4);
    copy_text(kind.model, sizeof(kind.model), stmt, 5);
    kind.endpoint = sqlite3_column_int(stmt, 6);
    kind.status = sqlite3_column_int(stmt, 7);
    err = tg_names_find(&block->holders, &holder, &call->holder);
    return err == 0 ? tg_names_find(&block->kinds, &kind, &call->kind) : err;
}

static void
read_figures(sqlite3_stmt *stmt, struct tg_block_call *call)
{
    *call = (struct tg_block_call){
        .seq = sqlite3_column_int64(stmt, 0),
        .at = sqlite3_column_int64(stmt, 1),
        .is_error = sqlite3_column_int(stmt, 7) >= 400 ||
                    sqlite3_column_int64(stmt, 8) != 0,
        .latency_ms = (uint32_t)sqlite3_column_int64(stmt, 9),
        .ttft_ms = sqlite3_column_type(stmt, 10) == SQLITE_NULL
                       ? TG_ABSENT_MS
                       : (uint32_t)sqlite3_column_int64(stmt, 10),
        .prompt_tokens = sqlite3_column_int64(stmt, 11),
        .prompt_cache_hit_tokens = sqlite3_column_int64(stmt, 12),
        .cache_write_tokens = sqlite3_column_int64(stmt, 13),
        .completion_tokens = sqlite3_column_int64(stmt, 14),
        .reasoning_tokens = sqlite3_column_int64(stmt, 15),
        .cost_nanos = sqlite3_column_int64(stmt, 16),
        .unit = (uint8_t)sqlite3_column_int(stmt, 17),
        .units = sqlite3_column_int64(stmt, 18),
    };
}

int
tg_block_read(struct tg_sqlite *db, struct tg_block *block, sqlite3_stmt *stmt)
{
    int err;

    while ((err = tg_sql_next(db, stmt)) > 0) {
        struct tg_block_call *call = add_call(block);

        err = TG_ERR_SYSTEM;
        if (call != NULL) {
            read_figures(stmt, call);
            err = read_names(block, stmt, call);
        }
        if (err != 0) {
            tg_error_set(&db->store.error, err, "out of memory");
            break;
        }
        block->count++;
    }
    return tg_sql_end(stmt, err);
}

/* Calls that follow each other are often of one kind. */
static int
find_kind(struct tg_block *block, const struct tg_block_kind *kind,
          uint32_t *number)
{
    if (block->count > 0) {
        *number = block->calls[block->count - 1].kind;
        if (memcmp(tg_names_at(&block->kinds, *number), kind, sizeof(*kind)) ==
            0)
            return 0;
    }
    return tg_names_find(&block->kinds, kind, number);
}

static int
name_record(struct tg_block *block, const struct tg_call *from,
            struct tg_block_call *call)
{
    struct tg_block_holder holder;
    struct tg_block_kind kind;
    int err;

    memset(&holder, 0, sizeof(holder));
    memset(&kind, 0, sizeof(kind));
    memcpy(holder.key_id, from->key_id, strnlen(from->key_id, TG_ID_LEN));
    memcpy(holder.account_id, from->account_id,
           strnlen(from->account_id, TG_ID_LEN));
    memcpy(kind.upstream_id, from->upstream_id,
           strnlen(from->upstream_id, TG_ID_LEN));
    memcpy(kind.model, from->model, strnlen(from->model, TG_MODEL_NAME_MAX));
    kind.endpoint = from->endpoint;
    kind.status = from->status;
    err = tg_names_find(&block->holders, &holder, &call->holder);
    return err == 0 ? find_kind(block, &kind, &call->kind) : err;
}

int
tg_block_add(struct tg_block *block, const struct tg_record *record,
             int64_t seq)
{
    const struct tg_call *from = &record->call;
    struct tg_block_call *call = add_call(block);
    int err;

    if (call == NULL)
        return TG_ERR_SYSTEM;
    *call = (struct tg_block_call){
        .seq = seq,
        .at = from->at_ms,
        .latency_ms = from->latency_ms,
        .ttft_ms = from->ttft_ms,
        .prompt_tokens = from->prompt_tokens,
        .prompt_cache_hit_tokens = from->cached_tokens,
        .cache_write_tokens = from->written_tokens,
        .completion_tokens = from->completion_tokens,
        .reasoning_tokens = from->reasoning_tokens,
        .units = from->units,
        .cost_nanos = from->cost_nanos,
        .unit = from->unit,
        .is_error = from->status >= 400 || from->code != 0,
    };
    err = name_record(block, from, call);
    block->count += err == 0;
    return err;
}

int
tg_block_copy(struct tg_block *block, const struct tg_block *from,
              const struct tg_block_call *call)
{
    struct tg_block_call *to = add_call(block);
    int err;

    if (to == NULL)
        return TG_ERR_SYSTEM;
    *to = *call;
    err = tg_names_find(&block->holders,
                        tg_names_at(&from->holders, call->holder), &to->holder);
    if (err == 0)
        err = tg_names_find(&block->kinds,
                            tg_names_at(&from->kinds, call->kind), &to->kind);
    block->count += err == 0;
    return err;
}

void
tg_block_sums(const struct tg_block_call *call, struct tg_sums *sums)
{
    *sums = (struct tg_sums){
        .requests = 1,
        .errors = call->is_error,
        .prompt_tokens = call->prompt_tokens,
        .prompt_cache_hit_tokens = call->prompt_cache_hit_tokens,
        .cache_write_tokens = call->cache_write_tokens,
        .completion_tokens = call->completion_tokens,
        .reasoning_tokens = call->reasoning_tokens,
        .cost_nanos = call->cost_nanos,
        .images = call->unit == TG_UNIT_IMAGE ? call->units : 0,
        .audio_ms = call->unit == TG_UNIT_MILLISECOND ? call->units : 0,
        .characters = call->unit == TG_UNIT_CHARACTER ? call->units : 0,
    };
}
