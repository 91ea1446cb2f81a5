/*
 * sqlite_recent.h: calls that are in no pack yet, kept in memory.
 *
 * There are a block or two of them, which take longer to read than all packs.
 * Calls are numbered as they are committed, so a connection that has asked
 * before reads those alone that have come since.
 */
#ifndef TG_SQLITE_RECENT_H
#define TG_SQLITE_RECENT_H

#include "sqlite_block.h"

/* Those calls, and how far all is rolled up (docs/store.md). */
struct tg_recent {
    struct tg_block block;
    int64_t read_to; /* calls behind it were not read */
    int64_t next;    /* rolled_up */
    char key_id[TG_ID_TEXT_SIZE];
};

/*
 * *recent, the connection's, has all calls that are not rolled up, and some
 * that are: ask tg_recent_is.  In a transaction of the caller's, as long as
 * which it is true.  0 or TG_ERR_*.
 */
int tg_recent_load(struct tg_sqlite *db, struct tg_recent **recent);

/* Whether a call of it, or all of a block that is, of a key, are not. */
static inline bool
tg_recent_is(const struct tg_recent *recent, const struct tg_block_call *call,
             const char *key_id)
{
    return call->seq >= recent->next || strcmp(key_id, recent->key_id) > 0;
}

/* Takes NULL. */
void tg_recent_free(struct tg_recent *recent);

#endif
