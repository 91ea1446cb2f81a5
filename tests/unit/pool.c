/* How a credential's row closes and opens, and how its calls are counted. */
#include "pool.h"

#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "state_test.h"
#include "tap.h"

#define NOW 1700000000000
#define ROW 5
#define GENERATION 17

static struct tg_state state;
static char *dir;

static struct tg_pool_view
look(int64_t now_ms)
{
    return tg_pool_look(&state, ROW, GENERATION, now_ms);
}

static void
report(enum tg_fate fate, int64_t chosen_at_ms, int64_t now_ms)
{
    struct tg_pool_report what = {.end = {.fate = fate, .status = 500},
                                  .chosen_at_ms = chosen_at_ms};

    tg_pool_report(&state, ROW, GENERATION, &what, now_ms);
}

static void
report_probe(enum tg_fate fate, int64_t probe_until_ms, int64_t now_ms)
{
    struct tg_pool_report what = {.end = {.fate = fate, .status = 401},
                                  .chosen_at_ms = now_ms,
                                  .probe_until_ms = probe_until_ms};

    tg_pool_report(&state, ROW, GENERATION, &what, now_ms);
}

/* What one failure, and then failures of its probes, close a row for. */
static void
test_back_off(void)
{
    static const struct {
        const char *name;
        enum tg_fate fate;
        enum tg_pool_standing standing; /* while closed */
        int64_t closed_ms[12];          /* by failures in a row */
    } rows[] = {
        {"not valid",
         TG_FATE_REJECTED,
         TG_POOL_REJECTED,
         {5000, 10000, 20000, 40000, 80000, 160000, 320000, 640000, 900000,
          900000}},
        {"no money",
         TG_FATE_UNPAID,
         TG_POOL_REJECTED,
         {60000, 120000, 240000, 480000, 900000, 900000}},
        {"too often",
         TG_FATE_BUSY,
         TG_POOL_RESTING,
         {1000, 2000, 4000, 8000, 16000, 30000, 30000}},
        {"overloaded",
         TG_FATE_OVERLOADED,
         TG_POOL_RESTING,
         {1000, 2000, 4000, 8000, 16000, 30000, 30000}},
        {"not reached",
         TG_FATE_UNREACHED,
         TG_POOL_RESTING,
         {1000, 2000, 4000, 8000, 16000, 30000, 30000}},
        {"failed: the third time in a row",
         TG_FATE_FAILED,
         TG_POOL_RESTING,
         {0, 0, 1000, 2000, 4000, 8000, 16000, 30000, 30000}},
        {"silent: the third time in a row",
         TG_FATE_BROKEN,
         TG_POOL_RESTING,
         {0, 0, 1000, 2000, 4000, 8000, 16000, 30000, 30000}},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t now = NOW, probe = 0;
        bool is_right = true;

        tg_pool_reset(&state, ROW, GENERATION);
        for (int n = 0; n < 12 && (n < 3 || rows[i].closed_ms[n] != 0); n++) {
            struct tg_pool_view view;
            int64_t closed = rows[i].closed_ms[n];

            report_probe(rows[i].fate, probe, now);
            view = look(now);
            if (closed == 0) {
                is_right &= view.standing == TG_POOL_OPEN;
                now += 10;
                continue;
            }
            is_right &= view.standing == rows[i].standing &&
                        view.until_ms == now + closed;
            is_right &= look(now + closed - 1).standing == rows[i].standing;
            now += closed;
            is_right &= look(now).standing == TG_POOL_DUE;
            probe = tg_pool_probe(&state, ROW, GENERATION, now);
            is_right &= probe == now + TG_POOL_PROBE_MS;
        }
        ok(is_right, "closed for as long as the table says: %s", rows[i].name);
    }
}

static void
test_opening(void)
{
    int64_t probe;

    tg_pool_reset(&state, ROW, GENERATION);
    report(TG_FATE_REJECTED, NOW, NOW + 10);
    is_int(look(NOW + 10).turns, 1, "out");
    report(TG_FATE_FINE, NOW + 5, NOW + 20);
    is_int(look(NOW + 20).standing, TG_POOL_REJECTED,
           "an answer to a call from before it failed opens nothing");
    probe = tg_pool_probe(&state, ROW, GENERATION, NOW + 6000);
    ok(probe != 0 && look(NOW + 6000).is_probing, "a probe goes");
    is_int(tg_pool_probe(&state, ROW, GENERATION, NOW + 6001), 0,
           "one at a time");
    is_int(look(NOW + 6001).standing, TG_POOL_REJECTED,
           "for all others it is closed");
    report_probe(TG_FATE_FINE, probe, NOW + 7000);
    is_int(look(NOW + 7000).standing, TG_POOL_OPEN, "its success opens");
    is_int(look(NOW + 7000).failures, 0, "and forgets the failures");
    is_int(look(NOW + 7000).turns, 2, "in again");

    report(TG_FATE_REJECTED, NOW + 7001, NOW + 7002);
    is_int(look(NOW + 7002).until_ms, NOW + 7002 + 5000,
           "the next time begins with the shortest");
}

static void
test_reopening(void)
{
    tg_pool_reset(&state, ROW, GENERATION);
    report(TG_FATE_UNPAID, NOW, NOW + 1);
    tg_pool_reopen(&state, ROW, GENERATION + 1);
    is_int(look(NOW + 2).standing, TG_POOL_REJECTED,
           "what is said of another generation opens nothing");
    tg_pool_reopen(&state, ROW, GENERATION);
    ok(look(NOW + 2).standing == TG_POOL_OPEN && look(NOW + 2).turns == 2,
       "somebody says that it is mended: it is in again");
    tg_pool_reopen(&state, ROW, GENERATION);
    is_int(look(NOW + 2).turns, 2, "once");
}

static void
test_probes_that_end(void)
{
    int64_t probe, other;

    tg_pool_reset(&state, ROW, GENERATION);
    report(TG_FATE_REJECTED, NOW, NOW + 1);
    probe = tg_pool_probe(&state, ROW, GENERATION, NOW + 5001);
    tg_pool_end_probe(&state, ROW, GENERATION, probe, NOW + 5002);
    is_int(look(NOW + 5002).standing, TG_POOL_DUE,
           "a probe whose client left is followed by another");
    probe = tg_pool_probe(&state, ROW, GENERATION, NOW + 5002);
    is_int(look(NOW + 5002 + TG_POOL_PROBE_MS).standing, TG_POOL_DUE,
           "so is one that does not end");
    other =
        tg_pool_probe(&state, ROW, GENERATION, NOW + 5002 + TG_POOL_PROBE_MS);
    ok(other != 0, "which goes");
    tg_pool_end_probe(&state, ROW, GENERATION, probe,
                      NOW + 5003 + TG_POOL_PROBE_MS);
    ok(look(NOW + 5003 + TG_POOL_PROBE_MS).is_probing,
       "and the first one's end is not the other's");
}

static void
test_together(void)
{
    struct tg_pool_report wait = {
        .end = {.fate = TG_FATE_BUSY, .status = 429, .retry_ms = 2500}};

    tg_pool_reset(&state, ROW, GENERATION);
    for (int i = 0; i < 8; i++)
        report(TG_FATE_OVERLOADED, NOW, NOW + 1 + i);
    is_int(look(NOW + 8).failures, 1, "of calls that fail together one counts");
    is_int(look(NOW + 8).until_ms, NOW + 1001, "and closes it");
    report(TG_FATE_REJECTED, NOW, NOW + 20);
    is_int(look(NOW + 20).standing, TG_POOL_REJECTED,
           "but worse news counts at once");
    report(TG_FATE_OVERLOADED, NOW + 30, NOW + 40);
    is_int(look(NOW + 40).standing, TG_POOL_REJECTED,
           "and lesser news makes nothing better");

    tg_pool_reset(&state, ROW, GENERATION);
    wait.chosen_at_ms = NOW;
    tg_pool_report(&state, ROW, GENERATION, &wait, NOW + 1);
    is_int(look(NOW + 1).standing, TG_POOL_WAITING, "Retry-After is obeyed");
    is_int(look(NOW + 1).until_ms, NOW + 2501, "to the millisecond");
    is_int(look(NOW + 1).turns, 0, "and is no rejection");
    tg_pool_reset(&state, ROW, GENERATION);
    wait.end.retry_ms = 3600000;
    tg_pool_report(&state, ROW, GENERATION, &wait, NOW + 1);
    is_int(look(NOW + 1).until_ms, NOW + 1 + TG_POOL_WAIT_MS_MAX,
           "up to a bound");

    tg_pool_reset(&state, ROW, GENERATION);
    for (int i = 0; i < 100; i++)
        report(TG_FATE_NOTHING, NOW + i, NOW + i + 1);
    for (int i = 0; i < 100; i++)
        report(TG_FATE_UNWELCOME, NOW + i, NOW + i + 1);
    ok(look(NOW + 200).standing == TG_POOL_OPEN &&
           look(NOW + 200).failed_at_ms == 0,
       "faults of requests leave no trace");
    report(TG_FATE_FAILED, NOW + 300, NOW + 301);
    report(TG_FATE_FAILED, NOW + 302, NOW + 303);
    report(TG_FATE_FINE, NOW + 304, NOW + 305);
    report(TG_FATE_FAILED, NOW + 306, NOW + 307);
    report(TG_FATE_FAILED, NOW + 308, NOW + 309);
    is_int(look(NOW + 309).standing, TG_POOL_OPEN,
           "failures with successes between them close nothing");
}

static void
test_generations(void)
{
    struct tg_pool_report out = {.end = {.fate = TG_FATE_REJECTED},
                                 .chosen_at_ms = NOW};

    tg_pool_reset(&state, ROW, GENERATION);
    tg_pool_report(&state, ROW, GENERATION - 1, &out, NOW + 1);
    is_int(look(NOW + 1).standing, TG_POOL_OPEN,
           "what an earlier secret did is not held against this one");
    tg_pool_report(&state, ROW, GENERATION, &out, NOW + 1);
    is_int(tg_pool_look(&state, ROW, GENERATION + 1, NOW + 1).standing,
           TG_POOL_OPEN, "nor against the next one");
    is_int(tg_pool_probe(&state, ROW, GENERATION + 1, NOW + 9000), 0,
           "which cannot be probed here");
    is_int(look(NOW - 86400000).standing, TG_POOL_DUE,
           "a clock that was ahead does not close it for good");
}

/* The clock is the operator's, and may be damaged, too. */
static void
test_far_clocks(void)
{
    const int64_t clocks[] = {-5000000000, INT64_C(253402300799999)};

    for (int i = 0; i < 2; i++) {
        tg_pool_reset(&state, ROW, GENERATION);
        report(TG_FATE_REJECTED, clocks[i] - 1, clocks[i]);
        is_int(look(clocks[i]).standing, TG_POOL_DUE,
               "behind the ends of time a credential is tried anew");
        ok(tg_pool_probe(&state, ROW, GENERATION, clocks[i]) != 0,
           "by a probe");
    }
}

static void
test_learning(struct tg_area_claim *claim)
{
    struct tg_pool_report crowded = {
        .end = {.fate = TG_FATE_CROWDED, .status = 429, .limit = 2},
        .chosen_at_ms = NOW};

    tg_pool_reset(&state, ROW, GENERATION);
    for (int i = 0; i < 3; i++)
        tg_pool_enter(claim, ROW, 0);
    tg_pool_report(&state, ROW, GENERATION, &crowded, NOW + 1);
    is_int(look(NOW + 1).concurrency, 2, "a limit is learned");
    is_int(look(NOW + 1).standing, TG_POOL_OPEN,
           "and that is all, when we had more");
    is_int(look(NOW + TG_POOL_LEARNED_MS).concurrency, 2, "for ten minutes");
    is_int(look(NOW + 1 + TG_POOL_LEARNED_MS).concurrency, 0,
           "then it is tried again");
    atomic_store(&state.pool[ROW].learned_at_ms, INT64_MIN);
    is_int(look(NOW).concurrency, 0, "a damaged instant is long ago");
    tg_pool_leave(claim, ROW);
    tg_pool_report(&state, ROW, GENERATION, &crowded, NOW + 1);
    is_int(look(NOW + 1).standing, TG_POOL_RESTING,
           "when we had no more, others use the account: it rests");
    tg_pool_leave(claim, ROW);
    tg_pool_leave(claim, ROW);
}

/* Claims n areas with a map of its own each, as workers do. */
static void
test_areas(void)
{
    struct tg_state own[3];
    struct tg_area_claim claims[3];
    int taken = 0;

    for (int i = 0; i < 3; i++) {
        test_open(&own[i], dir);
        if (tg_area_claim(&claims[i], &own[i], 100 + (uint64_t)i, NOW) != 0)
            abort();
    }
    for (int i = 0; i < 12; i++)
        taken += tg_pool_enter(&claims[i % 3], ROW, 4);
    is_int(taken, 4, "three workers together have no more than the limit");
    is_int(tg_pool_calls(&state, ROW), 4, "and all see it");
    tg_pool_leave(&claims[1], ROW);
    ok(tg_pool_enter(&claims[0], ROW, 4),
       "a place that one leaves is another's");
    ok(tg_pool_enter(&claims[0], ROW + 1, 4), "rows are apart");
    tg_pool_leave(&claims[0], ROW + 1);
    while (own[0].areas[claims[0].area].credential_calls[ROW] != 0)
        tg_pool_leave(&claims[0], ROW);
    tg_area_leave(&claims[0]);
    if (tg_area_claim(&claims[0], &own[0], 200, NOW) != 0)
        abort();
    is_int(tg_pool_calls(&state, ROW), 1, "others' calls stay counted");
    tg_pool_leave(&claims[2], ROW);
    test_learning(&claims[2]);
    for (int i = 0; i < 3; i++) {
        while (own[i].areas[claims[i].area].credential_calls[ROW] != 0)
            tg_pool_leave(&claims[i], ROW);
        tg_area_leave(&claims[i]);
        tg_state_close(&own[i]);
    }
}

/* A worker is killed with calls at once: recovery makes the count exact. */
static void
test_kill(void)
{
    int ready[2], found = 0;
    char byte;
    pid_t pid;

    if (pipe(ready) != 0)
        abort();
    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        struct tg_state own;
        struct tg_area_claim claim;

        test_open(&own, dir);
        if (tg_area_claim(&claim, &own, 300, NOW) != 0)
            _exit(1);
        for (int i = 0; i < 7; i++)
            tg_pool_enter(&claim, ROW, 0);
        if (write(ready[1], "", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    close(ready[1]);
    if (read(ready[0], &byte, 1) != 1)
        abort();
    is_int(tg_pool_calls(&state, ROW), 7, "a worker has calls at once");
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    for (uint32_t i = 0; i < TG_AREA_COUNT; i++) {
        if (tg_area_is_orphaned(&state, i)) {
            tg_area_clear(&state, i);
            found++;
        }
    }
    is_int(found, 1, "it is killed, and its area is cleared");
    is_int(tg_pool_calls(&state, ROW), 0, "and has none any more");
    close(ready[0]);
}

#define WORKERS 4
#define ROUNDS 20000
#define LIMIT 3

struct shared {
    _Atomic int inside, most, admitted, probes, at_gate;
};

/* Calls as fast as a worker can, and probes of a row that is always due. */
static void
work_hard(struct shared *shared, int number)
{
    struct tg_state own;
    struct tg_area_claim claim;
    int inside, most;

    test_open(&own, dir);
    if (tg_area_claim(&claim, &own, 400 + (uint64_t)number, NOW) != 0)
        _exit(1);
    atomic_fetch_add(&shared->at_gate, 1);
    while (atomic_load(&shared->at_gate) < WORKERS)
        sched_yield();
    for (int i = 0; i < ROUNDS; i++) {
        if (!tg_pool_enter(&claim, ROW, LIMIT))
            continue;
        inside = atomic_fetch_add(&shared->inside, 1) + 1;
        most = atomic_load(&shared->most);
        while (inside > most &&
               !atomic_compare_exchange_weak(&shared->most, &most, inside))
            continue;
        atomic_fetch_add(&shared->admitted, 1);
        atomic_fetch_sub(&shared->inside, 1);
        tg_pool_leave(&claim, ROW);
    }
    /* At each of these instants the last probe's time is over. */
    for (int64_t i = 0; i < 1000; i++) {
        int64_t now_ms = NOW + i * TG_POOL_PROBE_MS;

        atomic_fetch_add(&shared->at_gate, 1);
        while (atomic_load(&shared->at_gate) < WORKERS * (i + 2))
            sched_yield();
        if (tg_pool_probe(&own, ROW, GENERATION, now_ms) != 0)
            atomic_fetch_add(&shared->probes, 1);
    }
    tg_area_leave(&claim);
    _exit(0);
}

static void
test_processes(void)
{
    struct shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
                                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int status, failed = 0;

    tg_pool_reset(&state, ROW, GENERATION);
    report(TG_FATE_REJECTED, NOW - 9000, NOW - 8000);
    fflush(stdout);
    for (int i = 0; i < WORKERS; i++) {
        if (fork() == 0)
            work_hard(shared, i);
    }
    for (int i = 0; i < WORKERS; i++) {
        wait(&status);
        failed += status != 0;
    }
    is_int(failed, 0, "%d processes call with one credential", WORKERS);
    ok(shared->most > 0 && shared->most <= LIMIT,
       "never more than %d at once (%d)", LIMIT, shared->most);
    ok(shared->admitted >= WORKERS * ROUNDS / 100, "and they do get through");
    is_int(shared->probes, 1000, "of all probes at one instant one goes");
    is_int(tg_pool_calls(&state, ROW), 0, "nothing is left counted");
    munmap(shared, sizeof(*shared));
}

int
main(void)
{
    dir = test_dir();
    test_create(&state, dir, 16);
    test_back_off();
    test_opening();
    test_reopening();
    test_probes_that_end();
    test_together();
    test_generations();
    test_far_clocks();
    test_areas();
    test_kill();
    test_processes();
    tg_state_close(&state);
    test_dir_remove(dir);
    return done();
}
