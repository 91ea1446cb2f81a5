#include "heap.h"
#include "sqlite_rollup.h"

#include <stdlib.h>

#define AHEAD 8       /* calls that are fetched before they are added */
#define ROWS 16       /* that are read, and then written, at once */
#define PASSED_MOST 8 /* rows of others, before one is looked for anew */

/* Packs are added to in the order of their table: by day, and then owner. */
enum { BY_OWNER = TG_ORDER_DAY, BY_DAY = TG_ORDER_OWNER };

/* Whose packs they are, and what they are then. */
struct row {
    int64_t day;
    const char *key_id;
    uint32_t account;
    int64_t sixths_id;      /* of their rows in pack_sixths_*; 0: none */
    struct tg_str packs[2]; /* sums and cells */
    struct tg_pack_writer sums, cells; /* of the calls that are added */
    struct tg_pack_writer merged[2];   /* with what was there */
};

/* What packs are made with, kept from one to the next. */
struct tg_pack_maker {
    struct tg_heap cell, day; /* of a kind */
    struct row rows[ROWS];    /* that are to be stored, of one day */
    int count;
    struct tg_pack_cutter cutter;
    uint32_t *kinds, *accounts; /* numbers in packs; 0: not asked for yet */
};

static int
maker_new(struct tg_rollup *rollup)
{
    struct tg_pack_maker *maker = calloc(1, sizeof(*maker));

    if (maker == NULL)
        return TG_ERR_SYSTEM;
    rollup->maker = maker;
    maker->kinds =
        calloc(rollup->block.kinds.count + 1, sizeof(maker->kinds[0]));
    maker->accounts =
        calloc(rollup->block.holders.count + 1, sizeof(maker->accounts[0]));
    return maker->kinds != NULL && maker->accounts != NULL ? 0 : TG_ERR_SYSTEM;
}

void
tg_pack_maker_free(struct tg_pack_maker *maker)
{
    if (maker == NULL)
        return;
    for (int i = 0; i < ROWS; i++) {
        tg_pack_release(&maker->rows[i].sums);
        tg_pack_release(&maker->rows[i].cells);
        tg_pack_release(&maker->rows[i].merged[0]);
        tg_pack_release(&maker->rows[i].merged[1]);
    }
    tg_pack_cutter_release(&maker->cutter);
    free(maker->kinds);
    free(maker->accounts);
    free(maker);
}

/* All kinds of the block get their numbers, some of them for the first time. */
static int
number_kinds(struct tg_sqlite *db, struct tg_rollup *rollup)
{
    const struct tg_block *block = &rollup->block;
    struct tg_pack_maker *maker = rollup->maker;
    int err = tg_pack_names_load(db);

    for (uint32_t i = 0; i < block->kinds.count && err == 0; i++)
        err = tg_pack_kind_number(db, tg_names_at(&block->kinds, i),
                                  &maker->kinds[i]);
    return err;
}

/* Accounts may be as many as calls: here those of the calls that are next. */
static int
number_accounts(struct tg_sqlite *db, struct tg_rollup *rollup, uint32_t from,
                uint32_t to)
{
    int err = 0;

    for (uint32_t i = from; i < to && err == 0; i++) {
        const struct tg_block_call *call = tg_rollup_call(rollup, i);
        uint32_t *number = &rollup->maker->accounts[call->holder];

        if (*number == 0)
            err = tg_pack_account_number(
                db, tg_block_holder(&rollup->block, call)->account_id, number);
    }
    return err;
}

static void
add_times(struct tg_heap *heap, const struct tg_block_call *call)
{
    tg_histogram_add(&heap->latency, call->latency_ms);
    if (call->ttft_ms != TG_ABSENT_MS)
        tg_histogram_add(&heap->ttft, call->ttft_ms);
}

/* To the cell, and its times to the day as well, unless that is NULL. */
static int
add_call(struct tg_heap *cell, struct tg_heap *day,
         const struct tg_block_call *call)
{
    struct tg_sums sums;

    tg_block_sums(call, &sums);
    add_times(cell, call);
    if (day != NULL)
        add_times(day, call);
    return tg_sums_add(&cell->sums, &sums);
}

/* How many places from the first on have the same words from one on. */
static uint32_t
count_same(const struct tg_place *places, uint32_t count, int word)
{
    const uint32_t *words = places[0].words;
    size_t size = (TG_WORDS - (size_t)word) * sizeof(words[0]);
    uint32_t n = 1;

    while (n < count && memcmp(&places[n].words[word], &words[word], size) == 0)
        n++;
    return n;
}

static const struct tg_block_call *
call_at(const struct tg_rollup *rollup, const struct tg_place *place)
{
    return &rollup->block.calls[place->words[TG_ORDER_CALL]];
}

/* A key's calls are far apart in memory. */
static void
fetch(const struct tg_block_call *call)
{
    __builtin_prefetch(call);
    __builtin_prefetch(&call->is_error);
}

/* Cells of one kind, and their sum, which one cell is itself. */
static int
put_kind(struct tg_rollup *rollup, struct row *row,
         const struct tg_place *places, uint32_t count)
{
    struct tg_pack_maker *maker = rollup->maker;
    struct tg_heap *cell = &maker->cell, *day = &maker->day;
    uint32_t kind = places[0].words[TG_ORDER_KIND];
    uint32_t n = count_same(places, count, TG_ORDER_QUARTER);
    int err = 0;

    if (n == count)
        day = NULL;
    else
        tg_heap_clear(day);
    for (; count > 0 && err == 0; places += n, count -= n) {
        n = count_same(places, count, TG_ORDER_QUARTER);
        tg_heap_clear(cell);
        for (uint32_t i = 0; i < n && err == 0; i++) {
            if (i + AHEAD < count)
                fetch(call_at(rollup, &places[i + AHEAD]));
            err = add_call(cell, day, call_at(rollup, &places[i]));
        }
        if (err == 0 && day != NULL)
            err = tg_sums_add(&day->sums, &cell->sums);
        if (err == 0)
            err = tg_heap_put(cell, &row->cells, kind,
                              places[0].words[TG_ORDER_QUARTER]);
    }
    return err == 0 ? tg_heap_put(day != NULL ? day : cell, &row->sums, kind, 0)
                    : err;
}

/* Packs of calls of one day and owner. */
static int
make_packs(struct tg_rollup *rollup, struct row *row,
           const struct tg_place *places, uint32_t count)
{
    int err = 0;

    tg_pack_clear(&row->sums);
    tg_pack_clear(&row->cells);
    while (count > 0 && err == 0) {
        uint32_t n = count_same(places, count, TG_ORDER_KIND);

        err = put_kind(rollup, row, places, n);
        places += n;
        count -= n;
    }
    if (err == 0)
        err = tg_pack_end(&row->sums, &row->packs[0]);
    if (err == 0)
        err = tg_pack_end(&row->cells, &row->packs[1]);
    return err;
}

/* Rows of packs of a day, in order. */
struct walk {
    sqlite3_stmt *stmt;     /* NULL: not begun */
    int got;                /* 1: it is at a row; 0: at the end */
    const struct row *last; /* that was looked for */
};

/* To the first row that is not before that one. */
static int
begin_walk(struct tg_sqlite *db, struct walk *walk, const struct row *row)
{
    int err;

    if (walk->stmt != NULL)
        tg_sql_end(walk->stmt, 0);
    walk->stmt = NULL;
    err = tg_sql_begin(db, &walk->stmt,
                       "SELECT key_id, account, sums, cells FROM packs "
                       "WHERE day = ? AND (key_id, account) >= (?, ?) "
                       "ORDER BY key_id, account",
                       "iti", row->day, row->key_id, (int64_t)row->account);
    if (err != 0)
        return err;
    walk->got = tg_sql_next(db, walk->stmt);
    return walk->got < 0 ? walk->got : 0;
}

static int
compare(const char *key_id, int64_t account, const struct row *row)
{
    int order = strcmp(key_id, row->key_id);

    return order != 0 ? order
                      : (account > row->account) - (account < row->account);
}

/*
 * Goes to a row.  Those that are added to are near each other, so the next is
 * rarely looked for.  1, 0 when it is not there, or TG_ERR_*.
 */
static int
walk_to(struct tg_sqlite *db, struct walk *walk, const struct row *row)
{
    const struct row *last = walk->last;
    int passed = 0, err = 0;

    walk->last = row;
    if (last == NULL || compare(last->key_id, last->account, row) >= 0)
        err = begin_walk(db, walk, row);
    while (err == 0 && walk->got > 0) {
        int order = compare(tg_sql_text(walk->stmt, 0),
                            sqlite3_column_int64(walk->stmt, 1), row);

        if (order >= 0)
            return order == 0;
        if (passed++ == PASSED_MOST) {
            err = begin_walk(db, walk, row);
        } else {
            walk->got = tg_sql_next(db, walk->stmt);
            err = walk->got < 0 ? walk->got : 0;
        }
    }
    return err;
}

/* Adds what is there already. */
static int
add_stored(struct tg_sqlite *db, struct walk *walk, struct row *row)
{
    int err = walk_to(db, walk, row);

    if (err <= 0)
        return err;
    err = tg_pack_merge(&row->merged[0], tg_sql_bytes(walk->stmt, 2),
                        row->packs[0], &row->packs[0]);
    if (err == 0 && sqlite3_column_type(walk->stmt, 3) == SQLITE_INTEGER)
        row->sixths_id = sqlite3_column_int64(walk->stmt, 3);
    else if (err == 0)
        err = tg_pack_merge(&row->merged[1], tg_sql_bytes(walk->stmt, 3),
                            row->packs[1], &row->packs[1]);
    return err;
}

static int
fail(struct tg_sqlite *db, int err, const struct row *row)
{
    return err == TG_ERR_RANGE || err == TG_ERR_CORRUPT
               ? tg_pack_fail(db, err, row->day, row->key_id)
               : err;
}

#define VALUES "(?1, ?, ?, ?, ?)"
#define VALUES_4 VALUES "," VALUES "," VALUES "," VALUES
#define PUT "INSERT OR REPLACE INTO packs VALUES "

static const char put_one[] = PUT VALUES;
static const char put_all[] =
    PUT VALUES_4 "," VALUES_4 "," VALUES_4 "," VALUES_4;

static int
bind(sqlite3_stmt *stmt, int n, const struct row *row)
{
    const struct tg_str *packs = row->packs;
    int at = 4 * n + 2, failed;

    failed = sqlite3_bind_text(stmt, at, row->key_id, -1, SQLITE_STATIC);
    failed |= sqlite3_bind_int64(stmt, at + 1, row->account);
    failed |= sqlite3_bind_blob64(stmt, at + 2, packs[0].data, packs[0].len,
                                  SQLITE_STATIC);
    failed |= row->sixths_id != 0
                  ? sqlite3_bind_int64(stmt, at + 3, row->sixths_id)
                  : sqlite3_bind_blob64(stmt, at + 3, packs[1].data,
                                        packs[1].len, SQLITE_STATIC);
    return failed;
}

/* As many as the statement has. */
static int
put(struct tg_sqlite *db, const char *sql, const struct row *rows, int count)
{
    int failed = SQLITE_OK;
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(db, &stmt, sql, "i", rows[0].day);

    if (err != 0)
        return err;
    for (int i = 0; i < count; i++)
        failed |= bind(stmt, i, &rows[i]);
    err = failed == SQLITE_OK ? tg_sql_next(db, stmt)
                              : tg_sqlite_fail(db, failed);
    return tg_sql_end(stmt, err);
}

static int
add_all_stored(struct tg_sqlite *db, struct row *rows, int count)
{
    struct walk walk = {.stmt = NULL};
    int err = 0;

    for (int i = 0; i < count && err == 0; i++)
        err = fail(db, add_stored(db, &walk, &rows[i]), &rows[i]);
    return walk.stmt != NULL ? tg_sql_end(walk.stmt, err) : err;
}

/* Rows of one day, which are none then. */
static int
store(struct tg_sqlite *db, struct tg_pack_maker *maker)
{
    struct row *rows = maker->rows;
    int count = maker->count, err = add_all_stored(db, rows, count);

    /* Cells that are many stand by sixths from then on. */
    for (int i = 0; i < count && err == 0; i++) {
        if (rows[i].sixths_id != 0 ||
            rows[i].packs[1].len > TG_PACK_CELLS_WITHIN)
            err = fail(db,
                       tg_pack_sixths_put(db, &maker->cutter,
                                          &rows[i].sixths_id, rows[i].packs[1]),
                       &rows[i]);
    }
    if (count == ROWS && err == 0)
        err = put(db, put_all, rows, count);
    for (int i = 0; i < count && count < ROWS && err == 0; i++)
        err = put(db, put_one, &rows[i], 1);
    maker->count = 0;
    return err;
}

/* Of whom a call is, in a family: a number by which its packs are sorted. */
static uint32_t
owner_of(const struct tg_rollup *rollup, enum tg_pack_family family,
         uint32_t holder)
{
    switch (family) {
    case TG_PACKS_OF_KEYS:
        return rollup->ranks[holder];
    case TG_PACKS_OF_ACCOUNTS:
        return rollup->maker->accounts[holder];
    case TG_PACKS_OF_ALL:
        break;
    }
    return 0;
}

static void
name_row(struct row *row, const struct tg_rollup *rollup,
         enum tg_pack_family family, const struct tg_place *place)
{
    uint32_t holder = call_at(rollup, place)->holder;
    const struct tg_block_holder *names =
        tg_names_at(&rollup->block.holders, holder);

    row->day = rollup->days[place->words[BY_DAY]];
    row->key_id = family == TG_PACKS_OF_KEYS ? names->key_id : TG_PACK_ALL_KEYS;
    row->account = family == TG_PACKS_OF_ALL ? TG_PACK_ALL_ACCOUNTS
                                             : rollup->maker->accounts[holder];
    row->sixths_id = 0;
}

/* Of one day and owner. */
static int
add_row(struct tg_sqlite *db, struct tg_rollup *rollup,
        enum tg_pack_family family, const struct tg_place *places,
        uint32_t count)
{
    struct tg_pack_maker *maker = rollup->maker;
    int64_t day = rollup->days[places[0].words[BY_DAY]];
    struct row *row;
    int err = 0;

    if (maker->count == ROWS || (maker->count > 0 && maker->rows[0].day != day))
        err = store(db, maker);
    if (err != 0)
        return err;
    row = &maker->rows[maker->count++];
    name_row(row, rollup, family, places);
    return fail(db, make_packs(rollup, row, places, count), row);
}

static int
add_family(struct tg_sqlite *db, struct tg_rollup *rollup,
           enum tg_pack_family family, uint32_t from, uint32_t to)
{
    uint32_t count = to - from;
    struct tg_place *places = rollup->spare;
    int err = 0;

    for (uint32_t i = 0; i < count; i++) {
        const struct tg_place *place = &rollup->order[from + i];
        const struct tg_block_call *call = call_at(rollup, place);

        places[i] = *place;
        places[i].words[TG_ORDER_KIND] = rollup->maker->kinds[call->kind];
        places[i].words[BY_DAY] = place->words[TG_ORDER_DAY];
        places[i].words[BY_OWNER] = owner_of(rollup, family, call->holder);
    }
    tg_places_sort(places, places + count, count);
    while (count > 0 && err == 0) {
        uint32_t n = count_same(places, count, BY_OWNER);

        err = add_row(db, rollup, family, places, n);
        places += n;
        count -= n;
    }
    return err == 0 ? store(db, rollup->maker) : err;
}

int
tg_packs_add(struct tg_sqlite *db, struct tg_rollup *rollup, uint32_t from,
             uint32_t to)
{
    static const enum tg_pack_family families[] = {
        TG_PACKS_OF_KEYS, TG_PACKS_OF_ACCOUNTS, TG_PACKS_OF_ALL};
    int err = 0;

    if (from >= to)
        return 0;
    if (rollup->maker == NULL) {
        err = maker_new(rollup);
        if (err != 0)
            return tg_error_set(&db->store.error, err, "out of memory");
        err = number_kinds(db, rollup);
    }
    if (err == 0)
        err = number_accounts(db, rollup, from, to);
    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]) && err == 0;
         i++)
        err = add_family(db, rollup, families[i], from, to);
    return err;
}
