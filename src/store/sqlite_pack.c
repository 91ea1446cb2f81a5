#include "sqlite_pack.h"

static int
find(struct tg_sqlite *db, struct tg_names *names, const void *name,
     uint32_t *number)
{
    int err = tg_names_find(names, name, number);

    if (err != 0)
        return tg_error_set(&db->store.error, err, "out of memory");
    ++*number;
    return 0;
}

/* Numbers have no gaps: what is read comes behind what is there. */
static int
load_next(struct tg_sqlite *db, struct tg_names *names, const void *name,
          int64_t number)
{
    uint32_t got;
    int err = find(db, names, name, &got);

    if (err == 0 && got != number)
        err = tg_error_set(&db->store.error, TG_ERR_CORRUPT,
                           "the store: the names of packs are damaged");
    return err;
}

static int
load_kinds(struct tg_sqlite *db)
{
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(db, &stmt,
                           "SELECT number, model, endpoint, upstream_id, "
                           "status FROM pack_kinds WHERE number > ? "
                           "ORDER BY number",
                           "i", (int64_t)db->pack_kinds.count);

    if (err != 0)
        return err;
    while ((err = tg_sql_next(db, stmt)) > 0) {
        struct tg_block_kind kind;

        memset(&kind, 0, sizeof(kind));
        strncpy(kind.model, tg_sql_text(stmt, 1), sizeof(kind.model) - 1);
        kind.endpoint = sqlite3_column_int(stmt, 2);
        strncpy(kind.upstream_id, tg_sql_text(stmt, 3),
                sizeof(kind.upstream_id) - 1);
        kind.status = sqlite3_column_int(stmt, 4);
        err = load_next(db, &db->pack_kinds, &kind,
                        sqlite3_column_int64(stmt, 0));
        if (err != 0)
            break;
    }
    return tg_sql_end(stmt, err);
}

static int
load_accounts(struct tg_sqlite *db)
{
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(db, &stmt,
                           "SELECT number, account_id FROM pack_accounts "
                           "WHERE number > ? ORDER BY number",
                           "i", (int64_t)db->pack_accounts.count);

    if (err != 0)
        return err;
    while ((err = tg_sql_next(db, stmt)) > 0) {
        char id[TG_ID_TEXT_SIZE] = "";

        strncpy(id, tg_sql_text(stmt, 1), sizeof(id) - 1);
        err = load_next(db, &db->pack_accounts, id,
                        sqlite3_column_int64(stmt, 0));
        if (err != 0)
            break;
    }
    return tg_sql_end(stmt, err);
}

int
tg_pack_names_load(struct tg_sqlite *db)
{
    int err;

    db->pack_kinds.size = db->pack_kinds.key_size =
        sizeof(struct tg_block_kind);
    db->pack_accounts.size = db->pack_accounts.key_size = TG_ID_TEXT_SIZE;
    err = load_kinds(db);
    return err == 0 ? load_accounts(db) : err;
}

void
tg_pack_names_forget(struct tg_sqlite *db)
{
    tg_names_release(&db->pack_kinds);
    tg_names_release(&db->pack_accounts);
}

int
tg_pack_kind_number(struct tg_sqlite *db, const struct tg_block_kind *kind,
                    uint32_t *number)
{
    uint32_t count = db->pack_kinds.count;
    int err = find(db, &db->pack_kinds, kind, number);

    if (err == 0 && db->pack_kinds.count > count)
        err = tg_sql_run(
            db, NULL, "INSERT INTO pack_kinds VALUES (?, ?, ?, ?, ?)", "ititi",
            (int64_t)*number, kind->model, (int64_t)kind->endpoint,
            kind->upstream_id, (int64_t)kind->status);
    return err;
}

int
tg_pack_account_number(struct tg_sqlite *db,
                       const char account_id[TG_ID_TEXT_SIZE], uint32_t *number)
{
    uint32_t count = db->pack_accounts.count;
    int err = find(db, &db->pack_accounts, account_id, number);

    if (err == 0 && db->pack_accounts.count > count)
        err = tg_sql_run(db, NULL, "INSERT INTO pack_accounts VALUES (?, ?)",
                         "it", (int64_t)*number, account_id);
    return err;
}

int
tg_pack_fail(struct tg_sqlite *db, int err, int64_t day, const char *key_id)
{
    const char *why = err == TG_ERR_LIMIT    ? "there are too many rows"
                      : err == TG_ERR_RANGE  ? "a sum is too large"
                      : err == TG_ERR_SYSTEM ? "out of memory"
                                             : "it is damaged";

    return tg_error_set(&db->store.error, err,
                        "the store: the pack of key %s and day %lld cannot be "
                        "added up: %s",
                        key_id, (long long)day, why);
}

/*
 * What is not wanted (?3) is not read: quarter-hours are most of a pack.  A
 * third of which nothing is wanted is looked up under NULL, which is nowhere.
 */
#define SUMS(where)                                                            \
    "SELECT key_id, account, sums FROM packs WHERE day = ?1 AND " where
#define PARTS(where)                                                           \
    "SELECT key_id, account, packs.sums, packs.cells, "                        \
    "iif(?3 & 2, t0.sums, NULL), iif(?3 & 4, t2.sums, NULL), "                 \
    "iif(?3 & 8, t0.cells, NULL), iif(?3 & 16, t1.cells, NULL), "              \
    "iif(?3 & 32, t2.cells, NULL) FROM packs "                                 \
    "LEFT JOIN pack_thirds_0 t0 ON t0.id = iif(?3 & 10, packs.cells, NULL) "   \
    "LEFT JOIN pack_thirds_1 t1 ON t1.id = iif(?3 & 16, packs.cells, NULL) "   \
    "LEFT JOIN pack_thirds_2 t2 ON t2.id = iif(?3 & 36, packs.cells, NULL) "   \
    "WHERE day = ?1 AND " where
#define BOTH(where)                                                            \
    {                                                                          \
        SUMS(where), PARTS(where)                                              \
    }

_Static_assert(1 << TG_PACK_SUMS_0 == 2 && 1 << TG_PACK_CELLS_2 == 32,
               "as in PARTS");

static const char *const of_all[] = BOTH("key_id = '*' AND account = 0");
static const char *const of_accounts[] = BOTH("key_id = '*' AND account > 0");
static const char *const of_account[] = BOTH("key_id = '*' AND account = ?2");
static const char *const of_keys[] = BOTH("key_id <> '*'");
static const char *const of_key[] = BOTH("key_id = ?2");

static int
begin_day(struct tg_sqlite *db, const struct tg_pack_query *query, int64_t day,
          uint32_t wanted, sqlite3_stmt **stmt)
{
    bool has_parts = wanted != 0;
    int err;

    if (query->family == TG_PACKS_OF_ALL)
        err = tg_sql_begin(db, stmt, of_all[has_parts], "i", day);
    else if (query->family == TG_PACKS_OF_ACCOUNTS)
        err = query->account == 0
                  ? tg_sql_begin(db, stmt, of_accounts[has_parts], "i", day)
                  : tg_sql_begin(db, stmt, of_account[has_parts], "ii", day,
                                 (int64_t)query->account);
    else
        err = query->key_id == NULL
                  ? tg_sql_begin(db, stmt, of_keys[has_parts], "i", day)
                  : tg_sql_begin(db, stmt, of_key[has_parts], "it", day,
                                 query->key_id);
    if (err == 0 && has_parts)
        sqlite3_bind_int64(*stmt, 3, wanted);
    return err;
}

/* Cells that are few stand where others have a number. */
static void
read_parts(sqlite3_stmt *stmt, uint32_t wanted, struct tg_pack_row *row)
{
    row->has_thirds = sqlite3_column_type(stmt, 3) == SQLITE_INTEGER;
    if (!row->has_thirds) {
        row->parts[TG_PACK_CELLS_0] = tg_sql_bytes(stmt, 3);
        return;
    }
    for (int part = TG_PACK_SUMS_0; part < TG_PACK_PARTS; part++) {
        if ((wanted >> part & 1) != 0)
            row->parts[part] = tg_sql_bytes(stmt, 3 + part);
    }
}

static int
visit_day(struct tg_sqlite *db, const struct tg_pack_query *query, int64_t day,
          int (*visit)(void *, const struct tg_pack_row *), void *arg)
{
    uint32_t wanted =
        query->wanted != NULL ? query->wanted(arg, day) : TG_PACK_ALL_CELLS;
    sqlite3_stmt *stmt;
    int err = begin_day(db, query, day, wanted, &stmt);

    if (err != 0)
        return err;
    while ((err = tg_sql_next(db, stmt)) > 0) {
        struct tg_pack_row row = {
            .day = day,
            .key_id = tg_sql_text(stmt, 0),
            .account = (uint32_t)sqlite3_column_int64(stmt, 1),
            .parts = {[TG_PACK_SUMS] = tg_sql_bytes(stmt, 2)}};

        if (wanted != 0)
            read_parts(stmt, wanted, &row);
        err = row.account <= db->pack_accounts.count
                  ? visit(arg, &row)
                  : tg_pack_fail(db, TG_ERR_CORRUPT, day, row.key_id);
        if (err != 0)
            break;
    }
    return tg_sql_end(stmt, err);
}

/* The first day of packs from *day on: 1, or 0 when there is none. */
static int
find_day(struct tg_sqlite *db, int64_t *day)
{
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(db, &stmt,
                           "SELECT day FROM packs WHERE day >= ? "
                           "ORDER BY day LIMIT 1",
                           "i", *day);

    if (err != 0)
        return err;
    err = tg_sql_next(db, stmt);
    if (err > 0)
        *day = sqlite3_column_int64(stmt, 0);
    return tg_sql_end(stmt, err);
}

int
tg_packs_each(struct tg_sqlite *db, const struct tg_pack_query *query,
              int (*visit)(void *, const struct tg_pack_row *), void *arg)
{
    int64_t day = query->first / TG_PACK_QUARTERS;
    int64_t last = (query->end - 1) / TG_PACK_QUARTERS;
    int err = 0;

    if (query->first >= query->end)
        return 0;
    while (err == 0) {
        err = find_day(db, &day);
        if (err <= 0 || day > last)
            return err < 0 ? err : 0;
        err = visit_day(db, query, day, visit, arg);
        day++;
    }
    return err;
}
