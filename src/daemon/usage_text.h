/*
 * usage_text.h: the figures of a row about usage as JSON text.
 *
 * An answer has up to 50 000 rows of two dozen members; made as a tree of
 * JSON, that takes ten times as long.
 */
#ifndef TG_USAGE_TEXT_H
#define TG_USAGE_TEXT_H

#include <stddef.h>

#include "usage.h"

#define TG_USAGE_TEXT_SIZE 2048

/*
 * Writes "requests":2,"errors":… without braces: the sums, and what follows
 * from them, which is null where it would be of nothing.  Returns the length;
 * no NUL is behind it.
 */
size_t tg_usage_text(const struct tg_store_usage *usage,
                     char out[TG_USAGE_TEXT_SIZE]);

#endif
