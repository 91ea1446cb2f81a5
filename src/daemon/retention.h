/*
 * retention.h: what the store keeps no longer is taken out of it, a little at
 * a time.
 */
#ifndef TG_RETENTION_H
#define TG_RETENTION_H

#include "daemon.h"

/*
 * One transaction of it, if there is anything to be taken away: then the next
 * call goes on, else one a minute looks again.  For the main thread, after
 * each pass of ingest, with ingest's store.  Errors are logged.
 */
void tg_retention_pass(struct tg_daemon *daemon, struct tg_store *store,
                       int64_t now_ms);

#endif
