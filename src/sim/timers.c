#include <stdio.h>
#include <stdlib.h>

#include "timers.h"

static void
place(struct sim_timers *timers, size_t at, struct sim_timer *timer)
{
    timers->heap[at] = timer;
    timer->place = at;
}

static void
sift_up(struct sim_timers *timers, size_t at, struct sim_timer *timer)
{
    while (at > 1 && timers->heap[at / 2]->due_ns > timer->due_ns) {
        place(timers, at, timers->heap[at / 2]);
        at /= 2;
    }
    place(timers, at, timer);
}

static void
sift_down(struct sim_timers *timers, size_t at, struct sim_timer *timer)
{
    for (size_t child; (child = 2 * at) <= timers->count; at = child) {
        if (child < timers->count &&
            timers->heap[child + 1]->due_ns < timers->heap[child]->due_ns)
            child++;
        if (timers->heap[child]->due_ns >= timer->due_ns)
            break;
        place(timers, at, timers->heap[child]);
    }
    place(timers, at, timer);
}

static void
grow(struct sim_timers *timers)
{
    size_t cap = timers->cap ? timers->cap * 2 : 64;
    struct sim_timer **heap =
        realloc(timers->heap, (cap + 1) * sizeof(timers->heap[0]));

    if (!heap) {
        fputs("tollgate-sim: out of memory\n", stderr);
        abort();
    }
    timers->heap = heap;
    timers->cap = cap;
}

void
sim_timers_set(struct sim_timers *timers, struct sim_timer *timer,
               int64_t due_ns)
{
    sim_timers_unset(timers, timer);
    if (timers->count == timers->cap)
        grow(timers);
    timer->due_ns = due_ns;
    sift_up(timers, ++timers->count, timer);
}

void
sim_timers_unset(struct sim_timers *timers, struct sim_timer *timer)
{
    size_t at = timer->place;
    struct sim_timer *last;

    if (at == 0)
        return;
    timer->place = 0;
    last = timers->heap[timers->count--];
    if (last == timer)
        return;
    if (at > 1 && timers->heap[at / 2]->due_ns > last->due_ns)
        sift_up(timers, at, last);
    else
        sift_down(timers, at, last);
}

struct sim_timer *
sim_timers_first(const struct sim_timers *timers)
{
    return timers->count > 0 ? timers->heap[1] : NULL;
}

void
sim_timers_release(struct sim_timers *timers)
{
    free(timers->heap);
    *timers = (struct sim_timers){0};
}
