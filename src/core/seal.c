#include "seal.h"

#include <sodium.h>

#include "err.h"

#define NONCE crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG crypto_aead_xchacha20poly1305_ietf_ABYTES

_Static_assert(NONCE + TAG == TG_SEAL_OVERHEAD, "the format of a seal");
_Static_assert(sizeof(struct tg_master_key) ==
                   crypto_aead_xchacha20poly1305_ietf_KEYBYTES,
               "the size of the master key");

long
tg_seal(const struct tg_master_key *key, struct tg_str name,
        struct tg_str plain, uint8_t *out, size_t cap)
{
    if (cap < plain.len + TG_SEAL_OVERHEAD)
        return TG_ERR_FULL;
    if (sodium_init() < 0)
        return TG_ERR_CRYPTO;
    randombytes_buf(out, NONCE);
    crypto_aead_xchacha20poly1305_ietf_encrypt(
        out + NONCE, NULL, (const unsigned char *)plain.data, plain.len,
        (const unsigned char *)name.data, name.len, NULL, out, key->bytes);
    return (long)(plain.len + TG_SEAL_OVERHEAD);
}

long
tg_seal_open(const struct tg_master_key *key, struct tg_str name,
             const uint8_t *sealed, size_t len, char *out, size_t cap)
{
    if (len < TG_SEAL_OVERHEAD)
        return TG_ERR_CRYPTO;
    if (cap < len - TG_SEAL_OVERHEAD)
        return TG_ERR_FULL;
    if (sodium_init() < 0)
        return TG_ERR_CRYPTO;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(
            (unsigned char *)out, NULL, NULL, sealed + NONCE, len - NONCE,
            (const unsigned char *)name.data, name.len, sealed,
            key->bytes) != 0)
        return TG_ERR_CRYPTO;
    return (long)(len - TG_SEAL_OVERHEAD);
}
