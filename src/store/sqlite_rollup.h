/*
 * sqlite_rollup.h: calls made into packs, and found by key, a block at a time.
 *
 * What is read often, sums and the calls of a key, is not kept with each call
 * that comes in: a thousand keys would touch a thousand pages.  It is made of
 * 131072 calls at once, sorted by key, or of twice as many where they are of
 * many keys; until then a reader takes those calls as they are, from the view
 * recent_calls.
 */
#ifndef TG_SQLITE_ROLLUP_H
#define TG_SQLITE_ROLLUP_H

#include "sqlite_blocks.h"
#include "sqlite_pack.h"

/*
 * A call's place in an order: by words, the last one first.  Words are numbers
 * of the call in its block, and of what calls are grouped by.
 */
enum {
    TG_ORDER_CALL,
    TG_ORDER_QUARTER,
    TG_ORDER_KIND,
    TG_ORDER_DAY,
    TG_ORDER_OWNER,
    TG_WORDS
};

struct tg_place {
    uint32_t words[TG_WORDS];
};

/* A block that is being rolled up. */
struct tg_rollup {
    int64_t first, end; /* numbers of its first call, and behind its last */
    struct tg_block block;
    uint32_t next;               /* first in order that is not rolled up */
    struct tg_place *order;      /* by key, day, kind, quarter-hour */
    struct tg_place *spare;      /* as much room, and once more */
    uint32_t *ranks;             /* of holders: places among the keys' ids */
    int64_t *days;               /* by number, since 1970 */
    struct tg_pack_maker *maker; /* NULL: not needed yet */
    struct tg_key_rows *rows;    /* of key_calls; NULL: not needed yet */
};

/*
 * Of the calls from first to end, of which block has those that are not rolled
 * up; it becomes the rollup's, and is released with it, or here where that
 * fails.  0 or TG_ERR_*.
 */
int tg_rollup_new(struct tg_sqlite *db, int64_t first, int64_t end,
                  struct tg_block *block, struct tg_rollup **rollup);

/* Takes NULL. */
void tg_rollup_free(struct tg_rollup *rollup);

/* Sorts places; spare has room for as many. */
void tg_places_sort(struct tg_place *places, struct tg_place *spare,
                    uint32_t count);

/*
 * Adds the calls from one place in order up to another, all of some keys, to
 * the packs of these, their accounts and of all, in the caller's transaction.
 * 0 or TG_ERR_*.
 */
int tg_packs_add(struct tg_sqlite *db, struct tg_rollup *rollup, uint32_t from,
                 uint32_t to);

/*
 * Puts a key's row of key_calls, of the calls from place n on, in order of
 * keys; rows of few calls wait until they are some, or for tg_rollup_keys_end,
 * which ends the part of a transaction.  0 or TG_ERR_*.
 */
int tg_rollup_keys_put(struct tg_sqlite *db, struct tg_rollup *rollup,
                       uint32_t n, uint32_t count);
int tg_rollup_keys_end(struct tg_sqlite *db, struct tg_rollup *rollup);

/* How many cells of keys the calls from one place up to another make. */
uint32_t tg_rollup_cells(const struct tg_rollup *rollup, uint32_t from,
                         uint32_t to);

void tg_pack_maker_free(struct tg_pack_maker *maker);

static inline const struct tg_block_call *
tg_rollup_call(const struct tg_rollup *rollup, uint32_t n)
{
    return &rollup->block.calls[rollup->order[n].words[TG_ORDER_CALL]];
}

static inline const char *
tg_rollup_key(const struct tg_rollup *rollup, uint32_t n)
{
    return tg_block_holder(&rollup->block, tg_rollup_call(rollup, n))->key_id;
}

/*
 * The call that an entry of key_calls stands for: its number and instant,
 * each as the difference to the entry before; the first one, to the block's
 * first number and to 0.
 */
struct tg_key_entry {
    int64_t seq, at;
};

/* Reads the next one, given the one before.  0 or TG_ERR_CORRUPT. */
int tg_key_entry_read(const uint8_t **at, const uint8_t *end,
                      struct tg_key_entry *entry);

#endif
