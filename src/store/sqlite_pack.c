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

/* What is not named is not read: cells are most of a pack. */
#define CELLS                                                                  \
    "iif(typeof(cells) = 'integer', (SELECT pack_cells.cells FROM pack_cells " \
    "WHERE pack_cells.id = packs.cells), cells)"
#define ROWS(pack, where)                                                      \
    "SELECT key_id, account, " pack " FROM packs WHERE day = ?1 AND " where
#define BOTH(where)                                                            \
    {                                                                          \
        ROWS(CELLS, where), ROWS("sums", where)                                \
    }

static const char *const of_all[] = BOTH("key_id = '*' AND account = 0");
static const char *const of_accounts[] = BOTH("key_id = '*' AND account > 0");
static const char *const of_account[] = BOTH("key_id = '*' AND account = ?2");
static const char *const of_keys[] = BOTH("key_id <> '*'");
static const char *const of_key[] = BOTH("key_id = ?2");

static int
begin_day(struct tg_sqlite *db, const struct tg_pack_query *query, int64_t day,
          bool is_whole, sqlite3_stmt **stmt)
{
    if (query->family == TG_PACKS_OF_ALL)
        return tg_sql_begin(db, stmt, of_all[is_whole], "i", day);
    if (query->family == TG_PACKS_OF_ACCOUNTS)
        return query->account == 0
                   ? tg_sql_begin(db, stmt, of_accounts[is_whole], "i", day)
                   : tg_sql_begin(db, stmt, of_account[is_whole], "ii", day,
                                  (int64_t)query->account);
    return query->key_id == NULL
               ? tg_sql_begin(db, stmt, of_keys[is_whole], "i", day)
               : tg_sql_begin(db, stmt, of_key[is_whole], "it", day,
                              query->key_id);
}

static int
visit_day(struct tg_sqlite *db, const struct tg_pack_query *query, int64_t day,
          int (*visit)(void *, const struct tg_pack_row *), void *arg)
{
    struct tg_pack_row row = {.day = day};
    sqlite3_stmt *stmt;
    int err;

    row.is_whole = query->is_whole != NULL && query->is_whole(arg, day);
    err = begin_day(db, query, day, row.is_whole, &stmt);
    if (err != 0)
        return err;
    while ((err = tg_sql_next(db, stmt)) > 0) {
        row.key_id = tg_sql_text(stmt, 0);
        row.account = (uint32_t)sqlite3_column_int64(stmt, 1);
        row.pack = tg_sql_bytes(stmt, 2);
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
