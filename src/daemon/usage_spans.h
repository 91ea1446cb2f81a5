/*
 * usage_spans.h: the quarter-hours of a usage query, added up by the days or
 * hours of a time zone.
 */
#ifndef TG_USAGE_SPANS_H
#define TG_USAGE_SPANS_H

#include "store.h"
#include "zone.h"

#define TG_HOUR_MS INT64_C(3600000)

/* Day or hour of the row, as text: "2026-11-21", or an instant. */
#define TG_SPAN_TEXT_SIZE 32

struct tg_usage_spans {
    const struct tg_zone *zone;
    int64_t span_ms; /* TG_MS_PER_DAY or TG_HOUR_MS */
    void (*visit)(void *arg, const char *at, const struct tg_store_usage *);
    void *arg;
    /* The span that is still being added up; all 0 at the beginning. */
    bool has_open;
    int64_t open_at;
    struct tg_store_usage open;
};

/*
 * Takes a row of TG_BY_QUARTER, for tg_store_ops.usage: arg is the spans.
 * Rows come in order.  Returns 0.
 */
int tg_usage_spans_take(void *arg, const struct tg_store_usage *row);

/* Ends the span that is open, if one is. */
void tg_usage_spans_end(struct tg_usage_spans *spans);

#endif
