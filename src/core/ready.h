/*
 * ready.h: whether calls can be taken now, as load balancers ask it: from the
 * state file, and from what a worker knows of its own journal.
 */
#ifndef TG_READY_H
#define TG_READY_H

#include "state.h"
#include "text.h"

/* Fits the answer. */
#define TG_READY_SIZE 512

/* What calls need; all of it, or the gate is not ready. */
struct tg_ready {
    bool has_state;      /* the daemon has published all there is */
    bool has_journal;    /* it takes another call's record */
    bool has_upstream;   /* one at least has a credential that is used */
    bool has_credential; /* and one of these is refused by nobody */
};

/*
 * Looks at what is published.  state is NULL while none is attached;
 * takes_records is what the worker knows of its journal.  Any process may ask.
 * O(upstreams × credentials of one): at most 4096 rows, and with one that is
 * open, as usual, the first.
 */
struct tg_ready tg_ready_look(const struct tg_state *state, bool takes_records,
                              int64_t now_ms);

bool tg_ready_is_ready(const struct tg_ready *ready);

/*
 * Writes the JSON that says which is not: no name, no number, nothing that
 * a stranger must not see.
 */
void tg_ready_write(struct tg_text *out, const struct tg_ready *ready);

#endif
