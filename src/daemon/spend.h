/*
 * spend.h: what keys have spent today and this month, for a state file that
 * was just made and knows nothing of it.
 */
#ifndef TG_SPEND_H
#define TG_SPEND_H

#include "daemon.h"

/*
 * Opens all keys that are staged (publish.h), each with what it has spent by
 * the calls in the store, and when it was last used, as far as that is known.
 * After all keys were published, while nothing writes to the store.  Costs a
 * pass over the packs of the last 33 days.  Returns 0, TG_ERR_FULL, or what
 * the store said.
 */
int tg_spend_load(struct tg_daemon *daemon, struct tg_store *store,
                  int64_t now_ms);

/* What is not in packs yet, by key. */
struct tg_recent_spend;

/*
 * Reads it from the store: of two blocks of calls at most.  Meant to be read
 * once and used for many keys.  0, or what the store said; free it.
 */
int tg_spend_recent(struct tg_recent_spend **recent, struct tg_store *store,
                    int64_t now_ms);
void tg_spend_recent_free(struct tg_recent_spend *recent);

/*
 * The same as tg_spend_load for the one key that is staged in a slot; nothing
 * when none is.  Costs a look at each of 33 days.
 */
int tg_spend_load_key(struct tg_daemon *daemon, struct tg_store *store,
                      const struct tg_recent_spend *recent, uint32_t slot,
                      int64_t now_ms);

#endif
