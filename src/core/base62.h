/*
 * base62.h: digits 0-9A-Za-z, most significant first.
 */
#ifndef TG_BASE62_H
#define TG_BASE62_H

#include <stddef.h>
#include <stdint.h>

#define TG_BASE62_ALPHABET                                                     \
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

/* Value 0 to 61 of a digit, or -1 when the byte is none. */
int tg_base62_value(unsigned char digit);

/* How many bytes at the start of data, of at most len, are digits. */
size_t tg_base62_span(const char *data, size_t len);

/*
 * Writes value as exactly len digits, left-padded with '0' and without a
 * NUL.  Returns 0, or TG_ERR_RANGE with out untouched when it needs more.
 */
int tg_base62_put(uint64_t value, char *out, size_t len);

/*
 * Reads len digits.  Returns 0; TG_ERR_FORMAT when a byte is no digit;
 * TG_ERR_RANGE when the number needs more than 64 bits.
 */
int tg_base62_get(const char *digits, size_t len, uint64_t *value);

/*
 * Writes len random digits, each as likely as any other, without a NUL.
 * random fills a buffer and returns 0; it must be the kernel's generator or
 * as good.  Returns 0, or TG_ERR_CRYPTO with out wiped when random failed.
 */
int tg_base62_random(char *out, size_t len, int (*random)(void *, size_t));

#endif
