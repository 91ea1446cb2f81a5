/*
 * usage_carve.h: a day's calls, carved into the spans that are asked for.
 *
 * Days of most zones begin within a day of UTC, so a UTC day has a piece of one
 * and a piece of another.  With the sixth of a day in which it is cut stand the
 * sums of all calls up to the sixth's middle, or from there on: quarter-hours
 * between the middle and the cut, eight at most, are added to these or taken
 * from them.  Of the other piece nothing is read: it is what the day's sums
 * leave.  So of 96 quarter-hours those of one sixth are read, if any.
 *
 *     the day     |---------------------sums---------------------|
 *     the sixth                 |-cells-|-cells-|
 *     its sums    |-------------sums----|
 *     a piece     |-------------sums----|-cells-|
 *     another     |-------------sums--less cells|
 *
 * That is exact, as sums and histograms of whole numbers are.
 */
#ifndef TG_USAGE_CARVE_H
#define TG_USAGE_CARVE_H

#include "heap.h"
#include "sqlite_pack.h"

#define TG_CARVE_PIECES 3 /* of a day with more, all cells are read */
#define TG_CARVE_HEAPS (1 + 2 * (TG_CARVE_PIECES - 1))
#define TG_CARVE_LAYERS (2 * (TG_CARVE_PIECES - 1))

/* Quarter-hours of a day, up to but not to, of one span; or not asked for. */
struct tg_carve_piece {
    uint32_t from, to;
    int64_t span;
    bool is_asked;
    int heap; /* that becomes it; -1: none */
};

/*
 * How it is done, the same for all rows of a day.  Layers are added to heaps,
 * and then each heap, from the first one on, is taken from the one it is part
 * of.
 */
struct tg_carve {
    uint32_t piece_count;
    struct tg_carve_piece pieces[TG_CARVE_PIECES];
    bool has_day; /* the day's sums are in heap 0 */
    uint32_t heap_count;
    int part_of[TG_CARVE_HEAPS]; /* another heap; -1: none */
    uint32_t layer_count;
    struct {
        uint32_t part;     /* enum tg_pack_part */
        uint32_t from, to; /* the quarter-hours of it that are added */
        uint32_t heap;
    } layers[TG_CARVE_LAYERS];
    uint32_t wanted; /* parts apart from the day's sums: 1 << part each */
};

/*
 * Carves the day whose quarter-hours from from up to to are asked for, and are
 * of those spans.  False: it has too many pieces.
 */
bool tg_carve_plan(struct tg_carve *carve,
                   const int64_t spans[TG_PACK_QUARTERS], uint32_t from,
                   uint32_t to);

/*
 * What a row's parts have of a kind, and of those before it that were not taken
 * away; all 0 but carve: nothing.
 */
struct tg_carver {
    const struct tg_carve *carve;
    bool has_times; /* histograms as well */
    struct tg_pack_reader readers[TG_CARVE_LAYERS];
    int got[TG_CARVE_LAYERS]; /* 1: its reader is at a kind */
    struct tg_heap heaps[TG_CARVE_HEAPS];
};

/* Begins a row that has sixths.  0 or TG_ERR_CORRUPT. */
int tg_carver_open(struct tg_carver *carver, const struct tg_pack_row *row);

/*
 * Adds the kind that the reader of the row's sums is at; kinds rise.  0,
 * TG_ERR_RANGE or TG_ERR_CORRUPT.
 */
int tg_carver_add(struct tg_carver *carver, struct tg_pack_reader *sums);

/* Ends the heaps: now each is its piece, if it has one.  0 or TG_ERR_CORRUPT.
 */
int tg_carver_carve(struct tg_carver *carver);

/* Makes the heaps empty. */
void tg_carver_clear(struct tg_carver *carver);

#endif
