/*
 * statefile.h: the state file from the daemon's side: making it, taking it
 * over, bringing it up to what the store has.
 */
#ifndef TG_STATEFILE_H
#define TG_STATEFILE_H

#include "ingest.h"

/* In the store's meta: number of the last call older than the state file. */
#define TG_STATE_SEQ "state_seq"

/*
 * Maps the state file that belongs to this store, as daemon->state, and
 * becomes its one publisher.  When it is missing, damaged, of another version
 * or of another store, a new one is made, after the journal was taken in, so
 * that what accounts have spent is carried over.  Returns 0 or an enum tg_err,
 * and *error says why.
 */
int tg_statefile_open(struct tg_daemon *daemon, struct tg_ingest *ingest,
                      struct tg_error *error);

/*
 * Publishes accounts and the catalog, and says that workers may begin.  Keys
 * are to follow: a file that was not whole is now being filled (publish.h),
 * and calls wait for theirs (wanted.h).  Until tg_statefile_publish is over
 * nothing may write to the store: what a key has spent is read while others
 * are called already.
 */
int tg_statefile_admit(struct tg_daemon *daemon, struct tg_error *error);

/* Publishes all keys that the store has; of a new file with what they spent. */
int tg_statefile_publish(struct tg_daemon *daemon, struct tg_error *error);

void tg_statefile_close(struct tg_daemon *daemon);

#endif
