/*
 * attempts.h: how often somebody may try to be let in: buckets by a name,
 * which the store keeps, so that a restart gives none back.
 */
#ifndef TG_ATTEMPTS_H
#define TG_ATTEMPTS_H

#include <jansson.h>

#include "daemon.h"

#define TG_ATTEMPTS_NAME_SIZE 80

struct tg_attempts_limit {
    int64_t burst;     /* at once */
    int64_t period_ms; /* and then one in so long */
};

/* A name of a bucket: what, and the digest of a text that nobody may read. */
void tg_attempts_name(char name[TG_ATTEMPTS_NAME_SIZE], const char *what,
                      const char *text);

/* Of an address; of IPv6 its /64. */
void tg_attempts_address(char name[TG_ATTEMPTS_NAME_SIZE], const char *ip);

/*
 * Takes one.  *wait_ms is 0, or when there is one again and none was taken.
 * Within a transaction of the caller's; returns what the store says.
 */
int tg_attempts_take(struct tg_store *store, const char *name,
                     const struct tg_attempts_limit *limit, int64_t now_ms,
                     int64_t *wait_ms);

/* Gives one back: it was the right one. */
int tg_attempts_give_back(struct tg_store *store, const char *name,
                          const struct tg_attempts_limit *limit,
                          int64_t now_ms);

/*
 * Tells, once an hour and bucket, that it is empty: the event login_failing,
 * within a transaction of the caller's.  evidence is taken over.
 */
int tg_attempts_tell(struct tg_store *store, const char *name, int64_t now_ms,
                     json_t *evidence, const char *message);

#endif
