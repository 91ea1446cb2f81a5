/*
 * unwrap.h: what people paste around a key: blanks, quotes, "Bearer".
 */
#ifndef TG_UNWRAP_H
#define TG_UNWRAP_H

#include "diagnose.h"

/*
 * Narrows text to what is inside.  Returns what was outermost, and UNKNOWN
 * when there was nothing around it.  Any bytes; O(1) but for runs of blanks.
 */
enum tg_diagnosis tg_unwrap(struct tg_str *text);

#endif
