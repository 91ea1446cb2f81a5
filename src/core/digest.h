/*
 * digest.h: SHA-256, the only form in which a key of ours is stored.
 *
 * Secrets carry 178 random bits, so a plain hash cannot be searched and a
 * pepper would only add a way to lose all keys.
 */
#ifndef TG_DIGEST_H
#define TG_DIGEST_H

#include <stdbool.h>
#include <stdint.h>

#include "str.h"

struct tg_digest {
    uint8_t bytes[32];
};

/*
 * Fetches the algorithm and makes this thread's context; call it in each
 * thread that hashes, after fork rather than before.  Calling it again does
 * nothing.  Returns 0, or TG_ERR_CRYPTO when OpenSSL has no SHA-256.
 */
int tg_digest_init(void);

/* Frees this thread's context. */
void tg_digest_release(void);

/*
 * Hashes bytes; aborts when this thread did not call tg_digest_init.
 * Returns 0, or TG_ERR_CRYPTO with digest untouched when OpenSSL refused.
 * About 100 ns for a key.
 */
int tg_digest_of(struct tg_str bytes, struct tg_digest *digest);

/* Whether two are equal; takes the same time whatever their bytes are. */
bool tg_digest_is_equal(const struct tg_digest *a, const struct tg_digest *b);

#endif
