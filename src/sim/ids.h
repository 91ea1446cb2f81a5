/*
 * ids.h: the ids that differ from call to call.
 */
#ifndef SIM_IDS_H
#define SIM_IDS_H

#include "sim_call.h"

/* Gives the call its trace. */
void sim_ids_trace(struct sim_call *call, struct sim_env *env);

/* Gives the call's answer its id, in the shape of its endpoint and dialect:
 * DeepSeek's is a bare UUID. */
void sim_ids_answer(struct sim_call *call, struct sim_env *env);

#endif
