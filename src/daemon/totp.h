/*
 * totp.h: the second factor: codes of RFC 6238 (SHA-1, 6 digits, 30 s), and
 * codes for the day on which the telephone is gone.
 */
#ifndef TG_TOTP_H
#define TG_TOTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "digest.h"

#define TG_TOTP_SEED_LEN 20
#define TG_TOTP_URI_SIZE 256

#define TG_RECOVERY_CODES 10
#define TG_RECOVERY_SIZE 20 /* "xxxx-xxxx-xxxx-xxxx" and a NUL */

/* 20 random bytes.  Returns 0 or TG_ERR_CRYPTO. */
int tg_totp_seed(uint8_t seed[TG_TOTP_SEED_LEN]);

/*
 * Writes the seed in base32 and the otpauth:// URI that applications read
 * off a QR code.  Returns 0 or TG_ERR_SYSTEM; wipe both.
 */
int tg_totp_uri(const uint8_t seed[TG_TOTP_SEED_LEN], const char *operator,
                char secret[40], char uri[TG_TOTP_URI_SIZE]);

/*
 * Whether code is one of now, of the step before or of the next, and of
 * which it is.  Blanks and dashes in it do not count.
 */
bool tg_totp_step(const uint8_t seed[TG_TOTP_SEED_LEN], const char *code,
                  int64_t now_ms, int64_t *step);

/* Makes one code for the day without a telephone, 79 bits, and its digest. */
int tg_recovery_mint(char code[TG_RECOVERY_SIZE], struct tg_digest *digest);

/*
 * The digest of what was typed, whose case, blanks and dashes do not count.
 * Returns false when it is no such code.
 */
bool tg_recovery_read(const char *typed, struct tg_digest *digest);

#endif
