/*
 * budget.h: what a key may spend in a day and a month, and its account at
 * all.  Settled and held together never exceed any of the three, for any
 * number of processes, whatever is killed.
 *
 * Budgets count calls by the day and the month of the key's time zone in
 * which they were admitted.  What a key uses is counted whether it has a
 * budget or not, so one that is set later knows what went before.
 *
 * A call that is to hold more after its day or month is over moves into the
 * one that is in the cell by then, with all it holds: so the calls of no
 * period ever cost more than its budget.
 */
#ifndef TG_BUDGET_H
#define TG_BUDGET_H

#include "state.h"

enum tg_budget_kind {
    TG_BUDGET_NONE = 0,
    TG_BUDGET_DAILY,
    TG_BUDGET_MONTHLY,
    TG_BUDGET_BALANCE, /* of a prepaid account */
};

/* Why no money was to be had: nano-units. */
struct tg_budget_verdict {
    enum tg_budget_kind kind;
    int64_t size_nanos; /* the budget, or all money of the account */
    int64_t used_nanos; /* settled and held */
    int64_t left_nanos; /* never below 0 */
};

/*
 * Takes call.held_nanos (not negative) of the call in slot from day, month
 * and balance, or from none.  The call has key_slot, account_slot, day and
 * month (calendar.h), the last two of which become those it is counted in:
 * later ones when others were there before.  The slot is fresh from
 * tg_area_begin.  Returns whether it holds now; if not, *verdict says what is
 * short (the first in the order of the enum), and the slot goes back by
 * tg_area_cancel; to hold less, the call begins again.
 */
bool tg_budget_hold(struct tg_state *state, struct tg_call_slot *slot,
                    const struct tg_key_policy *key,
                    const struct tg_account_policy *account,
                    struct tg_budget_verdict *verdict);

#define TG_BUDGETS 3

/*
 * How each of the three stands, in the order of the enum; kind TG_BUDGET_NONE
 * where the key has no such limit, used_nanos then counting all the same.  As
 * tg_budget_left otherwise.
 */
void tg_budget_stand(const struct tg_state *state, const struct tg_call *call,
                     const struct tg_key_policy *key,
                     const struct tg_account_policy *account,
                     struct tg_budget_verdict verdicts[TG_BUDGETS]);

/*
 * The least that is left of all three, never below 0; INT64_MAX less what is
 * used when nothing limits it.  *verdict says which one that is (kind
 * TG_BUDGET_NONE: no limit).  What it says may be over by the time it is
 * used: only a hold is certain.
 */
int64_t tg_budget_left(const struct tg_state *state, const struct tg_call *call,
                       const struct tg_key_policy *key,
                       const struct tg_account_policy *account,
                       struct tg_budget_verdict *verdict);

/*
 * What is left of an account, without what calls in flight hold: below 0 where
 * more was spent than given.  Of a damaged account, the end of the range.
 */
int64_t tg_budget_balance(const struct tg_account_policy *account,
                          const struct tg_counters *counters);

/*
 * Makes a call that holds hold nanos in all, which is at least what it does;
 * what it holds more is taken from day, month and balance, or from none.
 * held_nanos becomes nanos, and day and month those it is counted in by now;
 * counters follow.  Returns whether it does; if not, *verdict says what is
 * short (left_nanos is without what the call holds), and nothing has changed.
 * Killed at any instruction, it did or did not: tg_budget_recover.
 */
bool tg_budget_more(struct tg_state *state, struct tg_call_slot *slot,
                    int64_t nanos, const struct tg_key_policy *key,
                    const struct tg_account_policy *account,
                    struct tg_budget_verdict *verdict);

/*
 * The most that a call which holds could hold in all, by what is left now;
 * INT64_MAX when nothing limits it, and never below 0.
 */
int64_t tg_budget_room(const struct tg_state *state, const struct tg_call *call,
                       const struct tg_key_policy *key,
                       const struct tg_account_policy *account);

/*
 * For whoever takes over a dead owner's slot: ends the change that the owner
 * was making, and undoes or completes a top-up, so that held_nanos, day and
 * month of the call are what its cells have.  Does nothing where there is
 * nothing to end.
 */
void tg_budget_recover(struct tg_state *state, struct tg_call_slot *slot);

/*
 * Ends what the call in slot holds: call.cost_nanos (0 to held_nanos) stays,
 * the rest goes back, in the periods it was taken from; those that are over
 * are not touched.  Does nothing for a call that holds nothing or has been
 * settled, so it can be called again for a slot whose owner died in it.
 */
void tg_budget_settle(struct tg_state *state, struct tg_call_slot *slot);

/* Whether the call in slot holds money. */
bool tg_budget_holds(const struct tg_call_slot *slot);

/* Whether nothing of it is to go back any more: it has been settled, or undone.
 */
bool tg_budget_is_over(const struct tg_call_slot *slot);

/*
 * Says what a key has used in a day and a month, for the daemon when it has
 * made a state file and before it is ready (publish.h), or has given a slot
 * to another key (all 0).  Calls in flight are not added: there are none.
 */
void tg_budget_load(struct tg_state *state, uint32_t key_slot, uint32_t day,
                    uint16_t month, int64_t day_nanos, int64_t month_nanos);

#endif
