/*
 * bound.h: the most tokens that an answer can have, known from the request.
 *
 * What is set aside for a call, and what a report is measured against, so it
 * is never less than what an upstream may produce.  Not handled: an array of
 * prompts in completions, each of which gets an answer.
 */
#ifndef TG_BOUND_H
#define TG_BOUND_H

#include "body.h"
#include "layout.h"
#include "route.h"

/*
 * Writes the most completion tokens into *tokens: by the largest limit that
 * upstreams of this dialect obey on this endpoint, else by the model's own; n
 * answers count n times.  Returns 0, or TG_ERR_RANGE when it is more than one
 * call can have (TG_USAGE_TOKENS_MAX).  *member becomes what the bound, or
 * the error, comes from: TG_BODY_MAX_TOKENS when nothing stands there.
 */
int tg_bound_completion(const struct tg_body_facts *facts,
                        const struct tg_model *model, enum tg_dialect dialect,
                        enum tg_endpoint endpoint, int64_t *tokens,
                        enum tg_body_member *member);

#endif
