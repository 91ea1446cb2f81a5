/*
 * placeholder.h: words that stand where a key should, and names of it.
 */
#ifndef TG_PLACEHOLDER_H
#define TG_PLACEHOLDER_H

#include <stdbool.h>

#include "str.h"

/* Whether text is syntax for a variable: ${X}, $X, {{X}}, %X%.  O(len). */
bool tg_placeholder_is_expression(struct tg_str text);

/* Whether text is a variable's name itself: DEEPSEEK_API_KEY.  O(1). */
bool tg_placeholder_is_name(struct tg_str text);

/*
 * Whether text was never meant as a key: YOUR_API_KEY, <key>, sk-xxxx, null,
 * changeme.  O(len).
 */
bool tg_placeholder_is_word(struct tg_str text);

#endif
