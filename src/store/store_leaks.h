/*
 * store_leaks.h: what a store keeps of keys that were found where they should
 * not be.
 *
 * As in store.h: rows' texts are somebody else's, and every function returns 0
 * or an enum tg_err.
 */
#ifndef TG_STORE_LEAKS_H
#define TG_STORE_LEAKS_H

#include <stdbool.h>
#include <stdint.h>

#include "digest.h"

struct tg_store;

struct tg_store_leak {
    const char *id; /* leak_… */
    int64_t at;
    const char *key_id;
    const char *secret_id; /* "": not known */
    const char *source;    /* github, operator, response */
    const char *place, *url;
    bool was_in_force;       /* the secret, when it was reported */
    bool is_shut;            /* the key is disabled for it */
    const char *replaced_by; /* id of a key; "": none */
};

/* Whose secret it is. */
struct tg_store_owner {
    const char *key_id, *secret_id;
    int64_t valid_until; /* of the secret; 0: no end of its own */
};

struct tg_store_leak_ops {
    /* The secret of a digest, whatever became of it; TG_ERR_NOT_FOUND. */
    int (*owner)(struct tg_store *store, const struct tg_digest *digest,
                 int (*visit)(void *, const struct tg_store_owner *),
                 void *arg);
    /* *is_new is false when the same was reported before. */
    int (*add)(struct tg_store *store, const struct tg_store_leak *row,
               bool *is_new);
    /* Newest first; key_id and after (an id) may be NULL. */
    int (*each)(struct tg_store *store, const char *key_id, const char *after,
                uint32_t limit,
                int (*visit)(void *, const struct tg_store_leak *), void *arg);
};

extern const struct tg_store_leak_ops tg_sqlite_leak_ops;

#endif
