/*
 * sqlite_blocks.h: which blocks of calls are rolled up, and what they span.
 *
 * A block begins with a call whose number is a multiple of 131072, and ends
 * before one: it has as many, or some times as many (docs/store.md).  Its own
 * number is that of its first call, in 131072s; so numbers between that and
 * the next block's are no block's, and where a block ends is only said by the
 * one behind it, or by rolled_up.
 */
#ifndef TG_SQLITE_BLOCKS_H
#define TG_SQLITE_BLOCKS_H

#include "sqlite.h"

#define TG_BLOCK_BITS 17
#define TG_BLOCK_CALLS (INT64_C(1) << TG_BLOCK_BITS) /* at least */
#define TG_BLOCK_CALLS_MAX (2 * TG_BLOCK_CALLS)      /* where keys are many */

/* The number of a block that would begin in the same 131072 as a call. */
static inline int64_t
tg_block_number(int64_t seq)
{
    return seq >> TG_BLOCK_BITS;
}

/* The number of a block's first call. */
static inline int64_t
tg_block_first(int64_t number)
{
    return number * TG_BLOCK_CALLS;
}

/* Those that may have calls which are not gone. */
struct tg_blocks {
    int64_t first, last; /* numbers; last before first: there are none */
    int64_t oldest;      /* number of the first call that is not gone */
};

/*
 * Finds them, in a transaction of the caller's, as long as which they are
 * right.  0 or TG_ERR_*.
 */
int tg_blocks_find(struct tg_sqlite *db, struct tg_blocks *blocks);

#endif
