#include "pack_sixths.h"
#include "sqlite_pack.h"

#define SIXTH(table)                                                           \
    {                                                                          \
        "SELECT sums, cells FROM " table " WHERE id = ?",                      \
            "INSERT OR REPLACE INTO " table " (id, sums, cells) "              \
            "VALUES (?, ?, ?)"                                                 \
    }

static const struct {
    const char *select, *put;
} sixths[TG_PACK_SIXTHS] = {
    SIXTH("pack_sixths_0"), SIXTH("pack_sixths_1"), SIXTH("pack_sixths_2"),
    SIXTH("pack_sixths_3"), SIXTH("pack_sixths_4"), SIXTH("pack_sixths_5"),
};

/* Adds what is stored of a sixth to packs[], its sums and its cells. */
static int
add_stored_sixth(struct tg_sqlite *db, struct tg_pack_cutter *cutter,
                 uint32_t sixth, int64_t id, struct tg_str packs[2])
{
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(db, &stmt, sixths[sixth].select, "i", id);

    if (err != 0)
        return err;
    err = tg_sql_next(db, stmt);
    if (err <= 0)
        return tg_sql_end(stmt, err);
    err = 0;
    for (int i = 0; i < 2 && err == 0; i++)
        err = tg_pack_merge(&cutter->merged[i], tg_sql_bytes(stmt, i), packs[i],
                            &packs[i]);
    return tg_sql_end(stmt, err);
}

/* What cells have of a sixth, if they have any. */
static int
put_sixth(struct tg_sqlite *db, struct tg_pack_cutter *cutter, uint32_t sixth,
          int64_t id, struct tg_str cells)
{
    struct tg_str packs[2];
    int err = tg_pack_sums(&cutter->sums, cells, tg_pack_sixths[sixth].sums,
                           &packs[0]);

    if (err == 0)
        err = tg_pack_cut(&cutter->cells, cells, tg_pack_sixths[sixth].cells,
                          &packs[1]);
    if (err != 0 || packs[0].len + packs[1].len == 0)
        return err;
    err = add_stored_sixth(db, cutter, sixth, id, packs);
    for (int i = 0; i < 2; i++)
        packs[i].data = packs[i].len > 0 ? packs[i].data : ""; /* not NULL */
    return err != 0 ? err
                    : tg_sql_run(db, NULL, sixths[sixth].put, "ibb", id,
                                 packs[0], packs[1]);
}

/* A number that none has.  Each day's cells are in one of the sixths at least.
 */
static int
make_id(struct tg_sqlite *db, int64_t *id)
{
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(
        db, &stmt,
        "SELECT 1 + max(coalesce((SELECT max(id) FROM pack_sixths_0), 0), "
        "coalesce((SELECT max(id) FROM pack_sixths_1), 0), "
        "coalesce((SELECT max(id) FROM pack_sixths_2), 0), "
        "coalesce((SELECT max(id) FROM pack_sixths_3), 0), "
        "coalesce((SELECT max(id) FROM pack_sixths_4), 0), "
        "coalesce((SELECT max(id) FROM pack_sixths_5), 0))",
        "");

    if (err != 0)
        return err;
    err = tg_sql_next(db, stmt);
    if (err > 0)
        *id = sqlite3_column_int64(stmt, 0);
    return tg_sql_end(stmt, err > 0 ? 0 : err);
}

int
tg_pack_sixths_put(struct tg_sqlite *db, struct tg_pack_cutter *cutter,
                   int64_t *id, struct tg_str cells)
{
    int err = *id == 0 ? make_id(db, id) : 0;

    for (uint32_t i = 0; i < TG_PACK_SIXTHS && err == 0; i++)
        err = put_sixth(db, cutter, i, *id, cells);
    return err;
}

void
tg_pack_cutter_release(struct tg_pack_cutter *cutter)
{
    tg_pack_release(&cutter->sums);
    tg_pack_release(&cutter->cells);
    tg_pack_release(&cutter->merged[0]);
    tg_pack_release(&cutter->merged[1]);
}
