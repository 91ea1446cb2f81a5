/*
 * habits.h: the habits of the keys that call now, in front of the store.
 */
#ifndef TG_HABITS_H
#define TG_HABITS_H

#include "daemon.h"
#include "habit.h"

#define TG_HABITS_MAX 8192 /* in memory: about 22 MiB, if so many call */

struct tg_habits;

/* NULL when there is no memory. */
struct tg_habits *tg_habits_new(void);
void tg_habits_free(struct tg_habits *habits);

/*
 * The habit of a key, for the caller to change, until the next _keep: from
 * memory, or read from the store, or new.  Returns 0; TG_ERR_FULL when _keep
 * must come first; TG_ERR_SYSTEM, or what the store says.
 */
int tg_habits_of(struct tg_habits *habits, struct tg_store *store,
                 const char *key_id, struct tg_habit **habit);

/*
 * Puts what has changed into the store, in transactions of their own, of which
 * none takes long: somebody may wait for the next.  A habit knows the last
 * call it has seen, so it may be in the store before or after others.  Then
 * forgets those that were not used lately.
 */
int tg_habits_keep(struct tg_habits *habits, struct tg_daemon *daemon,
                   struct tg_store *store);

#endif
