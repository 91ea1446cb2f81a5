#include "sqlite_blocks.h"

/* The block that has the oldest call is the last that begins up to there. */
int
tg_blocks_find(struct tg_sqlite *db, struct tg_blocks *blocks)
{
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(
        db, &stmt,
        "WITH call AS (SELECT coalesce(min(seq), 0) AS oldest FROM call_rows) "
        "SELECT oldest, coalesce((SELECT max(block) FROM key_calls WHERE "
        "block <= oldest / ?), (SELECT min(block) FROM key_calls), 0), "
        "coalesce((SELECT max(block) FROM key_calls), -1) FROM call",
        "i", TG_BLOCK_CALLS);

    if (err != 0)
        return err;
    err = tg_sql_next(db, stmt);
    if (err > 0)
        *blocks = (struct tg_blocks){.oldest = sqlite3_column_int64(stmt, 0),
                                     .first = sqlite3_column_int64(stmt, 1),
                                     .last = sqlite3_column_int64(stmt, 2)};
    return tg_sql_end(stmt, err > 0 ? 0 : err == 0 ? TG_ERR_CORRUPT : err);
}
