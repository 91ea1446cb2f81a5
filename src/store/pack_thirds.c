#include "pack_thirds.h"

#include "heap.h"

int
tg_pack_third(struct tg_pack_writer *writer, struct tg_str cells,
              uint32_t third, struct tg_str *pack)
{
    struct tg_pack_reader reader;
    struct tg_pack_cell cell;
    int err = 0, got;

    tg_pack_clear(writer);
    tg_pack_open(&reader, cells);
    while (err == 0 && (got = tg_pack_next(&reader, &cell)) != 0) {
        if (got < 0)
            err = got;
        else if (cell.quarter / TG_PACK_THIRD == third)
            err = tg_pack_put(writer, &cell);
    }
    return err == 0 ? tg_pack_end(writer, pack) : err;
}

/* Those of the kind that the reader is at. */
static int
sum_kind(struct tg_pack_reader *reader, struct tg_heap *sum)
{
    struct tg_pack_cell cell;
    int err = 0, got;

    tg_heap_clear(sum);
    while (err == 0 && (got = tg_pack_next_cell(reader, &cell)) != 0)
        err = got < 0 ? got : tg_heap_add(sum, &cell, true);
    return err;
}

int
tg_pack_sums(struct tg_pack_writer *writer, struct tg_str cells,
             struct tg_str *sums)
{
    struct tg_heap sum = {.sums = {0}};
    struct tg_pack_reader reader;
    int err = 0, got;

    tg_pack_clear(writer);
    tg_pack_open(&reader, cells);
    while (err == 0 && (got = tg_pack_next_kind(&reader)) != 0) {
        err = got < 0 ? got : sum_kind(&reader, &sum);
        if (err == 0)
            err = tg_heap_put(&sum, writer, (uint32_t)reader.kind, 0);
    }
    return err == 0 ? tg_pack_end(writer, sums) : err;
}
