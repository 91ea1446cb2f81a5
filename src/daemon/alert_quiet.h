/*
 * alert_quiet.h: hours in which a channel is not told what can wait.
 */
#ifndef TG_ALERT_QUIET_H
#define TG_ALERT_QUIET_H

#include "daemon.h"

/* Whether it is quiet now, by hours as hours.h has them; "": never. */
bool tg_quiet_is(const char *hours, int64_t now_ms);

/*
 * It is not quiet: what a channel was not told becomes one notice that sums it
 * up; a single one goes as it is.  Begins a transaction when there is any.  0,
 * or what the store said.
 */
int tg_quiet_end(struct tg_daemon *daemon, struct tg_store *store,
                 const char *channel_id, const char *channel, int64_t now_ms);

/*
 * Too many at once for people: what of a chat or a mailbox waits, is not
 * critical and was never sent becomes one notice when it is more than
 * TG_QUIET_STORM.  As above.
 */
#define TG_QUIET_STORM 30
int tg_quiet_storm(struct tg_daemon *daemon, struct tg_store *store,
                   const char *channel_id, const char *channel, int64_t now_ms);

#endif
