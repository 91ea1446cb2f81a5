#include "heap.h"
#include "sqlite_rollup.h"

#include <stdlib.h>

#define AHEAD 8 /* calls that are fetched before they are added */

/* What packs are made with, kept from one to the next. */
struct tg_pack_maker {
    struct tg_heap cell, day;          /* of a kind */
    struct tg_pack_writer sums, cells; /* of the calls that are added */
    struct tg_pack_writer merged[2];   /* with what was there */
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
    tg_pack_release(&maker->sums);
    tg_pack_release(&maker->cells);
    tg_pack_release(&maker->merged[0]);
    tg_pack_release(&maker->merged[1]);
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
put_kind(struct tg_rollup *rollup, const struct tg_place *places,
         uint32_t count)
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
            err = tg_heap_put(cell, &maker->cells, kind,
                              places[0].words[TG_ORDER_QUARTER]);
    }
    return err == 0
               ? tg_heap_put(day != NULL ? day : cell, &maker->sums, kind, 0)
               : err;
}

/* Packs of calls of one day and owner. */
static int
make_packs(struct tg_rollup *rollup, const struct tg_place *places,
           uint32_t count, struct tg_str packs[2])
{
    struct tg_pack_maker *maker = rollup->maker;
    int err = 0;

    tg_pack_clear(&maker->sums);
    tg_pack_clear(&maker->cells);
    while (count > 0 && err == 0) {
        uint32_t n = count_same(places, count, TG_ORDER_KIND);

        err = put_kind(rollup, places, n);
        places += n;
        count -= n;
    }
    if (err == 0)
        err = tg_pack_end(&maker->sums, &packs[0]);
    if (err == 0)
        err = tg_pack_end(&maker->cells, &packs[1]);
    return err;
}

/* Whose packs they are. */
struct owner {
    int64_t day;
    const char *key_id;
    uint32_t account;
    int64_t sixths_id; /* of their rows in pack_sixths_*; 0: none */
};

/* Adds what is there already. */
static int
add_stored(struct tg_sqlite *db, struct tg_rollup *rollup, struct owner *owner,
           struct tg_str packs[2])
{
    struct tg_pack_writer *merged = rollup->maker->merged;
    sqlite3_stmt *stmt;
    int err =
        tg_sql_begin(db, &stmt,
                     "SELECT sums, cells FROM packs WHERE day = ? AND "
                     "key_id = ? AND account = ?",
                     "iti", owner->day, owner->key_id, (int64_t)owner->account);

    if (err != 0)
        return err;
    err = tg_sql_next(db, stmt);
    if (err <= 0)
        return tg_sql_end(stmt, err);
    err = tg_pack_merge(&merged[0], tg_sql_bytes(stmt, 0), packs[0], &packs[0]);
    if (err == 0 && sqlite3_column_type(stmt, 1) == SQLITE_INTEGER)
        owner->sixths_id = sqlite3_column_int64(stmt, 1);
    else if (err == 0)
        err = tg_pack_merge(&merged[1], tg_sql_bytes(stmt, 1), packs[1],
                            &packs[1]);
    return tg_sql_end(stmt, err);
}

static int
store(struct tg_sqlite *db, struct tg_rollup *rollup, struct owner *owner,
      const struct tg_place *places, uint32_t count)
{
    static const char sql[] =
        "INSERT OR REPLACE INTO packs VALUES (?, ?, ?, ?, ?)";
    struct tg_str packs[2];
    int err = make_packs(rollup, places, count, packs);

    if (err == 0)
        err = add_stored(db, rollup, owner, packs);
    /* Cells that are many stand by sixths from then on. */
    if (err == 0 &&
        (owner->sixths_id != 0 || packs[1].len > TG_PACK_CELLS_WITHIN))
        err = tg_pack_sixths_put(db, &rollup->maker->cutter, &owner->sixths_id,
                                 packs[1]);
    if (err == TG_ERR_RANGE || err == TG_ERR_CORRUPT)
        return tg_pack_fail(db, err, owner->day, owner->key_id);
    if (err != 0)
        return err;
    return owner->sixths_id != 0
               ? tg_sql_run(db, NULL, sql, "itibi", owner->day, owner->key_id,
                            (int64_t)owner->account, packs[0], owner->sixths_id)
               : tg_sql_run(db, NULL, sql, "itibb", owner->day, owner->key_id,
                            (int64_t)owner->account, packs[0], packs[1]);
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

static struct owner
name_owner(const struct tg_rollup *rollup, enum tg_pack_family family,
           const struct tg_place *place)
{
    uint32_t holder = call_at(rollup, place)->holder;
    const struct tg_block_holder *names =
        tg_names_at(&rollup->block.holders, holder);

    return (struct owner){
        .day = rollup->days[place->words[TG_ORDER_DAY]],
        .key_id = family == TG_PACKS_OF_KEYS ? names->key_id : TG_PACK_ALL_KEYS,
        .account = family == TG_PACKS_OF_ALL ? TG_PACK_ALL_ACCOUNTS
                                             : rollup->maker->accounts[holder],
    };
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
        places[i].words[TG_ORDER_OWNER] =
            owner_of(rollup, family, call->holder);
    }
    tg_places_sort(places, places + count, count);
    while (count > 0 && err == 0) {
        uint32_t n = count_same(places, count, TG_ORDER_DAY);
        struct owner owner = name_owner(rollup, family, places);

        err = store(db, rollup, &owner, places, n);
        places += n;
        count -= n;
    }
    return err;
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
