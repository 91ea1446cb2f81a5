/*
 * seal.h: secrets at rest, under the master key: XChaCha20-Poly1305.
 *
 * A sealed secret is 24 bytes of nonce, the ciphertext, 16 bytes of tag; it
 * is bound to a name, so that it cannot be moved to another row.
 */
#ifndef TG_SEAL_H
#define TG_SEAL_H

#include <stddef.h>
#include <stdint.h>

#include "str.h"

#define TG_SEAL_OVERHEAD 40

struct tg_master_key {
    uint8_t bytes[32];
};

/*
 * Seals plain into out (plain.len + TG_SEAL_OVERHEAD bytes; cap is out's
 * room).  Returns the sealed length, or TG_ERR_FULL.
 */
long tg_seal(const struct tg_master_key *key, struct tg_str name,
             struct tg_str plain, uint8_t *out, size_t cap);

/*
 * Opens a sealed secret into out (cap bytes of room).  Returns the plain
 * length, TG_ERR_FULL, or TG_ERR_CRYPTO when the seal, the name or the key
 * is not the right one; nothing of the secret is in out then.
 */
long tg_seal_open(const struct tg_master_key *key, struct tg_str name,
                  const uint8_t *sealed, size_t len, char *out, size_t cap);

#endif
