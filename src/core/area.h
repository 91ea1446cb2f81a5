/*
 * area.h: calls in flight, where a worker's death does not lose them.
 *
 * A worker claims an area and keeps one slot a call in it.  The lock on the
 * area goes with the process, so the daemon can tell the dead from the slow
 * and settle what they left behind.
 */
#ifndef TG_AREA_H
#define TG_AREA_H

#include "state.h"

/* A worker's hold on an area; one a process. */
struct tg_area_claim {
    struct tg_state *state;
    uint32_t area;
    uint32_t free_head; /* slot + 1 */
    uint64_t writer_id;
    uint64_t calls; /* begun so far; makes call ids */
};

/*
 * Claims a free area under writer_id (random, not 0).  Returns 0, or
 * TG_ERR_FULL when all are taken, TG_ERR_SYSTEM.
 */
int tg_area_claim(struct tg_area_claim *claim, struct tg_state *state,
                  uint64_t writer_id, int64_t now_ms);

/* Gives it back; calls still in it are left to the daemon. */
void tg_area_leave(struct tg_area_claim *claim);

/*
 * Puts a call into a slot: its id is made here, and its hold is counted on
 * key and account.  Returns the slot (owned until tg_area_end), or NULL when
 * the area is full.
 */
struct tg_call_slot *tg_area_begin(struct tg_area_claim *claim,
                                   const struct tg_call *call);

/*
 * Takes back a call that was begun and not sent: what it holds of money, its
 * counts, its slot.  There is no record of it.  What rates took is the
 * caller's to refund, and held_nanos is as it was at tg_area_begin.
 */
void tg_area_cancel(struct tg_area_claim *claim, struct tg_call_slot *slot);

/* Frees the slot.  Call it after the journal has the call. */
void tg_area_end(struct tg_area_claim *claim, struct tg_call_slot *slot);

/*
 * Whether another process has an area under this writer id and lives.  One
 * fcntl(2).  Not for the caller's own.
 */
bool tg_area_is_alive(const struct tg_state *state, uint32_t area,
                      uint64_t writer_id);

/*
 * For the daemon: whether area's worker is gone while its area is not free.
 * On true the area is locked by the caller until tg_area_clear.
 */
bool tg_area_is_orphaned(struct tg_state *state, uint32_t area);

/* Visits each call of an orphaned area. */
void tg_area_each(struct tg_state *state, uint32_t area,
                  void (*visit)(void *arg, struct tg_call_slot *slot),
                  void *arg);

/*
 * Whether what stands in an orphan's slot can be a call: of a key, an account
 * and an endpoint that there may be, nothing of it below 0, and nothing that
 * settling it would add up beyond what fits.
 */
bool tg_area_is_sound(const struct tg_state *state,
                      const struct tg_call_slot *slot);

/*
 * Empties an orphaned area, its calls at once too, and lets it be claimed
 * again.
 */
void tg_area_clear(struct tg_state *state, uint32_t area);

#endif
