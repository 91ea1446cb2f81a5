/*
 * vigil.h: looks after the pool and tells of credentials that are taken out
 * and come back: an event each time, and a line in the log.
 */
#ifndef TG_VIGIL_H
#define TG_VIGIL_H

#include "daemon.h"

/*
 * Tells of what has turned since the last time.  What each row has told is in
 * the state file, and an event has a name under which it is told once: so
 * killed at any instruction the daemon neither forgets one nor tells it twice.
 * Where the store fails, it waits for the next time.  A round: rounds.h.
 */
void tg_vigil_pass(struct tg_daemon *daemon, struct tg_store *store,
                   int64_t now_ms);

#endif
