/*
 * budget_test.h: a state file with a key and an account, and calls that hold.
 */
#ifndef BUDGET_TEST_H
#define BUDGET_TEST_H

#include "area.h"
#include "budget.h"
#include "cell.h"
#include "state_test.h"

#define NOW 1700000000000
#define DAY 19675
#define MONTH 24287 /* November 2023 */

static struct tg_state state;
static struct tg_publisher *publisher;
static struct tg_key_policy key;
static struct tg_account_policy account = {.id = "acct_1",
                                           .status = TG_ACCOUNT_ACTIVE,
                                           .billing = TG_BILLING_POSTPAID};

__attribute__((unused)) static void
prepare(const char *dir)
{
    uint32_t slot;

    test_create(&state, dir, 10);
    key = test_key(1);
    if (tg_publisher_open(&publisher, &state) != 0 ||
        tg_publish_account(publisher, &account, &slot) != 0 ||
        tg_publish_key(publisher, &key, &slot) != 0)
        abort();
}

__attribute__((unused)) static struct tg_call
call_in(uint32_t day, uint16_t month, int64_t held_nanos)
{
    return (struct tg_call){.at_ms = NOW,
                            .day = day,
                            .month = month,
                            .prompt_bound = 1000,
                            .completion_bound = 1000,
                            .ttft_ms = TG_ABSENT_MS,
                            .held_nanos = held_nanos};
}

/* A call that holds; NULL and *verdict when there is too little. */
__attribute__((unused)) static struct tg_call_slot *
hold(struct tg_area_claim *claim, const struct tg_call *call,
     struct tg_budget_verdict *verdict)
{
    struct tg_call_slot *slot = tg_area_begin(claim, call);

    if (slot == NULL)
        abort();
    if (tg_budget_hold(claim->state, slot, &key, &account, verdict))
        return slot;
    tg_area_cancel(claim, slot);
    return NULL;
}

__attribute__((unused)) static void
settle(struct tg_area_claim *claim, struct tg_call_slot *slot, int64_t cost)
{
    slot->call.cost_nanos = cost;
    tg_budget_settle(claim->state, slot);
    tg_area_end(claim, slot);
}

/* What is used in the day, the month, and of the account. */
__attribute__((unused)) static int64_t
used(enum tg_cell_kind kind)
{
    switch (kind) {
    case TG_CELL_DAY:
        return tg_cell_look(&state.keys[0].day).used_nanos;
    case TG_CELL_MONTH:
        return tg_cell_look(&state.keys[0].month).used_nanos;
    default:
        return tg_cell_look(&state.accounts[0].committed).used_nanos;
    }
}

#endif
