#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "err.h"
#include "log.h"
#include "report_schedule.h"

/*
 * Sends reports that are due: what is noted with a schedule and the notice in
 * the outbox are one transaction, so each period is sent once.
 */

#define AGAIN_MS INT64_C(60000) /* after a failure */

struct pass {
    struct tg_daemon *daemon;
    struct tg_store *store;
    int64_t now_ms;
    struct tg_report_schedule schedules[TG_REPORT_SCHEDULES_MAX];
    size_t count;
};

static int
take_schedule(void *arg, const struct tg_store_schedule *row)
{
    struct pass *pass = arg;

    if (row->is_on && pass->count < TG_REPORT_SCHEDULES_MAX)
        tg_report_schedule_read(&pass->schedules[pass->count++], row);
    return 0;
}

/* The channel that it goes to. */
struct target {
    bool is_on;
    char name[TG_ALERT_NAME_SIZE];
};

static int
take_channel(void *arg, const struct tg_store_channel *row)
{
    struct target *target = arg;

    target->is_on = row->is_on;
    snprintf(target->name, sizeof(target->name), "%s", row->name);
    return 0;
}

/* Which report is due, and which one follows it. */
struct due {
    struct tg_report_period period;
    int64_t next_day;
    char name[TG_REPORT_NAME_SIZE];
};

static void
find_due(struct due *due, const struct tg_report_schedule *schedule,
         const struct tg_zone *zone)
{
    struct tg_report_period next;

    tg_report_period_of(&due->period, schedule->kind, zone,
                        schedule->next_day - 1);
    tg_report_period_of(&next, schedule->kind, zone, schedule->next_day);
    due->next_day = next.end_day;
    tg_report_period_name(&due->period, due->name);
}

static bool
is_late(const struct pass *pass, const struct tg_report_schedule *schedule,
        const struct tg_zone *zone)
{
    return pass->now_ms - tg_report_schedule_due(schedule, zone) >
           tg_report_schedule_late_ms(schedule);
}

/* Notes it and puts it into the outbox; body NULL: it is only left out. */
static int
commit(struct pass *pass, const struct tg_report_schedule *schedule,
       const struct due *due, const struct target *target, const char *body)
{
    struct tg_store *store = pass->store;
    char id[TG_ID_TEXT_SIZE] = "";
    struct tg_store_sent sent = {
        .schedule_id = schedule->id,
        .updated_at = schedule->updated_at,
        .day = schedule->next_day,
        .next_day = due->next_day,
        .at = pass->now_ms,
        .period = due->name,
        .notice_id = id,
    };
    struct tg_store_notice notice = {
        .id = id,
        .channel_id = schedule->channel_id,
        .channel = target->name,
        .episode_id = "",
        .what = "report",
        .severity = "info",
        .body = body,
        .created_at = pass->now_ms,
    };
    int err = body != NULL ? tg_id_mint(id, "ntf_", tg_random) : 0;

    if (err == 0)
        err = tg_daemon_begin(pass->daemon, store);
    if (err != 0)
        return err;
    err = store->reports->schedule_sent(store, &sent);
    if (err == 0 && body != NULL)
        err = store->ops->notice_add(store, &notice);
    err = tg_daemon_end(pass->daemon, store, err);
    /* It was changed meanwhile: then it is looked at anew. */
    return err == TG_ERR_NOT_FOUND ? 0 : err;
}

/* Up to the first that is not too late. */
static int
leave_out(struct pass *pass, struct tg_report_schedule *schedule,
          const struct tg_zone *zone)
{
    struct target none = {.is_on = false};
    int64_t first_day = schedule->next_day;
    struct due due;
    int err;

    do {
        find_due(&due, schedule, zone);
        schedule->next_day = due.next_day;
    } while (is_late(pass, schedule, zone));
    schedule->next_day = first_day;
    tg_log(TG_LOG_WARNING,
           "reports of the schedule %s are not sent, the last of them %s: they "
           "were due so long ago",
           schedule->id, due.name);
    err = commit(pass, schedule, &due, &none, NULL);
    schedule->next_day = due.next_day;
    return err;
}

static int
send(struct pass *pass, const struct tg_report_schedule *schedule,
     const struct tg_zone *zone, const struct due *due,
     const struct target *target)
{
    json_t *notice = NULL;
    char *body;
    int err = tg_report_notice(pass->store, schedule, zone, &due->period,
                               pass->now_ms, &notice);

    if (err != 0)
        return err;
    body = json_dumps(notice, JSON_COMPACT | JSON_REAL_PRECISION(15));
    err = body != NULL ? commit(pass, schedule, due, target, body)
                       : TG_ERR_SYSTEM;
    free(body);
    json_decref(notice);
    return err;
}

/* One report of a schedule, when it is due; *is_done: none is, or may go. */
static int
look_at(struct pass *pass, struct tg_report_schedule *schedule,
        const struct tg_zone *zone, bool *is_done)
{
    struct target target = {.is_on = false};
    struct due due;
    int err;

    *is_done = pass->now_ms < tg_report_schedule_due(schedule, zone);
    if (*is_done)
        return 0;
    if (is_late(pass, schedule, zone))
        return leave_out(pass, schedule, zone);
    err = pass->store->ops->channel_get(pass->store, schedule->channel_id,
                                        take_channel, &target);
    if (err != 0 && err != TG_ERR_NOT_FOUND)
        return err;
    /* A channel that is off, and calls that are not in yet, are waited for. */
    *is_done = !target.is_on || !tg_daemon_catch_up(pass->daemon);
    if (*is_done)
        return 0;
    find_due(&due, schedule, zone);
    err = send(pass, schedule, zone, &due, &target);
    schedule->next_day = due.next_day;
    return err;
}

/* What was missed comes in its order. */
static int
look_at_schedule(struct pass *pass, struct tg_report_schedule *schedule)
{
    struct tg_zone zone = {0};
    bool is_done = tg_zone_open(&zone, schedule->timezone) != 0;
    int err = 0;

    while (!is_done && err == 0)
        err = look_at(pass, schedule, &zone, &is_done);
    tg_zone_close(&zone);
    return err;
}

static int
look_at_all(struct pass *pass)
{
    int err =
        pass->store->reports->schedule_each(pass->store, take_schedule, pass);

    for (size_t i = 0; i < pass->count && err == 0; i++)
        err = look_at_schedule(pass, &pass->schedules[i]);
    return err;
}

void
tg_report_pass(struct tg_daemon *daemon, struct tg_store *store, int64_t now_ms)
{
    static struct pass pass; /* of the one reporter: large */
    static int64_t again_at_ms;

    if (now_ms < again_at_ms && again_at_ms - now_ms <= AGAIN_MS)
        return;
    pass.daemon = daemon;
    pass.store = store;
    pass.now_ms = now_ms;
    pass.count = 0;
    again_at_ms = 0;
    if (look_at_all(&pass) != 0) {
        again_at_ms = now_ms + AGAIN_MS;
        tg_log(TG_LOG_ERROR, "reports that are due wait: %s",
               store->error.text);
    }
}
