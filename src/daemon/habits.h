/*
 * habits.h: the habits of the keys that call now, in front of the store.
 */
#ifndef TG_HABITS_H
#define TG_HABITS_H

#include "habit.h"
#include "store.h"

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

/* Puts all that changed into the store, in the caller's transaction. */
int tg_habits_keep(struct tg_habits *habits, struct tg_store *store);

/* They are in the store: forgets those that were not used lately. */
void tg_habits_kept(struct tg_habits *habits);

#endif
