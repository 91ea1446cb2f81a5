#include "heap.h"

#include "err.h"

void
tg_heap_clear(struct tg_heap *heap)
{
    heap->sums = (struct tg_sums){0};
    tg_histogram_clear(&heap->latency);
    tg_histogram_clear(&heap->ttft);
}

int
tg_heap_add(struct tg_heap *heap, const struct tg_pack_cell *cell,
            bool has_times)
{
    int err = tg_sums_add(&heap->sums, &cell->sums);

    if (err == 0 && has_times)
        err = tg_histogram_merge(&heap->latency, cell->latency.data,
                                 cell->latency.len);
    if (err == 0 && has_times)
        err = tg_histogram_merge(&heap->ttft, cell->ttft.data, cell->ttft.len);
    return err;
}

int
tg_heap_subtract(struct tg_heap *heap, const struct tg_heap *less)
{
    int err = heap->sums.requests < less->sums.requests ||
                      tg_sums_subtract(&heap->sums, &less->sums) != 0
                  ? TG_ERR_CORRUPT
                  : 0;

    if (err == 0)
        err = tg_histogram_subtract(&heap->latency, &less->latency);
    if (err == 0)
        err = tg_histogram_subtract(&heap->ttft, &less->ttft);
    return err;
}

int
tg_heap_put(const struct tg_heap *heap, struct tg_pack_writer *writer,
            uint32_t kind, uint32_t quarter)
{
    uint8_t bytes[2][TG_HISTOGRAM_BYTES_MAX];
    struct tg_pack_cell cell = {.kind = kind,
                                .quarter = quarter,
                                .sums = heap->sums,
                                .latency = {(const char *)bytes[0], 0},
                                .ttft = {(const char *)bytes[1], 0}};

    cell.latency.len = tg_histogram_encode(&heap->latency, bytes[0]);
    cell.ttft.len = tg_histogram_encode(&heap->ttft, bytes[1]);
    return tg_pack_put(writer, &cell);
}
