/*
 * key.h: the format of our keys; docs/key-format.md has test vectors.
 *
 *     sk-tg  p|d|r  _  30 base62 characters  6 base62 digits
 *                      random                CRC-32 of all before them
 *
 * The checksum tells a mistyped or cut key from an unknown one without a
 * lookup.  It proves nothing: anybody can compute it.
 */
#ifndef TG_KEY_H
#define TG_KEY_H

#include <stddef.h>

#include "secret.h"
#include "str.h"

#define TG_KEY_PREFIX_LEN 7 /* "sk-tgp_" */
#define TG_KEY_RANDOM_LEN 30
#define TG_KEY_CHECK_LEN 6
#define TG_KEY_LEN (TG_KEY_PREFIX_LEN + TG_KEY_RANDOM_LEN + TG_KEY_CHECK_LEN)

/* Stored in the state file: values are fixed. */
enum tg_key_kind {
    TG_KIND_NONE = 0,
    TG_KIND_PRODUCTION = 1,
    TG_KIND_DEVELOPMENT = 2,
    TG_KIND_RESTRICTED = 3,
};

/* The kind's letter in a key, or 0 for a value that is no kind. */
char tg_key_kind_letter(enum tg_key_kind kind);

/* "production", "development", "restricted"; "none" for any other value. */
const char *tg_key_kind_name(enum tg_key_kind kind);

/* The kind of that name, TG_KIND_NONE when it is none. */
enum tg_key_kind tg_key_kind_of(struct tg_str name);

/*
 * Makes a key of TG_KEY_LEN characters.  random fills a buffer from the
 * kernel's generator and returns 0.  Returns 0; TG_ERR_RANGE when kind is
 * none; TG_ERR_CRYPTO when random failed, with key wiped.  The caller owns
 * the secret and wipes it.
 */
int tg_key_mint(struct tg_secret *key, enum tg_key_kind kind,
                int (*random)(void *, size_t));

/*
 * Whether text is a key as tg_key_mint makes them, byte for byte: returns 0
 * with its kind, or TG_ERR_FORMAT.  Any bytes of any length, O(1).  It says
 * nothing of whether the key exists.
 */
int tg_key_parse(struct tg_str text, enum tg_key_kind *kind);

#define TG_KEY_MASK_SIZE 16

/*
 * Writes what may be shown of a key, ours or not, into
 * out[TG_KEY_MASK_SIZE]: "sk-tgp_...Ab3x", "sk-...Ab3x" or "...Ab3x", with
 * '?' for every byte that is not a letter, digit, '-', '_' or '.'; the empty
 * string for fewer than 12 characters.
 */
void tg_key_mask(struct tg_str text, char *out);

#endif
