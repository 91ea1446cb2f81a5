/*
 * sqlite_block.h: the calls of a block, sorted as they are rolled up.
 *
 * A block has 131072 calls, and few names: so names are numbered, and what is
 * sorted are numbers.
 */
#ifndef TG_SQLITE_BLOCK_H
#define TG_SQLITE_BLOCK_H

#include "histogram.h"
#include "names.h"
#include "sqlite_rollup.h"
#include "sums.h"

/* Whose calls, and what, but for the quarter-hour, a rollup is of. */
struct tg_block_key {
    char id[TG_ID_TEXT_SIZE], account_id[TG_ID_TEXT_SIZE];
};

struct tg_block_kind {
    char model[TG_MODEL_NAME_MAX + 1], upstream_id[TG_ID_TEXT_SIZE];
    int32_t endpoint, status;
};

/* What rollups that are being written add to a row of totals. */
struct tg_block_total {
    int64_t quarter;
    char model[TG_MODEL_NAME_MAX + 1];
    struct tg_sums sums;
};

struct tg_block_call {
    struct tg_key_entry entry;
    uint32_t key, kind;           /* numbers, see below */
    uint32_t latency_ms, ttft_ms; /* TG_ABSENT_MS: none came */
    struct tg_sums sums;
};

/* A call's place in the order: by key's id, quarter-hour, kind, number. */
struct tg_block_place {
    int64_t quarter;
    uint32_t rank; /* of the key's id */
    uint32_t kind;
    uint32_t call;
};

struct tg_rollup_block {
    int64_t number;
    uint32_t count, next; /* calls, and the first that is not rolled up */
    struct tg_block_call *calls;
    struct tg_block_place *order;
    struct tg_names keys, kinds;
    struct tg_names totals;            /* of this transaction */
    struct tg_histogram latency, ttft; /* of the rollup being made */
};

/*
 * Reads the block's calls whose keys come behind key_id, and sorts them.
 * Returns 0 and *block, which the caller frees, or TG_ERR_*.
 */
int tg_block_load(struct tg_sqlite *db, int64_t number, const char *key_id,
                  struct tg_rollup_block **block);

/* Notes sums for totals; then writes all that was noted.  0 or TG_ERR_*. */
int tg_totals_note(struct tg_rollup_block *block, int64_t quarter,
                   const char *model, const struct tg_sums *sums);
int tg_totals_write(struct tg_sqlite *db, struct tg_rollup_block *block);

/* The n-th call in order, its key and its kind. */
static inline const struct tg_block_call *
tg_block_call(const struct tg_rollup_block *block, uint32_t n)
{
    return &block->calls[block->order[n].call];
}

static inline const struct tg_block_key *
tg_block_key(const struct tg_rollup_block *block, uint32_t n)
{
    const struct tg_block_key *keys =
        (const struct tg_block_key *)block->keys.list;

    return &keys[tg_block_call(block, n)->key];
}

static inline const struct tg_block_kind *
tg_block_kind(const struct tg_rollup_block *block, uint32_t n)
{
    const struct tg_block_kind *kinds =
        (const struct tg_block_kind *)block->kinds.list;

    return &kinds[block->order[n].kind];
}

#endif
