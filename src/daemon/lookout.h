/*
 * lookout.h: reads calls and refusals as ingest has taken them in, and raises
 * security events: from refusals by watch.h, from calls by habit.h.
 *
 * It stands behind ingest and never in its way.  What it knows is in memory
 * and comes to the store every few seconds, a little at a time, as an
 * operator's change may wait; last, how far it has read.  When the daemon is
 * killed it reads the rest again, and each habit and row knows by a number
 * what it has seen of it.  An event has a name that follows from what it was
 * raised by, so it is told once all the same.
 */
#ifndef TG_LOOKOUT_H
#define TG_LOOKOUT_H

#include "daemon.h"

/* A round: rounds.h. */
void tg_lookout_pass(struct tg_daemon *daemon, struct tg_store *store,
                     int64_t now_ms);

/* Ends it, when no thread makes rounds any more. */
void tg_lookout_free(struct tg_daemon *daemon);

#endif
