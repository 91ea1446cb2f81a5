/*
 * span.h: how far a run of bytes without a special one reaches.
 *
 * Most of a prompt is inside strings, so this is where a body's bytes are
 * looked at: 16 bytes at a time on any x86-64 (SSE2), 32 where the machine
 * has AVX2, eight everywhere else.
 */
#ifndef TG_SPAN_H
#define TG_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The first byte in [p, end) that ends a run of plain string bytes: a quote,
 * a backslash or a control character below 0x20; end when there is none.
 * *has_high is set, never cleared, when a byte before that one is not ASCII.
 */
const char *tg_span_plain(const char *p, const char *end, bool *has_high);

/* The same, without vector instructions: the reference for the tests. */
const char *tg_span_portable(const char *p, const char *end, bool *has_high);

/*
 * Skips whole blocks of string bytes, short escapes (a backslash and one of
 * "\/bfnrt) included, from a byte that is not itself escaped.  Returns where
 * it stopped, at such a byte too: at the string's quote, a control character
 * or another escape, or where fewer bytes are left than a block has; maybe
 * at p.  Adds the escapes that it passed to *escapes.
 */
const char *tg_span_escaped(const char *p, const char *end, bool *has_high,
                            uint64_t *escapes);

/* The first byte in [p, end) below 0x20, or 0x7f; end when there is none. */
const char *tg_span_text(const char *p, const char *end);

/* The first CR or LF in [p, end); end when there is none. */
const char *tg_span_line(const char *p, const char *end);

#endif
