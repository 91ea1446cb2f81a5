/*
 * sqlite_block_uses.h: the last use of a key's secrets, before a block of its
 * calls goes.
 */
#ifndef TG_SQLITE_BLOCK_USES_H
#define TG_SQLITE_BLOCK_USES_H

#include "sqlite.h"

/*
 * Notes it for each secret of a key that has several; entries are the key's in
 * key_calls.  0 or TG_ERR_*.
 */
int tg_block_uses_note(struct tg_sqlite *db, int64_t block, const char *key_id,
                       struct tg_str entries);

#endif
