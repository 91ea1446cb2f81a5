/*
 * leak_tally.h: calls counted by a text, such as a user agent, with room for
 * so many texts; what finds none is counted together.
 */
#ifndef TG_LEAK_TALLY_H
#define TG_LEAK_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TG_TALLY_ROWS 512
#define TG_TALLY_TEXT 160

struct tg_tally_row {
    char text[TG_TALLY_TEXT];   /* cut to this */
    int64_t calls, ok, trusted; /* trusted: ok, and before the leak */
    int64_t cost_nanos;
    int64_t first_at, last_at;
    bool was_seen; /* before the time that is counted */
};

/* Zeros to begin with; the caller's memory. */
struct tg_tally {
    struct tg_tally_row rows[TG_TALLY_ROWS];
    size_t count;
    uint16_t index[2 * TG_TALLY_ROWS]; /* row + 1; 0: free */
    struct tg_tally_row rest;          /* its text is "" */
    size_t seen;                       /* rows that were seen */
};

/*
 * The row of a text, which is made when there is room; else the rest's.
 * tg_tally_find makes none, and gives NULL.  O(1).
 */
struct tg_tally_row *tg_tally_row(struct tg_tally *tally, const char *text);
struct tg_tally_row *tg_tally_find(struct tg_tally *tally, const char *text);

/* Sorts rows, most calls first; nothing is found by its text then. */
void tg_tally_sort(struct tg_tally *tally);

#endif
