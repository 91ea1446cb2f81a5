/*
 * alerts.h: rules of alerts, looked at each second.
 *
 * A pass follows the calls and events that are new, looks at the keys they
 * are of, at what is open, and at a part of all others, so that a change of
 * policy is seen, too.  What it finds it writes as episodes and notices;
 * notices are delivered elsewhere (alert_deliver.h).
 */
#ifndef TG_ALERTS_H
#define TG_ALERTS_H

#include "daemon.h"

struct tg_alerts;

/*
 * Puts the rules that everybody has into a store that never had any.  Before
 * there are other threads.  0, or what the store said.
 */
int tg_alerts_first(struct tg_store *store, int64_t now_ms);

/* 0 or TG_ERR_SYSTEM.  Free takes NULL. */
int tg_alerts_new(struct tg_alerts **alerts, struct tg_daemon *daemon);
void tg_alerts_free(struct tg_alerts *alerts);

/* The pass; a row of the clockwork. */
void tg_alerts_pass(struct tg_daemon *daemon, struct tg_store *store,
                    int64_t now_ms);

/* Rules were changed: the next pass reads them.  Any thread. */
void tg_alerts_changed(struct tg_daemon *daemon);

#endif
