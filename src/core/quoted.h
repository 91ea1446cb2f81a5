/*
 * quoted.h: how far the inside of a JSON string is as it may be.
 *
 * Nearly all of a prompt is inside strings, so this is the one loop that a
 * body's bytes pay for: the string's end, its escapes and its UTF-8 are looked
 * for in one pass, 64 bytes at a time where the machine has AVX2.
 */
#ifndef TG_QUOTED_H
#define TG_QUOTED_H

#include <stdint.h>

/*
 * Reads [p, end) from the beginning of a character that no backslash escapes.
 * Passes well-formed characters, but for quotes, backslashes and control
 * characters below 0x20, and short escapes: a backslash and one of "\/bfnrt.
 * Returns the first byte that begins neither; end when there is none.  That
 * is the string's quote, a control character, the backslash of a longer,
 * wrong or cut escape, or a byte of a wrong or cut character.  Adds the
 * escapes passed to *escapes.
 */
const char *tg_quoted_pass(const char *p, const char *end, uint64_t *escapes);

/* The same without the wide loop, for machines and places without it. */
const char *tg_quoted_pass_narrow(const char *p, const char *end,
                                  uint64_t *escapes);

/* The byte that a backslash and c stand for, in two bytes; 0 for none. */
char tg_quoted_escape(char c);

#endif
