/*
 * leak_signature.h: signatures of those who report leaks: ECDSA over P-256
 * with SHA-256, of the bytes of a body (docs/leaks.md; GitHub's partner
 * program for secret scanning, 2026).
 */
#ifndef TG_LEAK_SIGNATURE_H
#define TG_LEAK_SIGNATURE_H

#include <stdbool.h>

#include "error.h"
#include "str.h"

#define TG_LEAK_KEYS_MAX 64
#define TG_LEAK_KEY_NAME_SIZE 129

struct tg_leak_key {
    char name[TG_LEAK_KEY_NAME_SIZE]; /* its identifier */
    void *key;                        /* an EVP_PKEY */
};

struct tg_leak_ring {
    struct tg_leak_key keys[TG_LEAK_KEYS_MAX];
    size_t count;
};

/*
 * Reads {"public_keys":[{"key_identifier","key","is_current"}]}, keys in PEM.
 * Returns 0; TG_ERR_FORMAT and *error says why, ring being empty then.
 */
int tg_leak_ring_read(struct tg_leak_ring *ring, struct tg_str text,
                      struct tg_error *error);

void tg_leak_ring_release(struct tg_leak_ring *ring);

/*
 * Whether signature, base64 of DER, is of these bytes by the key of that name.
 * Returns 0; TG_ERR_NOT_FOUND when there is no such key; TG_ERR_FORMAT when it
 * is not.
 */
int tg_leak_ring_verify(const struct tg_leak_ring *ring, const char *name,
                        const char *signature, struct tg_str body);

#endif
