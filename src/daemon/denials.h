/*
 * denials.h: refused requests, from the journal to the store and out of it.
 */
#ifndef TG_DENIALS_H
#define TG_DENIALS_H

#include "daemon.h"
#include "segments.h"

/*
 * Takes in a record of denials of that segment, in the caller's transaction;
 * one that was taken in before is left out.  Returns what the store says.
 */
int tg_denials_take(struct tg_store *store, const struct tg_segment *segment,
                    const struct tg_record *record);

/*
 * Removes a few of those that are older than denials_days, so that ingest and
 * operators never wait for it; for the main thread, each second.
 */
void tg_denials_expire(struct tg_daemon *daemon, struct tg_store *store,
                       int64_t now_ms);

#endif
