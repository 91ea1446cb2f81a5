/*
 * pool.h: how each credential fares, in all workers together, and how many
 * calls it has at once.
 *
 * A row is open, or it failed: then it is put last (resting), not used because
 * its upstream asked to wait (waiting), or taken out (rejected), until an
 * instant.  After that one call at a time is let through as its probe.
 *
 *          failure                        success
 *     open ───────▶ resting, waiting, ───────────▶ open
 *                   rejected     │  ▲
 *                       is over  ▼  │ failure: for twice as long
 *                              a probe
 *
 * All that decides is in one word, which changes by compare-and-swap.  Any
 * worker may call these; generation says which credential is meant, and what
 * stands there of another one is neither believed nor changed.
 *
 * Not handled: a worker that reads the generation and stands still while the
 * daemon gives the row to another credential may change that one's row once.
 */
#ifndef TG_POOL_H
#define TG_POOL_H

#include "area.h"
#include "fate.h"
#include "state.h"

/* From worst to best; the safe value uses it for nothing. */
enum tg_pool_standing {
    TG_POOL_REJECTED = 0,
    TG_POOL_WAITING,
    TG_POOL_RESTING,
    TG_POOL_DUE, /* its time is over: may be probed */
    TG_POOL_OPEN,
};

/* How long a probe may take before another one is let through. */
#define TG_POOL_PROBE_MS 60000

/* The longest that an upstream's Retry-After is obeyed. */
#define TG_POOL_WAIT_MS_MAX 60000

/* For so long it is believed how many calls at once an account takes. */
#define TG_POOL_LEARNED_MS 600000

struct tg_pool_view {
    enum tg_pool_standing standing;
    bool is_probing;
    uint32_t failures;    /* in a row */
    int64_t until_ms;     /* 0: open */
    int64_t failed_at_ms; /* last; 0: never */
    uint32_t status;      /* the upstream's, that time; 0: none came */
    uint32_t concurrency; /* learned, and still believed; 0: none */
    uint32_t turns;       /* odd: rejected; counts ins and outs, mod
                             TG_POOL_TURNS */
};

#define TG_POOL_TURNS 2048

/* What stands in a row about the credential of this generation. */
struct tg_pool_view tg_pool_look(const struct tg_state *state, uint32_t row,
                                 uint32_t generation, int64_t now_ms);

/*
 * Makes the caller the probe of a row that is due.  Returns the instant until
 * which it is, or 0 when somebody else was quicker.
 */
int64_t tg_pool_probe(struct tg_state *state, uint32_t row, uint32_t generation,
                      int64_t now_ms);

/* Ends a probe that found nothing out: the row is due again. */
void tg_pool_end_probe(struct tg_state *state, uint32_t row,
                       uint32_t generation, int64_t probe_until_ms,
                       int64_t now_ms);

/* A try with the row's credential. */
struct tg_pool_report {
    struct tg_try end;
    int64_t chosen_at_ms;   /* when the credential was chosen for it */
    int64_t probe_until_ms; /* of tg_pool_probe; 0: it was no probe */
};

/*
 * Notes what became of a try.  Of calls that failed together the first one
 * counts; a success counts if it was begun after the last failure.
 */
void tg_pool_report(struct tg_state *state, uint32_t row, uint32_t generation,
                    const struct tg_pool_report *report, int64_t now_ms);

/*
 * For the daemon: the row is this generation's from now on, and open.  Calls
 * at once stay counted.
 */
void tg_pool_reset(struct tg_state *state, uint32_t row, uint32_t generation);

/*
 * Opens a row at once, as a success would, and forgets what it learned:
 * somebody says that all is well again.
 */
void tg_pool_reopen(struct tg_state *state, uint32_t row, uint32_t generation);

/*
 * Counts a call among the worker's calls at once with a credential, if all
 * workers together then have at most limit (0: any number).  Never above it;
 * of callers at one instant it may refuse one too many.
 */
bool tg_pool_enter(struct tg_area_claim *claim, uint32_t row, uint32_t limit);

void tg_pool_leave(struct tg_area_claim *claim, uint32_t row);

/* Calls at once, in all areas that are claimed: O(areas). */
uint32_t tg_pool_calls(const struct tg_state *state, uint32_t row);

#endif
