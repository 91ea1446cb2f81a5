/*
 * pack_sixths.h: what a day's pack of quarter-hours has of a sixth of the day.
 *
 * A sixth is the sixteen quarter-hours around 00:00, 04:00 and so on to 20:00
 * UTC, so that wherever a day is cut, the nearest of these instants is in the
 * sixth of the cut, and eight quarter-hours away at most.  With the cells of a
 * sixth stand the sums of all the day up to its middle, or from there on,
 * whichever are of less.
 */
#ifndef TG_PACK_SIXTHS_H
#define TG_PACK_SIXTHS_H

#include "pack.h"

#define TG_PACK_SIXTHS 6
#define TG_PACK_SIXTH (TG_PACK_QUARTERS / TG_PACK_SIXTHS)

/* Quarter-hours from from on up to, but not to, to; by midnight if it is less.
 */
struct tg_pack_range {
    uint32_t from, to;
};

/* What each has.  The first, whose middle is midnight, has no sums. */
struct tg_pack_sixth {
    struct tg_pack_range cells, sums;
};

extern const struct tg_pack_sixth tg_pack_sixths[TG_PACK_SIXTHS];

/* In which a quarter-hour is. */
static inline uint32_t
tg_pack_sixth_of(uint32_t quarter)
{
    return (quarter + TG_PACK_SIXTH / 2) / TG_PACK_SIXTH % TG_PACK_SIXTHS;
}

/*
 * The cells of a range, as a pack that is the writer's until it is cleared.
 * 0, TG_ERR_CORRUPT or TG_ERR_SYSTEM.
 */
int tg_pack_cut(struct tg_pack_writer *writer, struct tg_str cells,
                struct tg_pack_range range, struct tg_str *pack);

/*
 * The cells of each kind in a range as one, of quarter-hour 0; as above, or
 * TG_ERR_RANGE when a sum does not fit.
 */
int tg_pack_sums(struct tg_pack_writer *writer, struct tg_str cells,
                 struct tg_pack_range range, struct tg_str *sums);

#endif
