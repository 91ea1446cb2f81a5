/*
 * store_sinks.h: what a store keeps of where secrets are delivered to.
 *
 * As in store.h: rows' texts are somebody else's, instants are Unix time in
 * ms with 0 for never, and every function returns 0 or an enum tg_err.
 */
#ifndef TG_STORE_SINKS_H
#define TG_STORE_SINKS_H

#include <stdbool.h>
#include <stdint.h>

#include "str.h"

struct tg_store;

struct tg_store_sink {
    const char *id, *name;
    const char *kind;     /* of sink.h's table */
    const char *config;   /* JSON object without a secret */
    struct tg_str sealed; /* its credentials, a JSON object; empty: none */
    int64_t created_at, changed_at;
};

/* That a key's secret is in a sink, and where. */
struct tg_store_key_sink {
    const char *key_id, *sink_id, *place, *name;
    const char *sink; /* its name; only read */
};

struct tg_store_delivery {
    const char *id, *key_id, *secret_id;
    const char *sink_id, *sink; /* the name that it had */
    const char *place, *name;
    const char *state; /* waiting, done, failed, dropped */
    struct tg_str sealed;
    int64_t attempts;
    int64_t next_at; /* while it waits: not before */
    bool is_told;    /* that it fails, by an event */
    const char *error;
    int64_t created_at, ended_at;
};

/* NULL and 0 mean any. */
struct tg_store_delivery_filter {
    const char *key_id, *sink_id, *secret_id, *state;
    int64_t due_at;    /* waiting, and due by then; the longest due first */
    const char *after; /* id of the last one seen */
    uint32_t limit;
};

typedef int tg_sink_visit(void *arg, const struct tg_store_sink *row);
typedef int tg_key_sink_visit(void *arg, const struct tg_store_key_sink *row);
typedef int tg_delivery_visit(void *arg, const struct tg_store_delivery *row);

struct tg_store_sink_ops {
    int (*add)(struct tg_store *store, const struct tg_store_sink *row);
    int (*get)(struct tg_store *store, const char *id_or_name,
               tg_sink_visit *visit, void *arg);
    /* Oldest first; after is the id of the last one seen, or NULL. */
    int (*each)(struct tg_store *store, const char *after, uint32_t limit,
                tg_sink_visit *visit, void *arg);
    /* Sets config, sealed and changed_at of the one of this id. */
    int (*set)(struct tg_store *store, const struct tg_store_sink *row);
    /* One that no key delivers to. */
    int (*remove)(struct tg_store *store, const char *id);

    int (*key_add)(struct tg_store *store, const struct tg_store_key_sink *row);
    int (*key_clear)(struct tg_store *store, const char *key_id);
    /* Of a key, or of a sink when key_id is NULL. */
    int (*key_each)(struct tg_store *store, const char *key_id,
                    const char *sink_id, tg_key_sink_visit *visit, void *arg);

    int (*delivery_add)(struct tg_store *store,
                        const struct tg_store_delivery *row);
    /* Sets all of it from state to error, and ended_at. */
    int (*delivery_set)(struct tg_store *store,
                        const struct tg_store_delivery *row);
    /* Those that wait for the same place: a newer secret takes it. */
    int (*delivery_drop)(struct tg_store *store, const char *key_id,
                         const char *sink_id, const char *place,
                         const char *name, int64_t at);
    /* Those that wait become due; of a key, a sink, or both. */
    int (*delivery_hasten)(struct tg_store *store, const char *key_id,
                           const char *sink_id, int64_t at, int64_t *count);
    /* Newest first, unless due_at is set. */
    int (*delivery_each)(struct tg_store *store,
                         const struct tg_store_delivery_filter *filter,
                         tg_delivery_visit *visit, void *arg);
    /* How many of a secret wait, and how many ended without being done. */
    int (*delivery_count)(struct tg_store *store, const char *secret_id,
                          int64_t *waiting, int64_t *failed);
};

extern const struct tg_store_sink_ops tg_sqlite_sink_ops;

#endif
