/*
 * ids.h: the ids that differ from call to call.
 */
#ifndef SIM_IDS_H
#define SIM_IDS_H

#include "sim_call.h"

/* Gives the call its trace and its answer's id, in the shape of its dialect:
 * DeepSeek's is a bare UUID. */
void sim_ids_give(struct sim_call *call, struct sim_env *env);

#endif
