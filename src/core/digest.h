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

/* Hashes bytes, about 100 ns for a key; nothing of them stays in memory. */
void tg_digest_of(struct tg_str bytes, struct tg_digest *digest);

/* Whether two are equal; takes the same time whatever their bytes are. */
bool tg_digest_is_equal(const struct tg_digest *a, const struct tg_digest *b);

#endif
