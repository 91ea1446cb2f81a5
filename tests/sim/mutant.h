/*
 * mutant.h: the product with one fault put in on purpose, to see that the
 * simulator finds it.  Chosen at start; by default there is none.
 */
#ifndef MUTANT_H
#define MUTANT_H

#include "settle.h"

enum mutant {
    MUTANT_NONE = 0,
    MUTANT_SETTLES_TWICE, /* a call */
    MUTANT_HOLDS_NOTHING, /* of budgets and balance */
    MUTANT_OFFSET_ALONE,  /* is committed, without the records before it */
    MUTANT_FREES_EARLY,   /* the slot, before the journal has the call */
    MUTANT_TAKES_TWICE,   /* a record that the store has already */
    MUTANT_BURIES_ALIVE,  /* settles the calls of workers that live */
    MUTANT_REMOVES_OPEN,  /* segments that are still written to */
    MUTANT_NO_FSYNC,      /* says that records are durable, and syncs none */
    MUTANT_FORGETS_HOLDS, /* removes segments with those that have no record */
    MUTANT_OPENS_EARLY,   /* keys, before what they spent is known */
};

/* Returns 0, or -1 when there is no fault of this name. */
int mutant_choose(const char *name);
bool mutant_is(enum mutant mutant);

/* What goes wrong behind a settlement. */
void mutant_settle(struct tg_state *state, struct tg_call_slot *slot,
                   const struct tg_outcome *outcome);

#endif
