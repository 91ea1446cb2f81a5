/*
 * catalog.h: from the store's models, prices, upstreams and credentials to
 * the catalog in the state file.
 */
#ifndef TG_CATALOG_H
#define TG_CATALOG_H

#include "daemon.h"

/*
 * Publishes the catalog as the store has it, unless the one in force is the
 * same.  The caller holds the lock of store's connection.  Returns 0, what
 * the store says, or TG_ERR_SYSTEM when memory is short.  What does not fit
 * into the catalog is left out and logged.
 */
int tg_catalog_publish(struct tg_daemon *daemon, struct tg_store *store);

/*
 * Publishes the catalog in force with the daemon's settings of now.  One was
 * published before.  Returns 0, or TG_ERR_SYSTEM when memory is short.
 */
int tg_catalog_publish_settings(struct tg_daemon *daemon);

/* "deepseek", "openai" …: the dialect of a name; NONE when it is none. */
enum tg_dialect tg_catalog_dialect(const char *name);
extern const char tg_catalog_dialects[]; /* all names, behind blanks */

#endif
