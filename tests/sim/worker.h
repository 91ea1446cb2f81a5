/*
 * worker.h: a worker of nginx, as far as the ledger sees one: what
 * src/nginx/ngx_http_tollgate_call.c does, without nginx.
 */
#ifndef WORKER_H
#define WORKER_H

#include "sim.h"

#define WORKERS 4

void worker_begin(void);
bool worker_lives(unsigned n);

/* One step of it; a dead one is started when there is a state file. */
enum sim_death worker_step(unsigned n);

/* Ends its calls, and then itself. */
void worker_finish(unsigned n);

/* Killed from outside, or with the power. */
void worker_kill(unsigned n);

#endif
