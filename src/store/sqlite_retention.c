#include "err.h"
#include "sqlite_block_uses.h"
#include "sqlite_call_kinds.h"
#include "sqlite_rollup.h"

#define QUARTER_MS INT64_C(900000)
#define DAY_MS INT64_C(86400000)
#define KEYS_MAX 256     /* whose last use is noted in one step */
#define CELLS_OF_PACK 16 /* that are as much to take away as rows of calls */

/* How far all is, as the store has it. */
struct place {
    int64_t first, next;   /* rolled_up */
    int64_t first_quarter; /* retention */
    int64_t noted_block;
    bool is_noted;
    char noted_key[TG_ID_TEXT_SIZE];
    int64_t
        oldest;    /* number of the first call; first_new where there is none */
    int64_t block; /* that it is in; where none is rolled up, the next one */
    int64_t oldest_block; /* of key_calls; -1: there is none */
};

/* One step: what it may take, and how much. */
struct step {
    struct tg_sqlite *db;
    const struct tg_store_age *age;
    int64_t rows;
    struct place place;
    bool did_some;
};

static int
find_place(struct step *step)
{
    struct place *place = &step->place;
    sqlite3_stmt *stmt;
    int err = tg_sqlite_number(step->db);

    if (err == 0)
        err = tg_sql_begin(
            step->db, &stmt,
            "SELECT first, next, first_quarter, retention.block, is_noted, "
            "retention.key_id, oldest, coalesce((SELECT min(block) FROM "
            "key_calls), -1), iif(oldest < first, (SELECT max(block) FROM "
            "key_calls WHERE block <= oldest / ?2), first / ?2) FROM "
            "rolled_up, retention, (SELECT coalesce(min(seq), ?1) AS oldest "
            "FROM call_rows)",
            "ii", step->db->next_seq, TG_BLOCK_CALLS);
    if (err != 0)
        return err;
    err = tg_sql_next(step->db, stmt);
    if (err > 0) {
        place->first = sqlite3_column_int64(stmt, 0);
        place->next = sqlite3_column_int64(stmt, 1);
        place->first_quarter = sqlite3_column_int64(stmt, 2);
        place->noted_block = sqlite3_column_int64(stmt, 3);
        place->is_noted = sqlite3_column_int64(stmt, 4) != 0;
        sqlite3_snprintf(sizeof(place->noted_key), place->noted_key, "%s",
                         tg_sql_text(stmt, 5));
        place->oldest = sqlite3_column_int64(stmt, 6);
        place->oldest_block = sqlite3_column_int64(stmt, 7);
        place->block = sqlite3_column_int64(stmt, 8);
    }
    return tg_sql_end(stmt, err > 0 ? 0 : err == 0 ? TG_ERR_CORRUPT : err);
}

/*
 * Instants that have not come yet are those of a clock that was wrong: what
 * was taken in before such a call says how old it is.
 */
static bool
is_old(const struct step *step, int64_t at)
{
    return step->age->calls_before > 0 &&
           (at < step->age->calls_before || at > step->age->now_ms + DAY_MS);
}

/* Whether the call with that number, or the one behind it, is old. */
static int
look_at(struct step *step, int64_t seq, bool *is)
{
    sqlite3_stmt *stmt;
    int err =
        tg_sql_begin(step->db, &stmt,
                     "SELECT at FROM call_rows WHERE seq >= ? ORDER BY seq "
                     "LIMIT 1",
                     "i", seq);

    *is = false;
    if (err != 0)
        return err;
    err = tg_sql_next(step->db, stmt);
    if (err > 0)
        *is = is_old(step, sqlite3_column_int64(stmt, 0));
    return tg_sql_end(stmt, err > 0 ? 0 : err);
}

/*
 * A block that is not full may be old: then it is ended as it is, and rolled
 * up like others.  The calls that come get numbers of the next one.
 */
static int
end_block(struct step *step)
{
    struct place *place = &step->place;
    bool is = false;
    int err = look_at(step, place->first, &is);

    if (err != 0 || !is)
        return err;
    if (place->next <= place->first) {
        err = tg_sql_run(step->db, NULL, "UPDATE rolled_up SET next = ?", "i",
                         place->first + TG_BLOCK_CALLS);
        if (step->db->next_seq < place->first + TG_BLOCK_CALLS)
            step->db->next_seq = place->first + TG_BLOCK_CALLS;
    }
    if (err == 0)
        err = tg_sqlite_roll_up(&step->db->store, (uint32_t)step->rows,
                                &step->did_some);
    return err;
}

/* The number of the key's newest call in a block. */
static int
newest_of(struct step *step, int64_t block, struct tg_str entries,
          int64_t last_at, int64_t *seq)
{
    const uint8_t *at = (const uint8_t *)entries.data;
    const uint8_t *end = at + entries.len;
    struct tg_key_entry entry = {.seq = tg_block_first(block)};

    while (at < end) {
        if (tg_key_entry_read(&at, end, &entry) != 0)
            return tg_error_set(&step->db->store.error, TG_ERR_CORRUPT,
                                "the store: block %lld of a key is damaged",
                                (long long)block);
        if (entry.at == last_at)
            *seq = entry.seq;
    }
    return 0;
}

static int
note_use(struct step *step, const char *key_id, int64_t seq)
{
    return tg_sql_run(
        step->db, NULL,
        "UPDATE secrets SET last_used_at = calls.at, last_used_ip = calls.ip, "
        "last_used_agent = calls.user_agent FROM call_rows AS calls "
        "WHERE calls.seq = ?2 AND secrets.number = "
        "(SELECT max(number) FROM secrets WHERE key_id = ?1) "
        "AND secrets.last_used_at < calls.at",
        "ti", key_id, seq);
}

/*
 * What would be forgotten with a block: the last use of keys that have no
 * later call in the next one.
 */
static int
note_uses(struct step *step)
{
    static const char sql[] =
        "SELECT key_id, last_at, entries, coalesce((SELECT last_at FROM "
        "key_calls later WHERE later.block = (SELECT min(block) FROM key_calls "
        "WHERE block > ?1) AND later.key_id = key_calls.key_id), -1), (SELECT "
        "count(*) FROM secrets WHERE "
        "secrets.key_id = key_calls.key_id) FROM key_calls WHERE block = ?1 "
        "AND key_id > ?2 ORDER BY key_id LIMIT ?3";
    struct place *place = &step->place;
    sqlite3_stmt *stmt;
    int64_t seq = -1;
    int count = 0, err;

    err = tg_sql_begin(step->db, &stmt, sql, "iti", place->noted_block,
                       place->noted_key, (int64_t)KEYS_MAX);
    if (err != 0)
        return err;
    while ((err = tg_sql_next(step->db, stmt)) > 0) {
        int64_t last_at = sqlite3_column_int64(stmt, 1);

        count++;
        err = 0;
        if (sqlite3_column_int64(stmt, 4) > 1) {
            err =
                tg_block_uses_note(step->db, place->noted_block,
                                   tg_sql_text(stmt, 0), tg_sql_bytes(stmt, 2));
        } else if (sqlite3_column_int64(stmt, 3) < last_at) {
            err = newest_of(step, place->noted_block, tg_sql_bytes(stmt, 2),
                            last_at, &seq);
            if (err == 0)
                err = note_use(step, tg_sql_text(stmt, 0), seq);
        }
        if (err != 0)
            break;
        if (count == KEYS_MAX)
            sqlite3_snprintf(sizeof(place->noted_key), place->noted_key, "%s",
                             tg_sql_text(stmt, 0));
    }
    err = tg_sql_end(stmt, err);
    place->is_noted = count < KEYS_MAX;
    return err;
}

static int
note_block(struct step *step)
{
    struct place *place = &step->place;
    int err;

    if (place->noted_block != place->block) {
        place->noted_block = place->block;
        place->noted_key[0] = '\0';
    }
    err = note_uses(step);
    step->did_some = true;
    if (err != 0)
        return err;
    return tg_sql_run(step->db, NULL,
                      "UPDATE retention SET block = ?, key_id = ?, "
                      "is_noted = ?",
                      "iti", place->noted_block, place->noted_key,
                      (int64_t)place->is_noted);
}

/*
 * The last of the old calls in a row that go now, all of one block, and their
 * quarter-hours are marked; *last stays as it is when there is none.
 */
static int
find_last(struct step *step, int64_t *last)
{
    int64_t end = tg_block_first(tg_block_number(step->place.oldest) + 1);
    int64_t marked = -1;
    sqlite3_stmt *stmt;
    int err =
        tg_sql_begin(step->db, &stmt,
                     "SELECT seq, at FROM call_rows WHERE seq >= ? AND seq < "
                     "? ORDER BY seq LIMIT ?",
                     "iii", step->place.oldest, end, step->rows);

    if (err != 0)
        return err;
    while ((err = tg_sql_next(step->db, stmt)) > 0) {
        int64_t at = sqlite3_column_int64(stmt, 1);

        err = 0;
        if (!is_old(step, at))
            break;
        if (at / QUARTER_MS != marked) {
            marked = at / QUARTER_MS;
            err = tg_sql_run(step->db, NULL,
                             "INSERT OR IGNORE INTO thinned VALUES (?)", "i",
                             marked);
        }
        if (err != 0)
            break;
        *last = sqlite3_column_int64(stmt, 0);
    }
    return tg_sql_end(stmt, err);
}

static int
take_calls(struct step *step)
{
    const struct place *place = &step->place;
    int64_t last = -1;
    bool is = false;
    int err;

    if (place->oldest >= place->first)
        return 0;
    err = look_at(step, place->oldest, &is);
    if (err != 0 || !is)
        return err;
    if (place->noted_block != place->block || !place->is_noted)
        return note_block(step);
    err = find_last(step, &last);
    if (err != 0)
        return err;
    step->did_some = true;
    return tg_sql_run(step->db, NULL,
                      "DELETE FROM call_rows WHERE seq BETWEEN ? AND ?", "ii",
                      place->oldest, last);
}

/* Of a block that has no calls any more. */
static int
take_key_calls(struct step *step)
{
    const struct place *place = &step->place;
    int err;

    if (place->oldest_block < 0 || place->oldest_block >= place->block)
        return 0;
    step->did_some = true;
    err = tg_sql_run(step->db, NULL,
                     "DELETE FROM key_loads WHERE id IN (SELECT loads FROM "
                     "key_calls WHERE block = ?1 AND typeof(loads) = 'integer' "
                     "ORDER BY key_id LIMIT ?2)",
                     "ii", place->oldest_block, step->rows);
    if (err != 0)
        return err;
    return tg_sql_run(step->db, NULL,
                      "DELETE FROM key_calls WHERE block = ?1 AND key_id IN "
                      "(SELECT key_id FROM key_calls WHERE block = ?1 "
                      "ORDER BY key_id LIMIT ?2)",
                      "ii", place->oldest_block, step->rows);
}

static int
take_moved(struct step *step)
{
    int changes = 0;
    int err = tg_sql_run(step->db, &changes,
                         "DELETE FROM moved_calls WHERE seq IN (SELECT seq "
                         "FROM moved_calls WHERE at < ? LIMIT ?)",
                         "ii", step->age->moved_before, step->rows);

    step->did_some = changes > 0;
    return err;
}

/* A kind of calls that are all gone, of an old price or a credential. */
static int
take_kinds(struct step *step)
{
    return tg_call_kinds_expire(step->db, tg_block_number(step->place.oldest),
                                step->rows, &step->did_some);
}

/* A row of packs up to which, and with which, they go. */
struct bound {
    int64_t day;
    char key_id[TG_ID_TEXT_SIZE];
    int64_t account;
};

/* What all keys of an account cost, as the rows of its keys go as well. */
static int
note_gone(struct step *step, const struct bound *row, struct tg_str sums)
{
    int64_t nanos;
    int err;

    if (strcmp(row->key_id, TG_PACK_ALL_KEYS) != 0 ||
        row->account == TG_PACK_ALL_ACCOUNTS)
        return 0;
    if (row->account > step->db->pack_accounts.count)
        return tg_pack_fail(step->db, TG_ERR_CORRUPT, row->day, row->key_id);
    err = tg_pack_cost(sums, &nanos);
    if (err != 0)
        return tg_pack_fail(step->db, err, row->day, row->key_id);
    return tg_sql_run(
        step->db, NULL,
        "UPDATE accounts SET gone_nanos = gone_nanos + ? WHERE id = ?", "it",
        nanos, tg_pack_account(step->db, (uint32_t)row->account));
}

static int
find_bound(struct step *step, int64_t before, struct bound *bound)
{
    sqlite3_stmt *stmt;
    int err = tg_pack_names_load(step->db);

    if (err == 0)
        err = tg_sql_begin(step->db, &stmt,
                           "SELECT day, key_id, account, sums FROM packs "
                           "WHERE day < ? ORDER BY day, key_id, account "
                           "LIMIT ?",
                           "ii", before, 1 + step->rows / CELLS_OF_PACK);
    if (err != 0)
        return err;
    while ((err = tg_sql_next(step->db, stmt)) > 0) {
        step->did_some = true;
        bound->day = sqlite3_column_int64(stmt, 0);
        sqlite3_snprintf(sizeof(bound->key_id), bound->key_id, "%s",
                         tg_sql_text(stmt, 1));
        bound->account = sqlite3_column_int64(stmt, 2);
        err = note_gone(step, bound, tg_sql_bytes(stmt, 3));
        if (err != 0)
            break;
    }
    return tg_sql_end(stmt, err);
}

#define SIXTH(table)                                                           \
    "DELETE FROM " table " WHERE id IN (SELECT cells FROM packs WHERE (day, "  \
    "key_id, account) <= (?, ?, ?) AND typeof(cells) = 'integer')"

static const char *const sixths[] = {
    SIXTH("pack_sixths_0"), SIXTH("pack_sixths_1"), SIXTH("pack_sixths_2"),
    SIXTH("pack_sixths_3"), SIXTH("pack_sixths_4"), SIXTH("pack_sixths_5")};

/* Whole days; what they cost stays with their accounts. */
static int
take_packs(struct step *step)
{
    int64_t before = step->age->rollups_before / DAY_MS;
    struct tg_sqlite *db = step->db;
    struct bound bound;
    int err = find_bound(step, before, &bound);

    if (err != 0 || !step->did_some)
        return err;
    for (size_t i = 0; i < sizeof(sixths) / sizeof(sixths[0]) && err == 0; i++)
        err = tg_sql_run(db, NULL, sixths[i], "iti", bound.day, bound.key_id,
                         bound.account);
    if (err == 0)
        err = tg_sql_run(
            db, NULL,
            "DELETE FROM packs WHERE (day, key_id, account) <= (?, ?, ?)",
            "iti", bound.day, bound.key_id, bound.account);
    if (err == 0)
        err = tg_sql_run(db, NULL,
                         "UPDATE retention SET first_quarter = "
                         "max(first_quarter, ?)",
                         "i", before * TG_PACK_QUARTERS);
    if (err == 0)
        err = tg_sql_run(db, NULL, "DELETE FROM thinned WHERE quarter < ?", "i",
                         bound.day * TG_PACK_QUARTERS);
    return err;
}

int
tg_sqlite_forget(struct tg_store *store, const struct tg_store_age *age,
                 uint32_t rows, bool *has_more)
{
    static int (*const parts[])(struct step *) = {
        end_block,  take_calls, take_key_calls,
        take_kinds, take_moved, take_packs,
    };
    struct step step = {
        .db = tg_sqlite_of(store), .age = age, .rows = rows > 0 ? rows : 1};
    int err = find_place(&step);

    /* Rows go, and where a block is ended numbers are left out. */
    step.db->is_behind_last = false;
    for (size_t i = 0;
         err == 0 && !step.did_some && i < sizeof(parts) / sizeof(parts[0]);
         i++)
        err = parts[i](&step);
    *has_more = step.did_some;
    return err;
}
