/* A sealed secret opens under its key and name, whole, and not otherwise. */
#include <stdlib.h>

#include <sodium.h>

#include "err.h"
#include "seal.h"
#include "tap.h"

#define SECRET "upstream-secret"
#define NAME TG_STR("cred_00000000000000001")

static const struct tg_master_key key = {{1, 2, 3}};

static void
test_vector(void)
{
    uint8_t nonce[24], plain[64], sealed[64];
    unsigned long long len = 0;
    char out[64];
    long n;

    n = tg_seal(&key, NAME, TG_STR(SECRET), sealed, sizeof(sealed));
    is_int(n, sizeof(SECRET) - 1 + 40, "40 bytes more than the secret");
    ok(memmem(sealed, (size_t)n, "secret", 6) == NULL, "which is not in it");

    /* The format, by libsodium alone: nonce, ciphertext, tag. */
    memcpy(nonce, sealed, sizeof(nonce));
    is_int(crypto_aead_xchacha20poly1305_ietf_decrypt(
               plain, &len, NULL, sealed + 24, (unsigned long long)n - 24,
               (const uint8_t *)NAME.data, NAME.len, nonce, key.bytes),
           0, "it is what the header says");
    ok(len == sizeof(SECRET) - 1 && memcmp(plain, SECRET, len) == 0,
       "with the secret in it");

    is_int(tg_seal_open(&key, NAME, sealed, (size_t)n, out, sizeof(out)),
           sizeof(SECRET) - 1, "it opens");
    ok(memcmp(out, SECRET, sizeof(SECRET) - 1) == 0, "to the secret");
}

static void
test_sizes(void)
{
    static const size_t sizes[] = {0, 1, 16, 279, 280};
    char plain[280], out[280];
    uint8_t sealed[320];

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        size_t n = sizes[i];

        memset(plain, 'x', n);
        is_int(tg_seal(&key, NAME, (struct tg_str){plain, n}, sealed, n + 39),
               TG_ERR_FULL, "%zu bytes: one too few to seal into", n);
        is_int(tg_seal(&key, NAME, (struct tg_str){plain, n}, sealed, n + 40),
               (long)n + 40, "just enough");
        if (n > 0)
            is_int(tg_seal_open(&key, NAME, sealed, n + 40, out, n - 1),
                   TG_ERR_FULL, "one too few to open into");
        is_int(tg_seal_open(&key, NAME, sealed, n + 40, out, n), (long)n,
               "just enough");
        ok(memcmp(out, plain, n) == 0, "the same");
    }
}

static void
test_damage(void)
{
    struct tg_master_key other = key;
    uint8_t sealed[64];
    size_t n =
        (size_t)tg_seal(&key, NAME, TG_STR(SECRET), sealed, sizeof(sealed));
    size_t opened = 0;
    char out[64];

    for (size_t bit = 0; bit < n * 8; bit++) {
        sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
        memset(out, 'x', sizeof(out));
        opened += tg_seal_open(&key, NAME, sealed, n, out, sizeof(out)) !=
                      TG_ERR_CRYPTO ||
                  memmem(out, sizeof(out), "secret", 6) != NULL;
        sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    is_int(opened, 0, "with any bit flipped it does not open");
    for (size_t len = 0; len < n; len++) {
        uint8_t *copy = malloc(len ? len : 1);

        memcpy(copy, sealed, len);
        opened += tg_seal_open(&key, NAME, copy, len, out, sizeof(out)) !=
                  TG_ERR_CRYPTO;
        free(copy);
    }
    is_int(opened, 0, "nor cut at any byte");
    other.bytes[31] ^= 1;
    is_int(tg_seal_open(&other, NAME, sealed, n, out, sizeof(out)),
           TG_ERR_CRYPTO, "nor under another key");
    is_int(tg_seal_open(&key, TG_STR("cred_00000000000000002"), sealed, n, out,
                        sizeof(out)),
           TG_ERR_CRYPTO, "nor under another name");
    is_int(tg_seal_open(&key, TG_STR(""), sealed, n, out, sizeof(out)),
           TG_ERR_CRYPTO, "nor under none");
    is_int(tg_seal_open(&key, NAME, sealed, n, out, sizeof(out)),
           sizeof(SECRET) - 1, "as it was, it does");
}

static void
test_nonces(void)
{
    uint8_t a[64], b[64];

    tg_seal(&key, NAME, TG_STR(SECRET), a, sizeof(a));
    tg_seal(&key, NAME, TG_STR(SECRET), b, sizeof(b));
    ok(memcmp(a, b, 24) != 0, "no two nonces are the same");
    ok(memcmp(a + 24, b + 24, sizeof(SECRET) - 1) != 0, "nor the rest");
}

int
main(void)
{
    test_vector();
    test_sizes();
    test_damage();
    test_nonces();
    return done();
}
