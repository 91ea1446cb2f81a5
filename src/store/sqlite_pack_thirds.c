#include "pack_thirds.h"
#include "sqlite_pack.h"

/* What there is of each third; of the one in the middle there are no sums. */
static const struct {
    const char *select, *put;
} thirds[TG_PACK_THIRDS] = {
    {"SELECT cells, sums FROM pack_thirds_0 WHERE id = ?",
     "INSERT OR REPLACE INTO pack_thirds_0 (id, cells, sums) "
     "VALUES (?, ?, ?)"},
    {"SELECT cells FROM pack_thirds_1 WHERE id = ?",
     "INSERT OR REPLACE INTO pack_thirds_1 (id, cells) VALUES (?, ?)"},
    {"SELECT cells, sums FROM pack_thirds_2 WHERE id = ?",
     "INSERT OR REPLACE INTO pack_thirds_2 (id, cells, sums) "
     "VALUES (?, ?, ?)"},
};

/* Adds what is stored of a third to packs[], its cells and their sums. */
static int
add_stored_third(struct tg_sqlite *db, struct tg_pack_thirds *maker,
                 uint32_t third, int64_t id, struct tg_str packs[2])
{
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(db, &stmt, thirds[third].select, "i", id);

    if (err != 0)
        return err;
    err = tg_sql_next(db, stmt);
    if (err <= 0)
        return tg_sql_end(stmt, err);
    err = tg_pack_merge(&maker->merged[0], tg_sql_bytes(stmt, 0), packs[0],
                        &packs[0]);
    if (err == 0 && third != 1)
        err = tg_pack_merge(&maker->merged[1], tg_sql_bytes(stmt, 1), packs[1],
                            &packs[1]);
    return tg_sql_end(stmt, err);
}

/* What cells have of a third, if they have any. */
static int
put_third(struct tg_sqlite *db, struct tg_pack_thirds *maker, uint32_t third,
          int64_t id, struct tg_str cells)
{
    struct tg_str packs[2];
    int err = tg_pack_third(&maker->third, cells, third, &packs[0]);

    if (err != 0 || packs[0].len == 0)
        return err;
    if (third != 1)
        err = tg_pack_sums(&maker->sums, packs[0], &packs[1]);
    if (err == 0)
        err = add_stored_third(db, maker, third, id, packs);
    if (err != 0)
        return err;
    return third == 1
               ? tg_sql_run(db, NULL, thirds[third].put, "ib", id, packs[0])
               : tg_sql_run(db, NULL, thirds[third].put, "ibb", id, packs[0],
                            packs[1]);
}

/* A number that none has. */
static int
make_id(struct tg_sqlite *db, int64_t *id)
{
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(
        db, &stmt,
        "SELECT 1 + max(coalesce((SELECT max(id) FROM pack_thirds_0), 0), "
        "coalesce((SELECT max(id) FROM pack_thirds_1), 0), "
        "coalesce((SELECT max(id) FROM pack_thirds_2), 0))",
        "");

    if (err != 0)
        return err;
    err = tg_sql_next(db, stmt);
    if (err > 0)
        *id = sqlite3_column_int64(stmt, 0);
    return tg_sql_end(stmt, err > 0 ? 0 : err);
}

int
tg_pack_thirds_put(struct tg_sqlite *db, struct tg_pack_thirds *maker,
                   int64_t *id, struct tg_str cells)
{
    int err = *id == 0 ? make_id(db, id) : 0;

    for (uint32_t i = 0; i < TG_PACK_THIRDS && err == 0; i++)
        err = put_third(db, maker, i, *id, cells);
    return err;
}

void
tg_pack_thirds_release(struct tg_pack_thirds *maker)
{
    tg_pack_release(&maker->third);
    tg_pack_release(&maker->sums);
    tg_pack_release(&maker->merged[0]);
    tg_pack_release(&maker->merged[1]);
}
