/*
 * disk.h: tells of a disk that does not take the journal, and of one that does
 * again: an event each time, and a line in the log.
 */
#ifndef TG_DISK_H
#define TG_DISK_H

#include "daemon.h"
#include "trouble.h"

/* A trouble is over when nothing has failed for so long. */
#define TG_DISK_QUIET_MS 5000

/*
 * Tells of what has turned since the last time.  What was told is in the state
 * file, and an event has a name under which it is told once.  Where the store
 * fails, perhaps on the same disk, it waits for the next time.  A round:
 * rounds.h.
 */
void tg_disk_pass(struct tg_daemon *daemon, struct tg_store *store,
                  int64_t now_ms);

/* "ENOSPC", "EIO", or "behind"; static. */
const char *tg_disk_cause(int error);

/* Whether it has told of a trouble that is not over. */
bool tg_disk_is_failing(const struct tg_state *state);

#endif
