#include "budget.h"

#include "budget_part.h"

/*
 * How far behind a cell's period a call may be and count in it: a time zone
 * that moves from +14 to -12 hours goes back by two days.
 */
#define SLACK_DAYS 2
#define SLACK_MONTHS 1

int64_t
tg_budget_size(enum tg_cell_kind kind, const struct tg_key_policy *key,
               const struct tg_account_policy *account)
{
    int64_t all;

    switch (kind) {
    case TG_CELL_DAY:
        return key->daily_nanos == 0 ? INT64_MAX : key->daily_nanos;
    case TG_CELL_MONTH:
        return key->monthly_nanos == 0 ? INT64_MAX : key->monthly_nanos;
    default:
        if (account->billing == TG_BILLING_POSTPAID)
            return INT64_MAX;
        /* What does not fit is no money. */
        if (__builtin_add_overflow(account->granted_nanos,
                                   account->topped_up_nanos, &all) ||
            __builtin_sub_overflow(all, account->settled_nanos, &all))
            return 0;
        return all;
    }
}

uint16_t
tg_budget_period(const struct tg_call *call, enum tg_cell_kind kind)
{
    switch (kind) {
    case TG_CELL_DAY:
        return (uint16_t)call->day;
    case TG_CELL_MONTH:
        return call->month;
    default:
        return 0;
    }
}

static uint16_t
roll(const struct tg_cell_view *view, const struct tg_call *call,
     enum tg_cell_kind kind, int64_t *used_nanos)
{
    return tg_cell_roll(view, tg_budget_period(call, kind),
                        kind == TG_CELL_DAY     ? SLACK_DAYS
                        : kind == TG_CELL_MONTH ? SLACK_MONTHS
                                                : 0,
                        used_nanos);
}

void
tg_budget_adopt(struct tg_call *call, enum tg_cell_kind kind, uint16_t period)
{
    if (period == tg_budget_period(call, kind))
        return;
    if (kind != TG_CELL_COMMITTED)
        call->flags |= TG_CALL_MOVED;
    if (kind == TG_CELL_DAY)
        call->day += (uint32_t)(int16_t)(period - (uint16_t)call->day);
    else if (kind == TG_CELL_MONTH)
        call->month = period;
}

/* No cell is below 0 but in a damaged file: then nothing is left. */
struct tg_budget_verdict
tg_budget_verdict_of(enum tg_cell_kind kind, int64_t size_nanos,
                     int64_t used_nanos)
{
    if (used_nanos < 0)
        used_nanos = INT64_MAX;
    return (struct tg_budget_verdict){
        .kind = (enum tg_budget_kind)(kind + TG_BUDGET_DAILY),
        .size_nanos = size_nanos,
        .used_nanos = used_nanos,
        .left_nanos = size_nanos > used_nanos ? size_nanos - used_nanos : 0,
    };
}

/* Takes the hold from one cell; false when it has too little left. */
static bool
take(const struct tg_cell_change *change, int64_t size_nanos,
     struct tg_budget_verdict *verdict)
{
    struct tg_call *call = &change->slot->call;
    struct tg_cell_view seen;
    uint16_t period;
    int64_t used;

    tg_cell_announce(change);
    do {
        seen = tg_cell_look(change->cell);
        period = roll(&seen, call, change->kind, &used);
        *verdict = tg_budget_verdict_of(change->kind, size_nanos, used);
        if (call->held_nanos > verdict->left_nanos) {
            tg_cell_drop(change);
            return false;
        }
        tg_budget_adopt(call, change->kind, period);
    } while (!tg_cell_swap(change, &seen, period, used + call->held_nanos));
    tg_cell_done(change);
    return true;
}

void
tg_budget_give(const struct tg_cell_change *change, uint16_t period,
               int64_t nanos)
{
    struct tg_cell_view seen;
    int64_t rest;

    tg_cell_announce(change);
    do {
        seen = tg_cell_look(change->cell);
        if (tg_cell_period(seen.mark) != period)
            break;
        rest = seen.used_nanos > nanos ? seen.used_nanos - nanos : 0;
    } while (!tg_cell_swap(change, &seen, period, rest));
    tg_cell_done(change);
}

/* Gives back in the call's own period. */
static void
give(const struct tg_cell_change *change, int64_t nanos)
{
    tg_budget_give(change, tg_budget_period(&change->slot->call, change->kind),
                   nanos);
}

static uint64_t
share_of(const struct tg_call_slot *slot)
{
    return atomic_load_explicit(&slot->share, memory_order_acquire);
}

/* Gives back what a hold that failed, or never ended, has taken so far. */
static void
undo(struct tg_state *state, struct tg_call_slot *slot)
{
    for (int kind = 0; kind < TG_CELLS; kind++) {
        if (tg_share_has_moved(share_of(slot), (enum tg_cell_kind)kind)) {
            struct tg_cell_change change =
                tg_cell_of(state, slot, (enum tg_cell_kind)kind);

            give(&change, slot->call.held_nanos);
        }
    }
    tg_share_enter(slot, TG_STAGE_NONE);
}

bool
tg_budget_hold(struct tg_state *state, struct tg_call_slot *slot,
               const struct tg_key_policy *key,
               const struct tg_account_policy *account,
               struct tg_budget_verdict *verdict)
{
    assert(slot->call.held_nanos >= 0);
    assert(tg_share_stage(share_of(slot)) == TG_STAGE_NONE);
    tg_share_enter(slot, TG_STAGE_TAKING);
    for (int kind = 0; kind < TG_CELLS; kind++) {
        struct tg_cell_change change =
            tg_cell_of(state, slot, (enum tg_cell_kind)kind);
        int64_t size = tg_budget_size((enum tg_cell_kind)kind, key, account);

        if (!take(&change, size, verdict)) {
            undo(state, slot);
            return false;
        }
    }
    tg_share_enter(slot, TG_STAGE_HELD);
    return true;
}

_Static_assert(TG_BUDGETS == TG_CELLS, "a budget is what a cell counts");

void
tg_budget_stand(const struct tg_state *state, const struct tg_call *call,
                const struct tg_key_policy *key,
                const struct tg_account_policy *account,
                struct tg_budget_verdict verdicts[TG_BUDGETS])
{
    const struct tg_key_record *record = &state->keys[call->key_slot];
    const struct tg_cell *cells[TG_CELLS] = {
        &record->day, &record->month,
        &state->accounts[call->account_slot].committed};

    for (int k = 0; k < TG_CELLS; k++) {
        enum tg_cell_kind kind = (enum tg_cell_kind)k;
        struct tg_cell_view view = tg_cell_look(cells[k]);
        int64_t used, size = tg_budget_size(kind, key, account);

        (void)roll(&view, call, kind, &used);
        verdicts[k] = tg_budget_verdict_of(kind, size, used);
        if (size == INT64_MAX)
            verdicts[k].kind = TG_BUDGET_NONE;
    }
}

int64_t
tg_budget_left(const struct tg_state *state, const struct tg_call *call,
               const struct tg_key_policy *key,
               const struct tg_account_policy *account,
               struct tg_budget_verdict *verdict)
{
    struct tg_budget_verdict all[TG_BUDGETS];
    struct tg_budget_verdict least = {.size_nanos = INT64_MAX,
                                      .left_nanos = INT64_MAX};

    tg_budget_stand(state, call, key, account, all);
    for (int k = 0; k < TG_BUDGETS; k++) {
        if (all[k].kind != TG_BUDGET_NONE &&
            (least.kind == TG_BUDGET_NONE ||
             all[k].left_nanos < least.left_nanos))
            least = all[k];
    }
    *verdict = least;
    return least.left_nanos;
}

int64_t
tg_budget_balance(const struct tg_account_policy *account,
                  const struct tg_counters *counters)
{
    __int128 nanos =
        (__int128)account->granted_nanos + account->topped_up_nanos -
        account->settled_nanos -
        atomic_load_explicit(&counters->settled_nanos, memory_order_relaxed);

    return nanos > INT64_MAX   ? INT64_MAX
           : nanos < INT64_MIN ? INT64_MIN
                               : (int64_t)nanos;
}

static void
settle(struct tg_state *state, struct tg_call_slot *slot)
{
    int64_t surplus = slot->call.held_nanos - slot->call.cost_nanos;

    for (int kind = 0; kind < TG_CELLS; kind++) {
        if (!tg_share_has_moved(share_of(slot), (enum tg_cell_kind)kind)) {
            struct tg_cell_change change =
                tg_cell_of(state, slot, (enum tg_cell_kind)kind);

            give(&change, surplus);
        }
    }
    tg_share_enter(slot, TG_STAGE_SETTLED);
}

void
tg_budget_settle(struct tg_state *state, struct tg_call_slot *slot)
{
    tg_budget_recover(state, slot);
    switch (tg_share_stage(share_of(slot))) {
    case TG_STAGE_TAKING:
        undo(state, slot);
        break;
    case TG_STAGE_HELD:
        assert(slot->call.cost_nanos >= 0 &&
               slot->call.cost_nanos <= slot->call.held_nanos);
        settle(state, slot);
        break;
    default:
        break;
    }
}

bool
tg_budget_holds(const struct tg_call_slot *slot)
{
    return tg_share_stage(share_of(slot)) == TG_STAGE_HELD;
}

bool
tg_budget_is_over(const struct tg_call_slot *slot)
{
    enum tg_stage stage = tg_share_stage(share_of(slot));

    return stage == TG_STAGE_NONE || stage == TG_STAGE_SETTLED;
}

void
tg_budget_load(struct tg_state *state, uint32_t key_slot, uint32_t day,
               uint16_t month, int64_t day_nanos, int64_t month_nanos)
{
    struct tg_key_record *record = &state->keys[key_slot];

    tg_cell_load(state, &record->day, TG_CELL_DAY, key_slot, (uint16_t)day,
                 day_nanos);
    tg_cell_load(state, &record->month, TG_CELL_MONTH, key_slot, month,
                 month_nanos);
}
