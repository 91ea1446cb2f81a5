/*
 * advice_calls.h: many calls for advice, read in slices, so that other reports
 * never wait for more than one of them.
 *
 * A slice takes the lock of daemon->reports and gives it back.  Between two of
 * them calls may come and old ones go: what is read is not of one moment.
 */
#ifndef TG_ADVICE_CALLS_H
#define TG_ADVICE_CALLS_H

#include "daemon.h"

/* Calls that are read for one answer, at most: some three seconds. */
#define TG_ADVICE_CALLS_MAX 1000000

/* Calls of a slice, while which the lock is held: some forty milliseconds. */
#define TG_ADVICE_SLICE 16384

/* Between two slices: who waits for the lock gets it now. */
void tg_advice_let_others(void);

/* A walk over the calls of a key, the newest first. */
struct tg_advice_walk {
    struct tg_daemon *daemon;
    const struct tg_store_filter *filter; /* of which key, and when */
    uint32_t most;                        /* calls */
    uint32_t slice;                       /* calls for which the lock is held */
    int (*visit)(void *arg, const struct tg_store_call *call);
    void *arg;
    bool is_cut; /* comes out: there may be more than most */
};

/*
 * Each slice finds its place anew, in the block of calls that it is
 * in: so slices are not too small.
 */
#define TG_ADVICE_KEY_SLICE 32768

/* Returns 0, what visit returned, or TG_ERR_*. */
int tg_advice_key_calls(struct tg_advice_walk *walk);

/*
 * Since when calls are kept, of any key, where older ones are gone; 0: none is.
 * The caller holds the lock.
 */
int tg_advice_kept_since(struct tg_store *store, int64_t *at);

#endif
