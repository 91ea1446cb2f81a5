/*
 * Packs of the store: whatever is read as one is read again from what is
 * written of it, its sixths have all of its requests, and so have its sums, and
 * two that are merged have the requests of both.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "pack_sixths.h"
#include "times.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whether it can be read to its end; *sum: of the requests in it. */
static bool
read_all(struct tg_str pack, struct tg_pack_writer *copy, uint64_t *sum)
{
    struct tg_times_pool pool = {.pages = NULL};
    struct tg_times times = {{0}};
    struct tg_pack_reader reader;
    struct tg_pack_cell cell;
    bool is_sound = true;
    int got;

    tg_pack_clear(copy);
    tg_pack_open(&reader, pack);
    while ((got = tg_pack_next(&reader, &cell)) > 0) {
        *sum += (uint64_t)cell.sums.requests;
        is_sound &= tg_times_merge(&pool, &times, cell.latency.data,
                                   cell.latency.len) == 0;
        is_sound &=
            tg_times_merge(&pool, &times, cell.ttft.data, cell.ttft.len) == 0;
        assert(tg_pack_put(copy, &cell) == 0);
    }
    tg_times_release(&pool);
    return got == 0 && is_sound;
}

/* What is behind cells that are passed over, if they can be. */
static int
read_behind(struct tg_str pack, uint32_t quarter, uint64_t *sum)
{
    struct tg_pack_reader reader;
    struct tg_pack_cell cell;
    int got;

    tg_pack_open(&reader, pack);
    while ((got = tg_pack_next_kind(&reader)) > 0) {
        if (tg_pack_pass_cells(&reader, quarter) != 0)
            return TG_ERR_CORRUPT;
        while ((got = tg_pack_next_cell(&reader, &cell)) > 0) {
            assert(cell.quarter >= quarter);
            *sum += (uint64_t)cell.sums.requests;
        }
        if (got < 0)
            return got;
    }
    return got;
}

/* Of a pack that can be read, and of its sixths, the sums of requests. */
static void
split(struct tg_str pack, uint64_t sum)
{
    static struct tg_pack_writer sixth, sums, copy;
    uint64_t of_sixths = 0, of_sums = 0;
    struct tg_str part, whole;
    int err;

    for (uint32_t i = 0; i < TG_PACK_SIXTHS; i++) {
        assert(tg_pack_cut(&sixth, pack, tg_pack_sixths[i].cells, &part) == 0);
        assert(read_all(part, &copy, &of_sixths));
    }
    assert(of_sixths == sum);
    for (uint32_t i = 1; i < TG_PACK_QUARTERS; i += 40) {
        struct tg_pack_range range = {i, TG_PACK_QUARTERS};
        uint64_t of_cut = 0, behind = 0;

        assert(tg_pack_cut(&sixth, pack, range, &part) == 0);
        assert(read_all(part, &copy, &of_cut));
        assert(read_behind(pack, i, &behind) == 0 && behind == of_cut);
    }
    err = tg_pack_sums(&sums, pack, (struct tg_pack_range){0, TG_PACK_QUARTERS},
                       &whole);
    assert(err == 0 || err == TG_ERR_RANGE);
    if (err == 0) {
        assert(read_all(whole, &copy, &of_sums));
        assert(of_sums == sum);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct tg_pack_writer writers[4];
    size_t half = size > 0 ? data[0] % size : 0;
    struct tg_str a = {(const char *)data + (size > 0), half}, b, merged, again;
    uint64_t sums[4] = {0}, behind = 0;
    bool is_a, is_b;

    b = (struct tg_str){a.data + half, size > 0 ? size - 1 - half : 0};
    read_behind(a, 50, &behind);
    is_a = read_all(a, &writers[0], &sums[0]);
    is_b = read_all(b, &writers[1], &sums[1]);
    if (is_a) {
        assert(tg_pack_end(&writers[0], &again) == 0);
        assert(read_all(again, &writers[2], &sums[2]) && sums[2] == sums[0]);
        split(a, sums[0]);
    }
    if (tg_pack_merge(&writers[3], a, b, &merged) != 0)
        return 0;
    if (!is_a || !is_b)
        return 0;
    assert(read_all(merged, &writers[2], &sums[3]));
    assert(sums[3] == sums[0] + sums[1]);
    return 0;
}
