/*
 * What a worker that was killed while it counted leaves too high is put right,
 * and nothing else is touched.
 */
#include "area.h"
#include "crowd.h"
#include "settle.h"
#include "state_test.h"
#include "tap.h"

#define NOW 1700000000000
#define SECOND 1000
#define HELD 500

static struct tg_state state;
static struct tg_area_claim claim;
static struct tg_crowd crowd;
static int64_t now_ms = NOW;

static struct tg_counters *
key_of(uint32_t slot)
{
    return &state.keys[slot].counters;
}

static struct tg_counters *
account(void)
{
    return &state.accounts[0].counters;
}

/* As admission does: the key's rates count the call, then it has a slot. */
static struct tg_call_slot *
begin(uint32_t key)
{
    struct tg_call call = {.at_ms = NOW,
                           .key_slot = key,
                           .held_nanos = HELD,
                           .ttft_ms = TG_ABSENT_MS};
    struct tg_call_slot *slot;

    atomic_fetch_add(&key_of(key)->in_flight, 1);
    slot = tg_area_begin(&claim, &call);
    if (slot == NULL)
        abort();
    return slot;
}

static void
end(struct tg_call_slot *slot)
{
    atomic_fetch_sub(&key_of(slot->call.key_slot)->in_flight, 1);
    tg_area_cancel(&claim, slot);
}

static int
look(void)
{
    int mended = tg_crowd_look(&crowd, &state, now_ms);

    now_ms += SECOND;
    return mended;
}

static int
look_often(int times)
{
    int mended = 0;

    for (int i = 0; i < times; i++)
        mended += look();
    return mended;
}

static void
is_flight(uint32_t key, int in_flight, int64_t held, const char *what)
{
    int is = atomic_load(&key_of(key)->in_flight);
    long long is_held = atomic_load(&key_of(key)->held_nanos);

    ok(is == in_flight && is_held == held, "%s: %d in flight, %lld held", what,
       is, is_held);
}

static void
test_killed_before_its_slot(void)
{
    atomic_fetch_add(&key_of(1)->in_flight, 1);
    is_int(look_often(4), 0, "who suspects nobody does not look");
    tg_crowd_suspect(&crowd);
    is_int(look_often(2), 0, "two looks are not enough");
    is_flight(1, 1, 0, "so far");
    is_int(look(), 1, "the third puts it right");
    is_flight(1, 0, 0, "a call that came to no slot");
    is_int(look_often(3), 0, "and then there is nothing to do");
}

static void
test_killed_while_it_settled(void)
{
    struct tg_call_slot *slot = begin(2);

    /* Settled, recovered and freed, but not taken out of its counters. */
    tg_area_end(&claim, slot);
    is_flight(2, 1, HELD, "a call is gone");
    tg_crowd_suspect(&crowd);
    is_int(look_often(3), 2, "its key and its account are put right");
    is_flight(2, 0, 0, "the key");
    is_int(atomic_load(&account()->in_flight), 0, "the account's calls");
    is_int(atomic_load(&account()->held_nanos), 0, "and what they held");
}

static void
test_beside_a_call(void)
{
    struct tg_call_slot *slot = begin(3);

    atomic_fetch_add(&key_of(3)->in_flight, 1);
    tg_crowd_suspect(&crowd);
    is_int(look_often(3), 1, "one is put right beside a call that goes on");
    is_flight(3, 1, HELD, "its key");
    is_int(look_often(3), 0, "the call is let alone");
    end(slot);
    is_flight(3, 0, 0, "after its end");
}

static void
test_calls_that_come_and_go(void)
{
    struct tg_call_slot *slot = begin(4);
    int mended = 0;

    atomic_fetch_add(&key_of(4)->in_flight, 1);
    tg_crowd_suspect(&crowd);
    for (int i = 0; i < 10; i++) {
        mended += look();
        end(slot);
        slot = begin(4);
    }
    is_int(mended, 0, "nothing is done while calls come and go");
    is_flight(4, 2, HELD, "so far");
    is_int(look_often(3), 1, "then it is");
    end(slot);
    is_flight(4, 0, 0, "after the last one");
}

static void
test_settled_and_not_written_yet(void)
{
    struct tg_call_slot *slot = begin(5);

    slot->call.status = 200;
    atomic_fetch_sub(&key_of(5)->in_flight, 1);
    atomic_fetch_sub(&key_of(5)->held_nanos, HELD);
    atomic_fetch_sub(&account()->in_flight, 1);
    atomic_fetch_sub(&account()->held_nanos, HELD);
    atomic_fetch_add(&key_of(5)->in_flight, 1);
    tg_crowd_suspect(&crowd);
    is_int(look_often(5), 0, "nothing is done while a call is being settled");
    is_flight(5, 1, 0, "its key");
    tg_area_end(&claim, slot);
    is_int(look_often(3), 1, "then it is");
    is_flight(5, 0, 0, "the key");
}

/* The store is not there: the daemon cannot settle it in its place yet. */
static void
test_killed_before_it_was_counted(void)
{
    struct tg_call_slot *slot = begin(7);

    slot->call.status = 200;
    tg_crowd_suspect(&crowd);
    is_int(look_often(5), 0, "a call that is to be settled is let alone");
    is_flight(7, 1, HELD, "its key");
    slot->call.status = 0;
    end(slot);
    is_int(look_often(3), 0, "after it was");
    is_flight(7, 0, 0, "the key");
}

static void
test_the_clock(void)
{
    atomic_fetch_add(&key_of(6)->in_flight, 1);
    tg_crowd_suspect(&crowd);
    is_int(look(), 0, "a look");
    now_ms -= SECOND;
    for (int i = 0; i < 10; i++)
        is_int(tg_crowd_look(&crowd, &state, now_ms + i), 0,
               "none is due within its second");
    now_ms -= 3600 * SECOND;
    is_int(look_often(2), 1, "a clock that is set back puts off none");
    is_flight(6, 0, 0, "the key");
}

int
main(void)
{
    char *dir = test_dir();

    test_create(&state, dir, 16);
    atomic_store(&state.header->key_high_water, 8);
    atomic_store(&state.header->account_high_water, 1);
    if (tg_area_claim(&claim, &state, 7, NOW) != 0)
        abort();
    test_killed_before_its_slot();
    test_killed_while_it_settled();
    test_beside_a_call();
    test_calls_that_come_and_go();
    test_settled_and_not_written_yet();
    test_killed_before_it_was_counted();
    test_the_clock();
    tg_crowd_release(&crowd);
    tg_area_leave(&claim);
    tg_state_close(&state);
    test_dir_remove(dir);
    return done();
}
