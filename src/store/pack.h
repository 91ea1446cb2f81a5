/*
 * pack.h: sums and histograms of a day's calls in few bytes.
 *
 * A pack is a list of cells, each the calls of one kind (a number that the
 * store gives to model, endpoint, upstream and status) in one quarter-hour of
 * the day.  Cells of a kind stand together with their length before them, so
 * that a reader who does not want the kind skips them.  docs/store.md has it
 * byte by byte.
 *
 * Nothing here knows SQL; room is allocated by the writer alone.
 */
#ifndef TG_PACK_H
#define TG_PACK_H

#include <stdbool.h>

#include "histogram.h"
#include "str.h"
#include "sums.h"

#define TG_PACK_QUARTERS 96 /* of a day */

/* The calls of a kind in a quarter-hour, 0 to 95, or in all of a day: 0. */
struct tg_pack_cell {
    uint32_t kind, quarter;
    struct tg_sums sums;
    struct tg_str latency, ttft; /* histograms, encoded (histogram.h) */
};

/* Where a reader is.  What it gives points into the pack. */
struct tg_pack_reader {
    const uint8_t *at, *end; /* of what was not read */
    const uint8_t *cells_end;
    const uint8_t *cell; /* the last one begins here, behind its quarter */
    uint64_t kind, quarter;
    bool is_begun, has_kind;
};

void tg_pack_open(struct tg_pack_reader *reader, struct tg_str pack);

/*
 * Goes to the cells of the next kind, whatever of this one's is unread.
 * Returns 1 with reader->kind, 0 at the end, or TG_ERR_CORRUPT.
 */
int tg_pack_next_kind(struct tg_pack_reader *reader);

/* The next cell of that kind: 1, 0 when there is none, or TG_ERR_CORRUPT. */
int tg_pack_next_cell(struct tg_pack_reader *reader, struct tg_pack_cell *cell);

/*
 * Passes over the cells of that kind that are before a quarter-hour, and does
 * not look at their figures.  0 or TG_ERR_CORRUPT.
 */
int tg_pack_pass_cells(struct tg_pack_reader *reader, uint32_t quarter);

/* The next cell of any kind, the same way. */
int tg_pack_next(struct tg_pack_reader *reader, struct tg_pack_cell *cell);

/* A pack being made; all 0: nothing is in it. */
struct tg_pack_writer {
    uint8_t *bytes;
    size_t len, room;
    size_t body; /* where the cells of the kind begin */
    uint32_t kind, quarter, last_kind;
    bool has_kind, has_cell;
};

/* Empties it, and keeps the room. */
void tg_pack_clear(struct tg_pack_writer *writer);

/*
 * Adds a cell behind all others: kinds rise, and quarters in them, or
 * TG_ERR_RANGE.  TG_ERR_SYSTEM: no memory.
 */
int tg_pack_put(struct tg_pack_writer *writer, const struct tg_pack_cell *cell);

/* Ends it: *pack is all of it, and the writer's until it is cleared. */
int tg_pack_end(struct tg_pack_writer *writer, struct tg_str *pack);

void tg_pack_release(struct tg_pack_writer *writer);

/*
 * Writes all cells of both, those of the same kind and quarter as one; ended,
 * as by tg_pack_end.  TG_ERR_CORRUPT, TG_ERR_RANGE when a sum does not fit, or
 * TG_ERR_SYSTEM.
 */
int tg_pack_merge(struct tg_pack_writer *writer, struct tg_str a,
                  struct tg_str b, struct tg_str *pack);

#endif
