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
#include "price.h"
#include "route.h"

/*
 * What a provider may add to a prompt on its own (a template's marks, a
 * default system prompt, the wrapping of tools), which no request shows.  It
 * is held; a report that goes beyond it is not believed.
 */
#define TG_BOUND_ALLOWANCE_TOKENS 512

/* A call whose answer would have to be shorter is refused, not clamped. */
#define TG_BOUND_FLOOR_TOKENS 16

/*
 * The most prompt tokens: a token is at least a byte of what is not governed,
 * and the allowance.
 */
int64_t tg_bound_prompt(const struct tg_body_facts *facts);

/*
 * What a prompt of this bound likely is: four bytes a token, as prompts are on
 * average in any language, and nothing of the allowance.  At most the bound.
 */
int64_t tg_bound_likely(int64_t prompt_bound);

/*
 * What a call within its bounds costs at most, at the rates that are frozen in
 * it.  Returns 0, or TG_ERR_RANGE when it does not fit.
 */
int tg_bound_cost(const struct tg_call *call, int64_t *nanos);

/* The same with so many completion tokens, for a call that holds in steps. */
int tg_bound_hold(const struct tg_call *call, int64_t completion_tokens,
                  int64_t *nanos);

/*
 * The most completion tokens whose cost, prompt_bound's dearest included, is
 * at most left_nanos; all n answers together.  At most TG_USAGE_TOKENS_MAX.
 * Returns -1 when the prompt itself is more than is left, or a number is
 * negative.
 */
int64_t tg_bound_affordable(const struct tg_rates *rates, int64_t prompt_bound,
                            int64_t left_nanos);

/*
 * The members, as bits 1 << enum tg_body_member, by which upstreams of this
 * dialect let a request limit the answer on this endpoint.
 */
uint32_t tg_bound_obeyed(enum tg_dialect dialect, enum tg_endpoint endpoint);

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
