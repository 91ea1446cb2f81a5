#include "mint.h"

#include <string.h>

#include "clock.h"

int
tg_mint(struct tg_minted *minted, enum tg_key_kind kind, const char *key_id,
        int64_t now_ms)
{
    struct tg_secret *secret = &minted->secret;
    int err;

    memset(minted, 0, sizeof(*minted));
    err = tg_id_mint(minted->id, "sec_", tg_random);
    if (err == 0)
        err = tg_key_mint(secret, kind, tg_random);
    if (err != 0)
        return err;
    tg_digest_of(tg_secret_str(secret), &minted->row.digest);
    memcpy(minted->prefix, secret->data, TG_KEY_PREFIX_LEN);
    memcpy(minted->last4, secret->data + secret->len - 4, 4);
    minted->row.id = minted->id;
    minted->row.key_id = key_id;
    minted->row.prefix = minted->prefix;
    minted->row.last4 = minted->last4;
    minted->row.created_at = now_ms;
    minted->row.ordinal = 1;
    return 0;
}

void
tg_minted_wipe(struct tg_minted *minted)
{
    tg_secret_wipe(&minted->secret);
}
