/*
 * watch.c: functions of the core that the linker sends through here: so that
 * the oracle hears of calls, and processes may be killed around the changes
 * of money.
 */
#include "area.h"
#include "cell.h"
#include "mutant.h"
#include "oracle.h"
#include "settle.h"
#include "sim.h"

struct tg_call_slot *__real_tg_area_begin(struct tg_area_claim *claim,
                                          const struct tg_call *call);
void __real_tg_area_cancel(struct tg_area_claim *claim,
                           struct tg_call_slot *slot);
void __real_tg_area_end(struct tg_area_claim *claim, struct tg_call_slot *slot);
void __real_tg_settle(struct tg_state *state, struct tg_call *call,
                      const struct tg_outcome *outcome);
void __real_tg_settle_lost(struct tg_state *state, struct tg_call *call,
                           int64_t now_ms);
bool __real_tg_cell_swap(const struct tg_cell_change *change,
                         const struct tg_cell_view *seen, uint16_t period,
                         int64_t used_nanos);
void __real_tg_cell_done(const struct tg_cell_change *change);
void __real_tg_share_enter(struct tg_call_slot *slot, enum tg_stage stage);
struct tg_call_slot *__wrap_tg_area_begin(struct tg_area_claim *claim,
                                          const struct tg_call *call);
void __wrap_tg_area_cancel(struct tg_area_claim *claim,
                           struct tg_call_slot *slot);
void __wrap_tg_area_end(struct tg_area_claim *claim, struct tg_call_slot *slot);
void __wrap_tg_settle(struct tg_state *state, struct tg_call *call,
                      const struct tg_outcome *outcome);
void __wrap_tg_settle_lost(struct tg_state *state, struct tg_call *call,
                           int64_t now_ms);
bool __wrap_tg_cell_swap(const struct tg_cell_change *change,
                         const struct tg_cell_view *seen, uint16_t period,
                         int64_t used_nanos);
void __wrap_tg_cell_done(const struct tg_cell_change *change);
void __wrap_tg_share_enter(struct tg_call_slot *slot, enum tg_stage stage);

struct tg_call_slot *
__wrap_tg_area_begin(struct tg_area_claim *claim, const struct tg_call *call)
{
    struct tg_call_slot *slot = __real_tg_area_begin(claim, call);

    if (slot == NULL)
        return NULL;
    oracle_begun(claim->state, slot);
    sim_point("in a slot");
    return slot;
}

void
__wrap_tg_area_cancel(struct tg_area_claim *claim, struct tg_call_slot *slot)
{
    struct tg_call_id id = slot->call.id;

    __real_tg_area_cancel(claim, slot);
    oracle_find(&id)->is_cancelled = true;
}

void
__wrap_tg_area_end(struct tg_area_claim *claim, struct tg_call_slot *slot)
{
    struct oracle_call *call = oracle_find(&slot->call.id);

    sim_point("in the journal");
    __real_tg_area_end(claim, slot);
    call->is_ended = true;
    sim_point("out of its slot");
}

/* What a settled call comes to is what the oracle holds from now on. */
static void
settled(struct oracle_call *truth, const struct tg_call *call)
{
    truth->is_settled = true;
    truth->cost_nanos = call->cost_nanos;
    truth->held_nanos = call->held_nanos;
    truth->day = (int32_t)call->day;
    truth->month = call->month;
    oracle_check_record(call);
}

void
__wrap_tg_settle(struct tg_state *state, struct tg_call *call,
                 const struct tg_outcome *outcome)
{
    struct oracle_call *truth = oracle_find(&call->id);

    truth->is_settling = true;
    sim_point("settling");
    __real_tg_settle(state, call, outcome);
    mutant_settle(state, &state->call_slots[truth->slot], outcome);
    settled(truth, call);
}

void
__wrap_tg_settle_lost(struct tg_state *state, struct tg_call *call,
                      int64_t now_ms)
{
    sim_point("settling for the dead");
    __real_tg_settle_lost(state, call, now_ms);
    settled(oracle_find(&call->id), call);
    sim_point("settled for the dead");
}

bool
__wrap_tg_cell_swap(const struct tg_cell_change *change,
                    const struct tg_cell_view *seen, uint16_t period,
                    int64_t used_nanos)
{
    bool is_done;

    sim_point("a cell before it changes");
    is_done = __real_tg_cell_swap(change, seen, period, used_nanos);
    sim_point("a cell that changed");
    return is_done;
}

void
__wrap_tg_cell_done(const struct tg_cell_change *change)
{
    __real_tg_cell_done(change);
    sim_point("a change noted");
}

void
__wrap_tg_share_enter(struct tg_call_slot *slot, enum tg_stage stage)
{
    __real_tg_share_enter(slot, stage);
    /*
     * Not handled by the product: a worker killed between its key's rates and
     * its slot, or while it counts what it has settled or holds more.
     */
    if (stage == TG_STAGE_TAKING || stage == TG_STAGE_TOPPING ||
        stage == TG_STAGE_TOPPED)
        sim_point("a stage");
}
