/*
 * plot_part.h: what the files that make plots have in common.
 */
#ifndef TG_PLOT_PART_H
#define TG_PLOT_PART_H

#include "plot.h"

/* How many groups have a series of their own; one more has the rest. */
size_t tg_plot_named(const struct tg_plot *plot);

/* Sets the title and the groups' labels. */
void tg_plot_name(struct tg_plot *plot, const struct tg_usage_query *query,
                  struct tg_store *store);

/* Sets the line below the title: from when to when, where, in what money. */
void tg_plot_subtitle(struct tg_plot *plot, const struct tg_usage_query *query);

#endif
