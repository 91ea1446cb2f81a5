/*
 * sqlite_deliveries.h: deliveries in the SQLite store; see store_sinks.h.
 */
#ifndef TG_SQLITE_DELIVERIES_H
#define TG_SQLITE_DELIVERIES_H

#include "store_sinks.h"

int tg_sqlite_delivery_add(struct tg_store *, const struct tg_store_delivery *);
int tg_sqlite_delivery_set(struct tg_store *, const struct tg_store_delivery *);
int tg_sqlite_delivery_drop(struct tg_store *, const char *, const char *,
                            const char *, const char *, int64_t);
int tg_sqlite_delivery_hasten(struct tg_store *, const char *, const char *,
                              int64_t, int64_t *);
int tg_sqlite_delivery_each(struct tg_store *,
                            const struct tg_store_delivery_filter *,
                            tg_delivery_visit *, void *);
int tg_sqlite_delivery_count(struct tg_store *, const char *, int64_t *,
                             int64_t *);

#endif
