#include "lanes.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "err.h"

#define THREADS_MAX 2
#define LATE_MS 30000

/*
 * All that wait together are fewer than the server has connections.  Exports
 * read one after the other, as they have one connection to the store.
 */
static const struct {
    unsigned threads, room;
} kinds[TG_LANES] = {
    [TG_LANE_LEAK] = {1, 16},
    [TG_LANE_READ] = {2, 64},
    [TG_LANE_LONG] = {2, 32},
    [TG_LANE_EXPORT] = {1, 16},
    [TG_LANE_OUTSIDE] = {2, 16},
};

struct lane {
    struct tg_lanes *lanes;
    pthread_cond_t wake;
    pthread_t threads[THREADS_MAX];
    unsigned running; /* of threads, those that were begun */
    struct tg_lane_job *first, **end;
    unsigned offered; /* of those that wait */
};

struct tg_lanes {
    pthread_mutex_t lock;
    bool is_ending;
    struct lane lanes[TG_LANES];
};

static int64_t
now_ms(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* NULL: none waits.  The lock is held. */
static struct tg_lane_job *
take_first(struct lane *lane)
{
    struct tg_lane_job *job = lane->first;

    if (job == NULL)
        return NULL;
    lane->first = job->next;
    if (lane->first == NULL)
        lane->end = &lane->first;
    lane->offered -= job->asked_at_ms != 0;
    return job;
}

/* NULL: the lanes end.  The lock is held. */
static struct tg_lane_job *
next_job(struct lane *lane)
{
    while (lane->first == NULL && !lane->lanes->is_ending)
        pthread_cond_wait(&lane->wake, &lane->lanes->lock);
    return lane->lanes->is_ending ? NULL : take_first(lane);
}

static void *
work(void *arg)
{
    struct lane *lane = arg;
    struct tg_lanes *lanes = lane->lanes;
    struct tg_lane_job *job;
    bool is_late;

    pthread_mutex_lock(&lanes->lock);
    while ((job = next_job(lane)) != NULL) {
        is_late =
            job->asked_at_ms != 0 && now_ms() - job->asked_at_ms > LATE_MS;
        pthread_mutex_unlock(&lanes->lock);
        job->run(job, is_late);
        pthread_mutex_lock(&lanes->lock);
    }
    pthread_mutex_unlock(&lanes->lock);
    return NULL;
}

static int
start_threads(struct lane *lane, enum tg_lane kind)
{
    while (lane->running < kinds[kind].threads) {
        if (pthread_create(&lane->threads[lane->running], NULL, work, lane) !=
            0)
            return TG_ERR_SYSTEM;
        lane->running++;
    }
    return 0;
}

int
tg_lanes_start(struct tg_lanes **lanes, struct tg_error *error)
{
    struct tg_lanes *self = calloc(1, sizeof(*self));
    int err = 0;

    if (self == NULL)
        return tg_error_set(error, TG_ERR_SYSTEM, "out of memory");
    pthread_mutex_init(&self->lock, NULL);
    for (int i = 0; i < TG_LANES; i++) {
        struct lane *lane = &self->lanes[i];

        lane->lanes = self;
        lane->end = &lane->first;
        pthread_cond_init(&lane->wake, NULL);
    }
    for (int i = 0; i < TG_LANES && err == 0; i++)
        err = start_threads(&self->lanes[i], (enum tg_lane)i);
    if (err == 0) {
        *lanes = self;
        return 0;
    }
    tg_lanes_stop(self);
    tg_lanes_free(self);
    return tg_error_set(error, err, "cannot start a thread for long requests");
}

/* The lock is held. */
static void
put(struct tg_lanes *lanes, struct tg_lane_job *job)
{
    struct lane *lane = &lanes->lanes[job->lane];

    job->next = NULL;
    *lane->end = job;
    lane->end = &job->next;
    pthread_cond_signal(&lane->wake);
}

bool
tg_lanes_offer(struct tg_lanes *lanes, struct tg_lane_job *job)
{
    struct lane *lane = &lanes->lanes[job->lane];
    bool has_room;

    pthread_mutex_lock(&lanes->lock);
    has_room = !lanes->is_ending && lane->offered < kinds[job->lane].room;
    if (has_room) {
        job->asked_at_ms = now_ms();
        lane->offered++;
        put(lanes, job);
    }
    pthread_mutex_unlock(&lanes->lock);
    return has_room;
}

void
tg_lanes_go_on(struct tg_lanes *lanes, struct tg_lane_job *job)
{
    bool is_ending;

    job->asked_at_ms = 0;
    pthread_mutex_lock(&lanes->lock);
    is_ending = lanes->is_ending;
    if (!is_ending)
        put(lanes, job);
    pthread_mutex_unlock(&lanes->lock);
    if (is_ending)
        job->run(job, true);
}

unsigned
tg_lanes_room(enum tg_lane lane)
{
    return kinds[lane].room;
}

/* None waits for one that runs, only to be late. */
static void
run_late(struct tg_lanes *lanes)
{
    struct tg_lane_job *job;

    for (int i = 0; i < TG_LANES; i++) {
        pthread_mutex_lock(&lanes->lock);
        while ((job = take_first(&lanes->lanes[i])) != NULL) {
            pthread_mutex_unlock(&lanes->lock);
            job->run(job, true);
            pthread_mutex_lock(&lanes->lock);
        }
        pthread_mutex_unlock(&lanes->lock);
    }
}

void
tg_lanes_stop(struct tg_lanes *lanes)
{
    if (lanes == NULL)
        return;
    pthread_mutex_lock(&lanes->lock);
    lanes->is_ending = true;
    for (int i = 0; i < TG_LANES; i++)
        pthread_cond_broadcast(&lanes->lanes[i].wake);
    pthread_mutex_unlock(&lanes->lock);
    run_late(lanes);
    for (int i = 0; i < TG_LANES; i++) {
        struct lane *lane = &lanes->lanes[i];

        while (lane->running > 0)
            pthread_join(lane->threads[--lane->running], NULL);
    }
}

void
tg_lanes_free(struct tg_lanes *lanes)
{
    if (lanes == NULL)
        return;
    for (int i = 0; i < TG_LANES; i++)
        pthread_cond_destroy(&lanes->lanes[i].wake);
    pthread_mutex_destroy(&lanes->lock);
    free(lanes);
}
