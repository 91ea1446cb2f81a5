/*
 * policy.h: from rows of the store to policy in the state file.
 */
#ifndef TG_POLICY_H
#define TG_POLICY_H

#include "daemon.h"

/*
 * Publish one account or key as the store has it.  The caller holds the lock
 * of store's connection.  Returns 0; TG_ERR_NOT_FOUND when the store has
 * none; TG_ERR_FULL when the state file has no room, which is logged; or
 * what the store says.
 */
int tg_policy_account(struct tg_daemon *daemon, struct tg_store *store,
                      const char *id);
int tg_policy_key(struct tg_daemon *daemon, struct tg_store *store,
                  const char *id);

/* Publishes all accounts and keys. */
int tg_policy_all(struct tg_daemon *daemon, struct tg_store *store);

#endif
