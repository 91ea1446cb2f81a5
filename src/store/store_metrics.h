/*
 * store_metrics.h: what calls, refusals, events and alerts add up to, ever:
 * counters that outlive the daemon, and the rows they were made of.
 *
 * The sums are written in the transaction that adds a call, so they have each
 * call exactly once.  They begin with the store, or with the version of
 * it that has them, and are never made smaller.
 */
#ifndef TG_STORE_METRICS_H
#define TG_STORE_METRICS_H

#include <stdint.h>

struct tg_store;

/* Beyond so many series calls are added to those of the name "other". */
#define TG_METRIC_SERIES_MAX 1000
#define TG_METRIC_OTHER "other"

enum tg_metric_sum {
    TG_METRIC_CALLS = 0,
    TG_METRIC_PROMPT, /* tokens; with the cached ones */
    TG_METRIC_CACHED,
    TG_METRIC_WRITTEN,
    TG_METRIC_COMPLETION, /* with the reasoning */
    TG_METRIC_REASONING,
    TG_METRIC_COST_NANOS,
    TG_METRIC_IMAGES,
    TG_METRIC_AUDIO_MS,
    TG_METRIC_CHARACTERS,
    TG_METRIC_LATENCY_MS,
    TG_METRIC_TTFT_MS,
    TG_METRIC_PACE_US, /* between two tokens of a stream */
    TG_METRIC_SUMS
};

/* What is counted by size: how many values are at most each bound. */
enum tg_metric_kind {
    TG_METRIC_OF_LATENCY = 0, /* ms */
    TG_METRIC_OF_TTFT,        /* ms */
    TG_METRIC_OF_INPUT,       /* tokens */
    TG_METRIC_OF_OUTPUT,      /* tokens */
    TG_METRIC_OF_PACE,        /* us */
    TG_METRIC_KINDS
};

#define TG_METRIC_BOUNDS 16

struct tg_metric_bounds {
    uint32_t count;
    int64_t at[TG_METRIC_BOUNDS]; /* rising */
};

/* Those that OpenTelemetry advises for each. */
extern const struct tg_metric_bounds tg_metric_bounds[TG_METRIC_KINDS];

struct tg_metric_figures {
    int64_t sums[TG_METRIC_SUMS];
    /* Not added up; the last one in use is of what is above every bound. */
    int64_t buckets[TG_METRIC_KINDS][TG_METRIC_BOUNDS + 1];
};

/* The calls of a model, endpoint, upstream and class of status. */
struct tg_metric_series {
    const char *model, *upstream_id;
    int64_t endpoint;     /* enum tg_endpoint; 0 of "other" */
    int64_t status_class; /* 2, 4, 5; 0: no status */
    const struct tg_metric_figures *figures;
};

/* One of many of a name: "denials" with the name of a code, … */
struct tg_metric_count {
    const char *name, *label;
    int64_t count;
};

struct tg_store_metric_ops {
    /* By model, endpoint, upstream and class. */
    int (*series_each)(struct tg_store *store,
                       int (*visit)(void *, const struct tg_metric_series *),
                       void *arg);
    /* By name and label. */
    int (*count_each)(struct tg_store *store,
                      int (*visit)(void *, const struct tg_metric_count *),
                      void *arg);
};

#endif
