/*
 * sim_body.h: puts head and body of an answer into the output, framed, and ends
 * the call.
 *
 * The next piece of body stands in env->scratch; putting it empties scratch.
 */
#ifndef SIM_BODY_H
#define SIM_BODY_H

#include "sim_call.h"

/* Puts the head of a body whose length nobody knows, or whose provider does
 * not say it; a no-op when the head has been put. */
void sim_body_open(struct sim_call *call, struct sim_buf *out);

/* Puts a head that announces length bytes. */
void sim_body_open_length(struct sim_call *call, uint64_t length,
                          struct sim_buf *out);

/* Puts the piece. */
void sim_body_put(struct sim_call *call, struct sim_env *env,
                  struct sim_buf *out);

/* Puts the first half of the piece, framed as if all of it came. */
void sim_body_put_half(struct sim_call *call, struct sim_env *env,
                       struct sim_buf *out);

/* Ends the body and the call. */
enum sim_step sim_body_end(struct sim_call *call, struct sim_buf *out);

/* Ends the call, the body being left as it is: the connection closes.
 * outcome goes into the record. */
enum sim_step sim_body_break(struct sim_call *call, const char *outcome);

#endif
