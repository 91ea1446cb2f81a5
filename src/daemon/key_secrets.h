/*
 * key_secrets.h: a key's secrets, and its rotation, as its object shows them.
 */
#ifndef TG_KEY_SECRETS_H
#define TG_KEY_SECRETS_H

#include <jansson.h>

#include "rotation.h"

/* All 0 but list and now_ms at the beginning. */
struct tg_key_secrets {
    json_t *list; /* an array, the newest first */
    int64_t now_ms;
    int64_t last_used_at; /* of any; 0: never */
    struct tg_rotation rotation;
};

/* Adds one; the newest comes first.  Returns 0: it visits secrets. */
int tg_key_secrets_add(void *secrets, const struct tg_store_secret *row);

/* Sets what they say of the key in its object: prefix, last4, rotation. */
void tg_key_secrets_say(const struct tg_key_secrets *secrets,
                        const struct tg_store_key *row, json_t *key);

#endif
