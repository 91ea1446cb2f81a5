/*
 * usage_fold.h: parts of an answer about usage, added up by group and span.
 *
 * Who adds parts looks up a part's group once for many of them: whether the
 * question is about it at all is not asked here.
 */
#ifndef TG_USAGE_FOLD_H
#define TG_USAGE_FOLD_H

#include "heap.h"
#include "names.h"
#include "str.h"
#include "times.h"
#include "usage.h"

/* What calls are of, apart from who made them. */
struct tg_usage_kind {
    const char *model, *upstream_id;
    int64_t endpoint, status;
};

struct tg_usage_fold {
    const struct tg_usage_question *question;
    struct tg_names groups;
    uint32_t next_group;  /* likely to be asked for: behind the last one */
    struct tg_names rows; /* as they come */
    struct tg_times_pool pool;
};

void tg_usage_fold_init(struct tg_usage_fold *fold,
                        const struct tg_usage_question *question);

bool tg_usage_asks_kind(const struct tg_usage_question *question,
                        const struct tg_usage_kind *kind);

/* Of a key and account, as far as the question says which. */
bool tg_usage_asks_holder(const struct tg_usage_question *question,
                          const char *key_id, const char *account_id);

/*
 * The number of the group that calls belong to.  What the group is not made of
 * may be anything: key_id and account_id NULL, kind {0}.  0 or TG_ERR_SYSTEM.
 */
int tg_usage_fold_group(struct tg_usage_fold *fold, const char *key_id,
                        const char *account_id,
                        const struct tg_usage_kind *kind, uint32_t *group);

/* Whether a group is one of kinds; otherwise keys and accounts have one. */
bool tg_usage_groups_kinds(const struct tg_usage_question *question);

/*
 * Adds calls to the row of a group in a span; latency and ttft are encoded
 * histograms (histogram.h).  Returns 0; TG_ERR_LIMIT when there are more rows
 * than rows_max, TG_ERR_RANGE when a sum does not fit, TG_ERR_CORRUPT of a
 * histogram, TG_ERR_SYSTEM without memory.
 */
int tg_usage_fold_add(struct tg_usage_fold *fold, uint32_t group, int64_t span,
                      const struct tg_sums *sums, struct tg_str latency,
                      struct tg_str ttft);

/* The same of calls that were added up.  As above, but TG_ERR_CORRUPT. */
int tg_usage_fold_heap(struct tg_usage_fold *fold, uint32_t group, int64_t span,
                       const struct tg_heap *heap);

/* The same of a single call; ttft_ms NULL: no token came. */
int tg_usage_fold_call(struct tg_usage_fold *fold, uint32_t group, int64_t span,
                       const struct tg_sums *sums, uint32_t latency_ms,
                       const uint32_t *ttft_ms);

/*
 * Visits the rows by span and then by group, both from the least; a question
 * that has neither has one row, be it empty.  total, if not NULL, becomes all
 * of them together.  visit may be NULL.  Returns 0, what visit returned, or
 * as tg_usage_fold_add.
 */
int tg_usage_fold_end(struct tg_usage_fold *fold, struct tg_store_usage *total,
                      int (*visit)(void *, const struct tg_store_usage *),
                      void *arg);

void tg_usage_fold_release(struct tg_usage_fold *fold);

#endif
