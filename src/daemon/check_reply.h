/*
 * check_reply.h: a check as the admin API answers it.
 */
#ifndef TG_CHECK_REPLY_H
#define TG_CHECK_REPLY_H

#include <jansson.h>

#include "check.h"

/*
 * Asks, and puts all that was said into the object of a check.  key is the
 * key's object.  The caller holds the publish lock; the object is the
 * caller's.
 */
json_t *tg_check_reply(const struct tg_state *state,
                       const struct tg_check_question *question,
                       const json_t *key);

#endif
