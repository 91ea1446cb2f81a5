/*
 * keeper.h: the daemon's half of the ledger: ingest, recovery, the state file.
 */
#ifndef KEEPER_H
#define KEEPER_H

#include "sim.h"

/* Where the state file is; one a program. */
extern char keeper_state_path[];

void keeper_begin(void);
bool keeper_lives(void);

/* Each returns what became of the daemon, which is dead on any but LIVES. */
enum sim_death keeper_start(void);
enum sim_death keeper_step(void);

/* Passes until all is done that can be, at the end. */
void keeper_finish(void);

/* Killed from outside, or with the power. */
void keeper_kill(void);

#endif
