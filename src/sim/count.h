/*
 * count.h: what this upstream really served.  Any thread; exact.
 */
#ifndef SIM_COUNT_H
#define SIM_COUNT_H

#include <jansson.h>
#include <stdint.h>

#include "str.h"

struct sim_tally {
    uint64_t requests;
    uint64_t prompt_tokens;
    uint64_t cached_tokens;
    uint64_t completion_tokens;
    uint64_t reasoning_tokens;
    uint64_t cache_write_tokens; /* part of the prompt */
    uint64_t images;             /* made */
    uint64_t audio_ms;           /* listened to */
    uint64_t characters;         /* of Unicode, spoken */
};

/* One HTTP request came that is not for /sim/. */
void sim_count_seen(void);

/* One call was generated, or as much of it as tally says when it was cut
 * short. */
void sim_count_call(const char *model, const struct sim_tally *tally,
                    bool was_cut_short);

/* A tally as GET /sim/count shows it; the caller owns it. */
json_t *sim_count_tally(const struct sim_tally *tally);

/* A stream was opened (1) or has ended (-1). */
void sim_count_stream(int change);

/* The body of GET /sim/count; the caller owns it. */
json_t *sim_count_show(void);

/* Zeroes everything but the number of open streams. */
void sim_count_reset(void);

#endif
