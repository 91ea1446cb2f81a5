/*
 * service_draft.h: rows of the price book that stand for an upstream's objects
 * (service.h): each is one account's, and no upstream is two accounts'.
 */
#ifndef TG_SERVICE_DRAFT_H
#define TG_SERVICE_DRAFT_H

#include "call.h"
#include "reply.h"

/*
 * Puts the id of the account in place of its name in "files@NAME".  Names of
 * other things stay.  Returns false with the reply made when there is no such
 * account.
 */
bool tg_service_draft_name(struct tg_store *store, struct tg_reply *reply,
                           char name[TG_MODEL_NAME_MAX + 1]);

/*
 * Whether these upstreams, a JSON list of ids or NULL, may serve the row of
 * this name: one at most, that has no row of another account.  Names of other
 * things may have any.  Else false with the reply made.
 */
bool tg_service_draft_serves(struct tg_store *store, struct tg_reply *reply,
                             const char *name, const char *upstream_ids);

#endif
