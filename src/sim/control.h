/*
 * control.h: the simulator's own endpoints under /sim/, for tests.
 */
#ifndef SIM_CONTROL_H
#define SIM_CONTROL_H

#include "buf.h"
#include "request.h"

/* Answers GET /sim/count and /sim/requests, POST /sim/reset, /sim/fault and
 * /sim/credential: appends a JSON body and returns the HTTP status. */
int sim_control(const struct sim_request *request, struct sim_buf *body);

#endif
