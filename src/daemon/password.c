#include "password.h"

#include <sodium.h>
#include <stdatomic.h>

#include "err.h"

#define TIMES crypto_pwhash_OPSLIMIT_INTERACTIVE
#define BYTES crypto_pwhash_MEMLIMIT_INTERACTIVE

_Static_assert(TG_PASSWORD_TEXT_SIZE >= crypto_pwhash_STRBYTES,
               "a text has room");

/* Of no password that anybody knows; TIMES and BYTES stand in it. */
static const char nobodys[] =
    "$argon2id$v=19$m=65536,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

static _Atomic int places = TG_PASSWORD_PLACES;

bool
tg_password_enter(void)
{
    if (atomic_fetch_sub(&places, 1) > 0)
        return true;
    atomic_fetch_add(&places, 1);
    return false;
}

void
tg_password_leave(void)
{
    atomic_fetch_add(&places, 1);
}

int
tg_password_hash(struct tg_str password, char text[TG_PASSWORD_TEXT_SIZE])
{
    return crypto_pwhash_str_alg(text, password.data, password.len, TIMES,
                                 BYTES, crypto_pwhash_ALG_ARGON2ID13) == 0
               ? 0
               : TG_ERR_SYSTEM;
}

bool
tg_password_is(const char *text, struct tg_str password)
{
    bool is_somebodys = *text != '\0';
    int result = crypto_pwhash_str_verify(is_somebodys ? text : nobodys,
                                          password.data, password.len);

    return is_somebodys && result == 0;
}
