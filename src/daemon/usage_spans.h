/*
 * usage_spans.h: time as reports divide it: quarter-hours, hours, days, weeks
 * and months of a time zone.
 *
 * All of them are whole quarter-hours in every zone there is, so what is
 * summed by quarter-hours can be summed by them without an error.
 */
#ifndef TG_USAGE_SPANS_H
#define TG_USAGE_SPANS_H

#include "zone.h"

/* "2026-11-21", "2026-11", or an instant. */
#define TG_SPAN_TEXT_SIZE 32

/*
 * A way to divide time.  of gives the number of the span that a quarter-hour
 * (at / 900 000 ms) of the zone is in; numbers grow with time, and an hour
 * that comes twice, as clocks are set back, is two.
 */
struct tg_usage_span {
    const char *name;   /* as it is asked for: "day" */
    const char *member; /* that says which one a row is of: "day" */
    int64_t (*of)(const struct tg_zone *zone, int64_t quarter);
    void (*text)(int64_t span, char out[TG_SPAN_TEXT_SIZE]);
};

/* By its name: 15m, hour, day, week, month; NULL when there is none. */
const struct tg_usage_span *tg_usage_span_named(const char *name);

/* For struct tg_usage_question: span_arg, and span_of. */
struct tg_usage_spans {
    const struct tg_usage_span *span;
    const struct tg_zone *zone;
};

int64_t tg_usage_span_of(void *spans, int64_t quarter);

#endif
