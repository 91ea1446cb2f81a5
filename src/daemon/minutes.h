/*
 * minutes.h: the busiest minutes of calls.
 *
 * A minute is one of the clock, counted from the epoch.  Calls come in the
 * order of their instants, up or down, so a minute's calls come together.
 */
#ifndef TG_MINUTES_H
#define TG_MINUTES_H

#include <stdint.h>

#define TG_MINUTE_MS INT64_C(60000)

/* What happened within a minute. */
struct tg_minute {
    int64_t at; /* when it begins, Unix time in ms; 0: there is none */
    int64_t requests, tokens;
};

/* Zeros to begin with. */
struct tg_minutes {
    struct tg_minute now;              /* the one that is being counted */
    struct tg_minute requests, tokens; /* those that had the most of these */
    int64_t active;                    /* minutes in which there was any */
};

void tg_minutes_add(struct tg_minutes *minutes, int64_t at, int64_t tokens);

/* The one that is being counted is over; more may be added all the same. */
void tg_minutes_end(struct tg_minutes *minutes);

#endif
