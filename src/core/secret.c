#include "secret.h"

#include <sodium.h>

#include "err.h"

int
tg_secret_set(struct tg_secret *secret, struct tg_str bytes)
{
    if (bytes.len > TG_SECRET_MAX)
        return TG_ERR_LIMIT;
    tg_secret_wipe(secret);
    if (bytes.len > 0)
        memcpy(secret->data, bytes.data, bytes.len);
    secret->len = bytes.len;
    return 0;
}

bool
tg_secret_is_equal(const struct tg_secret *a, const struct tg_secret *b)
{
    return a->len == b->len && sodium_memcmp(a->data, b->data, a->len) == 0;
}

void
tg_secret_wipe(struct tg_secret *secret)
{
    sodium_memzero(secret, sizeof(*secret));
}
