/*
 * fresh.h: calls that were just added, for those who look at each of them.
 *
 * Two readers follow calls in the order of their numbers: one glances at them,
 * one tallies them (struct tg_store_glance, struct tg_store_tally).  From the
 * store each call would be read again by both, which takes longer than half of
 * what adding it does.  So the connection that adds calls keeps what they ask
 * for in memory, from a commit on until both have read it.
 *
 * One thread adds, another one reads.
 */
#ifndef TG_FRESH_H
#define TG_FRESH_H

#include "store.h"

enum tg_fresh_reader { TG_FRESH_GLANCE, TG_FRESH_TALLY, TG_FRESH_READERS };

struct tg_fresh;

/* Empty: all is read from the store.  NULL when there is no memory. */
struct tg_fresh *tg_fresh_new(void);

/* Nobody uses it any more.  Takes NULL. */
void tg_fresh_free(struct tg_fresh *fresh);

/*
 * A call got the number seq, higher than all before; nobody reads it until
 * tg_fresh_commit.  Where there is no memory it is read from the store.
 */
void tg_fresh_add(struct tg_fresh *fresh, const struct tg_record *record,
                  int64_t seq);

/* What was added is in the store. */
void tg_fresh_commit(struct tg_fresh *fresh);

/* It may not be, nor anything else: readers go on with the store. */
void tg_fresh_forget(struct tg_fresh *fresh);

/*
 * Visits up to limit calls behind number after, in order; texts are valid until
 * the visitor returns.  Returns 0 or what the visitor did; TG_ERR_NOT_FOUND
 * when only the store has them, and nothing was visited.
 */
int tg_fresh_glance(struct tg_fresh *fresh, int64_t after, uint32_t limit,
                    int (*visit)(void *, const struct tg_store_glance *),
                    void *arg);
int tg_fresh_tally(struct tg_fresh *fresh, int64_t after, uint32_t limit,
                   int (*visit)(void *, const struct tg_store_tally *),
                   void *arg);

#endif
