/*
 * key_event.h: events about keys, each told once.
 */
#ifndef TG_KEY_EVENT_H
#define TG_KEY_EVENT_H

#include <jansson.h>

#include "store.h"

struct tg_key_event {
    const char *type, *severity;
    const char *once; /* its name: told once under it */
    json_t *evidence; /* taken over; NULL: none */
};

/*
 * Adds one about a key to the store, in a transaction of the caller's, and
 * says it in the log when it is new.  0 or what the store says.
 */
__attribute__((format(printf, 5, 6))) int
tg_key_event(struct tg_store *store, const struct tg_store_key *row,
             const struct tg_key_event *event, int64_t now_ms, const char *fmt,
             ...);

#endif
