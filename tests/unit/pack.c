/*
 * Goal: a pack says what was put into it, merged packs say what both said, and
 * bytes that are no pack are refused wherever they were cut or changed.
 */
#include "pack.h"

#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "pack_sixths.h"
#include "store_test.h"
#include "tap.h"

#define CELLS_MAX 400

/* What stands in a pack, the plain way. */
struct cell {
    uint32_t kind, quarter;
    struct tg_sums sums;
    struct tg_histogram latency, ttft;
};

struct list {
    size_t count;
    struct cell cells[CELLS_MAX];
};

static struct list a, b, both;

static int64_t
any_figure(void)
{
    switch (test_any(4)) {
    case 0:
        return 0;
    case 1:
        return test_any(100);
    case 2:
        return test_any(1u << 30);
    default:
        return (int64_t)test_any(1u << 30) << 30;
    }
}

static void
fill_cell(struct cell *cell)
{
    cell->sums =
        (struct tg_sums){any_figure(), any_figure(), any_figure(), any_figure(),
                         any_figure(), any_figure(), any_figure(), any_figure(),
                         any_figure(), any_figure(), any_figure()};
    for (uint32_t i = test_any(6); i > 0; i--)
        tg_histogram_add(&cell->latency, test_any(1000000));
    for (uint32_t i = test_any(3); i > 0; i--)
        tg_histogram_add(&cell->ttft, test_any(300));
}

/* Of kinds and quarters at random, in order. */
static void
fill(struct list *list, uint32_t kinds, uint32_t one_in)
{
    memset(list, 0, sizeof(*list));
    for (uint32_t kind = 0; kind < kinds; kind++) {
        for (uint32_t quarter = 0; quarter < TG_PACK_QUARTERS; quarter++) {
            struct cell *cell = &list->cells[list->count];

            if (list->count == CELLS_MAX || test_any(one_in) != 0)
                continue;
            cell->kind = kind * kind * 99;
            cell->quarter = quarter;
            fill_cell(cell);
            list->count++;
        }
    }
}

static struct tg_str
pack_of(struct tg_pack_writer *writer, const struct list *list)
{
    static uint8_t bytes[2][TG_HISTOGRAM_BYTES_MAX];
    struct tg_str pack;

    tg_pack_clear(writer);
    for (size_t i = 0; i < list->count; i++) {
        const struct cell *from = &list->cells[i];
        struct tg_pack_cell cell = {.kind = from->kind,
                                    .quarter = from->quarter,
                                    .sums = from->sums,
                                    .latency = {(char *)bytes[0], 0},
                                    .ttft = {(char *)bytes[1], 0}};

        cell.latency.len = tg_histogram_encode(&from->latency, bytes[0]);
        cell.ttft.len = tg_histogram_encode(&from->ttft, bytes[1]);
        if (tg_pack_put(writer, &cell) != 0)
            abort();
    }
    if (tg_pack_end(writer, &pack) != 0)
        abort();
    return pack;
}

static bool
is_times(const struct tg_histogram *expected, struct tg_str times)
{
    static uint8_t bytes[TG_HISTOGRAM_BYTES_MAX];
    size_t len = tg_histogram_encode(expected, bytes);

    return len == times.len && (len == 0 || !memcmp(bytes, times.data, len));
}

/* How many cells differ from those of the list; or are too many, or few. */
static size_t
differences(struct tg_str pack, const struct list *list)
{
    struct tg_pack_reader reader;
    struct tg_pack_cell cell;
    size_t count = 0, wrong = 0;
    int got;

    tg_pack_open(&reader, pack);
    while ((got = tg_pack_next(&reader, &cell)) > 0) {
        const struct cell *expected = &list->cells[count++];

        if (count > list->count)
            break;
        wrong += cell.kind != expected->kind ||
                 cell.quarter != expected->quarter ||
                 memcmp(&cell.sums, &expected->sums, sizeof(cell.sums)) ||
                 !is_times(&expected->latency, cell.latency) ||
                 !is_times(&expected->ttft, cell.ttft);
    }
    return wrong + (got != 0) + (count != list->count);
}

static void
test_round(void)
{
    struct tg_pack_writer writer = {.bytes = NULL};
    size_t wrong = 0;

    for (uint32_t round = 0; round < 300; round++) {
        fill(&a, test_any(6), 1 + test_any(100));
        wrong += differences(pack_of(&writer, &a), &a);
    }
    is_int((int64_t)wrong, 0, "what was put in comes out");
    is_int((int64_t)pack_of(&writer, &(struct list){.count = 0}).len, 0,
           "nothing takes no bytes");
    tg_pack_release(&writer);
}

static void
test_skip(void)
{
    struct tg_pack_writer writer = {.bytes = NULL};
    struct tg_pack_reader reader;
    struct tg_pack_cell cell;
    int64_t requests = 0, expected = 0;
    size_t kinds = 0;

    fill(&a, 5, 3);
    for (size_t i = 0; i < a.count; i++)
        expected += a.cells[i].kind == 99 * 4 ? a.cells[i].sums.requests : 0;
    tg_pack_open(&reader, pack_of(&writer, &a));
    while (tg_pack_next_kind(&reader) > 0) {
        kinds++;
        while (reader.kind == 99 * 4 && tg_pack_next_cell(&reader, &cell) > 0)
            requests += cell.sums.requests;
    }
    is_int((int64_t)kinds, 5, "each kind is seen");
    is_int(requests, expected, "and one of them read, the others skipped");
    tg_pack_release(&writer);
}

static void
add_histogram(struct tg_histogram *to, const struct tg_histogram *from)
{
    static uint8_t bytes[TG_HISTOGRAM_BYTES_MAX];

    if (tg_histogram_merge(to, bytes, tg_histogram_encode(from, bytes)) != 0)
        abort();
}

static void
add_cell(struct list *list, const struct cell *cell)
{
    struct cell *last = list->count > 0 ? &list->cells[list->count - 1] : NULL;

    if (last == NULL || last->kind != cell->kind ||
        last->quarter != cell->quarter) {
        list->cells[list->count++] = *cell;
        return;
    }
    if (tg_sums_add(&last->sums, &cell->sums) != 0)
        abort();
    add_histogram(&last->latency, &cell->latency);
    add_histogram(&last->ttft, &cell->ttft);
}

/* Both lists in order, what is of the same place as one. */
static void
merge_lists(void)
{
    size_t x = 0, y = 0;

    memset(&both, 0, sizeof(both));
    while (x < a.count || y < b.count) {
        const struct cell *p = &a.cells[x], *q = &b.cells[y];
        bool is_a =
            y == b.count ||
            (x < a.count && (p->kind < q->kind ||
                             (p->kind == q->kind && p->quarter <= q->quarter)));

        add_cell(&both, is_a ? p : q);
        x += is_a;
        y += !is_a;
    }
}

static void
test_merge(void)
{
    struct tg_pack_writer of_a = {.bytes = NULL}, of_b = of_a, sum = of_a;
    size_t wrong = 0;

    for (uint32_t round = 0; round < 300; round++) {
        struct tg_str pack;

        fill(&a, test_any(3), 1 + test_any(40));
        fill(&b, test_any(3), 1 + test_any(40));
        merge_lists();
        if (tg_pack_merge(&sum, pack_of(&of_a, &a), pack_of(&of_b, &b),
                          &pack) != 0)
            abort();
        wrong += differences(pack, &both);
    }
    is_int((int64_t)wrong, 0, "what is merged is what both said");
    tg_pack_release(&of_a);
    tg_pack_release(&of_b);
    tg_pack_release(&sum);
}

/* So that many of them fit into one. */
static void
make_small(struct list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        int64_t sums[sizeof(struct tg_sums) / sizeof(int64_t)];

        memcpy(sums, &list->cells[i].sums, sizeof(sums));
        for (size_t k = 0; k < sizeof(sums) / sizeof(sums[0]); k++)
            sums[k] >>= 8;
        memcpy(&list->cells[i].sums, sums, sizeof(sums));
    }
}

/* How many cells from a quarter-hour on are not read as they are in a. */
static size_t
wrong_behind(struct tg_str pack, uint32_t quarter)
{
    struct tg_pack_reader reader;
    struct tg_pack_cell cell;
    size_t n = 0, wrong = 0;

    tg_pack_open(&reader, pack);
    while (tg_pack_next_kind(&reader) > 0) {
        wrong += tg_pack_pass_cells(&reader, quarter) != 0;
        while (tg_pack_next_cell(&reader, &cell) > 0) {
            while (n < a.count && a.cells[n].quarter < quarter)
                n++;
            wrong += n == a.count || a.cells[n].kind != cell.kind ||
                     a.cells[n].quarter != cell.quarter ||
                     memcmp(&a.cells[n].sums, &cell.sums, sizeof(cell.sums));
            n++;
        }
    }
    while (n < a.count && a.cells[n].quarter < quarter)
        n++;
    return wrong + (n != a.count);
}

static int
pass_damaged(const char *bytes, size_t len)
{
    struct tg_pack_reader reader;

    tg_pack_open(&reader, (struct tg_str){bytes, len});
    if (tg_pack_next_kind(&reader) != 1)
        abort();
    return tg_pack_pass_cells(&reader, 50);
}

static void
test_pass(void)
{
    struct tg_pack_writer of_a = {.bytes = NULL};
    size_t wrong = 0;

    for (uint32_t round = 0; round < 300; round++) {
        struct tg_str pack;

        fill(&a, test_any(4), 1 + test_any(20));
        pack = pack_of(&of_a, &a);
        wrong += wrong_behind(pack, test_any(TG_PACK_QUARTERS));
    }
    is_int((int64_t)wrong, 0, "what is behind cells that are passed over");
    is_int(pass_damaged("\1\3\5\7\1", 5), TG_ERR_CORRUPT,
           "a cell without its figure");
    is_int(pass_damaged("\1\5\5\7\1\377\377", 7), TG_ERR_CORRUPT,
           "a figure without an end");
    is_int(pass_damaged("\1\4\5\7\0\1", 6), TG_ERR_CORRUPT,
           "a histogram that is cut off");
    is_int(pass_damaged("\1\6\5\7\200\20\0\0", 8), TG_ERR_CORRUPT,
           "a figure that nobody knows");
    is_int(pass_damaged("\1\5\140\7\0\0\0", 7), TG_ERR_CORRUPT,
           "a quarter-hour of no day");
    is_int(pass_damaged("\1\12\5\7\0\0\0\0\7\0\0\0", 12), TG_ERR_CORRUPT,
           "a quarter-hour a second time");
    is_int(pass_damaged("\1\12\5\7\0\0\0\1\7\0\0\0", 12), 0, "and two of them");
    tg_pack_release(&of_a);
}

/* Whether the sums of ranges, also by midnight, are those of a's cells. */
static size_t
wrong_sums(struct tg_str pack, struct tg_pack_writer *writer)
{
    struct tg_pack_range range = {0, TG_PACK_QUARTERS};
    struct tg_str sums;
    size_t wrong = 0;

    for (int round = 0; round < 4; round++) {
        memset(&both, 0, sizeof(both));
        for (size_t i = 0; i < a.count; i++) {
            uint32_t quarter = a.cells[i].quarter;
            struct cell *cell = &a.cells[i];

            if (range.from <= range.to
                    ? quarter < range.from || quarter >= range.to
                    : quarter < range.from && quarter >= range.to)
                continue;
            cell->quarter = 0;
            add_cell(&both, cell);
            cell->quarter = quarter;
        }
        if (tg_pack_sums(writer, pack, range, &sums) != 0)
            abort();
        wrong += differences(sums, &both);
        range.from = test_any(TG_PACK_QUARTERS);
        range.to = test_any(TG_PACK_QUARTERS + 1);
    }
    return wrong;
}

/* Sixths have all of a day, and sums are those of its calls. */
static void
test_sixths(void)
{
    struct tg_pack_writer of_a = {.bytes = NULL},
                          sixths[TG_PACK_SIXTHS] = {of_a};
    struct tg_pack_writer merged[2] = {of_a, of_a}, sums = of_a;
    size_t wrong = 0, far = 0;

    for (uint32_t round = 0; round < 100; round++) {
        struct tg_str pack, sixth, all = {NULL, 0};
        struct tg_pack_reader reader;
        struct tg_pack_cell cell;

        fill(&a, test_any(4), 1 + test_any(40));
        make_small(&a);
        pack = pack_of(&of_a, &a);
        for (uint32_t i = 0; i < TG_PACK_SIXTHS; i++) {
            if (tg_pack_cut(&sixths[i], pack, tg_pack_sixths[i].cells,
                            &sixth) != 0 ||
                tg_pack_merge(&merged[i % 2], all, sixth, &all) != 0)
                abort();
            tg_pack_open(&reader, sixth);
            while (tg_pack_next(&reader, &cell) > 0)
                far += tg_pack_sixth_of(cell.quarter) != i;
        }
        wrong += differences(all, &a);
        wrong += wrong_sums(pack, &sums);
    }
    is_int((int64_t)wrong, 0, "sixths of a day are all of it, and so are sums");
    is_int((int64_t)far, 0, "each has the quarter-hours of its own");
    is_int(tg_pack_cut(&sums, (struct tg_str){"\1\0", 2},
                       (struct tg_pack_range){8, 24}, &(struct tg_str){0}),
           TG_ERR_CORRUPT, "a sixth of no pack");
    is_int(tg_pack_sums(&sums, (struct tg_str){"\1\0", 2},
                        (struct tg_pack_range){8, 24}, &(struct tg_str){0}),
           TG_ERR_CORRUPT, "sums of no pack");
    tg_pack_release(&of_a);
    tg_pack_release(&sums);
    for (size_t i = 0; i < TG_PACK_SIXTHS; i++)
        tg_pack_release(&sixths[i]);
    tg_pack_release(&merged[0]);
    tg_pack_release(&merged[1]);
}

static void
test_order(void)
{
    struct tg_pack_writer writer = {.bytes = NULL};
    struct tg_pack_cell cell = {.kind = 5, .quarter = 7};

    is_int(tg_pack_put(&writer, &cell), 0, "a cell");
    is_int(tg_pack_put(&writer, &cell), TG_ERR_RANGE, "not twice");
    cell.quarter = 96;
    is_int(tg_pack_put(&writer, &cell), TG_ERR_RANGE, "no day has 97");
    cell = (struct tg_pack_cell){.kind = 4, .quarter = 8};
    is_int(tg_pack_put(&writer, &cell), TG_ERR_RANGE, "kinds rise");
    cell.kind = UINT32_MAX;
    is_int(tg_pack_put(&writer, &cell), 0, "up to the largest number");
    tg_pack_release(&writer);
}

static void
test_overflow(void)
{
    struct tg_pack_writer of_a = {.bytes = NULL}, sum = of_a;
    struct tg_str pack;

    memset(&a, 0, sizeof(a));
    a.count = 1;
    a.cells[0].sums.cost_nanos = INT64_MAX;
    pack = pack_of(&of_a, &a);
    is_int(differences(pack, &a), 0, "the largest sum");
    is_int(tg_pack_merge(&sum, pack, pack, &pack), TG_ERR_RANGE,
           "twice that is refused");
    tg_pack_release(&of_a);
    tg_pack_release(&sum);
}

static int
read_all(const char *bytes, size_t len)
{
    char *copy = malloc(len + 1);
    struct tg_pack_reader reader;
    struct tg_pack_cell cell;
    int got;

    memcpy(copy, bytes, len);
    copy = realloc(copy, len > 0 ? len : 1);
    tg_pack_open(&reader, (struct tg_str){copy, len});
    while ((got = tg_pack_next(&reader, &cell)) > 0)
        continue;
    free(copy);
    return got;
}

/* Cut between two kinds, it is a shorter pack; anywhere else, none. */
static void
test_cut(void)
{
    struct tg_pack_writer writer = {.bytes = NULL};
    struct tg_str pack;
    int whole = 0, bad = 0, other = 0;

    fill(&a, 4, 20);
    pack = pack_of(&writer, &a);
    for (size_t len = 0; len < pack.len; len++) {
        int got = read_all(pack.data, len);

        whole += got == 0;
        bad += got == TG_ERR_CORRUPT;
        other += got != 0 && got != TG_ERR_CORRUPT;
    }
    is_int(other, 0, "cut at any byte, it is read or refused");
    ok(whole <= 4 && bad > 0, "and refused but between kinds");
    tg_pack_release(&writer);
}

static void
test_refused(void)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *what;
    } cases[] = {
        {"\1\0", 2, "a kind without cells"},
        {"\1\5\0\1\0\0\0\0\5\0\1\0\0\0", 14, "a kind a second time"},
        {"\1\5\140\1\0\0\0", 7, "quarter-hour 96"},
        {"\1\12\3\1\0\0\0\0\1\0\0\0", 12, "a quarter-hour a second time"},
        {"\1\6\0\1\200\10\0\0", 8, "a figure that is not known"},
        {"\1\5\0\1\0\1\0", 7, "times that reach beyond the kind"},
        {"\1\6\0\1\0\0\0", 7, "cells that reach beyond the pack"},
    };

    is_int(read_all("\1\5\0\1\0\0\0", 7), 0, "one call of kind 1");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        is_int(read_all(cases[i].bytes, cases[i].len), TG_ERR_CORRUPT, "%s",
               cases[i].what);
}

int
main(void)
{
    test_round();
    test_skip();
    test_merge();
    test_pass();
    test_sixths();
    test_order();
    test_overflow();
    test_cut();
    test_refused();
    return done();
}
