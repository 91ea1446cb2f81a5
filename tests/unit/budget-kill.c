/*
 * A worker that is killed behind any instruction of taking or settling a hold,
 * and a daemon behind any instruction of settling for it, leave the day, the
 * month and the balance exactly as the call's record says.
 *
 * Who is to be killed is stepped instruction by instruction.  One that leaves
 * all shared memory as it was makes no difference to those who come after, so
 * the kill comes behind each one that does not.
 */
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "budget_test.h"
#include "settle.h"
#include "tap.h"

#define HELD 10
#define COST 4 /* by count: 122 tokens of a prompt at 32 picos */
#define OTHERS 3

static char *dir;
static struct tg_area_claim others;

/* Cells, and what the calls found afterwards have cost. */
struct sum {
    int64_t cells[TG_CELLS];
    int64_t cost;
    int calls;
};

static struct tg_call
streamed(void)
{
    struct tg_call call = call_in(DAY, MONTH, HELD);

    call.flags = TG_CALL_STREAM;
    call.rates.miss_picos = 32;
    return call;
}

/* The life of a call. */
static void
live(struct tg_state *own, struct tg_area_claim *claim)
{
    struct tg_call call = streamed();
    struct tg_budget_verdict verdict;
    struct tg_call_slot *slot = tg_area_begin(claim, &call);

    if (!tg_budget_hold(own, slot, &key, &account, &verdict))
        abort();
    slot->call.flags |= TG_CALL_SENT;
    slot->call.cost_nanos = COST;
    slot->call.status = 200;
    tg_budget_settle(own, slot);
}

/* One that the month has no room for. */
static void
be_refused(struct tg_state *own, struct tg_area_claim *claim)
{
    struct tg_key_policy poor = key;
    struct tg_call call = streamed();
    struct tg_budget_verdict verdict;
    struct tg_call_slot *slot = tg_area_begin(claim, &call);

    poor.monthly_nanos = 1;
    if (tg_budget_hold(own, slot, &poor, &account, &verdict))
        abort();
    tg_area_cancel(claim, slot);
}

static void
settle_lost(void *arg, struct tg_call_slot *slot)
{
    struct sum *sum = arg;

    tg_settle_lost(&state, &slot->call, NOW);
    sum->cost += slot->call.cost_nanos;
    sum->calls++;
}

static struct sum
recover(void)
{
    struct sum sum = {.cost = 0};

    for (uint32_t i = 0; i < TG_AREA_COUNT; i++) {
        if (i != others.area && tg_area_is_orphaned(&state, i)) {
            tg_area_each(&state, i, settle_lost, &sum);
            tg_area_clear(&state, i);
        }
    }
    for (int k = 0; k < TG_CELLS; k++)
        sum.cells[k] = used((enum tg_cell_kind)k);
    return sum;
}

/* A call of another worker, which changes each cell twice. */
static void
meddle(void)
{
    struct tg_call call = call_in(DAY, MONTH, 2 * OTHERS);
    struct tg_budget_verdict verdict;
    struct tg_call_slot *slot = hold(&others, &call, &verdict);

    settle(&others, slot, OTHERS);
}

typedef void life(struct tg_state *own, struct tg_area_claim *claim);

/* Stops before and behind what it is to do. */
static void
be_traced(life *work)
{
    struct tg_area_claim claim;
    struct tg_state own;

    test_open(&own, dir);
    if (tg_area_claim(&claim, &own, 99, NOW) != 0 ||
        ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
        _exit(1);
    raise(SIGSTOP);
    work(&own, &claim);
    raise(SIGSTOP);
    _exit(0);
}

/* The same for a daemon that settles for a worker which held and died. */
static void
be_traced_daemon(life *work)
{
    struct sum sum = {.cost = 0};
    uint32_t area = 0;

    (void)work;
    tg_state_close(&state);
    test_open(&state, dir);
    while (area == others.area || !tg_area_is_orphaned(&state, area))
        area++;
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
        _exit(1);
    raise(SIGSTOP);
    tg_area_each(&state, area, settle_lost, &sum);
    raise(SIGSTOP);
    _exit(0);
}

static pid_t
start(void (*body)(life *work), life *work)
{
    pid_t pid;
    int status;

    fflush(stdout);
    pid = fork();
    if (pid == 0)
        body(work);
    if (pid == -1 || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status)) {
        printf("Bail out! no process to trace\n");
        exit(1);
    }
    return pid;
}

/* All that the traced process shares and changes. */
struct shared {
    struct tg_call_slot slot;
    struct tg_cell cells[TG_CELLS];
};

static uint32_t its_area;

static struct shared
look(void)
{
    struct shared shared;

    memset(&shared, 0, sizeof(shared));
    memcpy(&shared.slot, &state.call_slots[(size_t)its_area * TG_AREA_SLOTS],
           sizeof(shared.slot));
    memcpy(&shared.cells[0], &state.keys[0].day, sizeof(struct tg_cell));
    memcpy(&shared.cells[1], &state.keys[0].month, sizeof(struct tg_cell));
    memcpy(&shared.cells[2], &state.accounts[0].committed,
           sizeof(struct tg_cell));
    return shared;
}

/*
 * Steps until n instructions have changed what is shared; returns how many
 * did, fewer when the work has ended.
 */
static int
step(pid_t pid, int n)
{
    struct shared last = look(), now;
    int status, changes = 0;

    while (changes < n) {
        if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) != 0 ||
            waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status)) {
            printf("Bail out! lost the traced process\n");
            exit(1);
        }
        if (WSTOPSIG(status) == SIGSTOP)
            break;
        now = look();
        changes += memcmp(&last, &now, sizeof(now)) != 0;
        last = now;
    }
    return changes;
}

static void
stop(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

/* A worker that dies with a call that holds, is sent and cost something. */
static void
leave_a_call(void)
{
    pid_t pid;

    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        struct tg_call call = streamed();
        struct tg_budget_verdict verdict;
        struct tg_area_claim claim;
        struct tg_state own;

        test_open(&own, dir);
        if (tg_area_claim(&claim, &own, 98, NOW) != 0)
            _exit(1);
        hold(&claim, &call, &verdict)->call.flags |= TG_CALL_SENT;
        _exit(0);
    }
    waitpid(pid, NULL, 0);
}

static const struct {
    const char *what;
    void (*body)(life *work);
    life *work;
    bool meddles; /* somebody else changes the cells where it stands */
    bool goes_on; /* it is not killed there, but goes on */
} cases[] = {
    {"killed, quiet", be_traced, live, false, false},
    {"killed, and the cells go on", be_traced, live, true, false},
    {"held up while the cells go on", be_traced, live, true, true},
    {"refused, killed", be_traced, be_refused, false, false},
    {"refused, killed, and the cells go on", be_traced, be_refused, true,
     false},
    {"a daemon killed as it settles", be_traced_daemon, NULL, false, false},
    {"a daemon killed, and the cells go on", be_traced_daemon, NULL, true,
     false},
};

/* Runs a case up to its n-th change; returns how many it had till then. */
static int
run(size_t c, int n, int *wrong, int *costs)
{
    struct sum before = recover(), after;
    int64_t more = cases[c].meddles ? OTHERS : 0;
    int changes;
    pid_t pid;

    if (cases[c].body == be_traced_daemon)
        leave_a_call();
    pid = start(cases[c].body, cases[c].work);
    changes = step(pid, n);
    if (cases[c].meddles)
        meddle();
    if (cases[c].goes_on && changes == n) {
        ptrace(PTRACE_CONT, pid, NULL, NULL);
        waitpid(pid, NULL, 0);
    }
    stop(pid);
    after = recover();
    for (int k = 0; k < TG_CELLS; k++) {
        if (after.cells[k] == before.cells[k] + after.cost + more)
            continue;
        if ((*wrong)++ == 0)
            printf("# after change %d cell %d has %lld more, not %lld\n", n, k,
                   (long long)(after.cells[k] - before.cells[k]),
                   (long long)(after.cost + more));
    }
    *costs += after.cost > 0;
    return changes;
}

int
main(void)
{
    dir = test_dir();
    prepare(dir);
    if (tg_area_claim(&others, &state, 7, NOW) != 0)
        return 1;
    its_area = others.area + 1;
    for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
        int n = 0, wrong = 0, costs = 0;

        while (run(c, n, &wrong, &costs) == n)
            n++;
        printf("# %d changes, %d kills with a cost\n", n - 1, costs);
        is_int(wrong, 0, "%s: exact", cases[c].what);
        ok(n > 15, "%s: it changed something", cases[c].what);
        ok(cases[c].work == be_refused ? costs == 0 : costs > 0,
           "%s: and cost what it should", cases[c].what);
    }
    tg_area_leave(&others);
    tg_publisher_close(publisher);
    tg_state_close(&state);
    test_dir_remove(dir);
    return done();
}
