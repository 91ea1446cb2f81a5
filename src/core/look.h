/*
 * look.h: calls in flight and cells of money as a process sees them that has
 * no part in them, while others change them.
 *
 * A cell is what its calls have in it.  Which calls those are is never to be
 * seen at one instant; but a look before the cell is read and one after it
 * say of most calls exactly what they have in it, and of the others the least
 * and the most.  docs/ledger.md has the argument.
 */
#ifndef TG_LOOK_H
#define TG_LOOK_H

#include "cell.h"

/* A call in a slot, as it was at one instant. */
struct tg_look {
    struct tg_call call;
    uint64_t share;
    int64_t wanted_nanos;
    uint16_t wanted_periods[2];
};

/*
 * Copies the call in a slot; of one that came, went or changed meanwhile it
 * is only certain that it was there.  Returns false when there is none.
 */
bool tg_look_at(const struct tg_call_slot *slot, struct tg_look *look);

/* Least and most that something can be. */
struct tg_range {
    int64_t low, high;
};

/*
 * One call by all that is known of it around the instant at which a cell was
 * read.
 */
struct tg_sighting {
    const struct tg_look *before; /* by a look before it; NULL: not seen */
    const struct tg_look *after;
    const struct tg_call
        *record; /* as it was taken in later; NULL: it is not */
    /* It had begun before the look before began, so it was over by then when
     * that look did not see it. */
    bool is_older;
};

/* What the call had in the cell of this kind and period at that instant. */
struct tg_range tg_look_share(const struct tg_sighting *seen,
                              enum tg_cell_kind kind, uint16_t period);

/* Where the call stood then, for counters of settled and of held calls. */
enum tg_standing {
    TG_STANDING_UNKNOWN = 0,
    TG_STANDING_ABOUT, /* in flight, holding look's held_nanos */
    TG_STANDING_OVER,  /* settled, as its record says */
};
enum tg_standing tg_look_standing(const struct tg_sighting *seen);

#endif
