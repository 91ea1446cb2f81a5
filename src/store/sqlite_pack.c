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

/* Whose packs a family's are, and with what the second parameter is bound. */
#define OF_ALL "key_id = '*' AND account = 0"
#define OF_ACCOUNTS "key_id = '*' AND account > 0"
#define OF_ACCOUNT "key_id = '*' AND account = ?2"
#define OF_KEYS "key_id <> '*'"
#define OF_KEY "key_id = ?2"

static const char *
where_of(const struct tg_pack_query *query)
{
    switch (query->family) {
    case TG_PACKS_OF_KEYS:
        return query->key_id == NULL ? OF_KEYS : OF_KEY;
    case TG_PACKS_OF_ACCOUNTS:
        return query->account == 0 ? OF_ACCOUNTS : OF_ACCOUNT;
    case TG_PACKS_OF_ALL:
        break;
    }
    return OF_ALL;
}

/* Days being read. */
struct walk {
    struct tg_sqlite *db;
    const struct tg_pack_query *query;
    void *arg;
    sqlite3_stmt *stmt; /* of days of which the same is wanted; NULL: none */
    uint32_t wanted;
};

/*
 * What is not wanted is not read: quarter-hours are most of a pack, and a
 * row of a table costs more than what is in it.
 */
static char *
write_sql(const struct walk *walk)
{
    sqlite3_str *sql = sqlite3_str_new(walk->db->db);

    sqlite3_str_appendall(sql, "SELECT key_id, account, packs.sums");
    if (walk->wanted != 0)
        sqlite3_str_appendall(sql, ", packs.cells");
    for (int i = TG_PACK_SIXTH_SUMS; i < TG_PACK_PARTS; i++) {
        if ((walk->wanted >> i & 1) != 0)
            sqlite3_str_appendf(sql, ", s%d.%s",
                                (i - TG_PACK_SIXTH_SUMS) % TG_PACK_SIXTHS,
                                i < TG_PACK_SIXTH_CELLS ? "sums" : "cells");
    }
    sqlite3_str_appendall(sql, " FROM packs");
    for (int i = 0; i < TG_PACK_SIXTHS; i++) {
        if (((walk->wanted >> TG_PACK_SIXTH_SUMS |
              walk->wanted >> TG_PACK_SIXTH_CELLS) >>
                 i &
             1) != 0)
            sqlite3_str_appendf(sql,
                                " LEFT JOIN pack_sixths_%d s%d "
                                "ON s%d.id = packs.cells",
                                i, i, i);
    }
    sqlite3_str_appendf(sql, " WHERE day = ?1 AND %s", where_of(walk->query));
    return sqlite3_str_finish(sql);
}

static int
prepare(struct walk *walk, uint32_t wanted)
{
    char *sql;
    int result;

    if (walk->stmt != NULL && walk->wanted == wanted)
        return 0;
    sqlite3_finalize(walk->stmt);
    walk->stmt = NULL;
    walk->wanted = wanted;
    sql = write_sql(walk);
    if (sql == NULL)
        return tg_error_set(&walk->db->store.error, TG_ERR_SYSTEM,
                            "out of memory");
    result = sqlite3_prepare_v2(walk->db->db, sql, -1, &walk->stmt, NULL);
    sqlite3_free(sql);
    return result == SQLITE_OK ? 0 : tg_sqlite_fail(walk->db, result);
}

static int
begin_day(struct walk *walk, int64_t day)
{
    const struct tg_pack_query *query = walk->query;
    int err =
        prepare(walk, query->wanted != NULL ? query->wanted(walk->arg, day)
                                            : TG_PACK_ALL_CELLS);

    if (err != 0)
        return err;
    sqlite3_bind_int64(walk->stmt, 1, day);
    if (query->family == TG_PACKS_OF_KEYS && query->key_id != NULL)
        sqlite3_bind_text(walk->stmt, 2, query->key_id, -1, SQLITE_STATIC);
    else if (query->family == TG_PACKS_OF_ACCOUNTS && query->account != 0)
        sqlite3_bind_int64(walk->stmt, 2, query->account);
    return 0;
}

/* Cells that are few stand where others have a number. */
static void
read_parts(const struct walk *walk, struct tg_pack_row *row)
{
    int column = 4;

    if (walk->wanted == 0)
        return;
    row->has_sixths = sqlite3_column_type(walk->stmt, 3) == SQLITE_INTEGER;
    if (!row->has_sixths) {
        row->parts[TG_PACK_SIXTH_CELLS] = tg_sql_bytes(walk->stmt, 3);
        return;
    }
    for (int part = TG_PACK_SIXTH_SUMS; part < TG_PACK_PARTS; part++) {
        if ((walk->wanted >> part & 1) != 0)
            row->parts[part] = tg_sql_bytes(walk->stmt, column++);
    }
}

static int
visit_day(struct walk *walk, int64_t day,
          int (*visit)(void *, const struct tg_pack_row *))
{
    struct tg_sqlite *db = walk->db;
    int err = begin_day(walk, day);

    if (err != 0)
        return err;
    while ((err = tg_sql_next(db, walk->stmt)) > 0) {
        struct tg_pack_row row = {
            .day = day,
            .key_id = tg_sql_text(walk->stmt, 0),
            .account = (uint32_t)sqlite3_column_int64(walk->stmt, 1),
            .parts = {[TG_PACK_SUMS] = tg_sql_bytes(walk->stmt, 2)}};

        read_parts(walk, &row);
        err = row.account <= db->pack_accounts.count
                  ? visit(walk->arg, &row)
                  : tg_pack_fail(db, TG_ERR_CORRUPT, day, row.key_id);
        if (err != 0)
            break;
    }
    sqlite3_reset(walk->stmt);
    return err;
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
    struct walk walk = {.db = db, .query = query, .arg = arg};
    int64_t day = query->first / TG_PACK_QUARTERS;
    int64_t last = (query->end - 1) / TG_PACK_QUARTERS;
    int err = 0;

    if (query->first >= query->end)
        return 0;
    while (err == 0) {
        err = find_day(db, &day);
        if (err <= 0 || day > last) {
            err = err < 0 ? err : 0;
            break;
        }
        err = visit_day(&walk, day, visit);
        day++;
    }
    sqlite3_finalize(walk.stmt);
    return err;
}
