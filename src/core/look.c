#include "look.h"

#include <string.h>

#include "budget_part.h"

/* Of a share word: a cell is being changed (cell.h). */
#define CHANGING(share) ((share) >> 3 & 3)
#define IN_FLUX (UINT64_C(1) << 3 | (uint64_t)TG_STAGE_TAKING << 5)

bool
tg_look_at(const struct tg_call_slot *slot, struct tg_look *look)
{
    uint64_t share;
    struct tg_call_id id;

    memset(look, 0, sizeof(*look));
    if (atomic_load_explicit(&slot->phase, memory_order_acquire) !=
        TG_PHASE_HELD)
        return false;
    share = atomic_load_explicit(&slot->share, memory_order_acquire);
    look->call = slot->call;
    look->wanted_nanos = slot->wanted_nanos;
    memcpy(look->wanted_periods, slot->wanted_periods,
           sizeof(look->wanted_periods));
    atomic_thread_fence(memory_order_acquire);
    look->share = share;
    id = slot->call.id;
    if (atomic_load_explicit(&slot->phase, memory_order_acquire) !=
            TG_PHASE_HELD ||
        atomic_load_explicit(&slot->share, memory_order_acquire) != share ||
        memcmp(&id, &look->call.id, sizeof(id)) != 0)
        look->share = IN_FLUX;
    return true;
}

/* Whether nothing of it is being moved. */
static bool
is_calm(const struct tg_look *look)
{
    enum tg_stage stage = tg_share_stage(look->share);
    bool has_moved = false;

    for (int kind = 0; kind < TG_CELLS; kind++)
        has_moved |= tg_share_has_moved(look->share, (enum tg_cell_kind)kind);
    return CHANGING(look->share) == 0 && !has_moved &&
           (stage == TG_STAGE_NONE || stage == TG_STAGE_HELD ||
            stage == TG_STAGE_SETTLED);
}

static struct tg_range
exactly(const struct tg_call *call, int64_t nanos, enum tg_cell_kind kind,
        uint16_t period)
{
    int64_t is = tg_budget_period(call, kind) == period ? nanos : 0;

    return (struct tg_range){is, is};
}

/* As it was over before, or did not move between the two looks. */
static bool
is_certain(const struct tg_sighting *seen)
{
    const struct tg_look *before = seen->before, *after = seen->after;

    if (before == NULL)
        return after == NULL && seen->record != NULL && seen->is_older;
    if (!is_calm(before))
        return false;
    return tg_share_stage(before->share) == TG_STAGE_SETTLED ||
           (after != NULL && after->share == before->share);
}

static struct tg_range
certain(const struct tg_sighting *seen, enum tg_cell_kind kind, uint16_t period)
{
    const struct tg_look *before = seen->before;

    if (before == NULL)
        return exactly(seen->record, seen->record->cost_nanos, kind, period);
    switch (tg_share_stage(before->share)) {
    case TG_STAGE_HELD:
        return exactly(&before->call, before->call.held_nanos, kind, period);
    case TG_STAGE_SETTLED:
        return exactly(&before->call, before->call.cost_nanos, kind, period);
    default:
        return (struct tg_range){0, 0};
    }
}

static int64_t
larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* The most that a look knows it to have had or wanted, in any period. */
static int64_t
most_of(const struct tg_look *look)
{
    int64_t most;

    if (look == NULL)
        return 0;
    most = larger(look->call.held_nanos, look->call.cost_nanos);
    switch (tg_share_stage(look->share)) {
    case TG_STAGE_TOPPING:
    case TG_STAGE_TOPPED:
        return larger(most, look->wanted_nanos);
    default:
        return most;
    }
}

/*
 * It held when it was seen before, and since then it holds more, or has
 * settled to its cost, in the period it was in: so it has the smaller of the
 * two at least.
 */
static int64_t
least_of(const struct tg_sighting *seen, enum tg_cell_kind kind,
         uint16_t period)
{
    const struct tg_look *before = seen->before;
    const struct tg_call *last = seen->record != NULL  ? seen->record
                                 : seen->after != NULL ? &seen->after->call
                                                       : NULL;
    int64_t cost;

    if (before == NULL || last == NULL || !is_calm(before) ||
        tg_share_stage(before->share) != TG_STAGE_HELD ||
        tg_budget_period(&before->call, kind) != period ||
        tg_budget_period(last, kind) != period)
        return 0;
    cost = seen->record != NULL ? seen->record->cost_nanos : 0;
    return cost < before->call.held_nanos ? cost : before->call.held_nanos;
}

struct tg_range
tg_look_share(const struct tg_sighting *seen, enum tg_cell_kind kind,
              uint16_t period)
{
    struct tg_range range = {0, 0};

    if (is_certain(seen))
        return certain(seen, kind, period);
    range.low = least_of(seen, kind, period);
    range.high = larger(most_of(seen->before), most_of(seen->after));
    if (seen->record != NULL)
        range.high = larger(range.high, larger(seen->record->held_nanos,
                                               seen->record->cost_nanos));
    return range;
}

enum tg_standing
tg_look_standing(const struct tg_sighting *seen)
{
    if (!is_certain(seen))
        return TG_STANDING_UNKNOWN;
    if (seen->before == NULL)
        return TG_STANDING_OVER;
    return tg_share_stage(seen->before->share) == TG_STAGE_HELD
               ? TG_STANDING_ABOUT
               : TG_STANDING_UNKNOWN;
}
