/*
 * migrate.h: bringing a database up to this version's schema.
 */
#ifndef TG_MIGRATE_H
#define TG_MIGRATE_H

#include <sqlite3.h>

#include "error.h"

#define TG_STORE_APPLICATION_ID 0x746f6c6c /* "toll" */

/* Migration i leads to version i + 1; made from schema/ by embed.py. */
extern const char *const tg_migrations[];
extern const int tg_migration_count;

/*
 * Looks whether the database is ours, and of which version; 0 when it is
 * empty.  Changes nothing.  Returns 0, TG_ERR_FORMAT, TG_ERR_VERSION or
 * TG_ERR_SYSTEM, and *error says why.
 */
int tg_migrate_check(sqlite3 *db, const char *path, int *version,
                     struct tg_error *error);

/*
 * Runs the migrations that are missing, each in a transaction of its own
 * that also sets the version: a kill leaves one version or the next.
 */
int tg_migrate_run(sqlite3 *db, const char *path, struct tg_error *error);

#endif
