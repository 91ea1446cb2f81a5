/*
 * reply.h: answers that are there at once: errors, lists, what /sim/ says.
 */
#ifndef SIM_REPLY_H
#define SIM_REPLY_H

#include "sim_call.h"

/* Sends what is in env->scratch and ends the call. */
void sim_reply(struct sim_call *call, struct sim_env *env,
               struct sim_error_answer answer, struct sim_buf *out);

/* Sends an error in the envelope of the dialect. */
void sim_reply_error(struct sim_call *call, struct sim_env *env,
                     const struct sim_error *error, struct sim_buf *out);

/* Sends the error that status=name asks for; credential is the call's. */
void sim_reply_named(struct sim_call *call, struct sim_env *env,
                     const char *name, struct tg_str credential,
                     struct sim_buf *out);

/* Says that the account runs too many calls at once. */
void sim_reply_crowded(struct sim_call *call, struct sim_env *env,
                       int64_t at_once, int64_t most, struct sim_buf *out);

/* Says in the provider's words that it has no such model or path, or that the
 * body is wrong. */
void sim_reply_no_model(struct sim_call *call, struct sim_env *env,
                        const char *asked, struct sim_buf *out);
void sim_reply_no_path(struct sim_call *call, struct sim_env *env,
                       struct sim_buf *out);
void sim_reply_bad_body(struct sim_call *call, struct sim_env *env,
                        const char *why, struct sim_buf *out);

#endif
