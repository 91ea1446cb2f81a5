/*
 * ingest.h: from the journal to the store, each call exactly once.
 *
 * Calls and the offsets up to which segments were read go into the store in
 * one transaction, so a kill between two of them repeats nothing and loses
 * nothing.  Only the main thread calls these.
 */
#ifndef TG_INGEST_H
#define TG_INGEST_H

#include "daemon.h"

struct tg_ingest;

/* Opens its own connection to the store.  0, TG_ERR_*, and *error. */
int tg_ingest_open(struct tg_ingest **ingest, struct tg_daemon *daemon,
                   struct tg_error *error);

/*
 * Takes in all that is there, to the end of every segment, and removes the
 * segments that are done.  Sets lag_bytes, bad_segments and ingested_at_ms
 * of the daemon.  Returns 0, or what the store or the folder said (logged);
 * nothing is lost then, and the next pass goes on where it stands.
 */
int tg_ingest_pass(struct tg_ingest *ingest);

/* How many records the last pass took in. */
size_t tg_ingest_taken(const struct tg_ingest *ingest);

/*
 * Whether a segment could not be opened, or stands where the next pass looks
 * again before it is given up: so there may be calls that the store lacks.
 */
bool tg_ingest_is_behind(const struct tg_ingest *ingest);

/*
 * When the state file is lost: calls of which the journal has a hold and no
 * record, and whose worker is dead, are settled at what they held.  After
 * passes that read all that can be read.  Returns 0 or what the store says.
 */
int tg_ingest_settle_holds(struct tg_ingest *ingest);

/*
 * Segments that were given up are looked at once more by the next pass: the
 * disk may be well again.
 */
void tg_ingest_retry(struct tg_ingest *ingest);

/* Its connection and the journal's folder, for the recovery of calls. */
struct tg_store *tg_ingest_store(const struct tg_ingest *ingest);
int tg_ingest_folder(const struct tg_ingest *ingest);

/* Takes NULL. */
void tg_ingest_close(struct tg_ingest *ingest);

#endif
