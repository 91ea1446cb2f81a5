/*
 * plot.h: usage as a sheet of charts: requests, tokens, cost and the share of
 * errors, over time.
 *
 * First the store is asked, under the lock of its connection; then the sheet
 * is made of what came, without it.
 */
#ifndef TG_PLOT_H
#define TG_PLOT_H

#include "chart.h"
#include "usage_query.h"

/* Groups that have a colour of their own; the rest is one together. */
#define TG_PLOT_GROUPS (TG_CHART_SERIES - 1)

#define TG_PLOT_LABEL_SIZE 192
#define TG_PLOT_TITLE_SIZE 640

struct tg_plot_group {
    char id[72];
    char label[TG_PLOT_LABEL_SIZE];
    struct tg_sums sums;
};

/* A span in which there were calls. */
struct tg_plot_point {
    int64_t span;
    struct tg_sums sums;
    int64_t requests[TG_CHART_SERIES], cost_nanos[TG_CHART_SERIES];
};

/* All 0: empty. */
struct tg_plot {
    struct tg_plot_point *points; /* ascending */
    size_t point_count, point_room;
    size_t group_count;                           /* in the answer */
    struct tg_plot_group groups[TG_CHART_SERIES]; /* the largest of them */
    struct tg_sums total;
    char title[TG_PLOT_TITLE_SIZE], subtitle[256];
    struct tg_chart_offset offsets[TG_CHART_OFFSETS];
    int64_t *numbers;
    struct tg_chart_sheet sheet; /* once it is made */
};

/* How time is divided where a query does not say it: by how long it is. */
const struct tg_usage_span *tg_plot_span(int64_t since, int64_t until);

/*
 * Asks the query's question in the spans that the query has, or, if it has
 * none, that tg_plot_span gives; of groups, the largest are told apart: by
 * cost, then by requests.  Its instants become what the answer is of.  All is
 * of one moment.  Returns 0; TG_ERR_LIMIT when there are too many points or
 * groups; or what the store returned.  The caller holds the lock of store's
 * connection, and releases the plot in any case.
 */
int tg_plot_ask(struct tg_plot *plot, struct tg_usage_query *query,
                struct tg_store *store);

/*
 * Makes plot->sheet, which is the plot's.  Returns 0, TG_ERR_LIMIT when it
 * would have more points than a sheet may, or TG_ERR_SYSTEM without memory.
 */
int tg_plot_make(struct tg_plot *plot, const struct tg_usage_query *query);

void tg_plot_release(struct tg_plot *plot);

#endif
