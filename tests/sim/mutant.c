#include "mutant.h"

#include <stdio.h>
#include <string.h>

#include "area.h"
#include "budget.h"
#include "holds.h"
#include "segments.h"
#include "spend_part.h"

static const char *const names[] = {
    [MUTANT_NONE] = "",
    [MUTANT_SETTLES_TWICE] = "settles-twice",
    [MUTANT_HOLDS_NOTHING] = "holds-nothing",
    [MUTANT_OFFSET_ALONE] = "offset-alone",
    [MUTANT_FREES_EARLY] = "frees-early",
    [MUTANT_TAKES_TWICE] = "takes-twice",
    [MUTANT_BURIES_ALIVE] = "buries-alive",
    [MUTANT_REMOVES_OPEN] = "removes-open",
    [MUTANT_NO_FSYNC] = "no-fsync",
    [MUTANT_FORGETS_HOLDS] = "forgets-holds",
    [MUTANT_OPENS_EARLY] = "opens-early",
};

static enum mutant chosen;

int
mutant_choose(const char *name)
{
    for (size_t i = 1; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(names[i], name) == 0) {
            chosen = (enum mutant)i;
            return 0;
        }
    }
    return -1;
}

bool
mutant_is(enum mutant mutant)
{
    return chosen == mutant;
}

void __real_tg_settle(struct tg_state *state, struct tg_call *call,
                      const struct tg_outcome *outcome);
bool __real_tg_budget_hold(struct tg_state *state, struct tg_call_slot *slot,
                           const struct tg_key_policy *key,
                           const struct tg_account_policy *account,
                           struct tg_budget_verdict *verdict);
bool __real_tg_area_is_orphaned(struct tg_state *state, uint32_t area);
int __real_tg_segments_scan(struct tg_segments *segments,
                            const struct tg_state *state, uint64_t own);
bool __wrap_tg_budget_hold(struct tg_state *state, struct tg_call_slot *slot,
                           const struct tg_key_policy *key,
                           const struct tg_account_policy *account,
                           struct tg_budget_verdict *verdict);
bool __wrap_tg_area_is_orphaned(struct tg_state *state, uint32_t area);
int __wrap_tg_segments_scan(struct tg_segments *segments,
                            const struct tg_state *state, uint64_t own);

bool
__wrap_tg_budget_hold(struct tg_state *state, struct tg_call_slot *slot,
                      const struct tg_key_policy *key,
                      const struct tg_account_policy *account,
                      struct tg_budget_verdict *verdict)
{
    return chosen == MUTANT_HOLDS_NOTHING ||
           __real_tg_budget_hold(state, slot, key, account, verdict);
}

/* Whoever has an area is taken for dead. */
bool
__wrap_tg_area_is_orphaned(struct tg_state *state, uint32_t area)
{
    if (chosen == MUTANT_BURIES_ALIVE)
        return atomic_load(&state->areas[area].writer_id) != 0;
    return __real_tg_area_is_orphaned(state, area);
}

int
__wrap_tg_segments_scan(struct tg_segments *segments,
                        const struct tg_state *state, uint64_t own)
{
    int err = __real_tg_segments_scan(segments, state, own);

    for (size_t i = 0; i < segments->count && chosen == MUTANT_REMOVES_OPEN;
         i++)
        segments->list[i].is_final = true;
    return err;
}

bool __real_tg_holds_need(const struct tg_holds *holds,
                          const struct tg_segment *segment);
bool __wrap_tg_holds_need(const struct tg_holds *holds,
                          const struct tg_segment *segment);

bool
__wrap_tg_holds_need(const struct tg_holds *holds,
                     const struct tg_segment *segment)
{
    return chosen != MUTANT_FORGETS_HOLDS &&
           __real_tg_holds_need(holds, segment);
}

int __real_tg_spend_open(struct tg_daemon *daemon, uint32_t slot,
                         const struct tg_key_spend *spend);
int __wrap_tg_spend_open(struct tg_daemon *daemon, uint32_t slot,
                         const struct tg_key_spend *spend);

int
__wrap_tg_spend_open(struct tg_daemon *daemon, uint32_t slot,
                     const struct tg_key_spend *spend)
{
    struct tg_key_spend nothing = *spend;
    int err;

    if (chosen != MUTANT_OPENS_EARLY)
        return __real_tg_spend_open(daemon, slot, spend);
    nothing.day_nanos = nothing.month_nanos = 0;
    err = __real_tg_spend_open(daemon, slot, &nothing);
    tg_budget_load(&daemon->state, slot, (uint32_t)spend->day,
                   (uint16_t)spend->month, spend->day_nanos,
                   spend->month_nanos);
    return err;
}

void
mutant_settle(struct tg_state *state, struct tg_call_slot *slot,
              const struct tg_outcome *outcome)
{
    if (chosen == MUTANT_SETTLES_TWICE)
        __real_tg_settle(state, &slot->call, outcome);
    if (chosen == MUTANT_FREES_EARLY)
        atomic_store(&slot->phase, TG_PHASE_FREE);
}
