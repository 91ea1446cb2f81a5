/*
 * answer_part.h: parts of answer.c that are files of their own.
 */
#ifndef TG_ANSWER_PART_H
#define TG_ANSWER_PART_H

#include "admit.h"
#include "text.h"

/*
 * Writes what its holder may know of a key: its policy, what is left of each
 * limit and budget and when it begins anew, and what was used.
 */
void tg_answer_key(struct tg_text *out, const struct tg_state *state,
                   int64_t now_ms, const struct tg_admission *admission);

#endif
