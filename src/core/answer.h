/*
 * answer.h: what the gate answers by itself, from the state file alone:
 * the models of a key, its account's balance, and the key's own policy.
 */
#ifndef TG_ANSWER_H
#define TG_ANSWER_H

#include "admit.h"
#include "text.h"

/* Fits every answer; a catalog's 512 models are the largest. */
#define TG_ANSWER_SIZE (128 * 1024)

/*
 * Writes the JSON for an admission whose action is TG_ACTION_ANSWER.
 * Returns TG_CODE_NONE, or the code of a refusal (an unknown model), the
 * admission then being one.
 */
enum tg_code tg_answer_write(struct tg_text *out, const struct tg_state *state,
                             int64_t now_ms, struct tg_admission *admission);

#endif
