/*
 * sqlite_account_walk.h: the calls of an account, the newest first, as those
 * of its keys.
 */
#ifndef TG_SQLITE_ACCOUNT_WALK_H
#define TG_SQLITE_ACCOUNT_WALK_H

#include "sqlite_key_calls.h"

struct tg_account_walk;

/*
 * Begins a walk over the calls of filter->account_id since filter->since, in a
 * transaction of the caller's, as long as which it is used.  *walk is NULL
 * when the account has more keys than are walked over at once, or none that
 * the store knows.  0 or TG_ERR_*.
 */
int tg_account_walk_begin(struct tg_account_walk **walk, struct tg_sqlite *db,
                          const struct tg_store_filter *filter,
                          const struct tg_call_place *before);

/* The newest that was not given yet: 1 and *place, 0 at the end, or TG_ERR_*.
 */
int tg_account_walk_next(struct tg_account_walk *walk,
                         struct tg_call_place *place);

/* Takes NULL. */
void tg_account_walk_end(struct tg_account_walk *walk);

#endif
