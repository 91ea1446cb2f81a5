/*
 * own.h: an operator that is bound to accounts sees and changes theirs only.
 *
 * A row of the route table says what its route is about (enum tg_reach); the
 * dispatcher checks it here before a handler runs.  Lists are the handlers'
 * own: they ask tg_own_filter, so that the account stands in the query.
 */
#ifndef TG_OWN_H
#define TG_OWN_H

#include "request.h"

/* Whether the one who asks may see the account's things. */
bool tg_own_account(const struct tg_request *request, const char *account_id);

/*
 * Whether the one who asks may reach what the route is about; a name of an
 * account becomes its id, in request->subject or the member "account".
 * Returns false with the reply made: as if it did not exist.
 */
bool tg_own_check(struct tg_request *request, struct tg_reply *reply);

/*
 * What a list is of: the account that the argument "account" names, else the
 * operator's own; *account_id is NULL when it is of all.  The caller holds the
 * lock of store's connection.  Returns false with the reply made when there
 * is no such account, or when there are several and none is named.
 */
bool tg_own_filter(const struct tg_request *request, struct tg_store *store,
                   struct tg_reply *reply, char buffer[TG_ID_TEXT_SIZE],
                   const char **account_id);

/*
 * Whether the argument "key" is a key that the one who asks may see, or is not
 * there; *key_id is it, or NULL.  The caller holds the lock of store's
 * connection.  Returns false with the reply made: 400, about key.
 */
bool tg_own_key(const struct tg_request *request, struct tg_store *store,
                struct tg_reply *reply, const char **key_id);

#endif
