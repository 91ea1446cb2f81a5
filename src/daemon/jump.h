/*
 * jump.h: a clock that jumps is not followed at once.
 *
 * Budgets and rates go by the time of day.  When the wall clock is set by
 * more than NTP would, the gate goes on by the time before (steady.h), says
 * so in the log and as an event, and follows when the clock has stood for ten
 * minutes, or an operator says so (SIGHUP).  One that is set right before that
 * has changed nothing.  A clock that never stands is never followed: time then
 * goes on by the one that nobody sets.
 */
#ifndef TG_JUMP_H
#define TG_JUMP_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon.h"

#define TG_JUMP_STANDS_MS 600000

/* What a look has found. */
enum tg_jump_found {
    TG_JUMP_NOTHING = 0,
    TG_JUMP_HELD,     /* it has jumped, and is not followed */
    TG_JUMP_UNDONE,   /* it is as it was */
    TG_JUMP_FOLLOWED, /* limits go by it again */
};

struct tg_jump {
    int64_t believed_ms; /* the wall clock is so far ahead of the forward one */
    int64_t seen_ms;     /* the same, as it was last seen */
    int64_t since_ms;    /* when it got there, by the forward clock */
    bool is_held;
    enum tg_jump_found untold; /* an event that is not stored yet */
    int64_t untold_by_ms;
};

/*
 * Begins with a clock that is so far ahead and believed.
 */
void tg_jump_init(struct tg_jump *jump, int64_t ahead_ms);

/*
 * Looks at both clocks.  Writes by how much the wall clock has moved: since
 * the last look or, when it is followed, in all.
 */
enum tg_jump_found tg_jump_look(struct tg_jump *jump, int64_t wall_ms,
                                int64_t forward_ms, int64_t *by_ms);

/* An operator believes the clock: as TG_JUMP_FOLLOWED, or TG_JUMP_NOTHING. */
enum tg_jump_found tg_jump_accept(struct tg_jump *jump, int64_t *by_ms);

/*
 * Believes the clock, or what a state file that was there says of it: a
 * daemon that is started anew does not follow a jump for that.
 */
void tg_jump_begin(struct tg_jump *jump, struct tg_daemon *daemon);

/*
 * Looks at both clocks; logs what is found at once, and stores its event as
 * soon as the store is free.  The main thread, each second.
 */
void tg_jump_pass(struct tg_jump *jump, struct tg_daemon *daemon);

/* An operator says that the clock is right.  The main thread. */
void tg_jump_believe(struct tg_jump *jump, struct tg_daemon *daemon);

#endif
