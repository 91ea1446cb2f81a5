/*
 * policy.h: from rows of the store to policy in the state file.
 */
#ifndef TG_POLICY_H
#define TG_POLICY_H

#include "daemon.h"
#include "id.h"

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

/*
 * Publish all accounts, and then all keys, through the connection for reports,
 * too: before other threads are there but the usher's.
 */
int tg_policy_accounts(struct tg_daemon *daemon, struct tg_store *store);
int tg_policy_keys(struct tg_daemon *daemon, struct tg_store *store);

/* Where a refresh stands.  Begin with next_at_ms a day after tg_policy_keys. */
struct tg_policy_refresh {
    int64_t next_at_ms;
    char after[TG_ID_TEXT_SIZE]; /* the last key done; "": none under way */
};

/*
 * Publishes keys with a time zone or hours anew once a day, because a zone's
 * offsets are published for the days around now.  To be called every second
 * or so by one thread that holds no lock: each call does a hundred keys, or
 * nothing when the admin API is busy.
 */
void tg_policy_refresh(struct tg_daemon *daemon,
                       struct tg_policy_refresh *refresh, int64_t now_ms);

#endif
