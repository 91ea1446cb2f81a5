#include "sqlite_gather.h"

#include <stdlib.h>

#include "sqlite_blocks.h"

/* Where nobody rolls them up. */
#define CALLS_MAX (TG_BLOCK_CALLS_MAX + TG_BLOCK_CALLS)

struct tg_gather {
    struct tg_block block;
    int64_t from; /* all calls from this number on are in block */
};

void
tg_gather_forget(struct tg_sqlite *db)
{
    if (db->gather == NULL)
        return;
    tg_block_release(&db->gather->block);
    free(db->gather);
    db->gather = NULL;
}

/* The connection's, which begins with the call of that number; or NULL. */
static struct tg_gather *
gather_from(struct tg_sqlite *db, int64_t seq)
{
    if (db->gather == NULL) {
        db->gather = calloc(1, sizeof(*db->gather));
        if (db->gather == NULL)
            return NULL;
        tg_block_init(&db->gather->block);
        db->gather->from = seq;
    }
    return db->gather;
}

void
tg_gather_add(struct tg_sqlite *db, const struct tg_record *records,
              size_t count, int new_count, int64_t seq)
{
    struct tg_gather *gather = gather_from(db, seq);
    int err = 0;

    if (gather == NULL || new_count == 0)
        return;
    if ((size_t)new_count != count || gather->block.count >= CALLS_MAX)
        err = TG_ERR_RANGE;
    for (size_t i = 0; i < count && err == 0; i++)
        err = tg_block_add(&gather->block, &records[i], seq + (int64_t)i);
    /* Begun anew with what comes then; of this block all is read. */
    if (err != 0)
        tg_gather_forget(db);
}

uint32_t
tg_gather_holders(const struct tg_sqlite *db)
{
    return db->gather == NULL ? 0 : db->gather->block.holders.count;
}

/* Calls from a place on become all that is gathered. */
static int
keep_rest(struct tg_gather *gather, uint32_t place)
{
    struct tg_block rest;
    int err = 0;

    tg_block_init(&rest);
    for (uint32_t i = place; i < gather->block.count && err == 0; i++)
        err = tg_block_copy(&rest, &gather->block, &gather->block.calls[i]);
    gather->block.count = place;
    if (err != 0) {
        tg_block_release(&rest);
        return err;
    }
    gather->block = rest;
    return 0;
}

int64_t
tg_gather_take(struct tg_sqlite *db, int64_t end, struct tg_block *block)
{
    struct tg_gather *gather = db->gather;
    struct tg_block all;
    uint32_t place = 0;
    int64_t from;

    if (gather == NULL || gather->from >= end)
        return end;
    from = gather->from;
    all = gather->block;
    while (place < all.count && all.calls[place].seq < end)
        place++;
    if (keep_rest(gather, place) != 0) {
        tg_gather_forget(db);
        return end;
    }
    gather->from = end;
    all.count = place;
    *block = all;
    return from;
}
