/*
 * report_mail.h: a report as a mail: a page with its picture and, for those
 * who read no HTML, text; or text alone.
 */
#ifndef TG_REPORT_MAIL_H
#define TG_REPORT_MAIL_H

#include "alert_shape.h"

/*
 * Shapes the mail of a notice that tg_report_is.  What it needs is in the
 * notice, so it is the same report each time it is sent.  Draws the picture,
 * and goes without where that cannot be.  As tg_shape_make otherwise.
 */
int tg_report_mail(struct tg_shape *shape, const struct tg_channel *channel,
                   const char *notice_id, const json_t *notice, int64_t now_ms);

#endif
