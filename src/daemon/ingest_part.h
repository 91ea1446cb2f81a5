/*
 * ingest_part.h: what ingest's files share: taking in what was written,
 * and settling the holds of calls of which nothing else is left.
 */
#ifndef TG_INGEST_PART_H
#define TG_INGEST_PART_H

#include "holds.h"
#include "ingest.h"
#include "segments.h"

#define TG_INGEST_BUFFER (1u << 17) /* holds any record; L2 holds it */
#define TG_INGEST_LOOKS 3 /* at what cannot be read, until it is given up */

struct tg_ingest {
    struct tg_daemon *daemon;
    struct tg_store *store;
    int dir_fd, kept_fd;
    int64_t trim_at_ms; /* when kept segments are next looked through */
    struct tg_segments segments;
    struct tg_holds holds;
    size_t batch;     /* records in this transaction */
    size_t rested_at; /* so many of them */
    size_t taken;     /* in this pass */
    size_t call_count;
    struct tg_record calls[TG_CALLS_AT_ONCE]; /* not yet in the store */
    bool is_cut;                              /* and there may be more */
    bool is_busy;                             /* the last batch was large */
    bool is_warned;
    bool has_block; /* there is something to be rolled up */
    bool is_stuck;  /* and it cannot be, until the next start */
    char buffer[TG_INGEST_BUFFER];
};

/*
 * Whether the transaction is large enough.  An operator's change waits for it:
 * a full one would cost that ten milliseconds and more.
 */
bool tg_ingest_is_full(struct tg_ingest *ingest);

/*
 * Leaves the processor, now and then, to whoever waits for it, a worker with a
 * call perhaps: else they wait until a whole batch is in the store, for
 * milliseconds.  Not when so much comes in that all wait anyway, or when an
 * operator waits for us.
 */
void tg_ingest_rest(struct tg_ingest *ingest);

/*
 * Takes records from len bytes of the buffer, which stand at the segment's
 * offset.  Returns 0 with *used set to the bytes of whole records and *end to
 * why it stopped there: TG_ERR_NOT_FOUND, TG_ERR_CORRUPT, or 0 for a full
 * batch; or what the store says.
 */
int tg_ingest_take_buffer(struct tg_ingest *ingest,
                          const struct tg_segment *segment, size_t len,
                          size_t *used, int *end);

/* Adds a call to the store, in its transaction. */
int tg_ingest_take_call(struct tg_ingest *ingest,
                        const struct tg_record *record);

/* Looks for holds in what was taken in before this daemon began. */
void tg_ingest_search_holds(struct tg_ingest *ingest);

/*
 * Settles the holds of workers that had another state file than there is now,
 * when all is read that could say more.  Returns what the store says.
 */
int tg_ingest_settle_old_holds(struct tg_ingest *ingest);

#endif
