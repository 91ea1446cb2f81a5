#include "usage_carve.h"

#include <assert.h>

#include "err.h"
#include "pack_thirds.h"

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
    carve->pieces[carve->piece_count++] = (struct tg_carve_piece){
        .from = quarter,
        .to = quarter + 1,
        .span = span,
        .is_asked = is_asked,
        .heap = -1};
    return true;
}

/* Of three that are equal the one in the middle, of which there are no sums. */
static int
find_largest(const struct tg_carve *carve)
{
    uint32_t best = carve->piece_count / 2;

    for (uint32_t i = 0; i < carve->piece_count; i++) {
        const struct tg_carve_piece *piece = &carve->pieces[i];

        if (piece->to - piece->from >
            carve->pieces[best].to - carve->pieces[best].from)
            best = i;
    }
    return (int)best;
}

static uint32_t
add_heap(struct tg_carve *carve, int piece, int part_of)
{
    assert(carve->heap_count < TG_CARVE_HEAPS);
    carve->heaps[carve->heap_count].piece = piece;
    carve->heaps[carve->heap_count].part_of = part_of;
    if (piece >= 0)
        carve->pieces[piece].heap = (int)carve->heap_count;
    return carve->heap_count++;
}

static void
add_layer(struct tg_carve *carve, enum tg_pack_part part, uint32_t from,
          uint32_t to, uint32_t heap)
{
    if (from >= to)
        return;
    assert(carve->layer_count < TG_CARVE_LAYERS);
    carve->layers[carve->layer_count].part = part;
    carve->layers[carve->layer_count].from = from;
    carve->layers[carve->layer_count].to = to;
    carve->layers[carve->layer_count++].heap = heap;
    carve->wanted |= 1u << part;
}

/* What a piece has of a third; *rest, made once, is what is too much in it. */
static void
add_third(struct tg_carve *carve, uint32_t third, uint32_t from, uint32_t to,
          uint32_t heap, int *rest)
{
    enum tg_pack_part cells = TG_PACK_CELLS_0 + third;
    uint32_t begin = third * TG_PACK_THIRD, end = begin + TG_PACK_THIRD;

    from = from > begin ? from : begin;
    to = to < end ? to : end;
    if (from >= to)
        return;
    if (third == 1 || 2 * (to - from) <= TG_PACK_THIRD) {
        add_layer(carve, cells, from, to, heap);
        return;
    }
    add_layer(carve, third == 0 ? TG_PACK_SUMS_0 : TG_PACK_SUMS_2, 0, 1, heap);
    if (to - from == TG_PACK_THIRD)
        return;
    if (*rest < 0)
        *rest = (int)add_heap(carve, -1, (int)heap);
    add_layer(carve, cells, begin, from, (uint32_t)*rest);
    add_layer(carve, cells, to, end, (uint32_t)*rest);
}

bool
tg_carve_plan(struct tg_carve *carve, const int64_t spans[TG_PACK_QUARTERS],
              uint32_t from, uint32_t to)
{
    int largest;

    *carve = (struct tg_carve){.piece_count = 0};
    for (uint32_t i = 0; i < TG_PACK_QUARTERS; i++) {
        if (!add_piece(carve, i, spans[i], i >= from && i < to))
            return false;
    }
    largest = find_largest(carve);
    add_heap(carve, largest, -1);
    for (int i = 0; i < (int)carve->piece_count; i++) {
        const struct tg_carve_piece *piece = &carve->pieces[i];
        bool is_part = carve->pieces[largest].is_asked;
        int rest = -1;
        uint32_t heap;

        if (i == largest || (!is_part && !piece->is_asked))
            continue;
        heap = add_heap(carve, i, is_part ? 0 : -1);
        for (uint32_t third = 0; third < TG_PACK_THIRDS; third++)
            add_third(carve, third, piece->from, piece->to, heap, &rest);
    }
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
    int got = carver->got[layer], err = 0;

    while (got > 0 && reader->kind < kind)
        got = tg_pack_next_kind(reader);
    carver->got[layer] = got;
    if (got <= 0 || reader->kind > kind)
        return got < 0 ? TG_ERR_CORRUPT : 0;
    while (err == 0 && (got = tg_pack_next_cell(reader, &cell)) > 0 &&
           cell.quarter < to) {
        if (cell.quarter >= from)
            err = tg_heap_add(heap, &cell, carver->has_times);
    }
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
    if (carve->pieces[carve->heaps[0].piece].is_asked)
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

    for (uint32_t i = carve->heap_count; i > 0 && err == 0; i--) {
        int part_of = carve->heaps[i - 1].part_of;

        if (part_of >= 0)
            err = tg_heap_subtract(&carver->heaps[part_of],
                                   &carver->heaps[i - 1]);
    }
    return err;
}

void
tg_carver_clear(struct tg_carver *carver)
{
    for (uint32_t i = 0; i < carver->carve->heap_count; i++)
        tg_heap_clear(&carver->heaps[i]);
}
