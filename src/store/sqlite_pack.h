/*
 * sqlite_pack.h: the packs of a store (pack.h): who has one, and what the
 * numbers in them stand for.
 *
 * A row of packs is of a UTC day, a key and an account; under the key '*' an
 * account has one of all its keys, and account 0 one of all accounts, for
 * questions that are not about keys, or accounts.  It has sums, a cell a kind
 * of all the day, and cells, one a quarter-hour; where these are many, they
 * stand by sixths of the day, with sums up to these or from them on
 * (pack_sixths.h).
 */
#ifndef TG_SQLITE_PACK_H
#define TG_SQLITE_PACK_H

#include "pack_sixths.h"
#include "sqlite_block.h"

/* Bytes of cells that stand in their row; more stand in pack_sixths_0 to 5. */
#define TG_PACK_CELLS_WITHIN 256

#define TG_PACK_ALL_KEYS "*"
#define TG_PACK_ALL_ACCOUNTS 0

/*
 * Numbers of kinds and accounts begin at 1; they are the connection's, read
 * once and as they grow.  All functions return 0 or TG_ERR_*.
 */
int tg_pack_names_load(struct tg_sqlite *db);

/* Gives it a number, in the caller's transaction, unless it has one. */
int tg_pack_kind_number(struct tg_sqlite *db, const struct tg_block_kind *kind,
                        uint32_t *number);
int tg_pack_account_number(struct tg_sqlite *db,
                           const char account_id[TG_ID_TEXT_SIZE],
                           uint32_t *number);

/* What was loaded may not be in the store any more. */
void tg_pack_names_forget(struct tg_sqlite *db);

static inline const struct tg_block_kind *
tg_pack_kind(const struct tg_sqlite *db, uint32_t number)
{
    return tg_names_at(&db->pack_kinds, number - 1);
}

static inline const char *
tg_pack_account(const struct tg_sqlite *db, uint32_t number)
{
    return tg_names_at(&db->pack_accounts, number - 1);
}

/* What a row has. */
enum tg_pack_part {
    TG_PACK_SUMS = 0,       /* of the day */
    TG_PACK_SIXTH_SUMS = 1, /* of each sixth; the first has none */
    TG_PACK_SIXTH_CELLS =
        TG_PACK_SIXTH_SUMS + TG_PACK_SIXTHS, /* or the first: of the day */
    TG_PACK_PARTS = TG_PACK_SIXTH_CELLS + TG_PACK_SIXTHS
};

#define TG_PACK_ALL_CELLS (((1u << TG_PACK_SIXTHS) - 1) << TG_PACK_SIXTH_CELLS)

/* A row that is read, of a day since 1970; as long as it is visited. */
struct tg_pack_row {
    int64_t day;
    const char *key_id;
    uint32_t account;
    bool has_sixths; /* otherwise cells are few, and all in one part */
    struct tg_str parts[TG_PACK_PARTS]; /* empty where it is not wanted */
};

enum tg_pack_family {
    TG_PACKS_OF_KEYS,     /* of key_id, or of all keys where it is NULL */
    TG_PACKS_OF_ACCOUNTS, /* of account, or of each where it is 0 */
    TG_PACKS_OF_ALL,
};

/* The rows of a family that have something of first to end, not of end. */
struct tg_pack_query {
    /*
     * Which parts of a day are wanted, apart from its sums: a bit 1 << enum
     * tg_pack_part each.  NULL: all cells.
     */
    uint32_t (*wanted)(void *arg, int64_t day);
    enum tg_pack_family family;
    const char *key_id;
    uint32_t account;
    int64_t first, end; /* quarter-hours since 1970 */
};

/* Day by day, the names loaded before; ends with what visit returns, if not 0.
 */
int tg_packs_each(struct tg_sqlite *db, const struct tg_pack_query *query,
                  int (*visit)(void *, const struct tg_pack_row *), void *arg);

/* What sixths are made with, kept from one to the next.  All 0: nothing. */
struct tg_pack_cutter {
    struct tg_pack_writer sums, cells; /* of what is added */
    struct tg_pack_writer merged[2];   /* with what is there */
};

/*
 * Adds quarter-hours of a day to the sixths of that id, or makes some and their
 * id where it is 0.  In the caller's transaction; 0 or TG_ERR_*.
 */
int tg_pack_sixths_put(struct tg_sqlite *db, struct tg_pack_cutter *cutter,
                       int64_t *id, struct tg_str cells);

void tg_pack_cutter_release(struct tg_pack_cutter *cutter);

/* What all cells of a pack of sums cost.  0, TG_ERR_RANGE or TG_ERR_CORRUPT. */
int tg_pack_cost(struct tg_str sums, int64_t *nanos);

/*
 * What all packs of each account cost, by its number, the names loaded first.
 * 0 and *nanos, which the caller frees, or TG_ERR_*.
 */
int tg_packs_settled(struct tg_sqlite *db, int64_t **nanos);

/* Says that a pack is damaged, or why it cannot be added up: returns err. */
int tg_pack_fail(struct tg_sqlite *db, int err, int64_t day,
                 const char *key_id);

/*
 * Makes SQL's tg_pack() and tg_packs(), with which rollups of older stores
 * are made into packs.  Returns a SQLite result.
 */
int tg_pack_functions(sqlite3 *db);

#endif
