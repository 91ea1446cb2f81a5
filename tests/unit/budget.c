/* What a key may spend: holds, what they leave, days and months that end. */
#include <pthread.h>

#include "budget_test.h"
#include "tap.h"

static struct tg_area_claim claim;

/* Puts the three cells where a row wants them. */
static void
set_used(int64_t day, int64_t month, int64_t committed)
{
    tg_budget_load(&state, 0, DAY, MONTH, day, month);
    tg_cell_load(&state, &state.accounts[0].committed, TG_CELL_COMMITTED, 0, 0,
                 committed);
}

enum { DAILY = TG_BUDGET_DAILY, MONTHLY, BALANCE };
enum { PRE = TG_BILLING_PREPAID, POST };

#define MOST INT64_MAX

static const struct {
    const char *what;
    int64_t daily, monthly; /* 0: no budget */
    int billing;
    int64_t granted, topped_up, settled;
    int64_t day, month, committed; /* used so far */
    int64_t nanos;
    int refused_by;
    int64_t size, used, left;
} rows[] = {
    {"no budget", 0, 0, POST, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0},
    {"a day's, all of it", 10, 0, POST, 0, 0, 0, 4, 0, 0, 6, 0, 0, 0, 0},
    {"one more", 10, 0, POST, 0, 0, 0, 4, 0, 0, 7, DAILY, 10, 4, 6},
    {"a month's, all of it", 0, 10, POST, 0, 0, 0, 0, 4, 0, 6, 0, 0, 0, 0},
    {"one more", 0, 10, POST, 0, 0, 0, 0, 4, 0, 7, MONTHLY, 10, 4, 6},
    {"a balance, all", 0, 0, PRE, 5, 7, 2, 0, 0, 4, 6, 0, 0, 0, 0},
    {"one more", 0, 0, PRE, 5, 7, 2, 0, 0, 4, 7, BALANCE, 10, 4, 6},
    {"nothing was paid in", 0, 0, PRE, 0, 0, 0, 0, 0, 0, 1, BALANCE, 0, 0, 0},
    {"what is free is free", 0, 0, PRE, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
    {"in debt", 0, 0, PRE, 5, 0, 7, 0, 0, 0, 1, BALANCE, -2, 0, 0},
    {"a sum that no int64 has", 0, 0, PRE, MOST, 1, 0, 0, 0, 0, 1, BALANCE, 0,
     0, 0},
    {"a budget below what was spent", 3, 0, POST, 0, 0, 0, 4, 0, 0, 1, DAILY, 3,
     4, 0},
    {"the first that is short is named", 9, 9, PRE, 9, 0, 0, 9, 9, 9, 1, DAILY,
     9, 9, 0},
    {"the second", 10, 9, PRE, 9, 0, 0, 9, 9, 9, 1, MONTHLY, 9, 9, 0},
    {"the third", 10, 10, PRE, 9, 0, 0, 9, 9, 9, 1, BALANCE, 9, 9, 0},
    {"what was used stands near the end", 0, 0, POST, 0, 0, 0, MOST - 1, 0, 0,
     1, 0, 0, 0, 0},
    {"and cannot go beyond it", 0, 0, POST, 0, 0, 0, MOST - 1, 0, 0, 2, DAILY,
     MOST, MOST - 1, 1},
};

static void
use_row(size_t i)
{
    key.daily_nanos = rows[i].daily;
    key.monthly_nanos = rows[i].monthly;
    account.billing = (uint8_t)rows[i].billing;
    account.granted_nanos = rows[i].granted;
    account.topped_up_nanos = rows[i].topped_up;
    account.settled_nanos = rows[i].settled;
    set_used(rows[i].day, rows[i].month, rows[i].committed);
}

static void
test_holds(void)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tg_call call = call_in(DAY, MONTH, rows[i].nanos);
        struct tg_budget_verdict verdict;
        struct tg_call_slot *slot;
        int64_t more;

        use_row(i);
        slot = hold(&claim, &call, &verdict);
        ok((slot == NULL) == (rows[i].refused_by != 0), "%s", rows[i].what);
        if (slot == NULL) {
            is_int(verdict.kind, rows[i].refused_by, "by this");
            is_int(verdict.size_nanos, rows[i].size, "its size");
            is_int(verdict.used_nanos, rows[i].used, "used");
            is_int(verdict.left_nanos, rows[i].left, "left");
        }
        more = slot == NULL ? 0 : rows[i].nanos;
        is_int(used(TG_CELL_DAY), rows[i].day + more, "the day");
        is_int(used(TG_CELL_MONTH), rows[i].month + more, "the month");
        is_int(used(TG_CELL_COMMITTED), rows[i].committed + more,
               "the account: all of them or none");
        if (slot != NULL) {
            ok(tg_budget_holds(slot), "it holds");
            settle(&claim, slot, rows[i].nanos / 2);
            is_int(used(TG_CELL_MONTH), rows[i].month + more / 2,
                   "settled, its cost stays");
        }
    }
}

static void
test_left(void)
{
    static const struct {
        int64_t daily, monthly;
        int billing;
        int64_t left;
        int kind;
    } limits[] = {
        {0, 0, POST, INT64_MAX, 0},   {100, 0, POST, 99, DAILY},
        {100, 50, POST, 48, MONTHLY}, {100, 50, PRE, 37, BALANCE},
        {1, 50, PRE, 0, DAILY},       {0, 1, PRE, 0, MONTHLY},
    };
    struct tg_call call = call_in(DAY, MONTH, 0);

    account.granted_nanos = 40;
    account.topped_up_nanos = account.settled_nanos = 0;
    set_used(1, 2, 3);
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        struct tg_budget_verdict verdict;

        key.daily_nanos = limits[i].daily;
        key.monthly_nanos = limits[i].monthly;
        account.billing = (uint8_t)limits[i].billing;
        is_int(tg_budget_left(&state, &call, &key, &account, &verdict),
               limits[i].left, "the least that is left of all, row %zu", i);
        is_int(verdict.kind, limits[i].kind, "and of which");
    }
    call.day++;
    account.billing = POST;
    key.monthly_nanos = 0;
    key.daily_nanos = 100;
    {
        struct tg_budget_verdict verdict;

        is_int(tg_budget_left(&state, &call, &key, &account, &verdict), 100,
               "tomorrow has all of it");
    }
}

/* A call in another period than the cells', which have 7 used. */
static const struct {
    const char *what;
    int days, months;
    int counted_days, counted_months; /* in which it counts */
    int64_t day, month;               /* used with its hold of 2 */
} periods[] = {
    {"the same", 0, 0, 0, 0, 9, 9},
    {"the next day", 1, 0, 1, 0, 2, 9},
    {"the next month", 1, 1, 1, 1, 2, 2},
    {"years later", 1000, 33, 1000, 33, 2, 2},
    {"a zone that moved west", -1, 0, 0, 0, 9, 9},
    {"as far as zones are apart", -2, -1, 0, 0, 9, 9},
    {"a clock that had been ahead", -3, -2, -3, -2, 9, 9},
    {"by years", -1000, -33, -1000, -33, 9, 9},
};

static void
test_periods(void)
{
    key.daily_nanos = key.monthly_nanos = 9;
    account.billing = POST;
    for (size_t i = 0; i < sizeof(periods) / sizeof(periods[0]); i++) {
        struct tg_call call = call_in((uint32_t)(DAY + periods[i].days),
                                      (uint16_t)(MONTH + periods[i].months), 2);
        struct tg_budget_verdict verdict;
        struct tg_call_slot *slot;

        set_used(7, 7, 7);
        slot = hold(&claim, &call, &verdict);
        ok(slot != NULL, "%s", periods[i].what);
        if (slot == NULL)
            continue;
        is_int(slot->call.day, DAY + periods[i].counted_days, "its day");
        is_int(slot->call.month, MONTH + periods[i].counted_months,
               "its month");
        is_int(used(TG_CELL_DAY), periods[i].day, "used in that day");
        is_int(used(TG_CELL_MONTH), periods[i].month, "in that month");
        is_int(used(TG_CELL_COMMITTED), 9, "an account has no periods");
        settle(&claim, slot, 1);
        is_int(used(TG_CELL_DAY), periods[i].day - 1, "and settled there");
        is_int(used(TG_CELL_MONTH), periods[i].month - 1, "and there");
    }
}

static void
test_call_outlives_its_day(void)
{
    struct tg_call call = call_in(DAY, MONTH, 5);
    struct tg_budget_verdict verdict;
    struct tg_call_slot *late, *next;

    key.daily_nanos = 5;
    key.monthly_nanos = 10;
    set_used(0, 0, 0);
    late = hold(&claim, &call, &verdict);
    call.day++;
    next = hold(&claim, &call, &verdict);
    is_int(used(TG_CELL_DAY), 5, "a new day has the hold of its own call");
    is_int(used(TG_CELL_MONTH), 10, "the month has both");
    settle(&claim, late, 1);
    is_int(used(TG_CELL_DAY), 5, "yesterday's call does not touch it");
    is_int(used(TG_CELL_MONTH), 6, "it is settled in the month");
    is_int(used(TG_CELL_COMMITTED), 6, "and with the account");
    settle(&claim, next, 0);
    is_int(used(TG_CELL_DAY), 0, "today's is settled today");
}

static void
test_settled_once(void)
{
    const struct tg_counters *of_key = &state.keys[0].counters;
    const struct tg_counters *of_account = &state.accounts[0].counters;
    struct tg_call call = call_in(DAY, MONTH, 5);
    struct tg_budget_verdict verdict;
    struct tg_call_slot *slot;
    int64_t held;
    int32_t in_flight;

    set_used(0, 0, 0);
    slot = hold(&claim, &call, &verdict);
    slot->call.cost_nanos = 3;
    tg_budget_settle(&state, slot);
    ok(!tg_budget_holds(slot), "settled, it holds nothing");
    tg_budget_settle(&state, slot);
    is_int(used(TG_CELL_DAY), 3, "settled twice, it is settled once");
    tg_area_end(&claim, slot);

    held = of_key->held_nanos;
    in_flight = of_account->in_flight;
    slot = tg_area_begin(&claim, &call);
    tg_budget_settle(&state, slot);
    is_int(used(TG_CELL_DAY), 3, "what holds nothing gives nothing back");
    tg_area_cancel(&claim, slot);
    is_int(of_key->held_nanos, held, "a call that is taken back holds nothing");
    is_int(of_account->in_flight, in_flight, "and is not in flight");
}

/*
 * A call that holds 5 where others have used 1 in the day, 2 in the month and
 * 3 of the account, and is to hold more.  The cells may roll on before.
 */
static const struct {
    const char *what;
    int64_t daily, monthly; /* 0: no budget; so granted, which is the sum */
    int64_t granted;
    int days, months; /* by which the cells have rolled on, with 4 used */
    int64_t nanos;
    int refused_by;
    int64_t left;
    int64_t day, month, committed; /* used then */
} mores[] = {
    {"no budget", 0, 0, 0, 0, 0, 9, 0, 0, 10, 11, 12},
    {"the same again", 0, 0, 0, 0, 0, 5, 0, 0, 6, 7, 8},
    {"all that the day has", 10, 0, 0, 0, 0, 9, 0, 0, 10, 11, 12},
    {"one more", 10, 0, 0, 0, 0, 10, DAILY, 4, 6, 7, 8},
    {"all that the month has", 0, 11, 0, 0, 0, 9, 0, 0, 10, 11, 12},
    {"one more", 0, 11, 0, 0, 0, 10, MONTHLY, 4, 6, 7, 8},
    {"all of the balance", 0, 0, 12, 0, 0, 9, 0, 0, 10, 11, 12},
    {"one more", 0, 0, 12, 0, 0, 10, BALANCE, 4, 6, 7, 8},
    {"a budget that was made smaller", 3, 0, 0, 0, 0, 6, DAILY, 0, 6, 7, 8},
    {"the next day has all of it", 13, 0, 0, 1, 0, 9, 0, 0, 13, 15, 12},
    {"or has too little", 12, 0, 0, 1, 0, 9, DAILY, 8, 4, 11, 8},
    {"a day before, by a clock", 13, 0, 0, -1, 0, 9, 0, 0, 13, 15, 12},
    {"the next month has all of it", 0, 13, 0, 3, 1, 9, 0, 0, 13, 13, 12},
    {"or has too little", 0, 12, 0, 3, 1, 9, MONTHLY, 8, 4, 4, 8},
    {"a new day, and no balance", 0, 0, 12, 1, 1, 10, BALANCE, 4, 4, 4, 8},
};

static void
is_used(int64_t day, int64_t month, int64_t committed, const char *when)
{
    is_int(used(TG_CELL_DAY), day, "the day, %s", when);
    is_int(used(TG_CELL_MONTH), month, "the month, %s", when);
    is_int(used(TG_CELL_COMMITTED), committed, "the account, %s", when);
}

/* Other calls of a later period: 4 used there, and in the month as it is. */
static void
roll_on(int days, int months)
{
    int64_t month = used(TG_CELL_MONTH);

    if (days != 0)
        tg_budget_load(&state, 0, (uint32_t)(DAY + days),
                       (uint16_t)(MONTH + months), 4,
                       months != 0 ? 4 : month + 4);
}

static void
test_more(void)
{
    const struct tg_counters *of_key = &state.keys[0].counters;
    const struct tg_counters *of_account = &state.accounts[0].counters;

    for (size_t i = 0; i < sizeof(mores) / sizeof(mores[0]); i++) {
        struct tg_call call = call_in(DAY, MONTH, 5), before;
        int64_t of_key_held = of_key->held_nanos;
        int64_t of_account_held = of_account->held_nanos;
        struct tg_budget_verdict verdict;
        struct tg_call_slot *slot;
        bool is_taken = mores[i].refused_by == 0;

        key.daily_nanos = key.monthly_nanos = 0;
        account.billing = POST;
        set_used(1, 2, 3);
        slot = hold(&claim, &call, &verdict);
        roll_on(mores[i].days, mores[i].months);
        before = slot->call;
        key.daily_nanos = mores[i].daily;
        key.monthly_nanos = mores[i].monthly;
        account.billing = mores[i].granted != 0 ? PRE : POST;
        account.granted_nanos = mores[i].granted;
        account.topped_up_nanos = account.settled_nanos = 0;
        ok((tg_budget_room(&state, &slot->call, &key, &account) >=
            mores[i].nanos) == is_taken,
           "%s: there is room or is none", mores[i].what);
        ok(tg_budget_more(&state, slot, mores[i].nanos, &key, &account,
                          &verdict) == is_taken,
           "%s: taken or not", mores[i].what);
        ok(tg_budget_holds(slot), "it holds in either case");
        is_used(mores[i].day, mores[i].month, mores[i].committed, "then");
        if (!is_taken) {
            is_int(verdict.kind, mores[i].refused_by, "refused by this");
            is_int(verdict.left_nanos, mores[i].left, "what is left of it");
            ok(memcmp(&before, &slot->call, sizeof(before)) == 0,
               "the call is as it was");
        } else {
            is_int(slot->call.held_nanos, mores[i].nanos, "what it holds");
            is_int(slot->call.day, DAY + mores[i].days, "its day");
            is_int(slot->call.month, MONTH + mores[i].months, "its month");
        }
        is_int(of_key->held_nanos - of_key_held, slot->call.held_nanos,
               "the key's counter");
        is_int(of_account->held_nanos - of_account_held, slot->call.held_nanos,
               "the account's");
        slot->call.cost_nanos = slot->call.held_nanos;
        tg_budget_settle(&state, slot);
        is_used(mores[i].day, mores[i].month, mores[i].committed,
                "when all was spent");
        tg_area_end(&claim, slot);
    }
}

/* The owner died with one cell on its way, or with all of them done. */
static void
test_recovery_of_more(void)
{
    struct tg_call call = call_in(DAY, MONTH, 5);
    struct tg_budget_verdict verdict;
    struct tg_call_slot *slot;

    key.daily_nanos = key.monthly_nanos = 0;
    account.billing = POST;
    set_used(1, 2, 3);
    slot = hold(&claim, &call, &verdict);
    slot->wanted_nanos = 7;
    tg_share_enter(slot, TG_STAGE_TOPPING);
    tg_budget_recover(&state, slot);
    is_used(6, 7, 8, "nothing moved");
    is_int(slot->call.held_nanos, 5, "it holds what it did");

    tg_share_enter(slot, TG_STAGE_TOPPED);
    slot->wanted_nanos = 5;
    slot->wanted_periods[TG_CELL_DAY] = (uint16_t)(DAY + 1);
    slot->wanted_periods[TG_CELL_MONTH] = MONTH;
    tg_budget_recover(&state, slot);
    ok(tg_budget_holds(slot), "completed, it holds");
    is_int(slot->call.day, DAY + 1, "in the day it had moved to");
    tg_budget_recover(&state, slot);
    is_int(slot->call.day, DAY + 1, "recovered twice is recovered once");
    settle(&claim, slot, 0);
}

/* The bytes as docs/state.md has them: key 0 stands where its header says. */
static uint64_t
word(uint64_t at)
{
    uint64_t value;

    memcpy(&value, (const char *)state.map + at, sizeof(value));
    return value;
}

static void
test_document(void)
{
    uint64_t keys = word(72), accounts = word(80), mark, share;
    struct tg_call call = call_in(DAY, MONTH, 5);
    struct tg_budget_verdict verdict;
    struct tg_call_slot *slot;
    uint64_t number, at;

    key.daily_nanos = key.monthly_nanos = 0;
    set_used(1, 2, 3);
    is_int(word(keys + 24), (uint64_t)DAY << 48, "a day that no call changed");
    slot = hold(&claim, &call, &verdict);
    at = (uint64_t)((char *)slot - (char *)state.map);
    number = (uint64_t)(slot - state.call_slots);
    is_int(word(keys + 16), 6, "used in a day");
    is_int(word(keys + 32), 7, "in a month");
    is_int(word(accounts + 16), 8, "of an account");
    mark = word(keys + 40);
    is_int(mark >> 48, MONTH, "a mark: the month");
    is_int(mark >> 25 & 0x7fffff, number, "the slot that changed it");
    ok((mark & 0x1ffffff) != 0, "a generation");
    is_int(word(accounts + 24) >> 48, 0, "an account has no period");
    share = word(at + 8);
    is_int(share >> 5 & 7, 2, "a call that holds");
    is_int(share & 31, 0, "no cell on its way");
    is_int(share >> 39, word(accounts + 24) & 0x1ffffff,
           "the generation of its last change");
    is_int(word(at + 32 + 228) & 0xffffffff, DAY, "its day");
    is_int(word(at + 32 + 216) >> 16 & 0xffff, MONTH, "its month");
    ok(tg_budget_more(&state, slot, 9, &key, &account, &verdict),
       "and holds more");
    is_int(word(at + 8) >> 5 & 7, 2, "it holds as before");
    is_int(word(at + 24), 9, "what it wanted");
    is_int(word(at) >> 32, (uint32_t)MONTH << 16 | (DAY & 0xffff),
           "in this day and month");
    settle(&claim, slot, 5);
    is_int(word(at + 8) >> 5 & 7, 3, "settled");
    is_int(word(keys + 16), 6, "its cost stays");
}

/* Threads of one process, so that the thread sanitizer sees them all. */
enum { THREADS = 8, HOLDS = 30000, FIRST = 2, COST = 7, ROOM = 3 };

struct worker {
    pthread_t thread;
    struct tg_area_claim claim;
    unsigned seed;
    int64_t spent; /* in the last day */
    int64_t over;  /* sights of more than the budget */
    int64_t cut;   /* that could not hold more */
};

static _Atomic uint32_t holds;

/* The day ends after each fourth of all holds. */
static void *
work(void *arg)
{
    struct worker *worker = arg;

    for (int i = 0; i < HOLDS; i++) {
        uint32_t n = atomic_fetch_add(&holds, 1);
        struct tg_call call =
            call_in(DAY + n / (THREADS * HOLDS / 4), MONTH, FIRST);
        struct tg_budget_verdict verdict;
        struct tg_call_slot *slot = hold(&worker->claim, &call, &verdict);
        int64_t cost = rand_r(&worker->seed) % (COST + 1);

        worker->over += used(TG_CELL_DAY) > ROOM * COST;
        if (slot == NULL)
            continue;
        if (cost > FIRST &&
            !tg_budget_more(&state, slot, COST, &key, &account, &verdict)) {
            cost = FIRST;
            worker->cut++;
        }
        worker->over += used(TG_CELL_DAY) > ROOM * COST;
        if (slot->call.day == DAY + 3)
            worker->spent += cost;
        settle(&worker->claim, slot, cost);
    }
    return NULL;
}

static void
test_threads(void)
{
    static struct worker workers[THREADS];
    int64_t spent = 0, over = 0, cut = 0;

    account.billing = POST;
    key.daily_nanos = ROOM * COST;
    key.monthly_nanos = 0;
    set_used(0, 0, 0);
    for (int i = 0; i < THREADS; i++) {
        workers[i].seed = (unsigned)i + 1;
        if (tg_area_claim(&workers[i].claim, &state, 100 + (unsigned)i, NOW))
            abort();
    }
    for (int i = 0; i < THREADS; i++)
        pthread_create(&workers[i].thread, NULL, work, &workers[i]);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(workers[i].thread, NULL);
        spent += workers[i].spent;
        over += workers[i].over;
        cut += workers[i].cut;
        tg_area_leave(&workers[i].claim);
    }
    is_int(over, 0, "8 threads, days that end: never above the budget");
    is_int(tg_cell_period(tg_cell_look(&state.keys[0].day).mark), DAY + 3,
           "the last day");
    is_int(used(TG_CELL_DAY), spent, "has what was spent in it");
    ok(spent > ROOM * COST - FIRST, "which is all but less than a call");
    ok(cut > 0, "calls that could not hold more were cut");
}

static void
test_balance(void)
{
    struct tg_account_policy rich = {
        .granted_nanos = 700, .topped_up_nanos = 500, .settled_nanos = 100};
    struct tg_counters counters = {.settled_nanos = 1101};

    is_int(tg_budget_balance(&rich, &counters), -1,
           "what was given, less what was spent");
    rich.topped_up_nanos = INT64_MAX;
    is_int(tg_budget_balance(&rich, &counters), INT64_MAX - 501,
           "whatever is in between");
    counters.settled_nanos = INT64_MIN;
    is_int(tg_budget_balance(&rich, &counters), INT64_MAX,
           "of damaged counters the most there can be");
}

int
main(void)
{
    char *dir = test_dir();

    test_balance();
    prepare(dir);
    if (tg_area_claim(&claim, &state, 7, NOW) != 0)
        return 1;
    test_holds();
    test_left();
    test_periods();
    test_call_outlives_its_day();
    test_settled_once();
    test_more();
    test_recovery_of_more();
    test_document();
    test_threads();
    tg_area_leave(&claim);
    tg_publisher_close(publisher);
    tg_state_close(&state);
    test_dir_remove(dir);
    return done();
}
