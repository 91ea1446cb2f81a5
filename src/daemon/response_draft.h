/*
 * response_draft.h: the member responses of a key's policy and of an account,
 * as it is asked for: what is done because of which event.
 */
#ifndef TG_RESPONSE_DRAFT_H
#define TG_RESPONSE_DRAFT_H

#include "reply.h"

/*
 * Reads the member and applies it to what is stored (an object's JSON): event
 * by event, null takes one away, and null for the whole takes all.  *text is
 * what comes of it, for the caller to free; NULL: the member is not there.
 * Returns false with the reply made, naming the member, when it is wrong.
 */
bool tg_responses_read(struct tg_reply *reply, const json_t *body,
                       const char *stored, char **text);

#endif
