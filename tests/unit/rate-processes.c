/*
 * Promise P4: ten million decisions by four processes on one mapping, and
 * what is admitted is exactly what the bucket's arithmetic says.
 *
 * The order of processes is chance, so each part is such that the sum is
 * not: a clock that stands still while all of them ask; clocks that run apart,
 * asked until they refuse; calls of which each takes from five limits.  The
 * same work is done by threads, where a sanitizer can see it.
 */
#include "tap.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "rate.h"

#define WORKERS 4
#define PHASES 500

/* 2026-11-21 03:00 UTC, and its day. */
static const int64_t t0 = 1795230000000;
static const int32_t today = 20778;

/* What a worker did, by nobody else written. */
struct tally {
    int64_t asked, admitted, cost, overfull;
    uint64_t least_refused;
} __attribute__((aligned(64)));

struct shared {
    pthread_barrier_t barrier;
    struct tg_counters counters;
    struct tg_bucket bucket;
    _Atomic int32_t inside;
    int64_t phase_got[PHASES];    /* tokens admitted */
    uint64_t phase_left[PHASES];  /* tokens in the bucket behind it */
    uint64_t phase_least[PHASES]; /* least cost that was refused */
    struct tally tallies[WORKERS];
};

struct worker {
    struct shared *shared;
    int number;
    int64_t asks; /* by each worker, in the whole part */
    uint64_t seed;
};

typedef void (*part_fn)(struct worker *worker);

static uint64_t
random_below(struct worker *worker, uint64_t n)
{
    worker->seed ^= worker->seed >> 12;
    worker->seed ^= worker->seed << 25;
    worker->seed ^= worker->seed >> 27;
    return (worker->seed * 0x2545f4914f6cdd1d >> 16) % n;
}

static struct worker
worker_of(struct shared *shared, int number, int64_t asks)
{
    return (struct worker){shared, number, asks,
                           0x9e3779b97f4a7c15 * (uint64_t)(number + 1)};
}

/* Runs a part in processes; true when each of them came to its end. */
static bool
run_processes(struct shared *shared, part_fn part, int64_t asks)
{
    pid_t pids[WORKERS];
    bool is_whole = true;

    fflush(stdout);
    for (int i = 0; i < WORKERS; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            struct worker worker = worker_of(shared, i, asks);

            alarm(100); /* should another die and never reach the barrier */
            part(&worker);
            _exit(0);
        }
    }
    for (int i = 0; i < WORKERS; i++) {
        int status = 1;

        if (pids[i] < 0 || waitpid(pids[i], &status, 0) != pids[i] ||
            status != 0)
            is_whole = false;
    }
    return is_whole;
}

struct thread {
    struct worker worker;
    part_fn part;
};

static void *
run_thread(void *arg)
{
    struct thread *thread = arg;

    thread->part(&thread->worker);
    return NULL;
}

static bool
run_threads(struct shared *shared, part_fn part, int64_t asks)
{
    struct thread threads[WORKERS];
    pthread_t ids[WORKERS];

    for (int i = 0; i < WORKERS; i++) {
        threads[i] = (struct thread){worker_of(shared, i, asks), part};
        if (pthread_create(&ids[i], NULL, run_thread, &threads[i]) != 0)
            abort();
    }
    for (int i = 0; i < WORKERS; i++)
        pthread_join(ids[i], NULL);
    return true;
}

static bool (*run)(struct shared *shared, part_fn part, int64_t asks);

static struct shared *
share(void)
{
    struct shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
                                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_barrierattr_t attr;

    if (shared == MAP_FAILED)
        abort();
    pthread_barrierattr_init(&attr);
    pthread_barrierattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_barrier_init(&shared->barrier, &attr, WORKERS);
    pthread_barrierattr_destroy(&attr);
    return shared;
}

static void
unmap(struct shared *shared)
{
    pthread_barrier_destroy(&shared->barrier);
    munmap(shared, sizeof(*shared));
}

static struct tally
sum_of(const struct shared *shared)
{
    struct tally sum = {0};

    for (int i = 0; i < WORKERS; i++) {
        sum.asked += shared->tallies[i].asked;
        sum.admitted += shared->tallies[i].admitted;
        sum.cost += shared->tallies[i].cost;
        sum.overfull += shared->tallies[i].overfull;
    }
    return sum;
}

/* How far the clock goes on before each phase: from nothing to too much. */
static int64_t
phase_ms(int phase)
{
    static const int64_t steps_ms[] = {0, 1, 7, 143, 60, 999, 1000, 2500, 13};

    return steps_ms[phase % (int)(sizeof(steps_ms) / sizeof(steps_ms[0]))];
}

/*
 * Part 1.  The clock stands still in each phase.  Calls of one token: the
 * number admitted is what was in the bucket, or what was asked.
 */

static const struct tg_bucket_rate phased = {7013, 1000};

/* While all workers wait. */
static void
note_phase(struct shared *shared, int phase, int64_t now_ms)
{
    uint64_t least = UINT64_MAX;

    for (int i = 0; i < WORKERS; i++) {
        if (shared->tallies[i].least_refused < least)
            least = shared->tallies[i].least_refused;
    }
    shared->phase_least[phase] = least;
    shared->phase_left[phase] =
        tg_bucket_level(&shared->bucket, phased, now_ms).left;
}

static void
ask_in_phases(struct worker *worker, uint64_t most)
{
    struct shared *shared = worker->shared;
    struct tally *tally = &shared->tallies[worker->number];
    int64_t now_ms = t0, asks = worker->asks / PHASES;

    for (int phase = 0; phase < PHASES; phase++) {
        int64_t before = tally->cost;

        now_ms += phase_ms(phase);
        tally->least_refused = UINT64_MAX;
        pthread_barrier_wait(&shared->barrier);
        for (int64_t i = 0; i < asks; i++) {
            uint64_t cost = 1 + random_below(worker, most);

            tally->asked++;
            if (tg_bucket_take(&shared->bucket, phased, cost, now_ms) == 0) {
                tally->admitted++;
                tally->cost += (int64_t)cost;
            } else if (cost < tally->least_refused) {
                tally->least_refused = cost;
            }
        }
        __atomic_fetch_add(&shared->phase_got[phase], tally->cost - before,
                           __ATOMIC_RELAXED);
        pthread_barrier_wait(&shared->barrier);
        if (worker->number == 0)
            note_phase(shared, phase, now_ms);
        pthread_barrier_wait(&shared->barrier);
    }
}

static void
ask_one_each(struct worker *worker)
{
    ask_in_phases(worker, 1);
}

static void
ask_for_some(struct worker *worker)
{
    ask_in_phases(worker, 900);
}

static void
test_phases_of_one(int64_t asks)
{
    struct shared *shared = share();
    int64_t used = 0, most = asks / PHASES * WORKERS, wrong = 0;

    ok(run(shared, ask_one_each, asks), "part 1: one token each");
    for (int phase = 0; phase < PHASES; phase++) {
        int64_t there, want;

        used -= phased.limit * phase_ms(phase);
        used = used < 0 ? 0 : used;
        there = ((int64_t)phased.limit * 1000 - used) / 1000;
        want = there < most ? there : most;
        used += want * 1000;
        wrong += shared->phase_got[phase] != want;
    }
    is_int(wrong, 0, "%lld decisions: each phase admits what is there",
           (long long)sum_of(shared).asked);
    unmap(shared);
}

/*
 * Part 2.  The same with costs at random: nothing is lost or made, and no
 * call was refused that would still fit behind the phase.
 */
static void
test_phases_of_some(int64_t asks)
{
    struct shared *shared = share();
    int64_t used = 0, wrong = 0, unjust = 0;

    ok(run(shared, ask_for_some, asks), "part 2: 1 to 900 tokens");
    for (int phase = 0; phase < PHASES; phase++) {
        used -= phased.limit * phase_ms(phase);
        used = (used < 0 ? 0 : used) + shared->phase_got[phase] * 1000;
        wrong += used > phased.limit * 1000 ||
                 (int64_t)shared->phase_left[phase] !=
                     ((int64_t)phased.limit * 1000 - used) / 1000;
        unjust += shared->phase_least[phase] <= shared->phase_left[phase];
    }
    is_int(wrong, 0, "%lld decisions: what was taken is missing, to the part",
           (long long)sum_of(shared).asked);
    is_int(unjust, 0, "none was refused that fits");
    unmap(shared);
}

/*
 * Part 3.  Each worker has its own clock and goes at its own pace, so they are
 * apart by whatever the scheduler does.  Each asks until it is refused before
 * its clock goes on: from birth to the last instant, all there was is taken.
 */

static const struct tg_bucket_rate running = {99991, 60000};

static void
ask_as_time_passes(struct worker *worker)
{
    struct tally *tally = &worker->shared->tallies[worker->number];

    for (int64_t ms = 0; ms <= worker->asks; ms++) {
        while (tg_bucket_take(&worker->shared->bucket, running, 1, t0 + ms) ==
               0) {
            tally->asked++;
            tally->admitted++;
        }
        tally->asked++;
    }
}

static void
test_running_clocks(int64_t ms)
{
    struct shared *shared = share();
    struct tally sum;

    ok(run(shared, ask_as_time_passes, ms), "part 3: clocks that run apart");
    sum = sum_of(shared);
    is_int(sum.admitted, running.limit + running.limit * ms / 60000,
           "%lld decisions in %lld s of clock: all there was, and no more",
           (long long)sum.asked, (long long)ms / 1000);
    unmap(shared);
}

/*
 * Part 4.  Calls that take from five limits, another of which is in the way
 * from phase to phase, and give back what they took.  One caller alone, with
 * the same policy and clock, says how many pass.
 */

struct phase {
    int number;
    uint32_t calls; /* of all workers, of 10 tokens each */
    int64_t now_ms;
};

static struct tg_key_policy
policy_in(const struct phase *phase)
{
    uint32_t calls = phase->calls, number = (uint32_t)phase->number;
    struct tg_key_policy policy = {
        .tokens_per_minute = calls * 601,
        .requests_per_minute = calls * 49,
        .requests_per_second = calls * 2,
        .requests_per_day = 1000000000,
        .concurrency = 1000000000,
    };

    switch (number % 5) {
    case 0:
        policy.tokens_per_minute = calls * 3 + 1;
        break;
    case 1:
        policy.requests_per_minute = calls / 3 + 1;
        break;
    case 2:
        policy.requests_per_second = calls / 3 + 1;
        break;
    case 3:
        policy.requests_per_day = calls * (number % 50) / 3 + 7;
        break;
    default:
        policy.concurrency = calls * number / 3 + 7;
        break;
    }
    return policy;
}

/* Returns how many of so many calls pass; notes a bit for who refused. */
static int64_t
take_in_phase(struct tg_counters *counters, const struct phase *phase,
              int64_t asks, unsigned *refused)
{
    struct tg_key_policy policy = policy_in(phase);
    int32_t day = today + phase->number / 50;
    struct tg_rate_verdict verdict;
    int64_t passed = 0;

    for (int64_t i = 0; i < asks; i++) {
        if (tg_rate_take(counters, &policy, phase->now_ms, day, 10, &verdict) ==
            0)
            passed++;
        else
            *refused |= 1U << verdict.limit;
    }
    return passed;
}

static struct phase
first_phase(int64_t asks)
{
    return (struct phase){0, (uint32_t)(asks / PHASES * WORKERS), t0};
}

static void
next_phase(struct phase *phase)
{
    phase->now_ms += phase_ms(phase->number++);
}

static void
take_from_all(struct worker *worker)
{
    struct shared *shared = worker->shared;
    struct tally *tally = &shared->tallies[worker->number];
    struct phase phase = first_phase(worker->asks);
    unsigned refused = 0;

    for (; phase.number < PHASES; next_phase(&phase)) {
        int64_t asks = worker->asks / PHASES, passed;

        pthread_barrier_wait(&shared->barrier);
        passed = take_in_phase(&shared->counters, &phase, asks, &refused);
        __atomic_fetch_add(&shared->phase_got[phase.number], passed,
                           __ATOMIC_RELAXED);
        tally->asked += asks;
        pthread_barrier_wait(&shared->barrier);
    }
}

static void
test_all_limits(int64_t asks)
{
    struct shared *shared = share();
    struct tg_counters alone = {0};
    struct phase phase = first_phase(asks);
    int64_t wrong = 0, sum = 0;
    unsigned refused = 0;

    ok(run(shared, take_from_all, asks), "part 4: five limits");
    for (; phase.number < PHASES; next_phase(&phase)) {
        int64_t passed = take_in_phase(&alone, &phase, phase.calls, &refused);

        wrong += shared->phase_got[phase.number] != passed;
        sum += passed;
    }
    is_int(wrong, 0, "%lld decisions: each phase admits as many as one caller",
           (long long)sum_of(shared).asked);
    ok(memcmp(&shared->counters.rate, &alone.rate, sizeof(alone.rate)) == 0 &&
           shared->counters.in_flight == alone.in_flight,
       "and leaves behind the same");
    is_int(__builtin_popcount(refused), 5, "each limit was in the way");
    printf("# %lld passed\n", (long long)sum);
    unmap(shared);
}

/* Part 5.  Calls come and go: never more inside than may be. */

static const struct tg_key_policy three_at_once = {.concurrency = 3};
static const struct tg_key_policy four_at_once = {.concurrency = 4};

static void
come_and_go(struct worker *worker, const struct tg_key_policy *policy)
{
    struct shared *shared = worker->shared;
    struct tally *tally = &shared->tallies[worker->number];
    struct tg_rate_verdict verdict;

    pthread_barrier_wait(&shared->barrier);
    for (int64_t i = 0; i < worker->asks; i++) {
        tally->asked++;
        if (tg_rate_take(&shared->counters, policy, t0, today, 1, &verdict) !=
            0) {
            sched_yield();
            continue;
        }
        tally->admitted++;
        if (atomic_fetch_add(&shared->inside, 1) >=
            (int32_t)policy->concurrency)
            tally->overfull++;
        if (i % 64 == 0)
            sched_yield(); /* others find it taken */
        atomic_fetch_sub(&shared->inside, 1);
        tg_rate_refund(&shared->counters, policy, today, 1);
    }
}

static void
come_and_go_by_three(struct worker *worker)
{
    come_and_go(worker, &three_at_once);
}

static void
come_and_go_by_four(struct worker *worker)
{
    come_and_go(worker, &four_at_once);
}

static void
test_concurrency(int64_t asks)
{
    struct shared *shared = share();

    ok(run(shared, come_and_go_by_three, asks), "part 5: calls at once");
    is_int(sum_of(shared).overfull, 0, "%lld decisions: never more than three",
           (long long)sum_of(shared).asked);
    is_int(shared->counters.in_flight, 0, "all have left");
    printf("# %lld of them found three inside\n",
           (long long)(sum_of(shared).asked - sum_of(shared).admitted));
    unmap(shared);
    shared = share();
    ok(run(shared, come_and_go_by_four, asks), "four at once");
    is_int(sum_of(shared).admitted, sum_of(shared).asked,
           "%lld decisions: no caller of four is ever refused",
           (long long)sum_of(shared).asked);
    unmap(shared);
}

/* What a take costs, where the words are in no cache; no test, a figure. */
static void
show_cost(void)
{
    enum { KEYS = 1000000, TAKES = 2000000 };
    size_t bytes = (size_t)KEYS * sizeof(struct tg_counters);
    struct tg_counters *keys =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE,
             MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    struct tg_key_policy policy = {.requests_per_minute = 1000,
                                   .tokens_per_minute = 100000};
    struct worker worker = worker_of(NULL, 0, 0);
    struct tg_rate_verdict verdict;
    struct timespec begin, end;
    int64_t ns, refused = 0;

    if (keys == MAP_FAILED)
        return;
    for (size_t i = 0; i < KEYS; i++)
        atomic_store(&keys[i].in_flight, 0);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (int i = 0; i < TAKES; i++)
        refused += tg_rate_take(&keys[random_below(&worker, KEYS)], &policy,
                                t0 + i / 1000, today, 100, &verdict) != 0;
    clock_gettime(CLOCK_MONOTONIC, &end);
    ns = (end.tv_sec - begin.tv_sec) * INT64_C(1000000000) +
         (end.tv_nsec - begin.tv_nsec);
    printf("# take by two buckets on random counters of a million: %lld ns "
           "(%lld refused)\n",
           (long long)(ns / TAKES), (long long)refused);
    munmap(keys, bytes);
}

static void
run_all(int64_t asks)
{
    test_phases_of_one(asks);
    test_phases_of_some(asks);
    test_running_clocks(asks / 25);
    test_all_limits(asks);
    test_concurrency(asks / 2);
}

int
main(void)
{
    printf("# processes\n");
    run = run_processes;
    run_all(700000);
    printf("# threads\n");
    run = run_threads;
    run_all(50000);
    show_cost();
    return done();
}
