/*
 * health_report.h: the report about one key, and about the gate as a whole.
 */
#ifndef TG_HEALTH_REPORT_H
#define TG_HEALTH_REPORT_H

#include "health.h"

/*
 * All checks of a key.  The caller holds the lock of store's connection.
 * *name becomes the key's name, the caller's.  0, TG_ERR_NOT_FOUND, or what
 * the store says.
 */
int tg_health_key(struct tg_health *health, struct tg_daemon *daemon,
                  struct tg_store *store, const char *key_id, json_t **name);

/* All of the gate but its keys; the same. */
int tg_health_all(struct tg_health *health, struct tg_daemon *daemon,
                  struct tg_store *store);

#endif
