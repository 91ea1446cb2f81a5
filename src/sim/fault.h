/*
 * fault.h: what a call shall do wrong, and how it is asked for.
 *
 * A fault comes from the text of a call (`sim:NAME` or `sim:NAME=ARG` in a
 * user message, prompt or input) or from POST /sim/fault, which arms one for
 * the next calls of anybody.  docs/sim.md lists them.
 */
#ifndef SIM_FAULT_H
#define SIM_FAULT_H

#include <stdint.h>

#include "str.h"

enum sim_fault {
    SIM_FAULT_NONE = 0,
    SIM_FAULT_STATUS,
    SIM_FAULT_CUT,
    SIM_FAULT_STALL,
    SIM_FAULT_EMPTY,
    SIM_FAULT_BLANK,
    SIM_FAULT_KEEPALIVE,
    SIM_FAULT_GARBAGE,
    SIM_FAULT_USAGE_MISSING,
    SIM_FAULT_USAGE_NEGATIVE,
    SIM_FAULT_USAGE_HUGE,
    SIM_FAULT_USAGE_STRING,
    SIM_FAULT_USAGE_FLOAT,
    SIM_FAULT_NO_DONE,
    SIM_FAULT_CRLF,
    SIM_FAULT_NOSPACE,
    SIM_FAULT_ERROR_MIDSTREAM,
    SIM_FAULT_SLOW,
    SIM_FAULT_TOKENS,
    SIM_FAULT_HUGELINE,
    SIM_FAULT_HEADERS_BIG,
    SIM_FAULT_REDIRECT,
    SIM_FAULT_CLOSE_AFTER,
    SIM_FAULT_BYTEWISE,
    SIM_FAULT_DURATION,
    SIM_FAULT_COUNT,
};

enum { SIM_FAULT_STATUS_BYTES = 32, SIM_FAULT_SENTENCE_BYTES = 160 };

/* The faults of one call; zero-initialised is none. */
struct sim_faults {
    uint32_t set; /* bit 1 << enum sim_fault */
    int64_t arg[SIM_FAULT_COUNT];
    char status[SIM_FAULT_STATUS_BYTES]; /* the name after status= */
};

static inline bool
sim_fault_is(const struct sim_faults *faults, enum sim_fault fault)
{
    return faults->set >> fault & 1;
}

/* Adds the fault called name with its argument, which may be empty when the
 * fault has a default.  0, or -1 with a sentence in why. */
int sim_fault_add(struct sim_faults *faults, struct tg_str name,
                  struct tg_str arg, char why[SIM_FAULT_SENTENCE_BYTES]);

/* Adds every `sim:NAME[=ARG]` that stands in text; 0, or -1 with why. */
int sim_fault_scan(struct sim_faults *faults, struct tg_str text,
                   char why[SIM_FAULT_SENTENCE_BYTES]);

/* Arms faults for the next count calls, -1 for all until they are disarmed
 * (count 0).  Any thread. */
void sim_fault_arm(const struct sim_faults *faults, int64_t count);

/* Adds what is armed to the faults of one call and takes one off the count.
 * A fault that the call has from its text keeps its own argument. */
void sim_fault_take(struct sim_faults *faults);

#endif
