/*
 * ledger.h: whether the books agree: journal = store = counters, balances =
 * grants + top-ups - settled, holds = calls in flight.
 *
 * A check runs in a thread of its own, beside all else, with a connection of
 * its own, and only reads.  docs/ledger.md says what is compared and why
 * running calls make no difference.
 */
#ifndef TG_LEDGER_H
#define TG_LEDGER_H

#include "daemon.h"
#include "reply.h"

struct tg_ledger;

/* One of the daemon's; 0 or TG_ERR_SYSTEM.  Takes no thread yet. */
int tg_ledger_new(struct tg_ledger **ledger, struct tg_daemon *daemon);

/* Ends a check that runs.  Takes NULL. */
void tg_ledger_free(struct tg_ledger *ledger);

/* Begins a check, unless one runs.  Any thread.  0 or TG_ERR_SYSTEM. */
int tg_ledger_begin(struct tg_ledger *ledger);

/* The check that runs or was the last one; NULL when there was none. */
json_t *tg_ledger_describe(struct tg_ledger *ledger);

/*
 * A check of store and journal alone, where no daemon runs; says how far it
 * is on standard error.  *said is the caller's; *agrees whether they agree.
 */
int tg_ledger_offline(const struct tg_options *options, json_t **said,
                      bool *agrees, struct tg_error *error);

#endif
