/*
 * usage_view.h: which columns an answer about usage has, and its table.
 */
#ifndef TG_USAGE_VIEW_H
#define TG_USAGE_VIEW_H

#include "cell.h"
#include "cli.h"

#define TG_USAGE_COLUMNS 40

/* How much is shown. */
enum tg_usage_width {
    TG_USAGE_NARROW = 0, /* what fits into 80 columns beside long names */
    TG_USAGE_USUAL,      /* beside short ones */
    TG_USAGE_WIDE,       /* everything, without room for it */
};

struct tg_usage_view {
    struct tg_column columns[TG_USAGE_COLUMNS]; /* ended by an empty one */
    size_t names;        /* how many of them say what a row is of */
    bool is_by_time;     /* rows are in the order of time */
    const char *instant; /* the member that is an instant; or NULL */
    enum tg_usage_width width;
    char cost[24];
};

/*
 * The columns of rows by these words ("day", "key", "day,model"), as wide as
 * they may be in 80 columns, or all of them.
 */
void tg_usage_view_init(struct tg_usage_view *view, const char *by,
                        bool is_wide);

/* Whether any column is about latency or the first token. */
bool tg_usage_view_has_latency(const struct tg_usage_view *view);

/* Prints the answer's rows and total with what they are of. */
void tg_usage_view_table(struct tg_cli *cli, struct tg_usage_view *view,
                         json_t *usage);

#endif
