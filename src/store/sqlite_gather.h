/*
 * sqlite_gather.h: calls kept as they are added, until they are rolled up.
 *
 * Reading a block of calls back costs a third of what taking them in does.  So
 * the connection that adds calls keeps those of the block that fills up; after
 * a start in the middle of one, or where anything is in doubt, it is read.
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
 * Moves the calls before end to block, which is empty, if all from first on
 * were gathered, and forgets them in any case.  Whether it did.
 */
bool tg_gather_take(struct tg_sqlite *db, int64_t first, int64_t end,
                    struct tg_block *block);

/* What was added may be taken back. */
void tg_gather_forget(struct tg_sqlite *db);

#endif
