/*
 * noise.h: bytes that look random and are a function of a seed: vectors,
 * images, sound, ids.  Not secret.
 */
#ifndef SIM_NOISE_H
#define SIM_NOISE_H

#include "buf.h"

enum { SIM_NOISE_WORD = 8 }; /* bytes of one draw */

/* The next draw; *state is the seed before the first. */
uint64_t sim_noise_draw(uint64_t *state);

/* Appends len bytes of the seed's noise, those from word on. */
void sim_noise_put(uint64_t seed, uint64_t word, size_t len,
                   struct sim_buf *out);

#endif
