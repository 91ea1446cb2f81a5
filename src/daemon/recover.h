/*
 * recover.h: calls whose worker died are settled and recorded, once.
 */
#ifndef TG_RECOVER_H
#define TG_RECOVER_H

#include "crowd.h"
#include "ingest.h"

struct tg_recovery {
    struct tg_daemon *daemon;
    struct tg_ingest *ingest;
    struct tg_journal journal; /* the daemon's own */
    struct tg_crowd crowd;     /* counters that the dead left too high */
};

void tg_recovery_init(struct tg_recovery *recovery, struct tg_daemon *daemon,
                      struct tg_ingest *ingest);

/*
 * Looks for areas whose worker is gone.  What these had journaled is taken
 * in first; then each call left in them that the store does not have is
 * settled and appended to the daemon's journal, and the area is freed.  An
 * area that could not be dealt with is tried again by the next pass.
 */
void tg_recovery_pass(struct tg_recovery *recovery, int64_t now_ms);

/*
 * For when there is no store to ask: settles the calls left in every area
 * whose worker is gone, appends them to a journal of a new writer in the
 * folder dir_fd, and frees the areas.  One that was journaled already comes
 * there once more, as it was.  Returns 0, or TG_ERR_SYSTEM with errno; *count
 * becomes how many.
 */
int tg_recovery_flush(struct tg_state *state, int dir_fd, int64_t now_ms,
                      uint32_t *count);

void tg_recovery_release(struct tg_recovery *recovery);

#endif
