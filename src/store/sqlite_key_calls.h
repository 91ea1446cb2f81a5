/*
 * sqlite_key_calls.h: one key's calls, the newest first.
 */
#ifndef TG_SQLITE_KEY_CALLS_H
#define TG_SQLITE_KEY_CALLS_H

#include "sqlite_calls.h"

struct tg_key_walk;

/*
 * Begins a walk over the calls of filter->key_id since filter->since, in a
 * transaction of the caller's.  db and the filter's key_id outlive it.  Reads
 * the calls that are in no block yet, and which blocks have others.  0 or
 * TG_ERR_*.  Behind that transaction it goes on with what was there then:
 * without calls that came, and with places of some that have gone.
 */
int tg_key_walk_begin(struct tg_key_walk **walk, struct tg_sqlite *db,
                      const struct tg_store_filter *filter);

/*
 * The newest one before a place, which is never newer than the last one given:
 * 1 and *place, 0 when there is none, or TG_ERR_*.
 */
int tg_key_walk_next(struct tg_key_walk *walk,
                     const struct tg_call_place *before,
                     struct tg_call_place *place);

/* Takes NULL. */
void tg_key_walk_end(struct tg_key_walk *walk);

#endif
