#include "budget.h"
#include "budget_part.h"

/*
 * A top-up in two stages.  TOPPING: cells that moved have wanted_nanos, the
 * others held_nanos; so it can be undone.  TOPPED: all have wanted_nanos; so
 * it can only be completed, which is to write down what the cells have.
 */

static uint64_t
share_of(const struct tg_call_slot *slot)
{
    return atomic_load_explicit(&slot->share, memory_order_acquire);
}

/* An account's cell is of one period, for ever. */
static uint16_t
wanted_period(const struct tg_call_slot *slot, enum tg_cell_kind kind)
{
    return kind == TG_CELL_COMMITTED ? 0 : slot->wanted_periods[kind];
}

/*
 * What a cell of period has more of the call when it has moved: all of it
 * where the call's own period is over, whose hold went with it.
 */
static int64_t
more_in(const struct tg_call_slot *slot, enum tg_cell_kind kind,
        uint16_t period)
{
    return period == tg_budget_period(&slot->call, kind)
               ? slot->wanted_nanos - slot->call.held_nanos
               : slot->wanted_nanos;
}

/* Takes from one cell, in whatever period it is; false: too little is left. */
static bool
take_more(const struct tg_cell_change *change, int64_t size_nanos,
          struct tg_budget_verdict *verdict)
{
    struct tg_call_slot *slot = change->slot;
    struct tg_cell_view seen;
    uint16_t period;
    int64_t more;

    tg_cell_announce(change);
    do {
        seen = tg_cell_look(change->cell);
        period = tg_cell_period(seen.mark);
        more = more_in(slot, change->kind, period);
        *verdict =
            tg_budget_verdict_of(change->kind, size_nanos, seen.used_nanos);
        if (more > verdict->left_nanos) {
            tg_cell_drop(change);
            return false;
        }
        /* The swap is a barrier: where it was made, this stands. */
        if (change->kind != TG_CELL_COMMITTED)
            slot->wanted_periods[change->kind] = period;
    } while (!tg_cell_swap(change, &seen, period, seen.used_nanos + more));
    tg_cell_done(change);
    return true;
}

static void
undo(struct tg_state *state, struct tg_call_slot *slot)
{
    for (int k = 0; k < TG_CELLS; k++) {
        enum tg_cell_kind kind = (enum tg_cell_kind)k;

        if (tg_share_has_moved(share_of(slot), kind)) {
            struct tg_cell_change change = tg_cell_of(state, slot, kind);
            uint16_t period = wanted_period(slot, kind);

            tg_budget_give(&change, period, more_in(slot, kind, period));
        }
    }
    tg_share_enter(slot, TG_STAGE_HELD);
}

/* Each of these can be done twice. */
static void
complete(struct tg_call_slot *slot)
{
    slot->call.held_nanos = slot->wanted_nanos;
    tg_budget_adopt(&slot->call, TG_CELL_DAY, slot->wanted_periods[0]);
    tg_budget_adopt(&slot->call, TG_CELL_MONTH, slot->wanted_periods[1]);
    tg_share_enter(slot, TG_STAGE_HELD);
}

static void
count(struct tg_state *state, const struct tg_call *call, int64_t more)
{
    atomic_fetch_add_explicit(&state->keys[call->key_slot].counters.held_nanos,
                              more, memory_order_relaxed);
    atomic_fetch_add_explicit(
        &state->accounts[call->account_slot].counters.held_nanos, more,
        memory_order_relaxed);
}

bool
tg_budget_more(struct tg_state *state, struct tg_call_slot *slot, int64_t nanos,
               const struct tg_key_policy *key,
               const struct tg_account_policy *account,
               struct tg_budget_verdict *verdict)
{
    int64_t held_nanos = slot->call.held_nanos;

    assert(tg_share_stage(share_of(slot)) == TG_STAGE_HELD);
    assert(nanos >= held_nanos);
    slot->wanted_nanos = nanos;
    tg_share_enter(slot, TG_STAGE_TOPPING);
    for (int k = 0; k < TG_CELLS; k++) {
        struct tg_cell_change change =
            tg_cell_of(state, slot, (enum tg_cell_kind)k);
        int64_t size = tg_budget_size((enum tg_cell_kind)k, key, account);

        if (!take_more(&change, size, verdict)) {
            undo(state, slot);
            return false;
        }
    }
    tg_share_enter(slot, TG_STAGE_TOPPED);
    complete(slot);
    count(state, &slot->call, nanos - held_nanos);
    return true;
}

int64_t
tg_budget_room(const struct tg_state *state, const struct tg_call *call,
               const struct tg_key_policy *key,
               const struct tg_account_policy *account)
{
    const struct tg_key_record *record = &state->keys[call->key_slot];
    const struct tg_cell *cells[TG_CELLS] = {
        &record->day, &record->month,
        &state->accounts[call->account_slot].committed};
    int64_t room = INT64_MAX;

    for (int k = 0; k < TG_CELLS; k++) {
        enum tg_cell_kind kind = (enum tg_cell_kind)k;
        struct tg_cell_view view = tg_cell_look(cells[k]);
        int64_t size = tg_budget_size(kind, key, account), left;

        if (size == INT64_MAX)
            continue;
        left = tg_budget_verdict_of(kind, size, view.used_nanos).left_nanos;
        if (tg_cell_period(view.mark) == tg_budget_period(call, kind) &&
            __builtin_add_overflow(left, call->held_nanos, &left))
            left = INT64_MAX;
        if (left < room)
            room = left;
    }
    return room;
}

void
tg_budget_recover(struct tg_state *state, struct tg_call_slot *slot)
{
    tg_cell_recover(state, slot);
    switch (tg_share_stage(share_of(slot))) {
    case TG_STAGE_TOPPING:
        undo(state, slot);
        break;
    case TG_STAGE_TOPPED:
        /* Its owner counts behind this stage, so it has not. */
        count(state, &slot->call, slot->wanted_nanos - slot->call.held_nanos);
        complete(slot);
        break;
    default:
        break;
    }
}
