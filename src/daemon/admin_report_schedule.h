/*
 * admin_report_schedule.h: what the handlers of schedules of reports share.
 */
#ifndef TG_ADMIN_REPORT_SCHEDULE_H
#define TG_ADMIN_REPORT_SCHEDULE_H

#include "report_schedule.h"
#include "request.h"

/*
 * The schedule that a request's path names.  The caller holds the admin lock.
 * Returns false with the reply made, 404 when there is none.
 */
bool tg_report_schedule_find(const struct tg_request *request,
                             struct tg_reply *reply,
                             struct tg_report_schedule *schedule);

/*
 * Whether the one who asks may read usage: whoever says where reports go
 * reads it.  Returns false with the reply made.
 */
bool tg_report_schedule_may(const struct tg_request *request,
                            struct tg_reply *reply);

#endif
