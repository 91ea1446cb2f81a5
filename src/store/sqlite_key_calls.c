#include <stdlib.h>

#include "sqlite_key_calls.h"
#include "sqlite_recent.h"
#include "sqlite_rollup.h"

/* A part of the key's calls: a block, or (number -1) those in none yet. */
struct part {
    int64_t number, last_at;
};

/* Calls that were found and not shown yet, and parts not looked into yet. */
struct tg_key_walk {
    struct tg_sqlite *db;
    const struct tg_store_filter *filter;
    struct tg_call_place start;
    int64_t oldest;     /* number of the first call that is not gone */
    struct part *parts; /* the newest last */
    size_t part_count, part_room;
    struct tg_call_place *places; /* the newest last */
    size_t place_count, place_room;
    struct tg_store_filter own; /* what filter is, of a walk in parts */
};

/* Makes room for one more element of size bytes. */
static int
reserve(struct tg_sqlite *db, void *list, size_t count, size_t *room,
        size_t size)
{
    size_t more = *room ? *room * 2 : 64;
    void *grown;

    if (count < *room)
        return 0;
    grown = realloc(*(void **)list, more * size);
    if (grown == NULL)
        return tg_error_set(&db->store.error, TG_ERR_SYSTEM, "out of memory");
    *(void **)list = grown;
    *room = more;
    return 0;
}

static int
add_part(struct tg_key_walk *walk, int64_t number, int64_t last_at)
{
    int err = reserve(walk->db, &walk->parts, walk->part_count,
                      &walk->part_room, sizeof(walk->parts[0]));

    if (err == 0)
        walk->parts[walk->part_count++] = (struct part){number, last_at};
    return err;
}

static int
compare(const struct tg_call_place *a, const struct tg_call_place *b)
{
    if (a->at != b->at)
        return a->at < b->at ? -1 : 1;
    return (a->seq > b->seq) - (a->seq < b->seq);
}

static int
by_place(const void *a, const void *b)
{
    return compare(a, b);
}

static int
by_last(const void *a, const void *b)
{
    const struct part *x = a, *y = b;

    return (x->last_at > y->last_at) - (x->last_at < y->last_at);
}

static int
add_place(struct tg_key_walk *walk, struct tg_call_place place)
{
    int err;

    if (place.seq < walk->oldest || place.at < walk->filter->since ||
        compare(&place, &walk->start) >= 0)
        return 0;
    err = reserve(walk->db, &walk->places, walk->place_count, &walk->place_room,
                  sizeof(walk->places[0]));
    if (err == 0)
        walk->places[walk->place_count++] = place;
    return err;
}

/* Of calls that are in no block yet; from memory, as they are many. */
static int
find_recent(struct tg_key_walk *walk)
{
    const char *key_id = walk->filter->key_id;
    struct tg_recent *recent;
    int err = tg_recent_load(walk->db, &recent);
    bool *are_own;

    if (err != 0)
        return err;
    are_own = tg_block_holders_of(&recent->block, key_id);
    if (are_own == NULL)
        return tg_error_set(&walk->db->store.error, TG_ERR_SYSTEM,
                            "out of memory");
    for (uint32_t i = 0; i < recent->block.count && err == 0; i++) {
        const struct tg_block_call *call = &recent->block.calls[i];

        if (are_own[call->holder] && tg_recent_is(recent, call, key_id))
            err = add_place(
                walk, (struct tg_call_place){.at = call->at, .seq = call->seq});
    }
    free(are_own);
    return err;
}

/* Blocks one by one: an index by key would cost ingest more than this does. */
static int
find_parts(struct tg_key_walk *walk)
{
    struct tg_sqlite *db = walk->db;
    struct tg_blocks blocks;
    sqlite3_stmt *stmt;
    int err = tg_blocks_find(db, &blocks);

    if (err != 0)
        return err;
    walk->oldest = blocks.oldest;
    for (int64_t block = blocks.first; block <= blocks.last && err == 0;
         block++) {
        err = tg_sql_begin(
            db, &stmt,
            "SELECT last_at FROM key_calls WHERE block = ? AND key_id = ?",
            "it", block, walk->filter->key_id);
        if (err != 0)
            return err;
        err = tg_sql_next(db, stmt);
        if (err > 0)
            err = add_part(walk, block, sqlite3_column_int64(stmt, 0));
        err = tg_sql_end(stmt, err);
    }
    if (err == 0 && walk->part_count > 0)
        qsort(walk->parts, walk->part_count, sizeof(walk->parts[0]), by_last);
    return err;
}

static int
add_entries(struct tg_key_walk *walk, int64_t block, struct tg_str entries)
{
    const uint8_t *at = (const uint8_t *)entries.data;
    const uint8_t *end = at + entries.len;
    struct tg_key_entry entry = {.seq = tg_block_first(block)};
    int err = 0;

    while (at < end && err == 0) {
        err = tg_key_entry_read(&at, end, &entry);
        if (err != 0)
            return tg_error_set(&walk->db->store.error, err,
                                "the store: block %lld of key %s is damaged",
                                (long long)block, walk->filter->key_id);
        err = add_place(
            walk, (struct tg_call_place){.at = entry.at, .seq = entry.seq});
    }
    return err;
}

/* Looks into the newest part that is left. */
static int
open_part(struct tg_key_walk *walk)
{
    int64_t block = walk->parts[--walk->part_count].number;
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(
        walk->db, &stmt,
        "SELECT entries FROM key_calls WHERE block = ? AND key_id = ?", "it",
        block, walk->filter->key_id);

    if (err != 0)
        return err;
    err = tg_sql_next(walk->db, stmt);
    if (err > 0)
        err = add_entries(walk, block, tg_sql_bytes(stmt, 0));
    err = tg_sql_end(stmt, err);
    if (err == 0 && walk->place_count > 0)
        qsort(walk->places, walk->place_count, sizeof(walk->places[0]),
              by_place);
    return err;
}

/*
 * Shows one call, if it is there (retention may have taken it) and the filter
 * wants it: then *shown is counted up.
 */
static int
show(struct tg_key_walk *walk, struct tg_call_place place, uint32_t *shown,
     int (*visit)(void *, const struct tg_store_call *), void *arg)
{
    const struct tg_store_filter *filter = walk->filter;
    struct tg_store_call row;
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(walk->db, &stmt, TG_SELECT_CALLS "seq = ?5", "ttiii",
                           filter->account_id, filter->model, filter->status,
                           (int64_t)filter->is_not_ok, place.seq);

    if (err != 0)
        return err;
    err = tg_sql_next(walk->db, stmt);
    if (err > 0) {
        tg_sqlite_read_call(stmt, &row);
        ++*shown;
        err = visit(arg, &row);
    }
    return tg_sql_end(stmt, err);
}

/* Whether the newest call that was found is newer than all that were not. */
static bool
is_certain(const struct tg_key_walk *walk)
{
    if (walk->place_count == 0)
        return false;
    return walk->part_count == 0 ||
           walk->places[walk->place_count - 1].at >
               walk->parts[walk->part_count - 1].last_at;
}

/* What next gives: 1 with *place, 0 when there is none left, or TG_ERR_*. */
static int
next(struct tg_key_walk *walk, struct tg_call_place *place)
{
    int err = 0;

    while (err == 0) {
        if (is_certain(walk)) {
            *place = walk->places[--walk->place_count];
            return 1;
        }
        if (walk->part_count == 0)
            return 0;
        if (walk->parts[walk->part_count - 1].last_at >= walk->filter->since)
            err = open_part(walk);
        else
            walk->part_count = 0;
    }
    return err;
}

/* Finds where the key's calls are. */
static int
look(struct tg_key_walk *walk)
{
    int err = find_recent(walk);

    if (err == 0)
        err = find_parts(walk);
    if (err == 0 && walk->place_count > 0)
        qsort(walk->places, walk->place_count, sizeof(walk->places[0]),
              by_place);
    return err;
}

static int
walk_all(struct tg_key_walk *walk, uint32_t limit,
         int (*visit)(void *, const struct tg_store_call *), void *arg)
{
    struct tg_call_place place;
    uint32_t shown = 0;
    int err = look(walk);

    while (err == 0 && (limit == 0 || shown < limit)) {
        err = next(walk, &place);
        if (err <= 0)
            break;
        err = show(walk, place, &shown, visit, arg);
    }
    return err;
}

int
tg_key_walk_begin(struct tg_key_walk **out, struct tg_sqlite *db,
                  const struct tg_store_filter *filter)
{
    struct tg_key_walk *walk = calloc(1, sizeof(*walk));
    int err;

    if (walk == NULL)
        return tg_error_set(&db->store.error, TG_ERR_SYSTEM, "out of memory");
    walk->db = db;
    walk->own = *filter;
    walk->filter = &walk->own;
    walk->start = (struct tg_call_place){.at = INT64_MAX};
    err = look(walk);
    if (err == 0)
        *out = walk;
    else
        tg_key_walk_end(walk);
    return err;
}

int
tg_key_walk_next(struct tg_key_walk *walk, const struct tg_call_place *before,
                 struct tg_call_place *place)
{
    walk->start = *before;
    while (walk->place_count > 0 &&
           compare(&walk->places[walk->place_count - 1], before) >= 0)
        walk->place_count--;
    return next(walk, place);
}

void
tg_key_walk_end(struct tg_key_walk *walk)
{
    if (walk == NULL)
        return;
    free(walk->parts);
    free(walk->places);
    free(walk);
}

int
tg_sqlite_key_call_each(struct tg_store *store,
                        const struct tg_store_filter *filter,
                        const struct tg_call_id *after, uint32_t limit,
                        int (*visit)(void *, const struct tg_store_call *),
                        void *arg)
{
    struct tg_key_walk walk = {.db = tg_sqlite_of(store), .filter = filter};
    bool is_alone = sqlite3_get_autocommit(walk.db->db);
    int err;

    /* All of it at one moment: a block may be rolled up meanwhile. */
    if (is_alone) {
        err = tg_sql_run(walk.db, NULL, "BEGIN", "");
        if (err != 0)
            return err;
    }
    err = tg_sqlite_call_start(walk.db, filter, after, &walk.start);
    if (err == 0)
        err = walk_all(&walk, limit, visit, arg);
    if (is_alone)
        tg_sql_run(walk.db, NULL, "ROLLBACK", "");
    free(walk.parts);
    free(walk.places);
    return err;
}
