/*
 * utf8.h: is it UTF-8?  Asked in chunks of any size (RFC 3629: no overlong
 * form, no surrogate, nothing above U+10FFFF).
 */
#ifndef TG_UTF8_H
#define TG_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Between two chunks: all zero at a character's boundary. */
struct tg_utf8 {
    uint8_t need;      /* continuation bytes still to come, 0..3 */
    uint8_t low, high; /* what the next one may be */
};

/*
 * Reads len bytes after those read before.  Returns how many of them are
 * good: len, or the index of the first byte that cannot stand there, after
 * which u must not be used.  The text is whole only when u->need is 0.
 */
size_t tg_utf8_check(struct tg_utf8 *u, const char *data, size_t len);

/* The same, byte by byte: the reference for the tests. */
size_t tg_utf8_check_portable(struct tg_utf8 *u, const char *data, size_t len);

/*
 * Writes the UTF-8 form of a code point, surrogates and values above
 * U+10FFFF as U+FFFD.  Returns its length, 1..4; out has room for 4.
 */
size_t tg_utf8_encode(uint32_t code, char *out);

#endif
