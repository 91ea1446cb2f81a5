#include "sqlite_account_walk.h"

#define SELECT                                                                 \
    "SELECT id, at, key_id, account_id, upstream_id, model, endpoint, "        \
    "flags, status, code, basis, latency_ms, coalesce(ttft_ms, -1), "          \
    "prompt_tokens, prompt_cache_hit_tokens, completion_tokens, "              \
    "reasoning_tokens, cost_nanos, ip, user_agent, trace_id, unit, units, "    \
    "seq FROM calls WHERE "
#define SEQ 23 /* the last column */

/* In the order that sqlite_call_wanted.c has. */
#define WANTED                                                                 \
    "wanted(key_id, account_id, model, upstream_id, trace_id, user_agent, "    \
    "ip, at, status, code, endpoint, latency_ms)"

/* ?1 and ?2: before this place; ?3 and ?4: from this one on. */
#define RANGE                                                                  \
    "(at, seq) < (?1, ?2) AND (at, seq) >= (?3, ?4) "                          \
    "AND (?5 = 0 OR +seq < ?5) "
#define ORDER "ORDER BY at DESC, seq DESC LIMIT ?6"

/* A walk's part, and what it is shown to. */
struct part {
    struct tg_sqlite *db;
    const struct tg_store_call_filter *filter;
    struct tg_store_call_slice *slice;
    int (*visit)(void *, const struct tg_store_call *);
    void *arg;
    uint32_t looked, shown;
};

static bool
is_any(const struct tg_store_call_filter *filter)
{
    return filter->account_id == NULL && filter->model == NULL &&
           filter->upstream_id == NULL && filter->trace_id == NULL &&
           filter->agent == NULL && filter->code == 0 &&
           filter->min_latency_ms == 0 && filter->endpoints == 0 &&
           filter->status_count == 0 && !filter->is_not_ok &&
           !filter->has_network;
}

/* Shows the row that a statement of SELECT stands on. */
static int
show(struct part *part, sqlite3_stmt *stmt)
{
    struct tg_store_call row;

    tg_sqlite_read_call(stmt, &row);
    part->slice->place =
        (struct tg_call_place){row.at, sqlite3_column_int64(stmt, SEQ)};
    part->slice->id = row.id;
    part->shown++;
    return part->visit(part->arg, &row);
}

static int
show_one(struct part *part, sqlite3_stmt *stmt)
{
    int err = tg_sql_next(part->db, stmt);

    if (err > 0)
        err = show(part, stmt);
    return tg_sql_end(stmt, err);
}

static int
show_by_id(struct part *part)
{
    struct tg_str id = {(const char *)part->filter->id->bytes,
                        sizeof(part->filter->id->bytes)};
    sqlite3_stmt *stmt;
    int err =
        tg_sql_begin(part->db, &stmt, SELECT "id = ?1 AND " WANTED, "b", id);

    part->slice->is_over = true;
    return err != 0 ? err : show_one(part, stmt);
}

/*
 * The place of the last call that may be looked at, and its id; is_over when
 * there are not so many.
 */
static int
find_floor(struct part *part, struct tg_call_place *floor,
           struct tg_call_id *id)
{
    struct tg_store_call_slice *slice = part->slice;
    sqlite3_stmt *stmt;
    struct tg_str bytes;
    int err = tg_sql_begin(
        part->db, &stmt,
        "SELECT at, seq, id FROM call_rows WHERE seq = (SELECT seq FROM "
        "call_rows WHERE (at, seq) < (?1, ?2) AND at >= ?3 "
        "ORDER BY at DESC, seq DESC LIMIT 1 OFFSET ?4)",
        "iiii", slice->place.at, slice->place.seq, part->filter->since,
        (int64_t)slice->look - 1);

    *floor = (struct tg_call_place){.at = part->filter->since};
    if (err != 0)
        return err;
    err = tg_sql_next(part->db, stmt);
    slice->is_over = err == 0;
    if (err > 0) {
        floor->at = sqlite3_column_int64(stmt, 0);
        floor->seq = sqlite3_column_int64(stmt, 1);
        bytes = tg_sql_bytes(stmt, 2);
        if (bytes.len == sizeof(id->bytes))
            memcpy(id->bytes, bytes.data, bytes.len);
        err = 0;
    }
    return tg_sql_end(stmt, err);
}

/* Walks calls from the part's place down to a floor, up to its limit. */
static int
show_range(struct part *part, const char *sql, struct tg_call_place floor)
{
    const struct tg_call_place from = part->slice->place;
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(part->db, &stmt, sql, "iiiiii", from.at, from.seq,
                           floor.at, floor.seq, part->filter->seq_end,
                           (int64_t)part->slice->limit);

    if (err != 0)
        return err;
    while ((err = tg_sql_next(part->db, stmt)) > 0) {
        err = show(part, stmt);
        if (err != 0)
            break;
    }
    return tg_sql_end(stmt, err);
}

/* All that come are shown, so the limit is the bound. */
static int
show_any(struct part *part)
{
    static const char sql[] = SELECT RANGE ORDER;
    struct tg_call_place floor = {.at = part->filter->since};
    int err;

    if (part->slice->look < part->slice->limit)
        part->slice->limit = part->slice->look;
    err = show_range(part, sql, floor);
    part->slice->is_over = err == 0 && part->shown < part->slice->limit;
    return err;
}

static int
show_wanted(struct part *part)
{
    static const char sql[] = SELECT RANGE "AND " WANTED " " ORDER;
    struct tg_call_place floor;
    struct tg_call_id id = part->slice->id;
    int err = find_floor(part, &floor, &id);

    if (err == 0)
        err = show_range(part, sql, floor);
    if (err != 0)
        return err;
    if (part->shown == part->slice->limit) {
        part->slice->is_over = false;
    } else if (!part->slice->is_over) {
        part->slice->place = floor;
        part->slice->id = id;
    }
    return 0;
}

static int
show_key_call(struct part *part, int64_t seq)
{
    sqlite3_stmt *stmt;
    int err =
        tg_sql_begin(part->db, &stmt, SELECT "seq = ?1 AND " WANTED, "i", seq);

    return err != 0 ? err : show_one(part, stmt);
}

static int
walk_key(struct part *part, struct tg_key_walk *walk)
{
    struct tg_store_call_slice *slice = part->slice;
    struct tg_call_place place = {0};
    int err = 0;

    while (part->looked < slice->look && part->shown < slice->limit) {
        err = tg_key_walk_next(walk, &slice->place, &place);
        slice->is_over = err == 0;
        if (err <= 0)
            return err;
        slice->place = place;
        part->looked++;
        if (part->filter->seq_end != 0 && place.seq >= part->filter->seq_end)
            continue;
        err = show_key_call(part, place.seq);
        if (err != 0)
            return err;
    }
    return 0;
}

void
tg_sqlite_call_slice_end(struct tg_store_call_slice *slice)
{
    tg_key_walk_end(slice->walk);
    slice->walk = NULL;
}

/* The id of the last one looked at, which need not have been shown. */
static int
find_id(struct part *part)
{
    sqlite3_stmt *stmt;
    struct tg_str id;
    int err;

    if (part->looked == 0)
        return 0;
    err =
        tg_sql_begin(part->db, &stmt, "SELECT id FROM call_rows WHERE seq = ?",
                     "i", part->slice->place.seq);
    if (err != 0)
        return err;
    err = tg_sql_next(part->db, stmt);
    if (err > 0) {
        id = tg_sql_bytes(stmt, 0);
        if (id.len == sizeof(part->slice->id.bytes))
            memcpy(part->slice->id.bytes, id.data, id.len);
    }
    return tg_sql_end(stmt, err < 0 ? err : 0);
}

static int
show_of_key(struct part *part)
{
    struct tg_store_filter of_key = {.key_id = part->filter->key_id,
                                     .since = part->filter->since};
    struct tg_store_call_slice *slice = part->slice;
    int err = 0;

    /*
     * What is kept holds while blocks are rolled up: a call's place stays
     * what it is, and those that come are not before seq_end.
     */
    if (slice->walk == NULL)
        err = tg_key_walk_begin(&slice->walk, part->db, &of_key);
    if (err == 0)
        err = walk_key(part, slice->walk);
    if (!slice->is_kept)
        tg_sqlite_call_slice_end(slice);
    return err != 0 ? err : find_id(part);
}

static int
walk_account(struct part *part, struct tg_account_walk *walk)
{
    struct tg_store_call_slice *slice = part->slice;
    struct tg_call_place place = {0};
    int err;

    while (part->looked < slice->look && part->shown < slice->limit) {
        err = tg_account_walk_next(walk, &place);
        slice->is_over = err == 0;
        if (err <= 0)
            return err;
        slice->place = place;
        part->looked++;
        err = show_key_call(part, place.seq);
        if (err != 0)
            return err;
    }
    return 0;
}

/* By its keys, where they are few; *is_done: they were. */
static int
show_of_account(struct part *part, bool *is_done)
{
    struct tg_store_filter of_account = {.account_id = part->filter->account_id,
                                         .since = part->filter->since};
    struct tg_account_walk *walk;
    int err = tg_account_walk_begin(&walk, part->db, &of_account,
                                    &part->slice->place);

    *is_done = err != 0 || walk != NULL;
    if (walk == NULL)
        return err;
    err = walk_account(part, walk);
    tg_account_walk_end(walk);
    return err != 0 ? err : find_id(part);
}

static int
show_slice(struct part *part)
{
    const struct tg_store_call_filter *filter = part->filter;
    struct tg_call_place *place = &part->slice->place;
    bool is_done;

    part->slice->is_over = false;
    if (filter->until != 0 && place->at >= filter->until)
        *place = (struct tg_call_place){.at = filter->until};
    if (filter->id != NULL)
        return show_by_id(part);
    if (filter->key_id != NULL)
        return show_of_key(part);
    /* An export goes through all calls, but once. */
    if (filter->account_id != NULL && !part->slice->is_kept) {
        int err = show_of_account(part, &is_done);

        if (is_done)
            return err;
    }
    return is_any(filter) ? show_any(part) : show_wanted(part);
}

int
tg_sqlite_call_slice(struct tg_store *store,
                     const struct tg_store_call_filter *filter,
                     struct tg_store_call_slice *slice,
                     int (*visit)(void *, const struct tg_store_call *),
                     void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    struct part part = {db, filter, slice, visit, arg, 0, 0};
    bool is_alone = sqlite3_get_autocommit(db->db);
    int err = is_alone ? tg_sql_run(db, NULL, "BEGIN", "") : 0;

    if (err != 0)
        return err;
    db->calls_asked = filter;
    err = show_slice(&part);
    db->calls_asked = NULL;
    if (is_alone)
        tg_sql_run(db, NULL, "ROLLBACK", "");
    return err;
}

int
tg_sqlite_call_where(struct tg_store *store, const struct tg_call_id *id,
                     struct tg_call_place *place)
{
    return tg_sqlite_call_place(tg_sqlite_of(store), id, place);
}

int
tg_sqlite_call_oldest(struct tg_store *store, int64_t *at)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(db, &stmt,
                           "SELECT coalesce(min(at), 0) FROM call_rows", "");

    if (err != 0)
        return err;
    err = tg_sql_next(db, stmt);
    if (err > 0)
        *at = sqlite3_column_int64(stmt, 0);
    return tg_sql_end(stmt, err < 0 ? err : 0);
}
