/*
 * change.h: a change of the store and its entry in the audit log, which are
 * both made or neither.
 */
#ifndef TG_CHANGE_H
#define TG_CHANGE_H

#include "request.h"

/*
 * Begins a change that an operator makes: a transaction on daemon->admin,
 * whose lock the caller holds until the change is published.
 */
int tg_change_begin(struct tg_request *request);

/*
 * Ends it: when err is 0 it adds the entry, by the action of the request's
 * route, and commits; else it rolls back.  subject is the id of what was
 * changed.  details, taken over, is an object without secrets; NULL for
 * none.  Returns err, or what the store said.
 */
int tg_change_end(struct tg_request *request, int err, const char *subject,
                  json_t *details);

/*
 * An entry of something that changes no row, before it is done.  Takes the
 * admin lock.  Returns false with the reply made when it cannot be written.
 */
bool tg_change_note(struct tg_request *request, struct tg_reply *reply,
                    const char *subject);

/*
 * Adds the entry of a change of the daemon's own within the transaction that
 * makes it.
 */
int tg_change_own(struct tg_store *store, const char *action,
                  const char *subject, json_t *details);

/*
 * What differs between two objects of the API, {"member": [before, after]};
 * either may be NULL, which has no members.  Members in but, separated by
 * blanks, are left out.
 */
json_t *tg_change_diff(const json_t *before, const json_t *after,
                       const char *but);

#endif
