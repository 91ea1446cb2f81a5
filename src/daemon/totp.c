#include "totp.h"

#include <liboath/oath.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "err.h"

#define STEP_S 30
#define DIGITS 6
#define WINDOW 1 /* steps before and behind */

/* Letters and digits that are not taken for others. */
static const char alphabet[] = "abcdefghjkmnpqrstuvwxyz23456789";

#define CODE_LEN 16
#define GROUP_LEN 4

int
tg_totp_seed(uint8_t seed[TG_TOTP_SEED_LEN])
{
    return tg_random(seed, TG_TOTP_SEED_LEN) == 0 ? 0 : TG_ERR_CRYPTO;
}

/* Names hold nothing that a URI would need escaped but '@' and '+'. */
int
tg_totp_uri(const uint8_t seed[TG_TOTP_SEED_LEN], const char *operator,
            char secret[40], char uri[TG_TOTP_URI_SIZE])
{
    char *text = NULL;
    size_t len = 0;

    if (oath_base32_encode((const char *)seed, TG_TOTP_SEED_LEN, &text, &len) !=
            OATH_OK ||
        len >= 40) {
        free(text);
        return TG_ERR_SYSTEM;
    }
    snprintf(secret, 40, "%s", text);
    sodium_memzero(text, len);
    free(text);
    snprintf(uri, TG_TOTP_URI_SIZE,
             "otpauth://totp/Tollgate:%s?secret=%s&issuer=Tollgate", operator,
             secret);
    return 0;
}

/* What was typed without blanks and dashes; false when it is too long. */
static bool
squeeze(const char *typed, char *out, size_t len)
{
    size_t n = 0;

    for (; *typed != '\0'; typed++) {
        if (*typed == ' ' || *typed == '-')
            continue;
        if (n == len)
            return false;
        out[n++] =
            (char)(*typed >= 'A' && *typed <= 'Z' ? *typed | 0x20 : *typed);
    }
    out[n] = '\0';
    return n == len;
}

bool
tg_totp_step(const uint8_t seed[TG_TOTP_SEED_LEN], const char *code,
             int64_t now_ms, int64_t *step)
{
    char digits[DIGITS + 1];
    uint64_t counter = 0;
    int position = 0;

    if (!squeeze(code, digits, DIGITS) ||
        strspn(digits, "0123456789") != DIGITS)
        return false;
    if (oath_totp_validate4((const char *)seed, TG_TOTP_SEED_LEN,
                            (time_t)(now_ms / 1000), STEP_S, 0, WINDOW,
                            &position, &counter, 0, digits) < 0)
        return false;
    *step = (int64_t)counter;
    return true;
}

int
tg_recovery_mint(char code[TG_RECOVERY_SIZE], struct tg_digest *digest)
{
    size_t n = 0;

    for (int i = 0; i < CODE_LEN; i++) {
        if (i > 0 && i % GROUP_LEN == 0)
            code[n++] = '-';
        code[n++] = alphabet[randombytes_uniform(sizeof(alphabet) - 1)];
    }
    code[n] = '\0';
    return tg_recovery_read(code, digest) ? 0 : TG_ERR_CRYPTO;
}

bool
tg_recovery_read(const char *typed, struct tg_digest *digest)
{
    char code[CODE_LEN + 1];

    if (!squeeze(typed, code, CODE_LEN) || strspn(code, alphabet) != CODE_LEN)
        return false;
    tg_digest_of((struct tg_str){code, CODE_LEN}, digest);
    return true;
}
