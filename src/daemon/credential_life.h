/*
 * credential_life.h: what comes of a credential by the clock: it is told 14, 7
 * and 1 days before its provider ends it, and that it has; and one that
 * another has taken over from ends when its time is over.
 */
#ifndef TG_CREDENTIAL_LIFE_H
#define TG_CREDENTIAL_LIFE_H

#include "daemon.h"

/* A round of the clockwork: rounds.h. */
void tg_credential_pass(struct tg_daemon *daemon, struct tg_store *store,
                        int64_t now_ms);

#endif
