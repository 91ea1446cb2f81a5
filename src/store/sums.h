/*
 * sums.h: what calls add up to.
 */
#ifndef TG_SUMS_H
#define TG_SUMS_H

#include <stdint.h>

struct tg_sums {
    int64_t requests, errors; /* errors: status >= 400, or a code */
    int64_t prompt_tokens, prompt_cache_hit_tokens, cache_write_tokens;
    int64_t completion_tokens, reasoning_tokens;
    int64_t cost_nanos;
    int64_t images, audio_ms, characters; /* units of these */
};

/* Adds up; TG_ERR_RANGE when a figure does not fit, with a part added. */
int tg_sums_add(struct tg_sums *to, const struct tg_sums *from);

/*
 * Takes away what was added.  TG_ERR_RANGE when a figure does not fit, with a
 * part taken.
 */
int tg_sums_subtract(struct tg_sums *to, const struct tg_sums *less);

#endif
