#include "sqlite_recent.h"

#include <stdlib.h>

#define NAMES_MAX 200000 /* holders, most of them of calls that have gone */

void
tg_recent_free(struct tg_recent *recent)
{
    if (recent == NULL)
        return;
    tg_block_release(&recent->block);
    free(recent);
}

static int
find_place(struct tg_sqlite *db, struct tg_recent *recent, int64_t *first)
{
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(db, &stmt,
                           "SELECT first, next, key_id FROM rolled_up", "");

    if (err != 0)
        return err;
    err = tg_sql_next(db, stmt);
    if (err > 0) {
        *first = sqlite3_column_int64(stmt, 0);
        recent->next = sqlite3_column_int64(stmt, 1);
        sqlite3_snprintf(sizeof(recent->key_id), recent->key_id, "%s",
                         tg_sql_text(stmt, 2));
    }
    return tg_sql_end(stmt, err > 0 ? 0 : err == 0 ? TG_ERR_CORRUPT : err);
}

/* Calls before first are in packs, all of them. */
static void
drop_old(struct tg_recent *recent, int64_t first)
{
    struct tg_block *block = &recent->block;
    uint32_t old = 0;

    while (old < block->count && block->calls[old].seq < first)
        old++;
    block->count -= old;
    if (old > 0 && block->count > 0)
        memmove(block->calls, block->calls + old,
                block->count * sizeof(block->calls[0]));
    if (block->holders.count > NAMES_MAX &&
        block->holders.count / 2 > block->count) {
        tg_block_release(block);
        recent->read_to = 0;
    }
    if (recent->read_to < first)
        recent->read_to = first;
}

static int
read_new(struct tg_sqlite *db, struct tg_recent *recent)
{
    struct tg_block *block = &recent->block;
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(db, &stmt,
                           "SELECT " TG_BLOCK_COLUMNS " FROM calls "
                           "WHERE seq >= ? ORDER BY seq",
                           "i", recent->read_to);

    if (err == 0)
        err = tg_block_read(db, block, stmt);
    if (err == 0 && block->count > 0)
        recent->read_to = block->calls[block->count - 1].seq + 1;
    return err;
}

int
tg_recent_load(struct tg_sqlite *db, struct tg_recent **recent)
{
    int64_t first = 0;
    int err;

    if (db->recent == NULL) {
        db->recent = calloc(1, sizeof(*db->recent));
        if (db->recent == NULL)
            return tg_error_set(&db->store.error, TG_ERR_SYSTEM,
                                "out of memory");
        tg_block_init(&db->recent->block);
    }
    err = find_place(db, db->recent, &first);
    if (err == 0) {
        drop_old(db->recent, first);
        err = read_new(db, db->recent);
    }
    if (err != 0) {
        tg_recent_free(db->recent);
        db->recent = NULL;
        return err;
    }
    *recent = db->recent;
    return 0;
}
