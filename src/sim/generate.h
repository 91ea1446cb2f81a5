/*
 * generate.h: the answer of a call that a model gives, over time.
 */
#ifndef SIM_GENERATE_H
#define SIM_GENERATE_H

#include "sim_call.h"

/* Plans the answer and starts to wait for its first token. */
void sim_generate_start(struct sim_call *call, struct sim_env *env,
                        int64_t now_ns);

/* Does what is due; see sim_call_step. */
enum sim_step sim_generate_step(struct sim_call *call, struct sim_env *env,
                                int64_t now_ns, struct sim_buf *out);

/* Books what was generated until now as cut short, unless it is booked. */
void sim_generate_cut_short(struct sim_call *call);

#endif
