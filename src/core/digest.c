#include "digest.h"

#include <assert.h>
#include <stdatomic.h>

#include <openssl/evp.h>
#include <sodium.h>

#include "err.h"

/* Fetched once and shared; a context is one thread's own. */
static _Atomic(EVP_MD *) sha256;
static _Thread_local EVP_MD_CTX *context;

static EVP_MD *
fetch(void)
{
    EVP_MD *mine = atomic_load(&sha256), *other = NULL;

    if (mine != NULL)
        return mine;
    mine = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (mine == NULL || atomic_compare_exchange_strong(&sha256, &other, mine))
        return mine;
    EVP_MD_free(mine);
    return other;
}

int
tg_digest_init(void)
{
    EVP_MD *md;
    EVP_MD_CTX *fresh;

    if (context != NULL)
        return 0;
    md = fetch();
    if (md == NULL)
        return TG_ERR_CRYPTO;
    fresh = EVP_MD_CTX_new();
    if (fresh == NULL || EVP_DigestInit_ex2(fresh, md, NULL) != 1) {
        EVP_MD_CTX_free(fresh);
        return TG_ERR_CRYPTO;
    }
    context = fresh;
    return 0;
}

void
tg_digest_release(void)
{
    EVP_MD_CTX_free(context);
    context = NULL;
}

int
tg_digest_of(struct tg_str bytes, struct tg_digest *digest)
{
    struct tg_digest made;

    assert(context != NULL);
    if (EVP_DigestInit_ex2(context, NULL, NULL) != 1 ||
        EVP_DigestUpdate(context, bytes.data, bytes.len) != 1 ||
        EVP_DigestFinal_ex(context, made.bytes, NULL) != 1)
        return TG_ERR_CRYPTO;
    *digest = made;
    return 0;
}

bool
tg_digest_is_equal(const struct tg_digest *a, const struct tg_digest *b)
{
    return sodium_memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}
