/*
 * plot_text.h: a sheet of charts for a terminal that shows no pictures.
 */
#ifndef TG_PLOT_TEXT_H
#define TG_PLOT_TEXT_H

#include "chart.h"
#include "cli.h"

/*
 * Prints each panel to standard output: its total, a line of blocks over time
 * with the least and the most, and a bar for each of its series.  As wide as
 * the terminal; in ASCII where the locale is not of UTF-8.
 */
void tg_plot_text(const struct tg_cli *cli, const struct tg_chart_sheet *sheet);

#endif
