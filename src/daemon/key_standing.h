/*
 * key_standing.h: how a key stands towards its limits and budgets now, from
 * the counters of the state file.
 */
#ifndef TG_KEY_STANDING_H
#define TG_KEY_STANDING_H

#include "daemon.h"

#define TG_STANDING_RATES 5
#define TG_STANDING_BUDGETS 2

/* One limit; size 0: the key has none, and what is used is not counted. */
struct tg_standing_rate {
    const char *name; /* as in a key's "limits" */
    int64_t size, used;
    int64_t resets_at_ms; /* when it is whole again; 0: it is, or unknown */
};

/* A budget; size 0: none, and what was spent is counted all the same. */
struct tg_standing_budget {
    const char *name;               /* as in a key's "budget" */
    int64_t size_nanos, used_nanos; /* settled, and held for calls in flight */
    int64_t resets_at_ms;
};

struct tg_standing {
    int64_t at_ms;
    struct tg_standing_rate rates[TG_STANDING_RATES];
    struct tg_standing_budget budgets[TG_STANDING_BUDGETS];
};

/*
 * Reads it of a slot, with the policy in force; resets_at_ms is left 0.  The
 * caller holds the publish lock.  0, or TG_ERR_NOT_FOUND for a free slot.
 */
int tg_slot_standing(const struct tg_state *state, uint32_t slot,
                     int64_t now_ms, struct tg_key_policy *policy,
                     struct tg_standing *standing);

/*
 * Reads it.  Returns 0, or TG_ERR_NOT_FOUND when the gate does not know the
 * key: it was deleted, or is not in force yet.  Takes the publish lock.
 */
int tg_key_standing(struct tg_daemon *daemon, const char *key_id,
                    int64_t now_ms, struct tg_standing *standing);

#endif
