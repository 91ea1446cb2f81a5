/*
 * target.h: which upstream a call goes to, and with which credential.
 *
 * A model's upstreams are asked in their order.  Of one upstream's
 * credentials a key keeps to one while that has room, because what providers
 * remember of a prompt is remembered by account, and is cheaper; if that one
 * fails, its keys spread over all the others, and no other key moves.  One that
 * another takes over from is used where no other of its pool will do.
 *
 * A call that was refused goes on: first where nobody has failed it yet, then
 * with other credentials of upstreams that have.  Where every credential has
 * just failed, one is tried all the same, and its answer stands: so a call of
 * an upstream that is short of breath costs it one request, not four.
 *
 * What an account at its provider keeps, files and the like, is asked for with
 * one credential alone: that of the lowest row, at the first upstream that has
 * such things.  Such a call never goes on.
 */
#ifndef TG_TARGET_H
#define TG_TARGET_H

#include "pool.h"
#include "route.h"
#include "state.h"

#define TG_TARGET_TRIES 4      /* of one call */
#define TG_TARGET_MS_MAX 10000 /* no try begins later than this */

/* Where a call is, or goes next; zeros: nowhere yet.  The caller's. */
struct tg_target {
    uint16_t upstream, credential; /* rows of the catalog */
    uint32_t generation;           /* of the credential */
    uint16_t tried[TG_TARGET_TRIES];
    uint16_t tries;         /* this one included */
    bool is_taken;          /* it counts among the credential's calls */
    bool is_tied;           /* it is about what an account keeps */
    uint64_t failed;        /* bits of upstreams: not to be tried first */
    int64_t first_at_ms;    /* when the first was chosen */
    int64_t chosen_at_ms;   /* when this one was */
    int64_t probe_until_ms; /* 0: it is no probe */
};

/* What was lacking where none was found; the last one says most. */
enum tg_lack {
    TG_LACK_NONE = 0,
    TG_LACK_TRIES,      /* or time, to go on */
    TG_LACK_UPSTREAM,   /* nobody serves the model */
    TG_LACK_ENDPOINT,   /* who serves it has no such endpoint */
    TG_LACK_CREDENTIAL, /* an upstream has none */
    TG_LACK_ADDRESS,    /* its name does not resolve */
    TG_LACK_ACCEPTED,   /* every credential is taken out */
    TG_LACK_PATIENCE,   /* an upstream asked to wait until again_at_ms */
    TG_LACK_ROOM,       /* all have as many calls at once as they take */
};

struct tg_scarcity {
    enum tg_lack lack;
    int64_t again_at_ms; /* of TG_LACK_PATIENCE */
};

/* What is chosen from, and for whom. */
struct tg_offer {
    const struct tg_state *state;
    struct tg_area_claim *claim; /* NULL: only to see what would be chosen */
    const struct tg_catalog *catalog; /* checked to be current afterwards */
    const struct tg_model *model;
    uint32_t key_slot;
    enum tg_endpoint endpoint;
    bool is_tied; /* what it is about is kept by one account */
};

/*
 * Chooses where a call goes, or goes next, and writes it into *target.  With a
 * claim it is taken: counted among the credential's calls at once until
 * tg_target_leave, and the probe of a credential that is due.  Returns false
 * with *scarcity written, and target as it was, when there is none.
 */
bool tg_target_choose(const struct tg_offer *offer, int64_t now_ms,
                      struct tg_target *target, struct tg_scarcity *scarcity);

/*
 * Notes what became of the try at target.  Returns whether the call may go on
 * to another one.
 */
bool tg_target_report(struct tg_state *state, struct tg_target *target,
                      const struct tg_try *end, int64_t now_ms);

/* Gives target's place back, once; a probe that found nothing out ends. */
void tg_target_leave(struct tg_area_claim *claim, struct tg_target *target,
                     int64_t now_ms);

#endif
