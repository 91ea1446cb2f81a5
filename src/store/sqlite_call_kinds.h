/*
 * sqlite_call_kinds.h: what calls have in common, as numbers of call_kinds.
 *
 * Upstream, credential, model, endpoint, unit and prices are a third of what a
 * call has to say, and there are as many different ones as operators have set
 * up, so a call names its kind.
 */
#ifndef TG_SQLITE_CALL_KINDS_H
#define TG_SQLITE_CALL_KINDS_H

#include "sqlite.h"

/* Those that are known to be in the store, of calls of the same 131072. */
struct tg_call_kinds;

/*
 * Sets *number to that of the kind of a call, which is to be added as the one
 * numbered seq; in a transaction, as the kind is added where it is missing.
 * It stays in the store until all calls of the same 131072 numbers have gone.
 * Returns 0 or what the store says.
 */
int tg_call_kind(struct tg_sqlite *db, const struct tg_call *call, int64_t seq,
                 int64_t *number);

/* What was added may be taken back. */
void tg_call_kinds_forget(struct tg_sqlite *db);

/*
 * Takes away at most so many kinds of which all calls have a smaller
 * tg_block_number; *did_some: there were any.
 */
int tg_call_kinds_expire(struct tg_sqlite *db, int64_t block, int64_t rows,
                         bool *did_some);

#endif
