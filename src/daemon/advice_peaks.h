/*
 * advice_peaks.h: how much of a key's calls came together: in a second, a
 * minute, a day, and at once.
 */
#ifndef TG_ADVICE_PEAKS_H
#define TG_ADVICE_PEAKS_H

#include <stddef.h>

#include "minutes.h"

/* What of a call counts.  Instants are Unix time in ms, above 0. */
struct tg_peak_call {
    int64_t at;  /* admitted */
    int64_t end; /* answered; never before at */
    int64_t tokens;
};

/* The most of something, and when it began; at 0: there was none. */
struct tg_peak {
    int64_t count, at;
};

struct tg_peaks {
    int64_t requests, tokens;
    int64_t first_at, last_at;
    struct tg_peak second;     /* any 1000 ms */
    struct tg_peak day;        /* any 24 hours, so no zone's day had more */
    struct tg_minutes minutes; /* of the clock */
    struct tg_peak at_once;
};

/*
 * Counts calls, which stand newest first.  ends is room for as many instants.
 * A call that ends at the instant at which another begins is not with it.
 * O(n log n).
 */
void tg_advice_peaks(const struct tg_peak_call *calls, size_t n, int64_t *ends,
                     struct tg_peaks *peaks);

#endif
