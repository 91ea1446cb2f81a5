/*
 * sqlite_gather.h: calls kept as they are added, until they are rolled up.
 *
 * Reading a block of calls back costs a third of what taking them in does.  So
 * the connection that adds calls keeps those of the block that fills up; those
 * that it has not, after a start in the middle of one, are read.
 */
#ifndef TG_SQLITE_GATHER_H
#define TG_SQLITE_GATHER_H

#include "sqlite_block.h"

/*
 * count calls were added, numbered from seq on; new_count says how many of
 * them were new.  Not all of them and not none: what was gathered is given up.
 */
void tg_gather_add(struct tg_sqlite *db, const struct tg_record *records,
                   size_t count, int new_count, int64_t seq);

/*
 * Moves the calls before end that were gathered to block, which is empty, and
 * forgets them.  Returns the number from which on all that are before end are
 * in it; end, where none are.
 */
int64_t tg_gather_take(struct tg_sqlite *db, int64_t end,
                       struct tg_block *block);

/* Of how many holders the calls are that were gathered. */
uint32_t tg_gather_holders(const struct tg_sqlite *db);

/* What was added may be taken back. */
void tg_gather_forget(struct tg_sqlite *db);

#endif
