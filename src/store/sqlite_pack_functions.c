#include "sqlite_pack.h"

#include <stdlib.h>

#include "pack_sixths.h"
#include "times.h"

/*
 * tg_pack(kind, quarter, 11 sums, latency, ttft) makes a pack of the rows of a
 * group, and tg_packs(pack) one of packs; in any order.  tg_pack_join(pack,
 * pack, pack) is one of three, each of which may be NULL.  tg_pack_cut(cells,
 * from, to), tg_pack_sums(cells, from, to) and tg_pack_sums(cells), of all the
 * day, are those of pack_sixths.h, and tg_pack_third(cells, third) cuts out the
 * eight hours that stores had before.  SQL adds up numbers, but no histograms.
 */

/* The first two tell it apart. */
struct cell {
    uint32_t kind, quarter;
    struct tg_sums sums;
    struct tg_times latency, ttft;
};

struct group {
    struct tg_names cells;
    struct tg_times_pool pool;
    int err; /* the first one that there was */
};

static struct group *
group_of(sqlite3_context *context)
{
    struct group *group = sqlite3_aggregate_context(context, sizeof(*group));

    if (group != NULL && group->cells.size == 0) {
        group->cells.size = sizeof(struct cell);
        group->cells.key_size = offsetof(struct cell, sums);
    }
    return group;
}

static int
add(struct group *group, const struct tg_pack_cell *more)
{
    struct cell *cell, name = {.kind = more->kind, .quarter = more->quarter};
    uint32_t number;
    int err = tg_names_find(&group->cells, &name, &number);

    if (err != 0)
        return err;
    cell = tg_names_at(&group->cells, number);
    err = tg_sums_add(&cell->sums, &more->sums);
    if (err == 0)
        err = tg_times_merge(&group->pool, &cell->latency, more->latency.data,
                             more->latency.len);
    if (err == 0)
        err = tg_times_merge(&group->pool, &cell->ttft, more->ttft.data,
                             more->ttft.len);
    return err;
}

static struct tg_str
blob(sqlite3_value *value)
{
    struct tg_str bytes = {sqlite3_value_blob(value), 0};

    bytes.len = (size_t)sqlite3_value_bytes(value);
    return bytes;
}

static void
add_row(sqlite3_context *context, int count, sqlite3_value **values)
{
    struct group *group = group_of(context);
    int64_t sums[11];
    struct tg_pack_cell cell = {
        .kind = (uint32_t)sqlite3_value_int64(values[0]),
        .quarter = (uint32_t)sqlite3_value_int64(values[1]),
        .latency = blob(values[count - 2]),
        .ttft = blob(values[count - 1])};

    /* In the order of struct tg_sums. */
    _Static_assert(sizeof(sums) == sizeof(cell.sums), "all of them");
    for (int i = 0; i < 11; i++)
        sums[i] = sqlite3_value_int64(values[2 + i]);
    memcpy(&cell.sums, sums, sizeof(sums));
    if (group != NULL && group->err == 0)
        group->err = add(group, &cell);
}

static void
add_pack(sqlite3_context *context, int count, sqlite3_value **values)
{
    struct group *group = group_of(context);
    struct tg_pack_reader reader;
    struct tg_pack_cell cell;
    int got = 0;

    (void)count;
    if (group == NULL || group->err != 0)
        return;
    tg_pack_open(&reader, blob(values[0]));
    while (group->err == 0 && (got = tg_pack_next(&reader, &cell)) > 0)
        group->err = add(group, &cell);
    if (group->err == 0)
        group->err = got;
}

static int
by_place(const void *a, const void *b)
{
    const struct cell *x = a, *y = b;

    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    return (x->quarter > y->quarter) - (x->quarter < y->quarter);
}

static int
put(struct group *group, struct tg_pack_writer *writer, const struct cell *from)
{
    uint8_t bytes[2][TG_HISTOGRAM_BYTES_MAX];
    struct tg_pack_cell cell = {.kind = from->kind,
                                .quarter = from->quarter,
                                .sums = from->sums,
                                .latency = {(const char *)bytes[0], 0},
                                .ttft = {(const char *)bytes[1], 0}};

    cell.latency.len = tg_times_encode(&group->pool, &from->latency, bytes[0]);
    cell.ttft.len = tg_times_encode(&group->pool, &from->ttft, bytes[1]);
    return tg_pack_put(writer, &cell);
}

static void
give_pack(sqlite3_context *context, int err, struct tg_str pack)
{
    if (err == 0)
        sqlite3_result_blob64(context, pack.len > 0 ? pack.data : "", pack.len,
                              SQLITE_TRANSIENT);
    else
        sqlite3_result_error(context, "rollups cannot be added up", -1);
}

static void
give(sqlite3_context *context)
{
    struct tg_pack_writer writer = {.bytes = NULL};
    struct group *group = group_of(context);
    struct tg_str pack = {NULL, 0};
    int err = group == NULL ? TG_ERR_SYSTEM : group->err;

    if (err == 0 && group->cells.count > 0)
        qsort(group->cells.list, group->cells.count, sizeof(struct cell),
              by_place);
    for (uint32_t i = 0; err == 0 && i < group->cells.count; i++)
        err = put(group, &writer, tg_names_at(&group->cells, i));
    if (err == 0)
        err = tg_pack_end(&writer, &pack);
    give_pack(context, err, pack);
    tg_pack_release(&writer);
    if (group != NULL) {
        tg_names_release(&group->cells);
        tg_times_release(&group->pool);
    }
}

static void
give_join(sqlite3_context *context, int count, sqlite3_value **values)
{
    struct tg_pack_writer writers[2] = {{.bytes = NULL}, {.bytes = NULL}};
    struct tg_str pack = {NULL, 0};
    int err = 0;

    for (int i = 0; i < count && err == 0; i++)
        err = tg_pack_merge(&writers[i % 2], pack, blob(values[i]), &pack);
    give_pack(context, err, pack);
    tg_pack_release(&writers[0]);
    tg_pack_release(&writers[1]);
}

static void
give_third(sqlite3_context *context, int count, sqlite3_value **values)
{
    uint32_t from = 32 * (uint32_t)sqlite3_value_int64(values[1]);
    struct tg_pack_writer writer = {.bytes = NULL};
    struct tg_str pack = {NULL, 0};
    int err = tg_pack_cut(&writer, blob(values[0]),
                          (struct tg_pack_range){from, from + 32}, &pack);

    (void)count;
    give_pack(context, err, pack);
    tg_pack_release(&writer);
}

/* Behind the first value; without one, of all the day. */
static struct tg_pack_range
range_of(int count, sqlite3_value **values)
{
    struct tg_pack_range range = {0, TG_PACK_QUARTERS};

    if (count > 1) {
        range.from = (uint32_t)sqlite3_value_int64(values[1]);
        range.to = (uint32_t)sqlite3_value_int64(values[2]);
    }
    return range;
}

static void
give_cut(sqlite3_context *context, int count, sqlite3_value **values)
{
    struct tg_pack_writer writer = {.bytes = NULL};
    struct tg_str pack = {NULL, 0};
    int err =
        tg_pack_cut(&writer, blob(values[0]), range_of(count, values), &pack);

    give_pack(context, err, pack);
    tg_pack_release(&writer);
}

static void
give_sums(sqlite3_context *context, int count, sqlite3_value **values)
{
    struct tg_pack_writer writer = {.bytes = NULL};
    struct tg_str pack = {NULL, 0};
    int err =
        tg_pack_sums(&writer, blob(values[0]), range_of(count, values), &pack);

    give_pack(context, err, pack);
    tg_pack_release(&writer);
}

int
tg_pack_functions(sqlite3 *db)
{
    static const struct {
        const char *name;
        int count;
        void (*give)(sqlite3_context *, int, sqlite3_value **);
        void (*step)(sqlite3_context *, int, sqlite3_value **);
    } functions[] = {
        {"tg_pack", 15, NULL, add_row},
        {"tg_packs", 1, NULL, add_pack},
        {"tg_pack_join", 3, give_join, NULL},
        {"tg_pack_third", 2, give_third, NULL},
        {"tg_pack_cut", 3, give_cut, NULL},
        {"tg_pack_sums", 1, give_sums, NULL},
        {"tg_pack_sums", 3, give_sums, NULL},
    };
    int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY;
    int result = SQLITE_OK;

    for (size_t i = 0;
         i < sizeof(functions) / sizeof(functions[0]) && result == SQLITE_OK;
         i++)
        result = sqlite3_create_function(
            db, functions[i].name, functions[i].count, flags, NULL,
            functions[i].give, functions[i].step,
            functions[i].step != NULL ? give : NULL);
    return result;
}
