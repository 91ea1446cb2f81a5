/*
 * sqlite_access.h: tokens, sessions and attempts in the SQLite store; see
 * store_operators.h.
 */
#ifndef TG_SQLITE_ACCESS_H
#define TG_SQLITE_ACCESS_H

#include "store.h"

int tg_sqlite_token_add(struct tg_store *, const struct tg_store_access *);
int tg_sqlite_session_add(struct tg_store *, const struct tg_store_access *);
int tg_sqlite_token_known(struct tg_store *, const struct tg_digest *,
                          tg_access_visit *, void *);
int tg_sqlite_session_known(struct tg_store *, const struct tg_digest *,
                            tg_access_visit *, void *);
int tg_sqlite_access_get(struct tg_store *, const char *, tg_access_visit *,
                         void *);
int tg_sqlite_access_each(struct tg_store *,
                          const struct tg_store_access_filter *,
                          tg_access_visit *, void *);
int tg_sqlite_access_used(struct tg_store *, const char *, int64_t,
                          const char *, const char *);
int tg_sqlite_access_fresh(struct tg_store *, const char *, int64_t);
int tg_sqlite_access_end(struct tg_store *, const char *, int64_t);
int tg_sqlite_end_all(struct tg_store *, const char *, bool, int64_t);
int tg_sqlite_was_here(struct tg_store *, const char *, const char *, int64_t,
                       bool *);
int tg_sqlite_attempts(struct tg_store *, const char *, int64_t *);
int tg_sqlite_set_attempts(struct tg_store *, const char *, int64_t, int64_t);

#endif
