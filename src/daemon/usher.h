/*
 * usher.h: lets in the keys that calls wait for while a new state file is
 * filled, before all others; wanted.h is where calls ask.
 *
 * A thread of its own, with the connection for health and metrics, which
 * nobody else uses so early.  It finds a key by its digest, stages it where
 * the pass over all keys has not come to it, sums up what it has spent, and
 * opens it (publish.h).
 */
#ifndef TG_USHER_H
#define TG_USHER_H

#include "daemon.h"

struct tg_usher;

/* Begins, when the state file is being filled, else *usher is NULL. */
int tg_usher_start(struct tg_usher **usher, struct tg_daemon *daemon,
                   struct tg_error *error);

/* Ends it and frees it; takes NULL. */
void tg_usher_stop(struct tg_usher *usher);

#endif
