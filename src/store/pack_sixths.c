#include "pack_sixths.h"

#include "heap.h"

const struct tg_pack_sixth tg_pack_sixths[TG_PACK_SIXTHS] = {
    {.cells = {88, 8}},
    {.cells = {8, 24}, .sums = {0, 16}},
    {.cells = {24, 40}, .sums = {0, 32}},
    {.cells = {40, 56}, .sums = {0, 48}},
    {.cells = {56, 72}, .sums = {64, 96}},
    {.cells = {72, 88}, .sums = {80, 96}},
};

static bool
is_in(struct tg_pack_range range, uint32_t quarter)
{
    bool is_from = quarter >= range.from, is_to = quarter < range.to;

    return range.from <= range.to ? is_from && is_to : is_from || is_to;
}

/* The next cell of the kind that is in a range: 1, 0 or TG_ERR_CORRUPT. */
static int
next_in(struct tg_pack_reader *reader, struct tg_pack_range range,
        struct tg_pack_cell *cell)
{
    int got, err;

    while ((got = tg_pack_next_cell(reader, cell)) > 0) {
        if (is_in(range, cell->quarter))
            return 1;
        if (cell->quarter > range.from)
            return 0;
        err = tg_pack_pass_cells(reader, range.from);
        if (err != 0)
            return err;
    }
    return got;
}

static int
cut_kind(struct tg_pack_writer *writer, struct tg_pack_reader *reader,
         struct tg_pack_range range)
{
    struct tg_pack_cell cell;
    int err = 0, got;

    while (err == 0 && (got = next_in(reader, range, &cell)) != 0)
        err = got < 0 ? got : tg_pack_put(writer, &cell);
    return err;
}

int
tg_pack_cut(struct tg_pack_writer *writer, struct tg_str cells,
            struct tg_pack_range range, struct tg_str *pack)
{
    struct tg_pack_reader reader;
    int err = 0, got;

    tg_pack_clear(writer);
    tg_pack_open(&reader, cells);
    while (err == 0 && (got = tg_pack_next_kind(&reader)) != 0)
        err = got < 0 ? got : cut_kind(writer, &reader, range);
    return err == 0 ? tg_pack_end(writer, pack) : err;
}

/* Puts those of the kind that the reader is at, if there are any. */
static int
sum_kind(struct tg_pack_writer *writer, struct tg_pack_reader *reader,
         struct tg_pack_range range, struct tg_heap *sum)
{
    struct tg_pack_cell cell;
    bool has_some = false;
    int err = 0, got;

    tg_heap_clear(sum);
    while (err == 0 && (got = next_in(reader, range, &cell)) != 0) {
        err = got < 0 ? got : tg_heap_add(sum, &cell, true);
        has_some = true;
    }
    return err != 0 || !has_some
               ? err
               : tg_heap_put(sum, writer, (uint32_t)reader->kind, 0);
}

int
tg_pack_sums(struct tg_pack_writer *writer, struct tg_str cells,
             struct tg_pack_range range, struct tg_str *sums)
{
    struct tg_heap sum = {.sums = {0}};
    struct tg_pack_reader reader;
    int err = 0, got;

    tg_pack_clear(writer);
    tg_pack_open(&reader, cells);
    while (err == 0 && (got = tg_pack_next_kind(&reader)) != 0)
        err = got < 0 ? got : sum_kind(writer, &reader, range, &sum);
    return err == 0 ? tg_pack_end(writer, sums) : err;
}
