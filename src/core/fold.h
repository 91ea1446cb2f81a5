/*
 * fold.h: names that some readers of JSON take for the same.
 */
#ifndef TG_FOLD_H
#define TG_FOLD_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Whether len bytes are name, in lower case, when case is folded: Go's JSON
 * reader, and so some upstreams, takes Model and even max_to\u212aens for
 * ours.
 */
bool tg_fold_is(const char *text, size_t len, const char *name);

#endif
