/*
 * sqlite_rollup.h: calls made into rollups, and found by key, a block at a
 * time.
 *
 * What is read often, sums and the calls of a key, is not kept with each call
 * that comes in: a thousand keys would touch a thousand pages.  It is made of
 * 131072 calls at once, sorted by key; until then a reader takes those calls
 * as they are, from the view recent_calls.
 */
#ifndef TG_SQLITE_ROLLUP_H
#define TG_SQLITE_ROLLUP_H

#include "sqlite.h"

#define TG_BLOCK_BITS 17
#define TG_BLOCK_CALLS (INT64_C(1) << TG_BLOCK_BITS)

/* A block that is being made into rollups.  Takes NULL. */
void tg_rollup_block_free(struct tg_rollup_block *block);

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
