/*
 * event.h: telling of what somebody should know of.
 */
#ifndef TG_EVENT_H
#define TG_EVENT_H

#include <jansson.h>

#include "store.h"

struct tg_event {
    const char *type;
    const char *severity; /* info, warning, critical */
    const char *once;     /* NULL, or its name: it is told once under it */
    const char *key_id, *account_id, *upstream_id, *credential_id; /* or NULL */
    json_t *evidence; /* an object, taken over; NULL: none */
};

/*
 * Adds it to the store, in a transaction of the caller's, and says it in the
 * log when it is new; fmt is its message.  Returns 0 or what the store says.
 */
__attribute__((format(printf, 4, 5))) int
tg_event_tell(struct tg_store *store, const struct tg_event *event,
              int64_t now_ms, const char *fmt, ...);

#endif
