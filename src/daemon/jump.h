/*
 * jump.h: an alarm for a clock that jumps.
 *
 * Budgets and rates go by the wall clock.  A step of it is told, in the log
 * and as an event, so that whoever reads the books knows of it.
 */
#ifndef TG_JUMP_H
#define TG_JUMP_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon.h"

/* Less than this is what NTP does, and what a busy machine looks like. */
#define TG_JUMP_LEAST_MS 2000

/* Zeros: nothing seen yet. */
struct tg_jump {
    bool has_seen;
    int64_t ahead_ms;  /* the wall clock, of the one that only goes forward */
    int64_t untold_ms; /* a jump whose event is not stored yet; 0: none */
};

/*
 * How far the wall clock has jumped since the last look, in milliseconds; 0
 * when it has not, or by less than TG_JUMP_LEAST_MS.
 */
int64_t tg_jump_look(struct tg_jump *jump, int64_t wall_ms, int64_t forward_ms);

/*
 * Looks at both clocks; logs a jump at once, and stores its event as soon as
 * the store is free.  The main thread, each second.
 */
void tg_jump_pass(struct tg_jump *jump, struct tg_daemon *daemon);

#endif
