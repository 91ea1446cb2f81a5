/*
 * A thousand holds of eight processes on a budget for ten, most of them in
 * steps, fifty times, with processes killed at random: a watcher never sees
 * more used than the budget, and in the end it is what the records say, to the
 * nano-unit.
 */
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "budget_test.h"
#include "settle.h"
#include "tap.h"

enum { WORKERS = 8, ROUNDS = 50, HOLDS = 1000, ROOM = 10 };

#define HELD 1000
#define BUDGET (ROOM * HELD)

/* How a round's calls end. */
enum ending {
    COSTS_ALL,  /* a call costs its hold: ten are let in, no more */
    COSTS_SOME, /* up to its hold: many, until all is spent */
    DAY_ENDS,   /* the same, and the day ends on the way */
    ENDINGS,
};

struct shared {
    _Atomic int is_over;
    _Atomic int ready; /* workers in this round */
    _Atomic int begun; /* holds in this round, over all processes */
    _Atomic int64_t looks, over, most, seen_some;
    _Atomic int64_t held, refused, topped, cut;
};

static char *dir;
static struct shared *shared;

static void
watch_cell(const struct tg_cell *cell)
{
    int64_t nanos = tg_cell_look(cell).used_nanos;

    if (nanos > BUDGET || nanos < 0)
        atomic_fetch_add(&shared->over, 1);
    if (nanos > 0 && nanos < BUDGET)
        atomic_fetch_add(&shared->seen_some, 1);
    if (nanos > atomic_load(&shared->most))
        atomic_store(&shared->most, nanos);
}

static void
watch(void)
{
    struct tg_state own;

    test_open(&own, dir);
    while (!atomic_load(&shared->is_over)) {
        watch_cell(&own.keys[0].day);
        atomic_fetch_add(&shared->looks, 1);
    }
    _exit(0);
}

static int64_t
cost_of(enum ending ending, unsigned *seed)
{
    return ending == COSTS_ALL ? HELD : rand_r(seed) % (HELD + 1);
}

/* What a call holds at first: a part, but in rounds where ten hold it all. */
static int64_t
first_of(enum ending ending, unsigned *seed)
{
    return ending == COSTS_ALL ? HELD : 1 + rand_r(seed) % HELD;
}

/* A call goes on, topped up as far as it can be, and is settled. */
static void
finish(struct tg_state *own, struct tg_call_slot *slot, int64_t cost)
{
    struct tg_budget_verdict verdict;

    while (slot->call.held_nanos < cost) {
        int64_t nanos = slot->call.held_nanos + HELD / 4;

        if (nanos > HELD)
            nanos = HELD;
        if (!tg_budget_more(own, slot, nanos, &key, &account, &verdict)) {
            atomic_fetch_add(&shared->cut, 1);
            break;
        }
        atomic_fetch_add(&shared->topped, 1);
    }
    slot->call.cost_nanos =
        cost < slot->call.held_nanos ? cost : slot->call.held_nanos;
    slot->call.status = 200;
    tg_budget_settle(own, slot);
}

/* Calls one after the other, a few in flight at a time, until it is over. */
static void
work(enum ending ending, uint32_t day, unsigned seed)
{
    enum { IN_FLIGHT = 3 };
    struct tg_call_slot *slots[IN_FLIGHT] = {NULL};
    struct tg_area_claim claim;
    struct tg_state own;
    int n;

    test_open(&own, dir);
    if (tg_area_claim(&claim, &own, 1000 + seed, NOW) != 0)
        _exit(1);
    atomic_fetch_add(&shared->ready, 1);
    while (atomic_load(&shared->ready) < WORKERS)
        sched_yield();
    while ((n = atomic_fetch_add(&shared->begun, 1)) < HOLDS) {
        struct tg_call_slot **slot = &slots[n % IN_FLIGHT];
        struct tg_budget_verdict verdict;
        struct tg_call call = call_in(day, MONTH, first_of(ending, &seed));

        /* Settled, it keeps its slot: that is its record in this test. */
        if (*slot != NULL)
            finish(&own, *slot, cost_of(ending, &seed));
        if (ending == DAY_ENDS && n >= HOLDS / 2)
            call.day++;
        *slot = hold(&claim, &call, &verdict);
        atomic_fetch_add(*slot != NULL ? &shared->held : &shared->refused, 1);
    }
    _exit(0);
}

static pid_t
start(enum ending ending, uint32_t day, unsigned seed)
{
    pid_t pid;

    fflush(stdout);
    pid = fork();
    if (pid == 0)
        work(ending, day, seed);
    return pid;
}

/* What the records of a round say was spent in each of its days. */
struct books {
    uint32_t day;
    int64_t spent[2];
    int calls;
};

static void
book(void *arg, struct tg_call_slot *slot)
{
    struct books *books = arg;

    tg_settle_lost(&state, &slot->call, NOW);
    /* A call whose worker was killed before it held has no share. */
    books->spent[slot->call.day - books->day] += slot->call.cost_nanos;
    books->calls++;
}

static void
settle_the_dead(struct books *books)
{
    for (uint32_t i = 0; i < TG_AREA_COUNT; i++) {
        if (!tg_area_is_orphaned(&state, i))
            continue;
        tg_area_each(&state, i, book, books);
        tg_area_clear(&state, i);
    }
}

/* Lets the workers run; six of them are killed, each behind a random hold. */
static int
run(enum ending ending, uint32_t day, unsigned *seed)
{
    pid_t pids[WORKERS];
    int status, killed = 0, when = 0;

    atomic_store(&shared->begun, 0);
    atomic_store(&shared->ready, 0);
    for (unsigned i = 0; i < WORKERS; i++)
        pids[i] = start(ending, day, *seed + i);
    for (int i = 0; i < WORKERS - 2; i++) {
        when += 1 + rand_r(seed) % (HOLDS / WORKERS);
        while (atomic_load(&shared->begun) < when)
            sched_yield();
        kill(pids[i], SIGKILL);
    }
    for (int i = 0; i < WORKERS; i++) {
        waitpid(pids[i], &status, 0);
        killed += WIFSIGNALED(status);
    }
    *seed += WORKERS;
    return killed;
}

/* Holds until nothing is left; what the budget had no room for is refused. */
static int64_t
spend_the_rest(uint32_t day)
{
    struct tg_call call = call_in(day, MONTH, HELD);
    struct tg_budget_verdict verdict;
    struct tg_call_slot *slot;
    struct tg_area_claim claim;
    int64_t spent = 0;

    if (tg_area_claim(&claim, &state, 5, NOW) != 0)
        abort();
    while ((slot = hold(&claim, &call, &verdict)) != NULL) {
        settle(&claim, slot, HELD);
        spent += HELD;
    }
    tg_area_leave(&claim);
    return spent;
}

struct tally {
    int wrong, above, short_of, killed, calls;
};

static void
play_round(int round, unsigned *seed, struct tally *tally)
{
    enum ending ending = (enum ending)(round % ENDINGS);
    struct books books = {.day = (uint32_t)(DAY + 2 * round)};
    uint32_t day = books.day + (ending == DAY_ENDS);
    int64_t before = used(TG_CELL_COMMITTED), all;

    tally->killed += run(ending, books.day, seed);
    settle_the_dead(&books);
    tally->calls += books.calls;
    all = books.spent[0] + books.spent[1];
    if (tg_cell_period(tg_cell_look(&state.keys[0].day).mark) == day)
        tally->wrong += used(TG_CELL_DAY) != books.spent[day - books.day];
    tally->wrong += used(TG_CELL_COMMITTED) != before + all;
    books.spent[day - books.day] += spend_the_rest(day);
    tally->above += books.spent[0] > BUDGET || books.spent[1] > BUDGET;
    tally->short_of += books.spent[day - books.day] <= BUDGET - HELD;
}

int
main(void)
{
    struct tally tally = {0};
    unsigned seed = 1;
    pid_t watcher;

    dir = test_dir();
    prepare(dir);
    key.daily_nanos = BUDGET;
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return 1;
    watcher = fork();
    if (watcher == 0)
        watch();
    for (int round = 0; round < ROUNDS; round++)
        play_round(round, &seed, &tally);
    atomic_store(&shared->is_over, 1);
    waitpid(watcher, NULL, 0);

    printf("# %d killed, %d calls left behind, %lld held, %lld refused, "
           "%lld topped up, %lld cut, %lld looks, %lld at a budget in use\n",
           tally.killed, tally.calls, (long long)shared->held,
           (long long)shared->refused, (long long)shared->topped,
           (long long)shared->cut, (long long)shared->looks,
           (long long)shared->seen_some);
    is_int(shared->over, 0, "never more used than the budget, at any instant");
    ok(shared->most > BUDGET - HELD, "nearly all of it, at some");
    is_int(tally.wrong, 0, "used is what the records say, to the nano-unit");
    is_int(tally.above, 0, "no day has more spent than its budget");
    is_int(tally.short_of, 0, "nor less by a call: nothing stays held");
    ok(tally.killed > ROUNDS / 2, "though processes were killed");
    ok(shared->refused > ROUNDS * ROOM, "and calls refused");
    ok(shared->topped > ROUNDS, "and topped up");
    ok(shared->cut > ROUNDS, "or cut");
    ok(shared->seen_some > 1000, "and the watcher saw it happen");
    munmap(shared, sizeof(*shared));
    tg_publisher_close(publisher);
    tg_state_close(&state);
    test_dir_remove(dir);
    return done();
}
