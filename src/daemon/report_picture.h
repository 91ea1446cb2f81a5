/*
 * report_picture.h: the sheet of charts of a report: requests, tokens, cost
 * and the share of errors, hour by hour or day by day.
 */
#ifndef TG_REPORT_PICTURE_H
#define TG_REPORT_PICTURE_H

#include "chart.h"

/*
 * Draws it; sheet is tg_report_sheet's, in whose language it is.  0, or as
 * tg_chart_draw, which says why.
 */
int tg_report_picture(const json_t *report, const json_t *sheet,
                      bool is_chinese, const struct tg_chart_form *form,
                      struct tg_chart_picture *picture, char *why, size_t size);

/*
 * The picture for a page, as a PNG twice as fine as it is shown.  0 or an
 * error, which is logged: a page does without.  A report without calls has
 * none: TG_ERR_NOT_FOUND.
 */
int tg_report_page_picture(const json_t *report, const json_t *sheet,
                           bool is_chinese, struct tg_chart_picture *picture);

/* "data:image/png;base64,…", the caller's; NULL without memory. */
char *tg_report_data_uri(const struct tg_chart_picture *picture);

#endif
