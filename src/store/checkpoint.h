/*
 * checkpoint.h: the WAL's pages go into the store's file beside whoever writes.
 *
 * SQLite has the connection whose commit made the WAL long copy all of it, 32
 * MiB, before it goes on: a tenth of what taking calls in costs, and an
 * operator's change waits for it.  Here a thread with a connection of its own
 * copies most while the writer goes on, and the writer the few pages that have
 * come since, at the end of a commit: only when all are copied does the WAL
 * begin anew.
 */
#ifndef TG_CHECKPOINT_H
#define TG_CHECKPOINT_H

#include "store.h"

struct tg_checkpoint;

/*
 * Of the store at path, for commits of that connection to it, until the store
 * is closed.  0, or TG_ERR_SYSTEM and *error: all is as it was, and the
 * connection copies for itself.
 */
int tg_checkpoint_beside(struct tg_store *store, const char *path,
                         struct tg_error *error);

/* Ends the thread.  Takes NULL. */
void tg_checkpoint_end(struct tg_checkpoint *checkpoint);

#endif
