/*
 * usage.h: a question about usage, and the rows that answer it.
 */
#ifndef TG_USAGE_QUESTION_H
#define TG_USAGE_QUESTION_H

#include <stdbool.h>

#include "sums.h"

#define TG_QUARTER_MS INT64_C(900000)

/* What each row is about, apart from time. */
enum tg_usage_by {
    TG_BY_TOTAL = 0, /* nothing: one row, or one a span */
    TG_BY_KEY,
    TG_BY_ACCOUNT,
    TG_BY_MODEL,
    TG_BY_SCOPE,    /* "chat"; "" of endpoints without one */
    TG_BY_ENDPOINT, /* "POST /v1/chat/completions" */
    TG_BY_UPSTREAM,
    TG_BY_STATUS, /* "200" */
};

struct tg_usage_question {
    /* Only calls of these; NULL and 0 mean any. */
    const char *key_id, *account_id, *model, *upstream_id;
    int64_t status;
    uint64_t endpoints; /* 1 << enum tg_endpoint */
    /*
     * Instants, Unix time in ms; since is inclusive, until is not, and 0 is
     * the end of time.  They become what the answer is of: whole
     * quarter-hours where calls are gone, and only those that are kept.
     */
    int64_t since, until;

    enum tg_usage_by by;
    /*
     * The span of time that a quarter-hour (Unix time / 900 000 ms) belongs
     * to, by any number that grows with time; NULL: all are one, of number 0.
     */
    int64_t (*span_of)(void *arg, int64_t quarter);
    void *span_arg;
    bool has_latency;  /* say the quantiles, which costs something */
    uint32_t rows_max; /* of more there is no answer; 0: any number */
};

/* p50, p95, p99. */
#define TG_USAGE_QUANTILES 3

/* A row of an answer: the calls of a group in a span. */
struct tg_store_usage {
    const char *group; /* id, name or number; "" of TG_BY_TOTAL */
    int64_t span;
    struct tg_sums sums;
    /* In ms, at most 1/16 above what they stand for; -1: there are none. */
    int64_t latency_ms[TG_USAGE_QUANTILES];
    int64_t ttft_ms[TG_USAGE_QUANTILES]; /* of calls of which a token came */
};

#endif
