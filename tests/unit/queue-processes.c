/*
 * Goal: first come, first served, whichever process a call is in: what is
 * served has ever later tickets, one call at a time, though processes of the
 * line are killed.
 *
 * Workers join a key's line, look until they are first, note their ticket and
 * leave.  As only the first is served, two at once or one out of turn would
 * show in what was noted.
 */
#include "tap.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "queue.h"
#include "state_test.h"

#define WORKERS 4
#define CALLS 5000 /* of each */
#define KEYS 2

struct shared {
    _Atomic uint32_t served[KEYS];
    _Atomic int inside[KEYS];
    _Atomic int together; /* two were first at a time */
    _Atomic int has_joined;
    uint64_t tickets[KEYS][WORKERS * CALLS];
};

static char *dir;
static struct shared *shared;

/* The calls of one worker, some of which leave before it is their turn. */
static void
work(uint64_t writer_id)
{
    struct tg_area_claim claim;
    struct tg_state state;

    test_open(&state, dir);
    if (tg_area_claim(&claim, &state, writer_id, 1) != 0)
        abort();
    for (int i = 0; i < CALLS; i++) {
        struct tg_queue_place place = {0};
        uint32_t key = (uint32_t)(i % KEYS);

        if (tg_queue_join(&claim, key, &place) != 0)
            abort();
        if (i % 7 == 6) {
            tg_queue_leave(&claim, &place);
            continue;
        }
        while (tg_queue_ahead(&claim, &place).calls > 0)
            sched_yield();
        if (atomic_fetch_add(&shared->inside[key], 1) != 0)
            atomic_fetch_add(&shared->together, 1);
        shared->tickets[key][atomic_fetch_add(&shared->served[key], 1)] =
            place.ticket;
        atomic_fetch_sub(&shared->inside[key], 1);
        tg_queue_leave(&claim, &place);
    }
    tg_area_leave(&claim);
    tg_state_close(&state);
}

/* Stands in both lines, and is killed there. */
static void
stand(uint64_t writer_id)
{
    struct tg_queue_place places[KEYS] = {{0}};
    struct tg_area_claim claim;
    struct tg_state state;

    test_open(&state, dir);
    if (tg_area_claim(&claim, &state, writer_id, 1) != 0)
        abort();
    for (uint32_t key = 0; key < KEYS; key++) {
        if (tg_queue_join(&claim, key, &places[key]) != 0)
            abort();
    }
    atomic_fetch_add(&shared->has_joined, 1);
    for (;;)
        pause();
}

static void
check(const struct tg_state *state, const char *by)
{
    int unordered = 0, unserved = 0, waiting = 0;

    for (int key = 0; key < KEYS; key++) {
        uint32_t served = atomic_load(&shared->served[key]);

        unserved += served < WORKERS * (CALLS / KEYS) * 6 / 7 - WORKERS;
        for (uint32_t i = 1; i < served; i++)
            unordered += shared->tickets[key][i] <= shared->tickets[key][i - 1];
        waiting += atomic_load(&state->keys[key].waiting);
        atomic_store(&shared->served[key], 0);
    }
    is_int(unserved, 0, "%s: each call that stayed was served", by);
    is_int(unordered, 0, "%s: in the order of their tickets", by);
    is_int(atomic_load(&shared->together), 0, "%s: one at a time", by);
    is_int(waiting, 0, "%s: nobody is left", by);
}

static void *
work_in_thread(void *arg)
{
    work((uint64_t)(uintptr_t)arg);
    return NULL;
}

static void
test_threads(const struct tg_state *state)
{
    pthread_t threads[WORKERS];

    for (int i = 0; i < WORKERS; i++) {
        if (pthread_create(&threads[i], NULL, work_in_thread,
                           (void *)(uintptr_t)(100 + i)) != 0)
            abort();
    }
    for (int i = 0; i < WORKERS; i++)
        pthread_join(threads[i], NULL);
    check(state, "threads");
}

static pid_t
start(void (*part)(uint64_t), uint64_t writer_id)
{
    pid_t pid = fork();

    if (pid == 0) {
        alarm(100); /* should it wait for somebody for ever */
        part(writer_id);
        _exit(0);
    }
    return pid;
}

/* Each of them dies while the others' calls stand behind it. */
static void
test_processes(struct tg_state *state)
{
    pid_t workers[WORKERS], victims[WORKERS];
    int whole = 0, status;

    for (int i = 0; i < WORKERS; i++)
        victims[i] = start(stand, 200 + (uint64_t)i);
    while (atomic_load(&shared->has_joined) < WORKERS)
        usleep(1000);
    for (int i = 0; i < WORKERS; i++)
        workers[i] = start(work, 300 + (uint64_t)i);
    for (int i = 0; i < WORKERS; i++) {
        is_int(atomic_load(&shared->served[0]), 0,
               "nobody is served before %d who came first", WORKERS - i);
        kill(victims[i], SIGKILL);
        waitpid(victims[i], &status, 0);
    }
    for (int i = 0; i < WORKERS; i++) {
        if (waitpid(workers[i], &status, 0) == workers[i] && status == 0)
            whole++;
    }
    is_int(whole, WORKERS, "all workers come to their end");
    for (int i = 0; i < WORKERS; i++)
        tg_queue_clear(state, 200 + (uint64_t)i);
    check(state, "processes");
}

int
main(void)
{
    struct tg_state state;
    struct tg_publisher *publisher;

    dir = test_dir();
    test_create(&state, dir, 100);
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED || tg_publisher_open(&publisher, &state) != 0)
        abort();
    fflush(stdout);
    test_processes(&state);
    test_threads(&state);
    tg_publisher_close(publisher);
    tg_state_close(&state);
    test_dir_remove(dir);
    return done();
}
