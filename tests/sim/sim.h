/*
 * sim.h: one world in one thread: a seed, a clock, processes that die.
 *
 * Whatever happens is drawn from the seed, so a seed always tells the same
 * story.  A process is a piece of this program that may be killed at each
 * sim_point: there it is left by a longjmp, and never heard of again.
 */
#ifndef SIM_H
#define SIM_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a seed is like; drawn once, per mille of what could go wrong. */
struct sim_manner {
    uint32_t kills;      /* at a point */
    uint32_t power_cuts; /* at a point that kills */
    uint32_t disk;       /* of a step: the disk falls ill for some */
    uint32_t store;      /* of an operation of the store */
    uint32_t rot;        /* of a step: a bit of the journal flips */
    uint32_t jumps;      /* of a step: the clock jumps */
    uint32_t turns;      /* at a point: another process has its turn */
    bool is_strict;      /* workers sync before they act */
};

struct sim {
    uint64_t seed;
    uint64_t random[2];
    int64_t now_ms;
    uint32_t step;
    bool is_traced;
    bool is_calm; /* at the end: nothing goes wrong any more */
    struct sim_manner manner;
    char wrong[512]; /* the first promise that was broken; "": none */
};

extern struct sim sim;

/* Begins the world of a seed: random numbers, clock, manner. */
void sim_begin(uint64_t seed, bool is_traced);

uint64_t sim_random(void);
/* 0 to n - 1; n is not 0. */
uint32_t sim_below(uint32_t n);
int64_t sim_between(int64_t least, int64_t most);
bool sim_chance(uint32_t per_mille);

/* A line of the trace, behind the step and the clock. */
__attribute__((format(printf, 1, 2))) void sim_trace(const char *fmt, ...);

/* A promise is broken: the first one is kept, and ends the seed. */
__attribute__((format(printf, 1, 2))) void sim_wrong(const char *fmt, ...);
bool sim_is_wrong(void);

enum sim_death { SIM_LIVES = 0, SIM_KILLED, SIM_POWER_CUT };

/* A process of the world. */
struct sim_process {
    const char *name;
    bool keeps_memory; /* its allocations are freed when it is killed */
    bool is_running;   /* or stands still while another has its turn */
    jmp_buf out;
};

/* What another's turn is: a step of any process that does not run. */
void sim_take_turns(enum sim_death (*turn)(void));

/* Runs a piece of a process until it returns or is killed in it. */
enum sim_death sim_run(struct sim_process *process, void (*piece)(void *),
                       void *arg);

/* The process that runs now; NULL: the world itself. */
struct sim_process *sim_running(void);

/*
 * Here the process that runs may be killed, or stand still for a step of
 * another.  where is for the trace.
 */
void sim_point(const char *where);

/* realloc(3) for what is the world's, whoever runs. */
void *sim_grow(void *old, size_t size);

/* Frees what a killed process with keeps_memory has allocated. */
void sim_free_all(void);

#endif
