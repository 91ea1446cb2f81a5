/*
 * A worker that is killed behind any instruction of taking, topping up or
 * settling a hold, and a daemon behind any instruction of settling for it,
 * leave the day, the month and the balance exactly as the call's record says.
 *
 * Who is to be killed is stepped instruction by instruction.  One that leaves
 * all shared memory as it was makes no difference to those who come after, so
 * the kill comes behind each one that does not.  Where these are is found in
 * one run, and those that are killed are brought there by a breakpoint.
 */
#include "budget_test.h"
#include "settle.h"
#include "tap.h"
#include "trace_test.h"

/* What a row of a table leaves out is zero. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#define HELD 10
#define MORE 17
#define COST 4 /* by count: 122 tokens of a prompt at 32 picos */
#define OTHERS 3

static char *dir;
static struct tg_area_claim others;

/*
 * Cells and the periods they are in, and what the calls found afterwards have
 * cost in these, and at all.
 */
struct sum {
    int64_t cells[TG_CELLS];
    uint16_t periods[TG_CELLS];
    int64_t costs[TG_CELLS];
    int64_t cost;
    int calls;
};

/* Where the day's cell stands. */
static uint32_t
today(void)
{
    return tg_cell_period(tg_cell_look(&state.keys[0].day).mark);
}

static struct tg_call
streamed(void)
{
    struct tg_call call = call_in(today(), MONTH, HELD);

    call.flags = TG_CALL_STREAM;
    call.rates.miss_picos = 32;
    return call;
}

static void
hold_more(struct tg_state *own, struct tg_call_slot *slot)
{
    struct tg_budget_verdict verdict;

    if (!tg_budget_more(own, slot, MORE, &key, &account, &verdict))
        abort();
}

static struct tg_call_slot *
begin(struct tg_state *own, struct tg_area_claim *claim, uint32_t days)
{
    struct tg_call call = streamed();
    struct tg_budget_verdict verdict;
    struct tg_call_slot *slot;

    call.day += days;
    slot = tg_area_begin(claim, &call);
    if (!tg_budget_hold(own, slot, &key, &account, &verdict))
        abort();
    slot->call.flags |= TG_CALL_SENT;
    return slot;
}

static void
end(struct tg_state *own, struct tg_call_slot *slot, int64_t cost)
{
    slot->call.cost_nanos = cost;
    slot->call.status = 200;
    tg_budget_settle(own, slot);
}

/* The life of a call. */
static void
live(struct tg_state *own, struct tg_area_claim *claim)
{
    end(own, begin(own, claim, 0), COST);
}

/* A stream that is topped up twice. */
static void
grow(struct tg_state *own, struct tg_area_claim *claim)
{
    struct tg_call_slot *slot = begin(own, claim, 0);

    hold_more(own, slot);
    hold_more(own, slot);
    end(own, slot, COST);
}

/* One that outlives its day, as another call of its key shows. */
static void
outlive_the_day(struct tg_state *own, struct tg_area_claim *claim)
{
    struct tg_call_slot *slot = begin(own, claim, 0);

    end(own, begin(own, claim, 1), COST);
    hold_more(own, slot);
    end(own, slot, COST);
}

/* One that may not hold more: the month has too little, the day has not. */
static void
be_cut(struct tg_state *own, struct tg_area_claim *claim)
{
    struct tg_key_policy poor = key;
    struct tg_budget_verdict verdict;
    struct tg_call_slot *slot = begin(own, claim, 0);

    end(own, begin(own, claim, 1), COST);
    poor.monthly_nanos = 1;
    if (tg_budget_more(own, slot, MORE, &poor, &account, &verdict))
        abort();
    end(own, slot, COST);
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
    struct tg_call *call = &slot->call;

    tg_settle_lost(&state, call, NOW);
    sum->cost += call->cost_nanos;
    sum->costs[TG_CELL_COMMITTED] += call->cost_nanos;
    if ((uint16_t)call->day == sum->periods[TG_CELL_DAY])
        sum->costs[TG_CELL_DAY] += call->cost_nanos;
    if (call->month == sum->periods[TG_CELL_MONTH])
        sum->costs[TG_CELL_MONTH] += call->cost_nanos;
    sum->calls++;
}

static void
look_at_periods(struct sum *sum)
{
    sum->periods[TG_CELL_DAY] = (uint16_t)today();
    sum->periods[TG_CELL_MONTH] =
        tg_cell_period(tg_cell_look(&state.keys[0].month).mark);
}

static struct sum
recover(void)
{
    struct sum sum = {.cost = 0};

    look_at_periods(&sum);
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

/*
 * A call of another worker, which changes each cell twice.  Returns the day
 * it counts in.
 */
static uint32_t
meddle(void)
{
    struct tg_call call = call_in(today(), MONTH, 2 * OTHERS);
    struct tg_budget_verdict verdict;
    struct tg_call_slot *slot = hold(&others, &call, &verdict);
    uint32_t day = slot->call.day;

    settle(&others, slot, OTHERS);
    return day;
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
    struct tg_call_slot slots[2];
    struct tg_cell cells[TG_CELLS];
};

static uint32_t its_area;

static struct shared
look(void)
{
    struct shared shared;

    memset(&shared, 0, sizeof(shared));
    memcpy(shared.slots, &state.call_slots[(size_t)its_area * TG_AREA_SLOTS],
           sizeof(shared.slots));
    memcpy(&shared.cells[0], &state.keys[0].day, sizeof(struct tg_cell));
    memcpy(&shared.cells[1], &state.keys[0].month, sizeof(struct tg_cell));
    memcpy(&shared.cells[2], &state.accounts[0].committed,
           sizeof(struct tg_cell));
    return shared;
}

/* The instructions of a life that change what is shared. */
#define MARKS_MAX 512

static struct mark marks[MARKS_MAX];

/* Whether the next step does; with mark, it is told which one that was. */
static bool
changes(pid_t pid, struct mark *mark, bool *is_over)
{
    struct shared last = look(), now;

    *is_over =
        mark != NULL ? !mark_step(pid, mark) : !go_on(pid, PTRACE_SINGLESTEP);
    now = look();
    return !*is_over && memcmp(&last, &now, sizeof(now)) != 0;
}

/* Steps to the end; returns how many there are. */
static int
mark_changes(pid_t pid)
{
    bool is_over = false;
    struct mark mark;
    int count = 0;

    mark_begin(&mark);
    while (!is_over && count < MARKS_MAX) {
        if (changes(pid, &mark, &is_over))
            marks[count++] = mark;
    }
    return count;
}

/* Goes on until just behind the mark; whether that did change something. */
static bool
go_behind(pid_t pid, const struct mark *mark)
{
    bool is_over;

    return come_to(pid, mark) && changes(pid, NULL, &is_over);
}

static void
stop(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

/* Leaves a call that holds, in the middle of being topped up. */
static void
die_topping(struct tg_state *own, struct tg_call_slot *slot)
{
    struct tg_cell_change change = tg_cell_of(own, slot, TG_CELL_DAY);
    struct tg_cell_view seen = tg_cell_look(change.cell);

    slot->wanted_nanos = MORE;
    slot->wanted_periods[TG_CELL_DAY] = (uint16_t)slot->call.day;
    tg_share_enter(slot, TG_STAGE_TOPPING);
    tg_cell_announce(&change);
    if (!tg_cell_swap(&change, &seen, (uint16_t)slot->call.day,
                      seen.used_nanos + MORE - HELD))
        abort();
}

/* Or with all of it taken, and not yet written down. */
static void
die_topped(struct tg_state *own, struct tg_call_slot *slot)
{
    hold_more(own, slot);
    slot->call.held_nanos = HELD;
    tg_share_enter(slot, TG_STAGE_TOPPED);
}

static void
die(struct tg_state *own, struct tg_call_slot *slot)
{
    (void)own;
    (void)slot;
}

typedef void death(struct tg_state *own, struct tg_call_slot *slot);

/* A worker that dies with a call that holds, is sent and cost something. */
static void
leave_a_call(death *dying)
{
    pid_t pid;

    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        struct tg_area_claim claim;
        struct tg_state own;

        test_open(&own, dir);
        if (tg_area_claim(&claim, &own, 98, NOW) != 0)
            _exit(1);
        dying(&own, begin(&own, &claim, 0));
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
    death *dying; /* of the worker, when a daemon is traced */
} cases[] = {
    {"killed, quiet", be_traced, live, false, false},
    {"killed, and the cells go on", be_traced, live, true, false},
    {"held up while the cells go on", be_traced, live, true, true},
    {"refused, killed", be_traced, be_refused, false, false},
    {"refused, killed, and the cells go on", be_traced, be_refused, true,
     false},
    {"topped up, killed", be_traced, grow, false, false},
    {"topped up, killed, and the cells go on", be_traced, grow, true, false},
    {"topped up, held up while the cells go on", be_traced, grow, true, true},
    {"topped up in another day, killed", be_traced, outlive_the_day, false,
     false},
    {"topped up in another day, killed, and the cells go on", be_traced,
     outlive_the_day, true, false},
    {"topped up in another day, held up while the cells go on", be_traced,
     outlive_the_day, true, true},
    {"not topped up, killed", be_traced, be_cut, false, false},
    {"not topped up, killed, and the cells go on", be_traced, be_cut, true,
     false},
    {"a daemon killed as it settles", be_traced_daemon, NULL, false, false,
     die},
    {"a daemon killed, and the cells go on", be_traced_daemon, NULL, true,
     false, die},
    {"a daemon killed as it undoes a top-up", be_traced_daemon, NULL, false,
     false, die_topping},
    {"a daemon killed in it, and the cells go on", be_traced_daemon, NULL, true,
     false, die_topping},
    {"a daemon killed as it completes a top-up", be_traced_daemon, NULL, false,
     false, die_topped},
    {"a daemon killed in that, and the cells go on", be_traced_daemon, NULL,
     true, false, die_topped},
};

/*
 * What a cell has: what it had, unless its period is another by now, and what
 * calls have cost in it since.
 */
static void
check(const struct sum *before, const struct sum *after, int64_t others_cost,
      uint32_t others_day, int *wrong)
{
    for (int k = 0; k < TG_CELLS; k++) {
        int64_t want = after->costs[k];

        if (before->periods[k] == after->periods[k])
            want += before->cells[k];
        if (k != TG_CELL_DAY ||
            (uint16_t)others_day == after->periods[TG_CELL_DAY])
            want += others_cost;
        if (after->cells[k] == want)
            continue;
        if ((*wrong)++ == 0)
            printf("# cell %d has %lld, not %lld\n", k,
                   (long long)after->cells[k], (long long)want);
    }
}

/*
 * Every run finds the same, so that it changes the same, by the same steps.
 * What goes on from run to run is the generations of slots: none comes twice.
 */
static void
begin_anew(void)
{
    struct tg_call_slot *slots =
        &state.call_slots[(size_t)its_area * TG_AREA_SLOTS];

    recover();
    tg_budget_load(&state, 0, DAY, MONTH, 1000, 2000);
    tg_cell_load(&state, &state.accounts[0].committed, TG_CELL_COMMITTED, 0, 0,
                 3000);
    for (int i = 0; i < 2; i++) {
        tg_share_enter(&slots[i], TG_STAGE_SETTLED);
        slots[i].next_free = 0;
        slots[i].wanted_nanos = 0;
        memset(&slots[i].call, 0, sizeof(slots[i].call));
    }
}

/* Of a case, what came of all its runs. */
struct outcome {
    int astray; /* stopped elsewhere than behind a change */
    int wrong;
    int costs; /* had something to pay */
};

/* Runs a case up to behind a change, to its begin (0) or to its end. */
enum { ITS_END = -1 };

/* Returns how many changes there were, if to the end. */
static int
run(size_t c, int n, struct outcome *outcome)
{
    struct sum before, after;
    uint32_t others_day = 0;
    int count = 0;
    pid_t pid;

    begin_anew();
    before = recover();
    if (cases[c].dying != NULL)
        leave_a_call(cases[c].dying);
    pid = start(cases[c].body, cases[c].work);
    if (n == ITS_END)
        count = mark_changes(pid);
    else if (n > 0)
        outcome->astray += !go_behind(pid, &marks[n - 1]);
    if (cases[c].meddles)
        others_day = meddle();
    if (cases[c].goes_on && n != ITS_END) {
        ptrace(PTRACE_CONT, pid, NULL, NULL);
        waitpid(pid, NULL, 0);
    }
    stop(pid);
    after = recover();
    check(&before, &after, cases[c].meddles ? OTHERS : 0, others_day,
          &outcome->wrong);
    outcome->costs += after.cost > 0;
    return count;
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
        struct outcome outcome = {0};
        int count = run(c, ITS_END, &outcome);

        for (int n = 0; n <= count; n++)
            run(c, n, &outcome);
        printf("# %d changes, %d kills with a cost\n", count, outcome.costs);
        is_int(outcome.astray, 0, "%s: behind each change", cases[c].what);
        is_int(outcome.wrong, 0, "%s: exact", cases[c].what);
        ok(count >= 15 && count < MARKS_MAX, "%s: it changed something",
           cases[c].what);
        ok(cases[c].work == be_refused ? outcome.costs == 0 : outcome.costs > 0,
           "%s: and cost what it should", cases[c].what);
    }
    tg_area_leave(&others);
    tg_publisher_close(publisher);
    tg_state_close(&state);
    test_dir_remove(dir);
    return done();
}
