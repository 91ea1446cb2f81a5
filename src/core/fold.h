/*
 * fold.h: names that some readers of JSON or forms take for the same.
 */
#ifndef TG_FOLD_H
#define TG_FOLD_H

#include "str.h"

/*
 * Whether what was said is name, which is in lower case.  Go's JSON reader,
 * and so some upstreams, takes Model and even max_to\u212aens for ours; what
 * is written in C may see no more behind a zero byte.
 */
bool tg_fold_is(struct tg_str said, const char *name);

#endif
