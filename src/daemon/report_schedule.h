/*
 * report_schedule.h: reports that are sent by themselves, when they are due
 * and what is sent.
 *
 * A report is due at a time of the day behind its period, by the clocks of a
 * zone, and not before what was asked for in the period had time to come in.
 */
#ifndef TG_REPORT_SCHEDULE_H
#define TG_REPORT_SCHEDULE_H

#include "channel.h"
#include "report.h"
#include "report_show.h"

#define TG_REPORT_SCHEDULES_MAX 100
#define TG_REPORT_ZONE_SIZE 65

/* How long after its end a period's calls are waited for. */
#define TG_REPORT_SETTLE_MS (INT64_C(5) * 60 * 1000)

struct tg_report_schedule {
    char id[TG_ID_TEXT_SIZE], name[TG_ALERT_NAME_SIZE];
    bool is_on, is_chinese;
    enum tg_report_kind kind;
    enum tg_report_form form;
    int64_t at_minutes;
    char timezone[TG_REPORT_ZONE_SIZE];
    char channel_id[TG_ID_TEXT_SIZE];
    char account_id[TG_ID_TEXT_SIZE], key_id[TG_ID_TEXT_SIZE]; /* or "" */
    int64_t next_day, last_at;
    char last_period[TG_REPORT_NAME_SIZE], last_notice_id[TG_ID_TEXT_SIZE];
    int64_t created_at, updated_at;
};

void tg_report_schedule_read(struct tg_report_schedule *schedule,
                             const struct tg_store_schedule *row);

/* row points into schedule then. */
void tg_report_schedule_row(const struct tg_report_schedule *schedule,
                            struct tg_store_schedule *row);

/* "08:00"; false when it is none. */
bool tg_report_time_parse(const char *text, int64_t *minutes);

/* When the report of next_day is due. */
int64_t tg_report_schedule_due(const struct tg_report_schedule *schedule,
                               const struct tg_zone *zone);

/* The first day on which one is due after an instant. */
int64_t tg_report_schedule_next(const struct tg_report_schedule *schedule,
                                const struct tg_zone *zone, int64_t now_ms);

/* How late one is still sent, for a daemon that was not running. */
int64_t tg_report_schedule_late_ms(const struct tg_report_schedule *schedule);

/*
 * What is to be told of a period, as tg_deliver takes it, but its id.  Reads
 * as tg_report_make.  0 and *notice, which the caller releases, or its error.
 */
int tg_report_notice(struct tg_store *store,
                     const struct tg_report_schedule *schedule,
                     const struct tg_zone *zone,
                     const struct tg_report_period *period, int64_t now_ms,
                     json_t **notice);

/* Whether that is what a notice is. */
bool tg_report_is(const json_t *notice);

/* Sends what is due: a row of the reporter's rounds. */
void tg_report_pass(struct tg_daemon *daemon, struct tg_store *store,
                    int64_t now_ms);

#endif
