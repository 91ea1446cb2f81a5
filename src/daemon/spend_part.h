/*
 * spend_part.h: what spend.c and spend_key.c share: one key's sums.
 */
#ifndef TG_SPEND_PART_H
#define TG_SPEND_PART_H

#include "daemon.h"

/* No month is longer, wherever it begins. */
#define TG_SPEND_MS (33 * INT64_C(86400000))

/* What a key has spent in the periods that it is in. */
struct tg_key_spend {
    bool is_known; /* it is staged: publish.h */
    int32_t day, month;
    int64_t day_nanos, month_nanos;
    int64_t last_at;    /* the last quarter-hour or call; 0: none */
    struct tg_str zone; /* in the state file, whose writer we are */
};

/* Begins with nothing, in the periods of now_ms. */
void tg_spend_begin(struct tg_key_spend *spend, const struct tg_daemon *daemon,
                    const struct tg_key_policy *policy, int64_t now_ms);

/* 0, or TG_ERR_RANGE when a sum does not fit. */
int tg_spend_add(struct tg_key_spend *spend, const struct tg_store_spend *row);

/*
 * Loads a staged key's cells and opens it; one that another thread has opened
 * meanwhile is left alone.  The caller holds publish_lock.  0 or TG_ERR_FULL.
 */
int tg_spend_open(struct tg_daemon *daemon, uint32_t slot,
                  const struct tg_key_spend *spend);

#endif
