/*
 * Goal: wherever a day is cut into spans, and whichever part of it is asked
 * for, the pieces that are carved are the sums of their quarter-hours, and
 * little is read for it.
 */
#include "usage_carve.h"

#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "store_test.h"
#include "tap.h"

#define KINDS 4

static struct tg_heap day[KINDS][TG_PACK_QUARTERS]; /* the truth */
static struct tg_pack_writer writers[2 * TG_PACK_SIXTHS + 2];
static struct tg_pack_row row;
static struct tg_carve plan;
static struct tg_carver carver = {.carve = &plan, .has_times = true};

static void
fill_heap(struct tg_heap *heap, uint32_t calls)
{
    for (uint32_t i = 0; i < calls; i++) {
        heap->sums.requests++;
        heap->sums.errors += test_any(2);
        heap->sums.cost_nanos += test_any(1000000000);
        heap->sums.characters += test_any(100);
        tg_histogram_add(&heap->latency, test_any(3000));
        if (test_any(2))
            tg_histogram_add(&heap->ttft, test_any(30));
    }
}

static void
make_row(void)
{
    struct tg_pack_writer *cells = &writers[0];
    struct tg_str all;

    memset(day, 0, sizeof(day));
    for (uint32_t i = 0; i < sizeof(writers) / sizeof(writers[0]); i++)
        tg_pack_clear(&writers[i]);
    for (uint32_t kind = 0; kind < KINDS; kind++) {
        for (uint32_t i = 0; i < TG_PACK_QUARTERS; i++) {
            fill_heap(&day[kind][i], test_any(kind + 2));
            if (day[kind][i].sums.requests > 0 &&
                tg_heap_put(&day[kind][i], cells, kind + 1, i) != 0)
                abort();
        }
    }
    if (tg_pack_end(cells, &all) != 0 ||
        tg_pack_sums(&writers[1], all,
                     (struct tg_pack_range){0, TG_PACK_QUARTERS},
                     &row.parts[TG_PACK_SUMS]) != 0)
        abort();
    for (uint32_t i = 0; i < TG_PACK_SIXTHS; i++) {
        if (tg_pack_sums(&writers[2 + 2 * i], all, tg_pack_sixths[i].sums,
                         &row.parts[TG_PACK_SIXTH_SUMS + i]) != 0 ||
            tg_pack_cut(&writers[3 + 2 * i], all, tg_pack_sixths[i].cells,
                        &row.parts[TG_PACK_SIXTH_CELLS + i]) != 0)
            abort();
    }
    row.has_sixths = true;
}

static bool
is_same(const struct tg_heap *a, const struct tg_heap *b)
{
    return memcmp(&a->sums, &b->sums, sizeof(a->sums)) == 0 &&
           memcmp(&a->latency, &b->latency, sizeof(a->latency)) == 0 &&
           memcmp(&a->ttft, &b->ttft, sizeof(a->ttft)) == 0;
}

/* The sum of a piece, of one kind in two. */
static void
sum_piece(const struct tg_carve_piece *piece, struct tg_heap *sum)
{
    static uint8_t bytes[2][TG_HISTOGRAM_BYTES_MAX];

    tg_heap_clear(sum);
    for (uint32_t kind = 1; kind < KINDS; kind += 2) {
        for (uint32_t i = piece->from; i < piece->to; i++) {
            const struct tg_heap *from = &day[kind][i];
            struct tg_pack_cell cell = {.sums = from->sums,
                                        .latency = {(char *)bytes[0], 0},
                                        .ttft = {(char *)bytes[1], 0}};

            cell.latency.len = tg_histogram_encode(&from->latency, bytes[0]);
            cell.ttft.len = tg_histogram_encode(&from->ttft, bytes[1]);
            if (tg_heap_add(sum, &cell, true) != 0)
                abort();
        }
    }
}

/* The parts that were not wanted are not there. */
static int
carve_row(const struct tg_pack_row *from)
{
    struct tg_pack_row wanted = *from;
    struct tg_pack_reader reader;
    int err;

    for (int part = TG_PACK_SIXTH_SUMS; part < TG_PACK_PARTS; part++) {
        if ((plan.wanted >> part & 1) == 0)
            wanted.parts[part] = (struct tg_str){NULL, 0};
    }
    tg_carver_clear(&carver);
    err = tg_carver_open(&carver, &wanted);
    tg_pack_open(&reader, wanted.parts[TG_PACK_SUMS]);
    while (err == 0 && tg_pack_next_kind(&reader) > 0) {
        if (reader.kind % 2 == 0)
            err = tg_carver_add(&carver, &reader);
    }
    return err == 0 ? tg_carver_carve(&carver) : err;
}

/* How many pieces that are asked for are not what they should be. */
static int
wrong_pieces(void)
{
    static struct tg_heap expected;
    int wrong = carve_row(&row) != 0;

    for (uint32_t i = 0; i < plan.piece_count; i++) {
        const struct tg_carve_piece *piece = &plan.pieces[i];

        if (!piece->is_asked)
            continue;
        sum_piece(piece, &expected);
        wrong +=
            piece->heap < 0 || !is_same(&carver.heaps[piece->heap], &expected);
    }
    return wrong;
}

static uint32_t
quarters_read(void)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < plan.layer_count; i++) {
        if (plan.layers[i].part >= TG_PACK_SIXTH_CELLS)
            count += plan.layers[i].to - plan.layers[i].from;
    }
    return count;
}

/* Spans that change at those quarter-hours. */
static void
cut(int64_t spans[TG_PACK_QUARTERS], uint32_t a, uint32_t b)
{
    for (uint32_t i = 0; i < TG_PACK_QUARTERS; i++)
        spans[i] = 100 + (i >= a) + (i >= b);
}

static void
test_zones(void)
{
    int64_t spans[TG_PACK_QUARTERS];
    uint32_t most = 0, wrong = 0;

    for (uint32_t quarter = 1; quarter < TG_PACK_QUARTERS; quarter++) {
        make_row();
        cut(spans, quarter, TG_PACK_QUARTERS);
        wrong += !tg_carve_plan(&plan, spans, 0, TG_PACK_QUARTERS) ||
                 plan.piece_count != 2 || wrong_pieces() != 0;
        if (quarters_read() > most)
            most = quarters_read();
    }
    is_int(wrong, 0, "two days of any zone");
    is_int(most, 8, "of at most eight quarter-hours");
    cut(spans, 64, TG_PACK_QUARTERS);
    tg_carve_plan(&plan, spans, 0, TG_PACK_QUARTERS);
    is_int(quarters_read(), 0, "of none, eight hours east of UTC");
    is_int(plan.wanted, 1 << (TG_PACK_SIXTH_SUMS + 4),
           "but of the sums from there on");
}

static void
test_parts(void)
{
    int64_t spans[TG_PACK_QUARTERS];
    int wrong = 0, carved = 0;

    for (int round = 0; round < 3000; round++) {
        uint32_t from = test_any(96), to = from + 1 + test_any(96 - from);
        uint32_t a = 1 + test_any(95), b = 1 + test_any(95);

        if (round % 100 == 0)
            make_row();
        if (test_any(3) == 0)
            a = 16 * test_any(7);
        cut(spans, a < b ? a : b, a < b ? b : a);
        if (test_any(2) == 0)
            from = 0;
        if (!tg_carve_plan(&plan, spans, from, to))
            continue;
        carved++;
        wrong += wrong_pieces();
    }
    is_int(wrong, 0, "any part of a day of up to three pieces");
    ok(carved > 1000, "of which there were many");
    for (uint32_t i = 0; i < TG_PACK_QUARTERS; i++)
        spans[i] = i / 4;
    ok(!tg_carve_plan(&plan, spans, 0, TG_PACK_QUARTERS),
       "hours are too many pieces");
    ok(tg_carve_plan(&plan, spans, 0, 8) && wrong_pieces() == 0,
       "but few of them are not");
}

/* A day of which less is known than of its parts cannot be. */
static void
test_damage(void)
{
    struct tg_pack_row damaged;
    int64_t spans[TG_PACK_QUARTERS];
    int sums = TG_PACK_SIXTH_SUMS + 2;

    make_row();
    cut(spans, 27, TG_PACK_QUARTERS);
    tg_carve_plan(&plan, spans, 0, TG_PACK_QUARTERS);
    damaged = row;
    damaged.parts[TG_PACK_SUMS] = row.parts[sums];
    damaged.parts[sums] = row.parts[TG_PACK_SUMS];
    is_int(carve_row(&damaged), TG_ERR_CORRUPT,
           "a part that is more than its day");
    damaged = row;
    damaged.parts[sums] = (struct tg_str){"\1\0", 2};
    is_int(carve_row(&damaged), TG_ERR_CORRUPT, "a part that is no pack");
    damaged.parts[sums] = (struct tg_str){NULL, 0};
    is_int(carve_row(&damaged), TG_ERR_CORRUPT,
           "sums that are less than their quarter-hours");
}

int
main(void)
{
    test_zones();
    test_parts();
    test_damage();
    tg_carver_clear(&carver);
    for (uint32_t i = 0; i < sizeof(writers) / sizeof(writers[0]); i++)
        tg_pack_release(&writers[i]);
    return done();
}
