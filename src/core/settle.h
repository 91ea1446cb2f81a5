/*
 * settle.h: how a call ends: what was used, what it costs, by which basis.
 */
#ifndef TG_SETTLE_H
#define TG_SETTLE_H

#include "meter.h"
#include "state.h"

/* What is known at the end of a call. */
struct tg_outcome {
    const struct tg_meter *meter; /* of the answer, ended */
    uint16_t upstream_status;     /* 0: no answer began */
    uint16_t status;              /* as the client saw it; 0: the code's */
    uint16_t code;                /* enum tg_code */
    bool client_left;             /* before the answer was whole */
    bool is_garbled; /* bytes came that nobody can read, or none of those that
                        were announced */
    bool is_late;    /* it was waited for in vain */
    int64_t now_ms;
};

/*
 * Ends a call once: fills the call's tokens, basis, cost and latency, gives
 * back what it held beyond its cost, and counts it on key and account.  The
 * call is that of a slot.  Figures that cannot be (usage.h), or go beyond the
 * call's bounds, are not believed: then what was counted is charged, then the
 * hold.  A cost is never above the hold: where a call that holds in steps has
 * cost more, that is held as well; if it cannot be, the hold is charged, with
 * basis held and the tokens as they were reported or counted.
 */
void tg_settle(struct tg_state *state, struct tg_call *call,
               const struct tg_outcome *outcome);

/*
 * Ends a call whose worker died, from what stands in its slot: its hold is
 * given back exactly, wherever the worker was in taking or settling it.  A
 * call that the worker had settled and not yet written keeps its record.
 */
void tg_settle_lost(struct tg_state *state, struct tg_call *call,
                    int64_t now_ms);

/*
 * Ends a call of which nothing is known but its hold: that is what it costs.
 * The call is a copy from the journal; no counters are touched.
 */
void tg_settle_forgotten(struct tg_call *call);

#endif
