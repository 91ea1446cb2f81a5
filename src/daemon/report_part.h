/*
 * report_part.h: a report that is being made; for report*.c alone.
 */
#ifndef TG_REPORT_PART_H
#define TG_REPORT_PART_H

#include "id.h"
#include "report.h"
#include "usage_spans.h"

/* All calls of a period, or of as much of it as is over. */
struct tg_report_sums {
    struct tg_report_period period;
    int64_t until;        /* its end, or the instant up to which it is */
    int64_t covered_from; /* after period.from: what was before is gone */
    struct tg_store_usage total;
};

struct tg_report_making {
    struct tg_store *store;
    const struct tg_report_question *question;
    struct tg_report_sums now, before;
    struct tg_sums *quarters; /* of now, from period.from on; owned */
    size_t quarter_count;
    char key_name[401];
    char key_account[TG_ID_TEXT_SIZE];
};

/* The quarter-hours of a span, and what they add up to. */
struct tg_report_stretch {
    int64_t span; /* its number, of usage_spans.h */
    int64_t at;   /* it begins */
    struct tg_sums sums;
};

/* Visits hours or days of the period that have begun, the empty ones, too. */
int tg_report_stretches(const struct tg_report_making *making,
                        const struct tg_usage_span *span,
                        int (*visit)(void *, const struct tg_report_stretch *),
                        void *arg);

/* A question about the calls of a report, from an instant to another. */
struct tg_usage_question tg_report_usage(const struct tg_report_making *making,
                                         int64_t since, int64_t until);

/*
 * Members of the object, each new.  Those that ask the store set *err and
 * give NULL when it fails.
 */
json_t *tg_report_total(const struct tg_report_sums *sums);
json_t *tg_report_average(const struct tg_report_sums *sums);
json_t *tg_report_change(const struct tg_report_sums *now,
                         const struct tg_report_sums *before);
json_t *tg_report_series(const struct tg_report_making *making);
json_t *tg_report_peaks(const struct tg_report_making *making, int *err);
json_t *tg_report_top(const struct tg_report_making *making,
                      enum tg_usage_by by, int *err);
json_t *tg_report_statuses(const struct tg_report_making *making, int *err);
json_t *tg_report_notes(const struct tg_report_making *making, const char *what,
                        int *err);

/* Of a row: what was asked, and what it cost. */
void tg_report_row(json_t *row, const struct tg_sums *sums);

/* part * times / whole, rounded half up to a nano-unit; null when whole is 0.
 */
json_t *tg_report_money(int64_t nanos, int64_t times, int64_t whole);

#endif
