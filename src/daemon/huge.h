/*
 * huge.h: large pages for what calls read at random.
 *
 * A million keys are 180 000 pages of 4 KiB, more than a processor has places
 * for in mind: nearly every call waits for their places to be read from
 * memory, and a worker that starts meets each page once more.  So 2 MiB of
 * the index, of keys or of accounts that are all in use are put together into
 * one page, in place and while they are used, by this process for all.
 * Nothing takes more memory, and what is less than 2 MiB stays as it is.
 *
 * Linux 6.1 and later can.  Where the kernel refuses, nothing changes.
 */
#ifndef TG_HUGE_H
#define TG_HUGE_H

#include <stdbool.h>

#include "state.h"

enum tg_huge_region {
    TG_HUGE_INDEX = 0, /* the table in force */
    TG_HUGE_KEYS,
    TG_HUGE_ACCOUNTS,
    TG_HUGE_REGIONS
};

/* How far it has come; zeros at first.  Of one thread. */
struct tg_huge {
    struct {
        size_t from; /* where the region begins in the file */
        size_t next; /* what of it is before this was asked for */
    } regions[TG_HUGE_REGIONS];
    bool is_refused; /* the kernel cannot: it is not asked again */
};

/*
 * Asks for the next 2 MiB.  Returns whether there were any.  Takes 3 ms, and a
 * call that reads there meanwhile waits; no time where the page is large
 * already.  What the kernel has no memory for is left small.
 */
bool tg_huge_step(struct tg_huge *huge, const struct tg_state *state);

#endif
