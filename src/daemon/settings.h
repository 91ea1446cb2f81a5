/*
 * settings.h: HOME/tollgate.conf into the catalog.
 */
#ifndef TG_SETTINGS_H
#define TG_SETTINGS_H

#include "daemon.h"

/*
 * Reads the file; the next tg_catalog_publish publishes it.  Returns 0, or
 * TG_ERR_FORMAT or TG_ERR_SYSTEM and *error says why.
 */
int tg_settings_read(struct tg_daemon *daemon, struct tg_error *error);

/*
 * Reads it again and publishes it for the next request.  A file that cannot
 * be used changes nothing.  Logs what came of it.
 */
void tg_settings_read_again(struct tg_daemon *daemon);

#endif
