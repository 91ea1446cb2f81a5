/*
 * clock.h: the instants and the randomness that core is handed.
 */
#ifndef TG_CLOCK_H
#define TG_CLOCK_H

#include <stddef.h>
#include <stdint.h>

/*
 * Unix time in ms that all but what is told of the clock itself goes by: a
 * wall clock that has jumped is not believed (steady.h).
 */
int64_t tg_clock_ms(void);

/*
 * What the wall clock says: for what is compared with the clocks of others,
 * such as codes of a telephone and the instant in a signature.
 */
int64_t tg_clock_wall_ms(void);

/* The wall clock is believed when it is so far ahead of the forward one. */
void tg_clock_believe(int64_t ahead_ms);

/* Milliseconds of a clock that nobody sets, from anywhere. */
int64_t tg_clock_forward_ms(void);

/* Fills buf from the kernel's generator; 0, or -1 when it failed. */
int tg_random(void *buf, size_t len);

#endif
