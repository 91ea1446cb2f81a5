/*
 * report.h: what was used in a day, week or month, what it cost, and what was
 * wrong, as one object.
 *
 * All of a report is read in one transaction, so its sums agree with each
 * other and with GET /usage to the nano-unit.  docs/reports.md has the
 * members.
 */
#ifndef TG_REPORT_H
#define TG_REPORT_H

#include <jansson.h>

#include "report_period.h"
#include "store.h"

#define TG_REPORT_TOP 10 /* keys, accounts and models that are named */

struct tg_report_question {
    struct tg_report_period period;
    const struct tg_zone *zone;
    const char *timezone;            /* its name */
    const char *account_id, *key_id; /* NULL: of all */
    int64_t now_ms;
};

/*
 * Makes the report of a period, which may still run: then it is of what is
 * over of it.  Reads for as long as its questions about usage take; store is
 * in no transaction.  0 and *report, which the caller releases; or what the
 * store said, TG_ERR_NOT_FOUND when there is no such key, or not of that
 * account.
 */
int tg_report_make(struct tg_store *store,
                   const struct tg_report_question *question, json_t **report);

#endif
