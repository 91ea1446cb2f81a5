/*
 * timers.h: deadlines, the soonest first: a binary heap whose entries know
 * their place, so that one can be moved or taken out in O(log n).
 */
#ifndef SIM_TIMERS_H
#define SIM_TIMERS_H

#include <stddef.h>
#include <stdint.h>

/* Stands inside its owner; zero-initialised is unset. */
struct sim_timer {
    int64_t due_ns;
    size_t place; /* in the heap, from 1; 0 is unset */
};

/* Zero-initialised is empty. */
struct sim_timers {
    struct sim_timer **heap; /* heap[0] is not used */
    size_t count;
    size_t cap;
};

/* Sets or moves the timer. */
void sim_timers_set(struct sim_timers *timers, struct sim_timer *timer,
                    int64_t due_ns);

/* Takes the timer out; a no-op when it is unset. */
void sim_timers_unset(struct sim_timers *timers, struct sim_timer *timer);

/* The soonest, or NULL.  It stays in. */
struct sim_timer *sim_timers_first(const struct sim_timers *timers);

/* Frees the heap; its timers must not be used again. */
void sim_timers_release(struct sim_timers *timers);

#endif
