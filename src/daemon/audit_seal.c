#include "audit_seal.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"

#define META_NAME "audit_checkpoint"
#define KDF_CONTEXT "tgaudit1" /* eight bytes */
#define KDF_NUMBER 1
#define TEXT_SIZE 256

_Static_assert(TG_AUDIT_SIGNATURE_BYTES == crypto_sign_BYTES, "Ed25519");
_Static_assert(TG_AUDIT_KEY_BYTES == crypto_sign_PUBLICKEYBYTES, "Ed25519");
_Static_assert(sizeof(KDF_CONTEXT) == crypto_kdf_CONTEXTBYTES + 1, "context");

/* Constant while there are threads. */
static struct {
    bool is_open;
    struct tg_audit_key key;
    uint8_t secret[crypto_sign_SECRETKEYBYTES];
} signer;

static void
derive(const struct tg_master_key *master, struct tg_audit_key *key,
       uint8_t secret[crypto_sign_SECRETKEYBYTES])
{
    uint8_t seed[crypto_sign_SEEDBYTES];

    crypto_kdf_derive_from_key(seed, sizeof(seed), KDF_NUMBER, KDF_CONTEXT,
                               master->bytes);
    crypto_sign_seed_keypair(key->bytes, secret, seed);
    sodium_memzero(seed, sizeof(seed));
}

void
tg_audit_signer_open(const struct tg_master_key *master)
{
    derive(master, &signer.key, signer.secret);
    signer.is_open = true;
}

void
tg_audit_signer_close(void)
{
    sodium_memzero(&signer, sizeof(signer));
}

void
tg_audit_key_of(const struct tg_master_key *master, struct tg_audit_key *key)
{
    uint8_t secret[crypto_sign_SECRETKEYBYTES];

    derive(master, key, secret);
    sodium_memzero(secret, sizeof(secret));
}

bool
tg_audit_key_own(struct tg_audit_key *key)
{
    *key = signer.key;
    return signer.is_open;
}

void
tg_audit_hex(const void *bytes, size_t len, char *out)
{
    sodium_bin2hex(out, 2 * len + 1, bytes, len);
}

bool
tg_audit_unhex(const char *text, void *bytes, size_t len)
{
    size_t n;

    return strlen(text) == 2 * len &&
           sodium_hex2bin(bytes, len, text, 2 * len, NULL, &n, NULL) == 0 &&
           n == len;
}

/* What is signed: "tollgate audit 1:NUMBER:DIGEST". */
static size_t
signed_text(int64_t number, const struct tg_digest *digest, char out[TEXT_SIZE])
{
    char hex[2 * sizeof(digest->bytes) + 1];

    tg_audit_hex(digest->bytes, sizeof(digest->bytes), hex);
    return (size_t)snprintf(out, TEXT_SIZE, "tollgate audit 1:%" PRId64 ":%s",
                            number, hex);
}

bool
tg_audit_is_signed(const struct tg_audit_checkpoint *checkpoint,
                   const struct tg_audit_key *key)
{
    char text[TEXT_SIZE];
    size_t len = signed_text(checkpoint->number, &checkpoint->digest, text);

    return crypto_sign_verify_detached(checkpoint->signature,
                                       (const uint8_t *)text, len,
                                       key->bytes) == 0;
}

int
tg_audit_checkpoint_read(struct tg_store *store,
                         struct tg_audit_checkpoint *checkpoint)
{
    char text[TEXT_SIZE], *digest, *signature;
    int err = store->ops->meta_get(store, META_NAME, text, sizeof(text));

    if (err != 0)
        return err;
    checkpoint->number = strtoll(text, &digest, 10);
    signature = *digest == ':' ? strchr(digest + 1, ':') : NULL;
    if (signature == NULL || checkpoint->number <= 0)
        return TG_ERR_FORMAT;
    *signature++ = '\0';
    return tg_audit_unhex(digest + 1, checkpoint->digest.bytes,
                          sizeof(checkpoint->digest.bytes)) &&
                   tg_audit_unhex(signature, checkpoint->signature,
                                  sizeof(checkpoint->signature))
               ? 0
               : TG_ERR_FORMAT;
}

int
tg_audit_checkpoint_write(struct tg_store *store, int64_t number,
                          const struct tg_digest *digest)
{
    uint8_t signature[TG_AUDIT_SIGNATURE_BYTES];
    char digest_hex[2 * sizeof(digest->bytes) + 1];
    char signature_hex[2 * sizeof(signature) + 1], text[TEXT_SIZE];
    size_t len = signed_text(number, digest, text);

    if (!signer.is_open ||
        crypto_sign_detached(signature, NULL, (const uint8_t *)text, len,
                             signer.secret) != 0)
        return tg_error_set(&store->error, TG_ERR_CRYPTO,
                            "the audit log cannot be signed");
    tg_audit_hex(digest->bytes, sizeof(digest->bytes), digest_hex);
    tg_audit_hex(signature, sizeof(signature), signature_hex);
    snprintf(text, sizeof(text), "%" PRId64 ":%s:%s", number, digest_hex,
             signature_hex);
    return store->ops->meta_set(store, META_NAME, text);
}
