/*
 * usage_fold.h: parts of an answer about usage, added up by group and span.
 */
#ifndef TG_USAGE_FOLD_H
#define TG_USAGE_FOLD_H

#include "names.h"
#include "str.h"
#include "usage.h"

/* Calls of one quarter-hour that are alike, or a single one. */
struct tg_usage_part {
    int64_t quarter;
    const char *key_id, *account_id, *model, *upstream_id;
    int64_t endpoint, status;
    struct tg_sums sums;
    /* Of many calls, encoded histograms (histogram.h); of one, with data
       NULL, its figures. */
    struct tg_str latency, ttft;
    int64_t latency_ms, ttft_ms; /* ttft_ms -1: no token came */
};

struct tg_usage_fold {
    const struct tg_usage_question *question;
    struct tg_names rows; /* as they come */
};

void tg_usage_fold_init(struct tg_usage_fold *fold,
                        const struct tg_usage_question *question);

/*
 * Adds a part to its row, or to none when the question is not about it.
 * since and until are not looked at.  Returns 0; TG_ERR_LIMIT when there are
 * more than rows_max, TG_ERR_RANGE when a sum does not fit, TG_ERR_CORRUPT of
 * a histogram, TG_ERR_SYSTEM without memory.
 */
int tg_usage_fold_take(struct tg_usage_fold *fold,
                       const struct tg_usage_part *part);

/*
 * Visits the rows by span and then by group, both from the least; a question
 * that has neither has one row, be it empty.  total, if not NULL, becomes all
 * of them together.  visit may be NULL.  Returns 0, what visit returned, or
 * as tg_usage_fold_take.
 */
int tg_usage_fold_end(struct tg_usage_fold *fold, struct tg_store_usage *total,
                      int (*visit)(void *, const struct tg_store_usage *),
                      void *arg);

void tg_usage_fold_release(struct tg_usage_fold *fold);

#endif
