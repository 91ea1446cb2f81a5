/*
 * clock.h: the instants and the randomness that core is handed.
 */
#ifndef TG_CLOCK_H
#define TG_CLOCK_H

#include <stddef.h>
#include <stdint.h>

/* Unix time in ms. */
int64_t tg_clock_ms(void);

/* Milliseconds of a clock that nobody sets, from anywhere. */
int64_t tg_clock_forward_ms(void);

/* Fills buf from the kernel's generator; 0, or -1 when it failed. */
int tg_random(void *buf, size_t len);

#endif
