/*
 * admin_key.h: what the handlers that make and show keys share with those
 * that change them.
 */
#ifndef TG_ADMIN_KEY_H
#define TG_ADMIN_KEY_H

#include "key_secrets.h"
#include "request.h"

/* The object of a key; the list of secrets is taken over. */
json_t *tg_admin_key_object(struct tg_daemon *daemon,
                            const struct tg_store_key *row,
                            struct tg_key_secrets *secrets, int64_t now_ms);

/* When the key was used last, as its counters know; 0: they do not. */
int64_t tg_admin_key_used_at(struct tg_daemon *daemon, const char *key_id);

/*
 * The object of a key as the store has it, for the caller to release, and its
 * ETag in reply; NULL with the reply made when there is none.  Call it with the
 * admin lock held.  Of each secret's use it has what was noted: to walk the
 * key's calls for it would let other changes wait.
 */
json_t *tg_admin_key_read(struct tg_request *request, struct tg_reply *reply,
                          const char *id);

/*
 * The object of a key for tg_change_diff, for the caller to release, or NULL;
 * and what of it does not belong in the audit log.
 */
json_t *tg_admin_key_details(struct tg_daemon *daemon, const char *id);

#define TG_ADMIN_KEY_UNSAID "object id last_used_at"

#endif
