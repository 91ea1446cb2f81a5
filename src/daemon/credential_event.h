/*
 * credential_event.h: an event about a credential of an upstream.
 */
#ifndef TG_CREDENTIAL_EVENT_H
#define TG_CREDENTIAL_EVENT_H

#include <jansson.h>

#include "store.h"

struct tg_credential_event {
    const char *type, *severity;
    const char *once; /* its name: it is told once under it */
    json_t *evidence; /* taken over */
};

/*
 * Adds it in a transaction of the caller's, and to the log; fmt is the message.
 * Of row id and upstream_id are read.  Returns 0 or what the store says.
 */
__attribute__((format(printf, 5, 6))) int
tg_credential_event(struct tg_store *store,
                    const struct tg_store_credential *row,
                    const struct tg_credential_event *event, int64_t now_ms,
                    const char *fmt, ...);

#endif
