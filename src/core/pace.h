/*
 * pace.h: whether a worker whose requests wait for the disk syncs by itself,
 * or has a thread do it.
 *
 * To hand a sync over and be told of its end costs more CPU than the sync,
 * and takes about as long as one of a good disk.  So a worker does it by
 * itself while the disk is known to be quick.  After one that was not, a
 * thread does it for a hundred times as long as that one took: whatever the
 * disk does, a worker stands still for one such sync, and in the long run for
 * less than a hundredth of its time.
 */
#ifndef TG_PACE_H
#define TG_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include "journal_sync.h"

/* A sync that takes no longer is quick. */
#define TG_PACE_QUICK_US 300

/* So many in a row make a quick disk. */
#define TG_PACE_QUICK_SYNCS 16

/* What has more to write is a thread's. */
#define TG_PACE_BYTES (128u << 10)

/* Of one worker; zeroes to begin with: a thread does it. */
struct tg_pace {
    uint32_t quick;   /* syncs in a row */
    int64_t until_us; /* a thread does it until then */
};

/*
 * Whether a sync that was begun may be run by the worker itself.  Instants are
 * microseconds of a clock that nobody sets.
 */
bool tg_pace_may_wait(const struct tg_pace *pace,
                      const struct tg_journal_sync *sync, int64_t now_us);

/* A sync was run, by whomever; it succeeded or not. */
void tg_pace_note(struct tg_pace *pace, bool is_fine, int64_t began_us,
                  int64_t ended_us);

#endif
