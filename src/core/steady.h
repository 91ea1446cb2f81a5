/*
 * steady.h: the time that limits go by when the wall clock jumps.
 *
 * Whoever sets a clock a day ahead and back would else have a day's budget
 * twice.  So the daemon says how far the wall clock is ahead of a clock that
 * nobody sets (CLOCK_BOOTTIME) while it is believed, and while the two differ
 * from that, time goes on by the other one.
 */
#ifndef TG_STEADY_H
#define TG_STEADY_H

#include <stdint.h>

/* Less than this is what NTP does, and what a busy machine looks like. */
#define TG_STEADY_JUMP_MS 2000

/*
 * The instant, Unix time, by the wall clock and the forward one: the former,
 * unless it has jumped.  ahead_ms is the header's clock_ahead_ms; 0: nobody
 * has said, and the wall clock is believed.
 */
int64_t tg_steady_ms(int64_t ahead_ms, int64_t wall_ms, int64_t forward_ms);

#endif
