/*
 * alert_baseline.h: how many calls a key usually makes: of the last seven
 * days, or since it was made.
 *
 * What is asked of the store is kept for an hour.  One thread.
 */
#ifndef TG_ALERT_BASELINE_H
#define TG_ALERT_BASELINE_H

#include "store.h"

struct tg_baselines;

struct tg_baseline {
    int64_t requests;
    int64_t span_ms; /* in which they were made */
};

/* 0 or TG_ERR_SYSTEM. */
int tg_baselines_new(struct tg_baselines **baselines);
void tg_baselines_free(struct tg_baselines *baselines);

/*
 * What is known of a key that was made at created_at; false when it must be
 * asked for first: tg_baselines_fill does, and the key stands in its list.
 */
bool tg_baselines_find(struct tg_baselines *baselines, const char *key_id,
                       int64_t created_at, int64_t now_ms,
                       struct tg_baseline *baseline);

/*
 * Asks for those that were wanted, a few hundred at most; leave_ms before now
 * is where the time they are of ends.  Then visits each.  Costs a look at all
 * calls that are in no rollup.  0, or what the store said.
 */
int tg_baselines_fill(struct tg_baselines *baselines, struct tg_store *store,
                      int64_t now_ms, int64_t leave_ms,
                      void (*visit)(void *, const char *key_id), void *arg);

#endif
