#include "sqlite_gather.h"
#include "sqlite_rollup.h"

#define HOLDERS_MANY 4096 /* a 32nd of the calls that a block has at least */

int
tg_key_entry_read(const uint8_t **at, const uint8_t *end,
                  struct tg_key_entry *entry)
{
    uint64_t seq, instant;

    if (tg_varint_get(at, end, &seq) != 0 ||
        tg_varint_get(at, end, &instant) != 0)
        return TG_ERR_CORRUPT;
    if (__builtin_add_overflow(entry->seq, tg_varint_unfold(seq),
                               &entry->seq) ||
        __builtin_add_overflow(entry->at, tg_varint_unfold(instant),
                               &entry->at))
        return TG_ERR_CORRUPT;
    return 0;
}

static int
read_block(struct tg_sqlite *db, int64_t first, int64_t end, const char *key_id,
           struct tg_block *block)
{
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(db, &stmt,
                           "SELECT " TG_BLOCK_COLUMNS " FROM calls "
                           "WHERE seq >= ? AND seq < ? AND key_id > ? "
                           "ORDER BY seq",
                           "iit", first, end, key_id);

    return err == 0 ? tg_block_read(db, block, stmt) : err;
}

/* Behind what block has. */
static int
append(struct tg_sqlite *db, struct tg_block *block,
       const struct tg_block *more)
{
    int err = 0;

    for (uint32_t i = 0; i < more->count && err == 0; i++)
        err = tg_block_copy(block, more, &more->calls[i]);
    return err == 0 ? 0 : tg_error_set(&db->store.error, err, "out of memory");
}

/* Of a block that is rolled up in part all is read: of keys behind key_id. */
static int
load(struct tg_sqlite *db, int64_t first, int64_t end, const char *key_id,
     struct tg_rollup **rollup)
{
    struct tg_block block, gathered;
    int64_t from;
    int err = 0;

    tg_block_init(&block);
    tg_block_init(&gathered);
    from = tg_gather_take(db, end, &gathered);
    if (key_id[0] != '\0')
        from = end;
    /* Numbers begin with 1. */
    if (from <= first || from == 1) {
        block = gathered;
        tg_block_init(&gathered);
    } else {
        err = read_block(db, first, from, key_id, &block);
        if (err == 0 && from < end)
            err = append(db, &block, &gathered);
    }
    tg_block_release(&gathered);
    if (err == 0)
        err = tg_rollup_new(db, first, end, &block, rollup);
    else
        tg_block_release(&block);
    return err;
}

/*
 * Where the block that begins with first ends.  A key's row costs more than
 * what is added to it, so where keys are many a block waits for more calls of
 * each.  Of those that another connection added nothing is known: it does not
 * wait.
 */
static int64_t
find_end(const struct tg_sqlite *db, int64_t first)
{
    return first + (tg_gather_holders(db) > HOLDERS_MANY ? TG_BLOCK_CALLS_MAX
                                                         : TG_BLOCK_CALLS);
}

/* Sets *rollup to the block that is next, or to NULL: it is not full yet. */
static int
find_block(struct tg_sqlite *db, struct tg_rollup **rollup)
{
    char key_id[TG_ID_TEXT_SIZE] = "";
    int64_t first = 0, end = 0;
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(db, &stmt,
                           "SELECT first, next, key_id FROM rolled_up", "");

    if (err != 0)
        return err;
    err = tg_sql_next(db, stmt);
    if (err > 0) {
        first = sqlite3_column_int64(stmt, 0);
        end = sqlite3_column_int64(stmt, 1);
        sqlite3_snprintf(sizeof(key_id), key_id, "%s", tg_sql_text(stmt, 2));
    }
    err = tg_sql_end(stmt, err > 0 ? 0 : err == 0 ? TG_ERR_CORRUPT : err);
    /* Of one that has begun, or was ended, it is written down. */
    if (end <= first)
        end = find_end(db, first);
    if (err != 0 || db->next_seq < end)
        return err;
    return load(db, first, end, key_id, rollup);
}

/* Behind the calls from n on that are of the same key. */
static uint32_t
key_end(const struct tg_rollup *rollup, uint32_t n)
{
    uint32_t end = n + 1;

    while (end < rollup->block.count &&
           (rollup->order[end].words[TG_ORDER_OWNER] ==
                rollup->order[end - 1].words[TG_ORDER_OWNER] ||
            strcmp(tg_rollup_key(rollup, end), tg_rollup_key(rollup, n)) == 0))
        end++;
    return end;
}

/* All calls of keys that are next, until they have made so many cells. */
static int
take_keys(struct tg_sqlite *db, struct tg_rollup *rollup, uint32_t cells)
{
    uint32_t from = rollup->next, done = 0;
    int err = 0;

    while (done < cells && rollup->next < rollup->block.count && err == 0) {
        uint32_t end = key_end(rollup, rollup->next);

        err = tg_rollup_keys_put(db, rollup, rollup->next, end - rollup->next);
        done += tg_rollup_cells(rollup, rollup->next, end);
        rollup->next = end;
    }
    if (err == 0)
        err = tg_rollup_keys_end(db, rollup);
    return err == 0 ? tg_packs_add(db, rollup, from, rollup->next) : err;
}

static int
note_progress(struct tg_sqlite *db, const struct tg_rollup *rollup)
{
    bool is_done = rollup->next == rollup->block.count;

    return tg_sql_run(db, NULL,
                      "UPDATE rolled_up SET first = ?, next = ?, key_id = ?",
                      "iit", is_done ? rollup->end : rollup->first, rollup->end,
                      is_done ? "" : tg_rollup_key(rollup, rollup->next - 1));
}

int
tg_sqlite_roll_up_ahead(struct tg_store *store, bool *is_ready)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    int err = tg_sqlite_number(db);

    if (err == 0 && db->rollup == NULL)
        err = find_block(db, &db->rollup);
    *is_ready = err == 0 && db->rollup != NULL;
    return err;
}

int
tg_sqlite_roll_up(struct tg_store *store, uint32_t rows, bool *has_more)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    bool is_ready;
    int err = tg_sqlite_roll_up_ahead(store, &is_ready);

    *has_more = false;
    if (err != 0 || db->rollup == NULL)
        return err;
    err = take_keys(db, db->rollup, rows);
    if (err == 0)
        err = note_progress(db, db->rollup);
    *has_more = err == 0;
    if (db->rollup->next == db->rollup->block.count || err != 0) {
        tg_rollup_free(db->rollup);
        db->rollup = NULL;
    }
    return err;
}
