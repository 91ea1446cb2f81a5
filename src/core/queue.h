/*
 * queue.h: calls that wait for room under their key's limits, first come
 * first served, whichever worker they are in.
 *
 * A waiting call has a row in the state file, with a ticket:
 *
 *     row            0     1     2     3     4     5
 *     key            A     A     -     B     A     A
 *     ticket         7     4     -     5     9     0      the call in row 1
 *     worker         x     y     -     x     dead  y      is first of A's
 *
 * The ticket is drawn when all else of the row is there, so whoever draws a
 * later one sees the row, if only without its ticket yet; such a row is taken
 * for an earlier one until it has one.  A call that waits takes nothing from
 * any limit: only the first of its key may try to, and leaves the line when it
 * could.  So a call that leaves gives its place to the next at once.
 *
 * Rows of a worker that is gone do not count: who lives is told by the lock on
 * its area.  A key's record counts its rows, so that a call whose key has none
 * looks at one word.  A worker killed between the two leaves the count too
 * high: then that key's calls look at the table, and find nobody in it.
 *
 * One thread a process; any number of processes.
 */
#ifndef TG_QUEUE_H
#define TG_QUEUE_H

#include "area.h"
#include "rate.h"

/* Calls of one key that may wait; the table has room for TG_WAITERS. */
#define TG_QUEUE_KEY_MAX 256

/* One call's place in line; the caller's, all zeros before it waits. */
struct tg_queue_place {
    uint32_t row; /* + 1; 0: it does not stand in line */
    uint32_t key_slot;
    uint64_t ticket;
    int64_t since_ms; /* when it began to wait */
    int64_t tokens;   /* estimate; it will take so many of tokens a minute */
};

/* Whether no call of the key waits.  One load, for every call. */
bool tg_queue_is_empty(const struct tg_state *state, uint32_t key_slot);

/*
 * Puts a call behind all that wait.  place->tokens and since_ms are the
 * caller's to set before.  Returns 0, or TG_ERR_FULL with place->row 0.
 */
int tg_queue_join(const struct tg_area_claim *claim, uint32_t key_slot,
                  struct tg_queue_place *place);

/* The calls of the same key that came before.  O(TG_WAITERS). */
struct tg_rate_line tg_queue_ahead(const struct tg_area_claim *claim,
                                   const struct tg_queue_place *place);

/* Leaves the line; nothing when it stands in none. */
void tg_queue_leave(const struct tg_area_claim *claim,
                    struct tg_queue_place *place);

/* Takes out all rows of a worker that is gone, or is about to be. */
void tg_queue_clear(struct tg_state *state, uint64_t writer_id);

#endif
