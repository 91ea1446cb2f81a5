/*
 * key_report.h: what the reports about one key share: which key, and from
 * when to when.
 */
#ifndef TG_KEY_REPORT_H
#define TG_KEY_REPORT_H

#include "request.h"

#define TG_KEY_REPORT_ZONE_SIZE 64

/* What of a key its reports need. */
struct tg_key_report {
    const char *key_id;
    char timezone[TG_KEY_REPORT_ZONE_SIZE]; /* of its budgets */
    int64_t created_at;
    int64_t daily_nanos, monthly_nanos; /* 0: none */
    int64_t now_ms;
    int64_t period_ms; /* what was asked for */
    struct tg_store_filter filter;
};

/*
 * Reads the key that the request's path names.  Returns false with the reply
 * made, 404 when there is none.  Call it with the lock of store's connection
 * held; key_id is the request's.
 */
bool tg_key_report_find(struct tg_key_report *report, struct tg_store *store,
                        const struct tg_request *request,
                        struct tg_reply *reply);

/*
 * Reads the argument period ("90m", "24h", "7d", "4w"; a minute to a year)
 * and makes the filter the time from then to now.  Not there: by_default.
 */
bool tg_key_report_period(struct tg_key_report *report,
                          const struct tg_request *request,
                          struct tg_reply *reply, int64_t by_default_ms);

/* What a report asks about the usage of its key. */
struct tg_usage_question
tg_key_report_question(const struct tg_key_report *report);

/* "24h", "7d": the longest unit that has a whole number of them. */
#define TG_PERIOD_TEXT_SIZE 24
void tg_period_text(int64_t ms, char out[TG_PERIOD_TEXT_SIZE]);

/* The object of a report: its name, the key, and what it is of. */
json_t *tg_key_report_object(const struct tg_key_report *report,
                             const char *name);

#endif
