/* splitmix64, which can be entered at any place of its sequence. */
#include "noise.h"

static const uint64_t step = 0x9e3779b97f4a7c15u;

uint64_t
sim_noise_draw(uint64_t *state)
{
    uint64_t z = *state += step;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

void
sim_noise_put(uint64_t seed, uint64_t word, size_t len, struct sim_buf *out)
{
    uint64_t state = seed + word * step;

    while (len > 0) {
        uint64_t drawn = sim_noise_draw(&state);
        size_t part = len < SIM_NOISE_WORD ? len : SIM_NOISE_WORD;

        sim_buf_add(out, &drawn, part);
        len -= part;
    }
}
