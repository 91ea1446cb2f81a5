/*
 * first.h: what a store must hold before anything works: the account
 * "default", the owner and the owner's token, the built-in price book.
 */
#ifndef TG_FIRST_H
#define TG_FIRST_H

#include "daemon.h"

/*
 * Puts in what is missing, in one transaction; made for the first start, and
 * for the next one after a kill in its middle.  owner is the digest of the
 * token in admin.token, or NULL when there is no such file.
 */
int tg_first_fill(struct tg_store *store, const struct tg_digest *owner,
                  int64_t now_ms);

/* Whether the store was filled before. */
int tg_first_is_done(struct tg_store *store, bool *is_done);

#endif
