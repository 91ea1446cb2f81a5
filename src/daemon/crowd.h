/*
 * crowd.h: calls in flight, counted once more after a worker's death.
 *
 * What a key and an account have in flight (in_flight and held_nanos of
 * tg_counters) and the slots of their calls change one after the other, so a
 * worker that is killed between the two leaves a counter too high for good,
 * and a key that may have one call at once could have none.  So after a death
 * those are looked at whose counters are not what stands in slots.  Of most
 * that is over at the next look: they have calls.  Where nothing at all
 * changed for two seconds and the two still differ, the counters become what
 * stands in slots.  Cells of money (cell.h) need none of this.
 *
 * What would be taken for dead is a worker that lives and stands still between
 * the two for as long, of a key that nobody else calls.
 */
#ifndef TG_CROWD_H
#define TG_CROWD_H

#include "state.h"

struct tg_suspect;

/* Zeroes to begin with. */
struct tg_crowd {
    struct tg_suspect *list; /* sorted */
    size_t count, room;
    bool is_asked;
    int64_t due_ms; /* the next look */
};

/* A worker has died, or may have: looks begin, at all there are. */
void tg_crowd_suspect(struct tg_crowd *crowd);

/*
 * Looks, where a look is due; that is once a second, and never when nobody is
 * suspected.  The first one reads the counters of each key and account, the
 * others those that are left.  Returns how many keys and accounts it has put
 * right; or TG_ERR_SYSTEM, and looks again later.
 */
int tg_crowd_look(struct tg_crowd *crowd, const struct tg_state *state,
                  int64_t now_ms);

void tg_crowd_release(struct tg_crowd *crowd);

#endif
