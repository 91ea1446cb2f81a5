/*
 * sqlite_block.h: calls in memory, with numbers in place of names.
 *
 * There are many of them, and fewer names: so what is sorted, added up and
 * kept are numbers.
 */
#ifndef TG_SQLITE_BLOCK_H
#define TG_SQLITE_BLOCK_H

#include "names.h"
#include "sqlite.h"
#include "sums.h"

/* Whose calls; the key's id alone says the order in which they go. */
struct tg_block_holder {
    char key_id[TG_ID_TEXT_SIZE], account_id[TG_ID_TEXT_SIZE];
};

/* What they are of; zeros are between the members, as they are compared. */
struct tg_block_kind {
    char model[TG_MODEL_NAME_MAX + 1], upstream_id[TG_ID_TEXT_SIZE];
    int32_t endpoint, status;
};

struct tg_block_call {
    int64_t seq, at;
    uint32_t holder, kind;        /* numbers, see below */
    uint32_t latency_ms, ttft_ms; /* TG_ABSENT_MS: none came */
    int64_t prompt_tokens, prompt_cache_hit_tokens, cache_write_tokens;
    int64_t completion_tokens, reasoning_tokens, units, cost_nanos;
    uint8_t unit;
    bool is_error;
};

/* All but the sizes of names 0: empty. */
struct tg_block {
    uint32_t count, room;
    struct tg_block_call *calls;
    struct tg_names holders, kinds;
};

void tg_block_init(struct tg_block *block);
void tg_block_release(struct tg_block *block);

/* What tg_block_read takes a call of calls from. */
#define TG_BLOCK_COLUMNS                                                       \
    "seq, at, key_id, account_id, upstream_id, model, endpoint, status, "      \
    "code, "                                                                   \
    "latency_ms, ttft_ms, prompt_tokens, prompt_cache_hit_tokens, "            \
    "cache_write_tokens, completion_tokens, reasoning_tokens, cost_nanos, "    \
    "unit, units"

/* Adds all rows of a statement that tg_sql_begin began, and ends it. */
int tg_block_read(struct tg_sqlite *db, struct tg_block *block,
                  sqlite3_stmt *stmt);

/* Adds a call as a record has it.  0 or TG_ERR_SYSTEM. */
int tg_block_add(struct tg_block *block, const struct tg_record *record,
                 int64_t seq);

/* Adds a call of another block. */
int tg_block_copy(struct tg_block *block, const struct tg_block *from,
                  const struct tg_block_call *call);

/*
 * By their numbers, which holders are a key; it may have been of several
 * accounts.  The caller frees it; NULL when there is no memory.
 */
bool *tg_block_holders_of(const struct tg_block *block, const char *key_id);

/* What a call adds to sums. */
void tg_block_sums(const struct tg_block_call *call, struct tg_sums *sums);

static inline const struct tg_block_holder *
tg_block_holder(const struct tg_block *block, const struct tg_block_call *call)
{
    return tg_names_at(&block->holders, call->holder);
}

#endif
