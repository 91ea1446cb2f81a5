/*
 * mint.h: a new secret of a key, and what may be kept of it.
 */
#ifndef TG_MINT_H
#define TG_MINT_H

#include "id.h"
#include "key.h"
#include "store.h"

/* The row's texts are the members beside it, so it is not copied. */
struct tg_minted {
    struct tg_secret secret;
    struct tg_store_secret row; /* key_id is the caller's text */
    char id[TG_ID_TEXT_SIZE];
    char prefix[TG_KEY_PREFIX_LEN + 1], last4[5];
};

/*
 * Makes a secret of that kind.  0, or TG_ERR_* when the kernel gives no random
 * bytes; tg_minted_wipe ends it either way.
 */
int tg_mint(struct tg_minted *minted, enum tg_key_kind kind, const char *key_id,
            int64_t now_ms);

void tg_minted_wipe(struct tg_minted *minted);

#endif
