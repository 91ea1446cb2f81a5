/*
 * secret.h: a secret in memory: a key of ours, or an upstream's credential.
 *
 * Never pass one to anything that formats or logs; see tg_key_mask.
 */
#ifndef TG_SECRET_H
#define TG_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "str.h"

#define TG_SECRET_MAX 256

/* Bytes, not text: there is no NUL behind them.  Owned by its holder. */
struct tg_secret {
    size_t len;
    char data[TG_SECRET_MAX];
};

/*
 * Copies bytes in.  Returns 0, or TG_ERR_LIMIT with the secret untouched when
 * they are more than TG_SECRET_MAX.  The caller wipes the source.
 */
int tg_secret_set(struct tg_secret *secret, struct tg_str bytes);

/*
 * Whether two are equal; for equal lengths it takes the same time whatever
 * the bytes are.
 */
bool tg_secret_is_equal(const struct tg_secret *a, const struct tg_secret *b);

/* Overwrites all of it with zeros, which the compiler may not leave out. */
void tg_secret_wipe(struct tg_secret *secret);

/* A view of the bytes, valid as long as the secret is. */
static inline struct tg_str
tg_secret_str(const struct tg_secret *secret)
{
    return (struct tg_str){secret->data, secret->len};
}

#endif
