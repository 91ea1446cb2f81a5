/*
 * heap.h: calls being added up: their sums and their histograms.
 */
#ifndef TG_HEAP_H
#define TG_HEAP_H

#include "histogram.h"
#include "pack.h"

/* All 0: none. */
struct tg_heap {
    struct tg_sums sums;
    struct tg_histogram latency, ttft;
};

/* Makes it empty; cheaper than zeroing it. */
void tg_heap_clear(struct tg_heap *heap);

/*
 * Adds the calls of a cell; without histograms unless has_times.  0,
 * TG_ERR_RANGE when a sum does not fit, or TG_ERR_CORRUPT.
 */
int tg_heap_add(struct tg_heap *heap, const struct tg_pack_cell *cell,
                bool has_times);

/*
 * Takes away calls that were added.  0, or TG_ERR_CORRUPT when they cannot
 * have been.
 */
int tg_heap_subtract(struct tg_heap *heap, const struct tg_heap *less);

/* Puts it into a pack as a cell: as tg_pack_put. */
int tg_heap_put(const struct tg_heap *heap, struct tg_pack_writer *writer,
                uint32_t kind, uint32_t quarter);

#endif
