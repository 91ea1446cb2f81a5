#include "usage_carve.h"

#include <assert.h>

#include "err.h"
#include "pack_sixths.h"

static bool
add_piece(struct tg_carve *carve, uint32_t quarter, int64_t span, bool is_asked)
{
    struct tg_carve_piece *last = carve->pieces + carve->piece_count - 1;

    if (carve->piece_count > 0 && last->is_asked == is_asked &&
        (!is_asked || last->span == span)) {
        last->to = quarter + 1;
        return true;
    }
    if (carve->piece_count == TG_CARVE_PIECES)
        return false;
    carve->pieces[carve->piece_count++] =
        (struct tg_carve_piece){.from = quarter,
                                .to = quarter + 1,
                                .span = span,
                                .is_asked = is_asked,
                                .heap = -1};
    return true;
}

/* part_of may be a heap that is yet to come. */
static int
add_heap(struct tg_carve *carve, int part_of)
{
    assert(carve->heap_count < TG_CARVE_HEAPS);
    carve->part_of[carve->heap_count] = part_of;
    return (int)carve->heap_count++;
}

static void
add_layer(struct tg_carve *carve, uint32_t part, uint32_t from, uint32_t to,
          int heap)
{
    if (from >= to)
        return;
    assert(carve->layer_count < TG_CARVE_LAYERS);
    carve->layers[carve->layer_count].part = part;
    carve->layers[carve->layer_count].from = from;
    carve->layers[carve->layer_count].to = to;
    carve->layers[carve->layer_count++].heap = (uint32_t)heap;
    carve->wanted |= 1u << part;
}

/* Whether what is known of a cut is what is before it, or what is behind. */
static bool
is_known_before(uint32_t cut)
{
    return cut < tg_pack_sixths[TG_PACK_SIXTHS / 2].cells.to;
}

/* A heap of what is known of a cut; what is too much in it comes before it. */
static int
add_known(struct tg_carve *carve, uint32_t cut, int part_of)
{
    uint32_t sixth = tg_pack_sixth_of(cut);
    uint32_t cells = TG_PACK_SIXTH_CELLS + sixth;
    bool is_before = is_known_before(cut);
    uint32_t middle =
        sixth == 0 && !is_before ? TG_PACK_QUARTERS : sixth * TG_PACK_SIXTH;
    uint32_t from = cut < middle ? cut : middle;
    uint32_t to = cut < middle ? middle : cut;
    bool is_less = is_before == (cut < middle);
    int heap;

    if (is_less && from < to)
        add_layer(carve, cells, from, to,
                  add_heap(carve, (int)carve->heap_count + 1));
    heap = add_heap(carve, part_of);
    if (!is_less)
        add_layer(carve, cells, from, to, heap);
    if (sixth != 0)
        add_layer(carve, TG_PACK_SIXTH_SUMS + sixth, 0, 1, heap);
    return heap;
}

/* What is before a cut is part of what is before the next, or of the day. */
static void
add_cuts(struct tg_carve *carve)
{
    struct tg_carve_piece *pieces = carve->pieces;
    uint32_t day = 0;
    int whole;

    while (day + 1 < carve->piece_count &&
           is_known_before(pieces[day + 1].from))
        day++;
    carve->has_day = pieces[day].is_asked;
    if (carve->has_day)
        pieces[day].heap = add_heap(carve, -1);
    whole = pieces[day].heap;
    for (uint32_t i = day; i > 0; i--)
        whole = pieces[i - 1].heap = add_known(carve, pieces[i].from, whole);
    whole = pieces[day].heap;
    for (uint32_t i = day + 1; i < carve->piece_count; i++)
        whole = pieces[i].heap = add_known(carve, pieces[i].from, whole);
}

bool
tg_carve_plan(struct tg_carve *carve, const int64_t spans[TG_PACK_QUARTERS],
              uint32_t from, uint32_t to)
{
    *carve = (struct tg_carve){.piece_count = 0};
    for (uint32_t i = 0; i < TG_PACK_QUARTERS; i++) {
        if (!add_piece(carve, i, spans[i], i >= from && i < to))
            return false;
    }
    add_cuts(carve);
    return true;
}

int
tg_carver_open(struct tg_carver *carver, const struct tg_pack_row *row)
{
    const struct tg_carve *carve = carver->carve;

    for (uint32_t i = 0; i < carve->layer_count; i++) {
        tg_pack_open(&carver->readers[i], row->parts[carve->layers[i].part]);
        carver->got[i] = tg_pack_next_kind(&carver->readers[i]);
        if (carver->got[i] < 0)
            return TG_ERR_CORRUPT;
    }
    return 0;
}

/* What a layer has of a kind. */
static int
add_layer_kind(struct tg_carver *carver, uint32_t layer, uint64_t kind)
{
    uint32_t from = carver->carve->layers[layer].from;
    uint32_t to = carver->carve->layers[layer].to;
    struct tg_heap *heap = &carver->heaps[carver->carve->layers[layer].heap];
    struct tg_pack_reader *reader = &carver->readers[layer];
    struct tg_pack_cell cell;
    int got = carver->got[layer], err;

    while (got > 0 && reader->kind < kind)
        got = tg_pack_next_kind(reader);
    carver->got[layer] = got;
    if (got <= 0 || reader->kind > kind)
        return got < 0 ? TG_ERR_CORRUPT : 0;
    err = tg_pack_pass_cells(reader, from);
    while (err == 0 && (got = tg_pack_next_cell(reader, &cell)) > 0 &&
           cell.quarter < to)
        err = tg_heap_add(heap, &cell, carver->has_times);
    return got < 0 ? got : err;
}

int
tg_carver_add(struct tg_carver *carver, struct tg_pack_reader *sums)
{
    const struct tg_carve *carve = carver->carve;
    struct tg_pack_cell cell;
    int err = 0, got = tg_pack_next_cell(sums, &cell);

    if (got <= 0)
        return TG_ERR_CORRUPT;
    if (carve->has_day)
        err = tg_heap_add(&carver->heaps[0], &cell, carver->has_times);
    for (uint32_t i = 0; i < carve->layer_count && err == 0; i++)
        err = add_layer_kind(carver, i, sums->kind);
    return err;
}

int
tg_carver_carve(struct tg_carver *carver)
{
    const struct tg_carve *carve = carver->carve;
    int err = 0;

    for (uint32_t i = 0; i < carve->heap_count && err == 0; i++) {
        if (carve->part_of[i] >= 0)
            err = tg_heap_subtract(&carver->heaps[carve->part_of[i]],
                                   &carver->heaps[i]);
    }
    return err;
}

void
tg_carver_clear(struct tg_carver *carver)
{
    for (uint32_t i = 0; i < carver->carve->heap_count; i++)
        tg_heap_clear(&carver->heaps[i]);
}
