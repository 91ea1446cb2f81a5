#include "sqlite_call_kinds.h"

#include <stdlib.h>

#include "sqlite_blocks.h"

#define KINDS_MAX 4096 /* in memory; all are found anew then */

/* What a call has of it, byte by byte; without gaps, as it is compared. */
struct kind {
    char names[2 * TG_ID_LEN + TG_MODEL_NAME_MAX]; /* from upstream_id on */
    uint16_t endpoint;
    uint16_t unit;
    uint32_t zero;
    struct tg_rates rates;
    int64_t number; /* 0: not asked yet */
};

#define NAMES_AT offsetof(struct tg_call, upstream_id)
#define KIND_SIZE offsetof(struct kind, number)

_Static_assert(offsetof(struct tg_call, credential_id) ==
                       NAMES_AT + TG_ID_LEN &&
                   offsetof(struct tg_call, model) == NAMES_AT + 2 * TG_ID_LEN,
               "names stand one behind the other");
_Static_assert(KIND_SIZE == sizeof(((struct kind *)0)->names) + 8 +
                                sizeof(struct tg_rates),
               "without gaps");

struct tg_call_kinds {
    struct tg_names known; /* struct kind */
    int64_t block;
    uint32_t last; /* found; of the next call it is most often the same */
};

void
tg_call_kinds_forget(struct tg_sqlite *db)
{
    if (db->call_kinds == NULL)
        return;
    tg_names_release(&db->call_kinds->known);
    free(db->call_kinds);
    db->call_kinds = NULL;
}

/* The connection's, of calls of that number; or NULL. */
static struct tg_call_kinds *
kinds_of(struct tg_sqlite *db, int64_t block)
{
    struct tg_call_kinds *kinds = db->call_kinds;

    if (kinds == NULL) {
        kinds = calloc(1, sizeof(*kinds));
        if (kinds == NULL)
            return NULL;
        kinds->known = (struct tg_names){.size = sizeof(struct kind),
                                         .key_size = KIND_SIZE};
        kinds->block = block;
        db->call_kinds = kinds;
    }
    if (kinds->block != block || kinds->known.count >= KINDS_MAX) {
        tg_names_forget(&kinds->known);
        kinds->block = block;
    }
    return kinds;
}

static bool
is_of(const struct kind *kind, const struct tg_call *call)
{
    return memcmp(kind->names, (const char *)call + NAMES_AT,
                  sizeof(kind->names)) == 0 &&
           memcmp(&kind->rates, &call->rates, sizeof(kind->rates)) == 0 &&
           kind->endpoint == call->endpoint && kind->unit == call->unit;
}

/* What call_kinds has: texts up to their first NUL, as in a call's row. */
static int
ask_store(struct tg_sqlite *db, const struct tg_call *call, int64_t block,
          int64_t *number)
{
    const struct tg_rates *rates = &call->rates;
    char upstream_id[TG_ID_TEXT_SIZE] = "", credential_id[TG_ID_TEXT_SIZE] = "";
    char model[TG_MODEL_NAME_MAX + 1] = "";
    sqlite3_stmt *stmt;
    int err;

    memcpy(upstream_id, call->upstream_id, TG_ID_LEN);
    memcpy(credential_id, call->credential_id, TG_ID_LEN);
    memcpy(model, call->model, TG_MODEL_NAME_MAX);
    err = tg_sql_begin(
        db, &stmt,
        "INSERT INTO call_kinds (block, upstream_id, credential_id, model, "
        "endpoint, unit, hit_picos, miss_picos, output_picos, write_picos, "
        "unit_picos) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT "
        "(upstream_id, credential_id, model, endpoint, unit, hit_picos, "
        "miss_picos, output_picos, write_picos, unit_picos) DO UPDATE SET "
        "block = max(block, excluded.block) RETURNING number",
        "itttiiiiiii", block, upstream_id, credential_id, model,
        (int64_t)call->endpoint, (int64_t)call->unit, rates->hit_picos,
        rates->miss_picos, rates->output_picos, rates->write_picos,
        rates->unit_picos);
    if (err != 0)
        return err;
    err = tg_sql_next(db, stmt);
    if (err > 0) {
        *number = sqlite3_column_int64(stmt, 0);
        err = tg_sql_next(db, stmt);
    }
    return tg_sql_end(stmt, err);
}

/* What is known is of these numbers alone: none of it can have gone by age. */
int
tg_call_kind(struct tg_sqlite *db, const struct tg_call *call, int64_t seq,
             int64_t *number)
{
    struct tg_call_kinds *kinds = kinds_of(db, tg_block_number(seq));
    struct kind wanted = {
        .endpoint = call->endpoint, .unit = call->unit, .rates = call->rates};
    struct kind *kind;
    int err;

    if (kinds != NULL && kinds->known.count > 0) {
        kind = tg_names_at(&kinds->known, kinds->last);
        if (kind->number != 0 && is_of(kind, call)) {
            *number = kind->number;
            return 0;
        }
    }
    memcpy(wanted.names, (const char *)call + NAMES_AT, sizeof(wanted.names));
    if (kinds == NULL ||
        tg_names_find(&kinds->known, &wanted, &kinds->last) != 0)
        return tg_error_set(&db->store.error, TG_ERR_SYSTEM, "out of memory");
    kind = tg_names_at(&kinds->known, kinds->last);
    err = kind->number != 0 ? 0
                            : ask_store(db, call, kinds->block, &kind->number);
    if (err == 0)
        *number = kind->number;
    return err;
}

int
tg_call_kinds_expire(struct tg_sqlite *db, int64_t block, int64_t rows,
                     bool *did_some)
{
    int changes = 0;
    int err = tg_sql_run(db, &changes,
                         "DELETE FROM call_kinds WHERE number IN (SELECT "
                         "number FROM call_kinds WHERE block < ? LIMIT ?)",
                         "ii", block, rows);

    *did_some = changes > 0;
    return err;
}
