/*
 * spend.h: what keys have spent today and this month, for a state file that
 * was just made and knows nothing of it.
 */
#ifndef TG_SPEND_H
#define TG_SPEND_H

#include "daemon.h"

/*
 * Loads the budgets of all keys from the calls in the store.  After the keys
 * were published and before the state file is ready: no call is in flight.
 * Says when keys were last used, too, as far as it is known.  Costs a pass
 * over the rollups of the last 33 days.  Returns 0, or what the store said.
 */
int tg_spend_load(struct tg_daemon *daemon, struct tg_store *store,
                  int64_t now_ms);

#endif
