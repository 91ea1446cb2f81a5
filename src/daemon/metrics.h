/*
 * metrics.h: what Prometheus reads, in its text format 0.0.4.
 *
 * A family is a row of a table in metrics.c, so a scrape, the documents and
 * the code have the same ones.  Names that OpenTelemetry has for calls of
 * models are its own, spelt as Prometheus does.
 */
#ifndef TG_METRICS_H
#define TG_METRICS_H

#include "daemon.h"
#include "str.h"

/* What is written so far; grows by itself. */
struct tg_exposition {
    char *data; /* from malloc */
    size_t len, cap;
    bool has_failed; /* for want of memory */
};

enum tg_metric_type {
    TG_METRIC_GAUGE = 0,
    TG_METRIC_COUNTER,
    TG_METRIC_HISTOGRAM
};

enum tg_metric_family {
    TG_FAMILY_REQUESTS = 0,
    TG_FAMILY_TOKENS,
    TG_FAMILY_COST,
    TG_FAMILY_UNITS,
    TG_FAMILY_FAILED,
    TG_FAMILY_DENIALS,
    TG_FAMILY_EVENTS,
    TG_FAMILY_ALERTS_OPENED,
    TG_FAMILY_TOKEN_USAGE,
    TG_FAMILY_DURATION,
    TG_FAMILY_FIRST_TOKEN,
    TG_FAMILY_OUTPUT_TOKEN,
    TG_FAMILY_ALERTS_OPEN,
    TG_FAMILY_IN_FLIGHT,
    TG_FAMILY_CREDENTIALS,
    TG_FAMILY_CHECK_SUCCESS,
    TG_FAMILY_CHECKED_AT,
    TG_FAMILY_EXPIRES_AT,
    TG_FAMILY_BALANCE_LOW,
    TG_FAMILY_KEYS,
    TG_FAMILY_ACCOUNT_BALANCE,
    TG_FAMILY_READY,
    TG_FAMILY_WORKERS,
    TG_FAMILY_WORKERS_SHUT,
    TG_FAMILY_JOURNAL_FAILING,
    TG_FAMILY_BAD_SEGMENTS,
    TG_FAMILY_LAG_BYTES,
    TG_FAMILY_LAG_SECONDS,
    TG_FAMILY_STORE_BYTES,
    TG_FAMILY_DISK_FREE,
    TG_FAMILY_DISK_SIZE,
    TG_FAMILY_SERIES,
    TG_FAMILY_BUILD,
    TG_FAMILY_CPU,
    TG_FAMILY_RESIDENT,
    TG_FAMILY_VIRTUAL,
    TG_FAMILY_OPEN_FDS,
    TG_FAMILY_MAX_FDS,
    TG_FAMILY_STARTED_AT,
    TG_METRIC_FAMILIES
};

struct tg_metric_row {
    const char *name;
    enum tg_metric_type type;
    const char *unit; /* "": a number of things */
    const char *help;
};

extern const struct tg_metric_row tg_metric_rows[TG_METRIC_FAMILIES];

/* Begins a family: its HELP, TYPE and UNIT. */
void tg_exposition_family(struct tg_exposition *out,
                          enum tg_metric_family family);

/*
 * A sample of a family: its name with suffix ("" or "_sum") and labels, pairs
 * of a name and a value that end with NULL; a value of NULL leaves its label
 * out.  The value follows by one of the functions below, and a line's end.
 */
void tg_exposition_sample(struct tg_exposition *out,
                          enum tg_metric_family family, const char *suffix,
                          const char *const *labels);

/* n as it is, or with its last digits behind a point: 1500 and 3 are 1.5. */
void tg_exposition_number(struct tg_exposition *out, int64_t n, int digits);

/* Both, and with no more than a name: a gauge without labels. */
void tg_exposition_plain(struct tg_exposition *out,
                         enum tg_metric_family family, int64_t n, int digits);

void tg_exposition_text(struct tg_exposition *out, struct tg_str text);

/*
 * All families, of one moment of the store, whose connection's lock the caller
 * holds.  0, or what the store says.
 */
int tg_metrics_write_calls(struct tg_exposition *out, struct tg_daemon *daemon,
                           struct tg_store *store);
int tg_metrics_write_gate(struct tg_exposition *out, struct tg_daemon *daemon,
                          struct tg_store *store, int64_t now_ms);
int tg_metrics_write_upstreams(struct tg_exposition *out,
                               struct tg_daemon *daemon, struct tg_store *store,
                               int64_t now_ms);
void tg_metrics_write_process(struct tg_exposition *out,
                              const struct tg_daemon *daemon);

/*
 * Names and dialects of upstreams by their rows in the catalog, copied.
 */
struct tg_metric_upstreams {
    struct {
        char id[TG_ID_TEXT_SIZE], name[33];
        const char *provider; /* as OpenTelemetry names it */
    } rows[TG_CATALOG_UPSTREAMS];
};

void tg_metrics_upstreams(struct tg_daemon *daemon,
                          struct tg_metric_upstreams *upstreams);

/*
 * A round of the resolver: how many keys are well, while somebody reads
 * metrics.  A pass over all keys is too much for each scrape.
 */
void tg_metrics_pass(struct tg_daemon *daemon, struct tg_store *store,
                     int64_t now_ms);

#endif
