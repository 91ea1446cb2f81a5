/*
 * habits.h: the habits of the keys that call now, in front of the store.
 *
 * They are packed in memory as the store has them, some 300 bytes a key with
 * what finds it, so that hundreds of thousands of keys that call in turn are
 * read from the store once, and written some times an hour.
 */
#ifndef TG_HABITS_H
#define TG_HABITS_H

#include "daemon.h"
#include "habit.h"

#define TG_HABITS_BYTES (128u << 20) /* as many as are used so far */

struct tg_habits;

/* bytes: the most of memory, about.  NULL when there is no memory. */
struct tg_habits *tg_habits_new(size_t bytes);
void tg_habits_free(struct tg_habits *habits);

/*
 * The habit of a key, for the caller to change, until the next call of one of
 * these: from memory, or read from the store, or new.  key_id is not empty.
 * Returns 0; TG_ERR_FULL when _keep must come first; TG_ERR_SYSTEM, or what
 * the store says.
 */
int tg_habits_of(struct tg_habits *habits, struct tg_store *store,
                 const char *key_id, struct tg_habit **habit);

/*
 * Says that a key is asked for soon, some calls from now: what is in memory of
 * it is fetched meanwhile, step by step as others are named.  "" is no key.
 */
void tg_habits_expect(struct tg_habits *habits, const char *key_id);

/*
 * Puts what has changed into the store, in transactions of their own, of which
 * none takes long: somebody may wait for the next.  A habit knows the last
 * call it has seen, so it may be in the store before or after others.  Then
 * forgets those that were not used lately.
 */
int tg_habits_keep(struct tg_habits *habits, struct tg_daemon *daemon,
                   struct tg_store *store);

/* Keys that are in memory. */
size_t tg_habits_count(const struct tg_habits *habits);

/* Those that the store has otherwise, of which tg_habits_keep writes rows. */
size_t tg_habits_dirty(const struct tg_habits *habits);

#endif
