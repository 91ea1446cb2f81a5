/*
 * holds.h: calls of which the journal has a hold, and the store no record yet.
 *
 * A segment stays in the journal as long as the last hold of such a call is in
 * it, so that they are found again by every daemon.  When the state file is
 * lost with the power, nobody else knows of these calls: they are settled at
 * what they held.  Only sync = strict writes holds.
 */
#ifndef TG_HOLDS_H
#define TG_HOLDS_H

#include "segments.h"

/* Where a hold stands. */
struct tg_hold_place {
    uint64_t offset; /* of the record in its segment */
    uint32_t number;
};

/*
 * The last one counts.  It may not be durable yet, so that the first one stays
 * as well.
 */
struct tg_hold_row {
    struct tg_call_id id;
    uint64_t writer_id;
    struct tg_hold_place first, last;
    bool is_used;
    bool is_over; /* by a record of this transaction */
};

/* Zeros when there are none. */
struct tg_holds {
    struct tg_hold_row *rows;
    size_t count, room; /* room is a power of two, or 0 */
    size_t over_count;
};

/*
 * A hold stands at offset in a segment, maybe not the call's first one.
 * Returns 0 or TG_ERR_SYSTEM.
 */
int tg_holds_put(struct tg_holds *holds, const struct tg_segment *segment,
                 uint64_t offset, const struct tg_call_id *id);

/* The call has its record, if the transaction is committed. */
void tg_holds_end(struct tg_holds *holds, const struct tg_call_id *id);
void tg_holds_settle(struct tg_holds *holds, bool is_committed);

/* Whether the segment is still needed for one.  O(holds). */
bool tg_holds_need(const struct tg_holds *holds,
                   const struct tg_segment *segment);

/*
 * Finds the holds in what was taken in of a segment before this daemon began;
 * buffer is room for that.  Returns 0; TG_ERR_SYSTEM: then to be done again; or
 * TG_ERR_CORRUPT: it was damaged since, and may have others.
 */
int tg_holds_search(struct tg_holds *holds, const struct tg_segment *segment,
                    char *buffer, size_t size);

/*
 * Reads the last hold, else the first, from its segment, among these.  record's
 * texts are in buffer, of TG_JOURNAL_RECORD_MAX bytes.  Returns 0 or an error:
 * it cannot be read.
 */
int tg_holds_read(const struct tg_hold_row *row,
                  const struct tg_segments *segments, char *buffer,
                  struct tg_record *record);

void tg_holds_release(struct tg_holds *holds);

#endif
