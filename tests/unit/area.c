/* Calls in flight outlive their worker, and come to whoever looks after it. */
#include <signal.h>
#include <sys/wait.h>

#include "area.h"
#include "settle.h"
#include "state_test.h"
#include "tap.h"

#define NOW 1700000000000
#define HELD 500

static struct tg_state state; /* the daemon's own map */
static struct tg_publisher *publisher;
static char *dir;

/* As admission does: the key's rates count the call, then it has a slot. */
static struct tg_call_slot *
begin_admitted(struct tg_area_claim *area, const struct tg_call *admitted)
{
    struct tg_counters *counters =
        &area->state->keys[admitted->key_slot].counters;
    struct tg_call_slot *slot;

    atomic_fetch_add(&counters->in_flight, 1);
    slot = tg_area_begin(area, admitted);
    if (slot == NULL)
        atomic_fetch_sub(&counters->in_flight, 1);
    return slot;
}

static struct tg_call
held_call(int64_t mark)
{
    return (struct tg_call){.at_ms = NOW,
                            .flags = TG_CALL_SENT,
                            .prompt_bound = mark,
                            .completion_bound = 10,
                            .held_nanos = HELD,
                            .ttft_ms = TG_ABSENT_MS};
}

/* What a worker does in the child; it writes a byte when it has done it. */
typedef void worker(struct tg_area_claim *claim);

/* Forks a worker with a map of its own and waits until it has worked. */
static pid_t
start(worker *work, uint64_t writer_id)
{
    int ready[2];
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
        if (tg_area_claim(&claim, &own, writer_id, NOW) != 0)
            _exit(1);
        work(&claim);
        if (write(ready[1], "", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    close(ready[1]);
    if (pid == -1 || read(ready[0], &byte, 1) != 1) {
        printf("Bail out! the worker did not start\n");
        exit(1);
    }
    close(ready[0]);
    return pid;
}

static void
stop(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static int
count_orphans(uint32_t *last)
{
    int count = 0;

    for (uint32_t i = 0; i < TG_AREA_COUNT; i++) {
        if (tg_area_is_orphaned(&state, i)) {
            *last = i;
            count++;
        }
    }
    return count;
}

struct seen {
    int count;
    int64_t marks;
    uint64_t last_id;
};

static void
see(void *arg, struct tg_call_slot *slot)
{
    struct seen *seen = arg;

    seen->count++;
    seen->marks += slot->call.prompt_bound;
    seen->last_id = slot->call.id.bytes[15];
}

static void
idle(struct tg_area_claim *claim)
{
    (void)claim;
}

static void
test_claims(void)
{
    pid_t first = start(idle, 0x11), second = start(idle, 0x22);
    struct tg_area_claim claim;
    uint32_t orphan = 0;

    is_int(state.areas[0].writer_id, 0x11, "two workers: one has an area");
    is_int(state.areas[1].writer_id, 0x22, "the other the next");
    is_int(state.areas[0].pid, first, "people see whose it is");
    is_int(state.areas[0].claimed_at_ms, NOW, "and since when");
    is_int(count_orphans(&orphan), 0, "none is orphaned while they live");
    is_int(tg_area_claim(&claim, &state, 0x33, NOW), 0, "a third process");
    is_int(claim.area, 2, "gets a third one");
    tg_area_leave(&claim);
    is_int(state.areas[2].writer_id, 0, "and gives it back, empty");

    stop(first);
    is_int(count_orphans(&orphan), 1, "killed, a worker leaves an orphan");
    is_int(orphan, 0, "which is its own");
    is_int(tg_area_claim(&claim, &state, 0x44, NOW), 0, "a new worker");
    is_int(claim.area, 2, "does not get it");
    tg_area_leave(&claim);
    tg_area_clear(&state, 0);
    is_int(count_orphans(&orphan), 0, "cleared, it is nobody's");
    is_int(tg_area_claim(&claim, &state, 0x55, NOW), 0, "a new worker");
    is_int(claim.area, 0, "gets it then");
    tg_area_leave(&claim);

    stop(second);
    is_int(count_orphans(&orphan), 1, "so the second");
    tg_area_clear(&state, orphan);
}

/* Many at once: each has its own. */
static void
test_race(void)
{
    enum { WORKERS = 16 };
    pid_t pids[WORKERS];
    uint32_t orphan;
    int gun[2], claimed = 0;
    char byte;

    if (pipe(gun) != 0)
        abort();
    fflush(stdout);
    for (int i = 0; i < WORKERS; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            struct tg_state own;
            struct tg_area_claim claim;

            test_open(&own, dir);
            close(gun[1]);
            if (read(gun[0], &byte, 1) != 0)
                _exit(1);
            _exit(tg_area_claim(&claim, &own, 0x100 + (unsigned)i, NOW) != 0);
        }
    }
    close(gun[0]);
    close(gun[1]);
    for (int i = 0; i < WORKERS; i++) {
        int status = -1;

        waitpid(pids[i], &status, 0);
        claimed += status == 0;
    }
    is_int(claimed, WORKERS, "16 workers claim at once");
    is_int(count_orphans(&orphan), WORKERS, "and die in 16 areas");
    for (uint32_t i = 0; i < WORKERS; i++)
        tg_area_clear(&state, i);
}

/* Three begun, the second one ended, a fourth in its place: 1, 3 and 8. */
static void
three_calls(struct tg_area_claim *claim)
{
    struct tg_call call;
    struct tg_call_slot *slots[4];

    for (int i = 0; i < 3; i++) {
        call = held_call(i + 1);
        slots[i] = begin_admitted(claim, &call);
    }
    tg_settle_lost(claim->state, &slots[1]->call, NOW);
    tg_area_end(claim, slots[1]);
    call = held_call(8);
    slots[3] = begin_admitted(claim, &call);
    if (slots[3] != slots[1])
        _exit(1);
}

static void
settle(void *arg, struct tg_call_slot *slot)
{
    (void)arg;
    tg_settle_lost(&state, &slot->call, NOW + 1);
}

static void
test_calls_left_behind(void)
{
    pid_t pid = start(three_calls, 0xaa);
    struct seen seen = {0};
    uint32_t orphan = 0;

    is_int(state.keys[0].counters.in_flight, 3, "three calls in flight");
    is_int(state.accounts[0].counters.held_nanos, 3 * HELD,
           "their money is held");
    stop(pid);
    is_int(count_orphans(&orphan), 1, "their worker is killed");
    tg_area_each(&state, orphan, see, &seen);
    is_int(seen.count, 3, "each is visited once");
    is_int(seen.marks, 1 + 3 + 8, "as it was when it began");
    tg_area_each(&state, orphan, settle, NULL);
    is_int(state.keys[0].counters.in_flight, 0, "settled, none is in flight");
    is_int(state.accounts[0].counters.held_nanos, 0, "and nothing held");
    is_int(state.keys[0].counters.calls, 4, "four have ended");
    tg_area_clear(&state, orphan);
    seen = (struct seen){0};
    tg_area_each(&state, orphan, see, &seen);
    is_int(seen.count, 0, "cleared, the area has none");
}

static void
test_ids(void)
{
    struct tg_area_claim claim;
    struct tg_call call = held_call(1);
    struct tg_call_slot *a, *b;

    tg_area_claim(&claim, &state, 0x0102030405060708, NOW);
    a = begin_admitted(&claim, &call);
    b = begin_admitted(&claim, &call);
    ok(memcmp(a->call.id.bytes, "\1\2\3\4\5\6\7\x8\0\0\0\0\0\0\0\0", 16) == 0,
       "an id is the writer's, and a number");
    is_int(b->call.id.bytes[15], 1, "which counts");
    ok(call.id.bytes[0] == 0, "and is the slot's alone");
    tg_settle_lost(&state, &a->call, NOW);
    tg_settle_lost(&state, &b->call, NOW);
    tg_area_end(&claim, a);
    tg_area_leave(&claim);
    ok(state.areas[claim.area].writer_id != 0,
       "left with a call in it, an area is not free");
    ok(tg_area_is_orphaned(&state, claim.area), "but an orphan");
    tg_area_clear(&state, claim.area);
}

/* All slots, then one more; ends and begins give slots that are distinct. */
static void
test_full_area(void)
{
    static struct tg_call_slot *slots[TG_AREA_SLOTS];
    struct tg_area_claim claim;
    struct tg_call call = held_call(1);
    struct seen seen = {0};
    uint32_t n, wrong = 0;

    tg_area_claim(&claim, &state, 0x66, NOW);
    for (n = 0; n < TG_AREA_SLOTS; n++) {
        slots[n] = begin_admitted(&claim, &call);
        if (slots[n] == NULL)
            break;
        slots[n]->call.prompt_bound = n;
    }
    is_int(n, TG_AREA_SLOTS, "an area takes 32 768 calls");
    ok(begin_admitted(&claim, &call) == NULL, "and not one more");
    is_int(state.keys[0].counters.in_flight, TG_AREA_SLOTS,
           "which counts nowhere");
    for (n = 0; n < TG_AREA_SLOTS; n++)
        wrong += slots[n]->call.prompt_bound != n;
    is_int(wrong, 0, "each has a slot of its own");

    tg_settle_lost(&state, &slots[777]->call, NOW);
    tg_area_end(&claim, slots[777]);
    ok(begin_admitted(&claim, &call) == slots[777], "one ends, one fits");
    ok(begin_admitted(&claim, &call) == NULL, "and then none");
    for (n = 100; n < 103; n++) {
        tg_settle_lost(&state, &slots[n]->call, NOW);
        tg_area_end(&claim, slots[n]);
    }
    while (n-- > 100)
        wrong += begin_admitted(&claim, &call) != slots[n];
    is_int(wrong, 0, "three end, and the last one's slot is used first");
    ok(begin_admitted(&claim, &call) == NULL, "the fourth has none");

    tg_area_each(&state, claim.area, see, &seen);
    is_int(seen.count, TG_AREA_SLOTS, "each is visited");
    tg_area_each(&state, claim.area, settle, NULL);
    for (n = 0; n < TG_AREA_SLOTS; n++)
        tg_area_end(&claim, slots[n]);
    is_int(state.keys[0].counters.in_flight, 0, "all end");
    tg_area_leave(&claim);
    is_int(state.areas[claim.area].writer_id, 0, "and the area is free");
}

/* Every area is taken by a process; each claim needs a map of its own. */
static void
test_all_taken(void)
{
    static struct tg_state maps[TG_AREA_COUNT + 1];
    static struct tg_area_claim claims[TG_AREA_COUNT];
    struct tg_area_claim claim;
    uint32_t n, orphan;

    for (n = 0; n < TG_AREA_COUNT; n++) {
        test_open(&maps[n], dir);
        if (tg_area_claim(&claims[n], &maps[n], n + 1, NOW) != 0 ||
            claims[n].area != n)
            break;
    }
    is_int(n, TG_AREA_COUNT, "256 workers have an area each");
    test_open(&maps[n], dir);
    is_int(tg_area_claim(&claim, &maps[n], 999, NOW), TG_ERR_FULL,
           "the next one has none");
    is_int(count_orphans(&orphan), 0, "all of them live");
    tg_area_leave(&claims[100]);
    is_int(tg_area_claim(&claim, &maps[n], 999, NOW), 0, "one leaves");
    is_int(claim.area, 100, "and its area is taken over");
    tg_state_close(&maps[n]);
    for (n = 0; n < TG_AREA_COUNT; n++)
        tg_state_close(&maps[n]);
    is_int(count_orphans(&orphan), TG_AREA_COUNT,
           "a map that is closed gives up its area");
    for (n = 0; n < TG_AREA_COUNT; n++)
        tg_area_clear(&state, n);
}

int
main(void)
{
    struct tg_account_policy account = {.id = "acct_1",
                                        .status = TG_ACCOUNT_ACTIVE};
    struct tg_key_policy key;
    uint32_t slot;

    dir = test_dir();
    test_create(&state, dir, 10);
    key = test_key(1);
    if (tg_publisher_open(&publisher, &state) != 0 ||
        tg_publish_account(publisher, &account, &slot) != 0 ||
        tg_publish_key(publisher, &key, &slot) != 0)
        return 1;
    test_claims();
    test_race();
    test_calls_left_behind();
    test_ids();
    test_full_area();
    test_all_taken();
    tg_publisher_close(publisher);
    tg_state_close(&state);
    test_dir_remove(dir);
    return done();
}
