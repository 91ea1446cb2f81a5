/*
 * glyph.h: text from users on its way to a terminal.
 */
#ifndef TG_GLYPH_H
#define TG_GLYPH_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A copy of text (UTF-8) in which what a terminal would obey or what would
 * deceive a reader is shown as an escape: control characters, marks that turn
 * the writing direction, bytes that are not UTF-8.  Never NULL; the
 * caller frees it.
 */
char *tg_glyph_safe(const char *text);

/* Columns that text takes on a terminal; text is tg_glyph_safe's. */
size_t tg_glyph_width(const char *text);

/* Bytes of text that fit into so many columns, whole characters only. */
size_t tg_glyph_fit(const char *text, size_t columns);

/* Whether it looks like a key or a token, which must not be shown. */
bool tg_glyph_is_secret(const char *text);

/* Whether it is one word of visible ASCII, fit for an HTTP header. */
bool tg_glyph_is_token(const char *text);

#endif
