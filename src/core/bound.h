/*
 * bound.h: the most tokens that an answer can have, known from the request.
 *
 * What is set aside for a call, and what a report is measured against, so it
 * is never less than what an upstream may produce.
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
 * An image of a model nobody described: the dearest known, gpt-4o-mini's, has
 * 48 169 tokens, most others have fewer than 5000.
 */
#define TG_BOUND_IMAGE_TOKENS (48 * 1024)

/*
 * What Anthropic adds to a prompt for a tool of its own that the client runs:
 * at most 735 for the tool and 499 for all of them (computer use).
 */
#define TG_BOUND_TOOL_TOKENS 1536

/*
 * The most prompt tokens: a token is at least a byte of what is not governed;
 * an image has the model's most; and the allowance.  A prompt with parts that
 * the request does not show (TG_ASK_UNSEEN, and at OpenAI TG_ASK_REASONING)
 * has at most the model's context, if that is more.
 */
int64_t tg_bound_prompt(const struct tg_body_facts *facts,
                        const struct tg_model *model, enum tg_dialect dialect);

/*
 * The same of a request of a family, with the files of a form where a model
 * is priced by tokens.  Objects have no prompt.
 */
int64_t tg_bound_request(const struct tg_body_facts *facts,
                         const struct tg_model *model, enum tg_dialect dialect,
                         enum tg_family family, const struct tg_rates *rates);

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

/* The same for a call with its rates and bound; its units are paid first. */
int64_t tg_bound_affordable_call(const struct tg_call *call,
                                 int64_t left_nanos);

/*
 * The members, as bits 1 << enum tg_body_member, by which upstreams of this
 * dialect let a request limit the answer on this endpoint.
 */
uint32_t tg_bound_obeyed(enum tg_dialect dialect, enum tg_endpoint endpoint);

/* The one of these to put into a request that has none. */
enum tg_body_member tg_bound_limit(enum tg_endpoint endpoint);

/*
 * Writes the most completion tokens into *tokens: by the largest limit that
 * upstreams of this dialect obey on this endpoint, else by the model's own; n
 * answers count n times, to each of several prompts.  Images and audio have
 * none, of a model that has neither a limit nor a price of them.  Returns 0, or
 * TG_ERR_RANGE when it is more than one call can have (TG_USAGE_TOKENS_MAX).
 * *member becomes what the bound, or the error, comes from: tg_bound_limit's
 * when nothing stands there.
 */
int tg_bound_completion(const struct tg_body_facts *facts,
                        const struct tg_model *model, enum tg_dialect dialect,
                        enum tg_endpoint endpoint, int64_t *tokens,
                        enum tg_body_member *member);

#endif
