/*
 * reconcile.h: the ledger against an upstream's own figures: how many calls
 * and tokens the simulator counted, or by how much a balance fell.
 *
 * Both are told as they are at an instant, so two readings are compared: what
 * came in between them, by the upstream and by the ledger.
 */
#ifndef TG_RECONCILE_H
#define TG_RECONCILE_H

#include "findings.h"
#include "journal.h"

enum tg_meter_kind {
    TG_METER_REQUESTS = 0,
    TG_METER_PROMPT,
    TG_METER_CACHED,
    TG_METER_COMPLETION,
    TG_METER_REASONING,
    TG_METERS,
};

#define TG_TALLY_MODELS 512

struct tg_tally {
    char model[TG_MODEL_NAME_MAX + 1];
    int64_t values[TG_METERS];
};

struct tg_tallies {
    struct tg_tally list[TG_TALLY_MODELS];
    size_t count;
};

/* The model's row, made when it is new; NULL: there are too many. */
struct tg_tally *tg_tally_of(struct tg_tallies *tallies, const char *model);

/* Adds a call, unless nothing was made of it. */
void tg_tally_call(struct tg_tallies *tallies, const struct tg_call *call);

/* Calls of which only one side may know at a reading. */
struct tg_slack {
    int64_t calls, tokens, nanos;
};

/* What an upstream told, and where the ledger was then. */
struct tg_reading {
    bool is_balance; /* else counts */
    int64_t at_ms;
    int64_t seq;           /* the ledger's last call */
    struct tg_slack slack; /* calls behind that, in flight most of them */
    int64_t balance_nanos; /* in the ledger's currency */
    int64_t step_nanos;    /* it is told to within this */
    struct tg_tallies counts;
};

/*
 * The simulator's count, or DeepSeek's balance in that currency, as it was
 * answered.  Returns 0, or TG_ERR_FORMAT when it is not that.
 */
int tg_reading_counts(struct tg_reading *reading, const json_t *answer);
int tg_reading_balance(struct tg_reading *reading, const json_t *answer,
                       const char *currency);

/* As it is kept, and back; -1 when it is not one. */
json_t *tg_reading_save(const struct tg_reading *reading);
int tg_reading_load(struct tg_reading *reading, const json_t *saved);

/* Whether the upstream's counts began anew in between. */
bool tg_reading_is_newer(const struct tg_reading *first,
                         const struct tg_reading *last);

/*
 * Compares what came in between two readings with the ledger's calls in
 * between, by model, and their cost.  figures gets a row for each: subject,
 * what, unit, ledger, upstream.
 */
void tg_reconcile(const struct tg_reading *first, const struct tg_reading *last,
                  const struct tg_tallies *ledger, int64_t ledger_nanos,
                  struct tg_findings *findings, json_t *figures);

#endif
