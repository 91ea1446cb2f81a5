#include "admin.h"
#include "admin_report_schedule.h"
#include "alert_deliver.h"
#include "change.h"
#include "clock.h"
#include "err.h"
#include "members.h"

/* A schedule's report now, of the last period that is over. */

struct sending {
    struct tg_report_schedule schedule;
    struct tg_channel channel;
    struct tg_zone zone;
    char period[TG_REPORT_NAME_SIZE];
    json_t *notice;
};

struct opening {
    const struct tg_daemon *daemon;
    struct tg_channel *channel;
};

static int
open_channel(void *arg, const struct tg_store_channel *row)
{
    struct opening *opening = arg;

    return tg_channel_open(opening->channel, &opening->daemon->master_key, row);
}

static bool
find(struct sending *sending, struct tg_request *request,
     struct tg_reply *reply)
{
    struct tg_store *store = request->daemon->admin;
    struct opening opening = {request->daemon, &sending->channel};
    int err;

    if (!tg_report_schedule_find(request, reply, &sending->schedule))
        return false;
    err = store->ops->channel_get(store, sending->schedule.channel_id,
                                  open_channel, &opening);
    if (err == TG_ERR_NOT_FOUND)
        return tg_reply_error(reply, 409, "no_channel", NULL,
                              "its channel is not there any more; name "
                              "another one");
    return err == 0 || tg_reply_store(reply, store, err, "channel");
}

static bool
make(struct sending *sending, struct tg_request *request,
     struct tg_reply *reply)
{
    struct tg_daemon *daemon = request->daemon;
    struct tg_store *store = daemon->reports;
    struct tg_report_period period;
    int64_t now_ms = tg_clock_ms();
    int err = tg_zone_open(&sending->zone, sending->schedule.timezone);

    if (err != 0)
        return tg_reply_error(reply, 500, "internal_error", NULL,
                              "there is no time zone '%s' any more",
                              sending->schedule.timezone);
    tg_report_period_of(&period, sending->schedule.kind, &sending->zone,
                        tg_report_day_of(&sending->zone, now_ms));
    tg_report_period_before(&period, &period, &sending->zone);
    tg_report_period_name(&period, sending->period);
    tg_daemon_catch_up(daemon);
    pthread_mutex_lock(&daemon->reports_lock);
    err = tg_report_notice(store, &sending->schedule, &sending->zone, &period,
                           now_ms, &sending->notice);
    if (err != 0)
        tg_reply_store(reply, store, err, "report");
    pthread_mutex_unlock(&daemon->reports_lock);
    return err == 0;
}

/* A real message, and what the other side said; no lock is held meanwhile. */
static void
deliver(struct sending *sending, struct tg_request *request,
        struct tg_reply *reply)
{
    struct tg_delivery delivery;
    char id[TG_ID_TEXT_SIZE];

    if (tg_id_mint(id, "ntf_", tg_random) != 0) {
        tg_reply_error(reply, 500, "internal_error", NULL,
                       "the kernel gives no random bytes");
        return;
    }
    tg_deliver(&delivery, request->daemon, &sending->channel, id,
               sending->notice);
    tg_reply_json(
        reply, 200,
        json_pack(
            "{s:s,s:s,s:s,s:s,s:s,s:b,s:o,s:I,s:o,s:o}", "object",
            "report_sending", "schedule_id", sending->schedule.id, "channel_id",
            sending->channel.id, "period", sending->period, "notice_id", id,
            "delivered", delivery.fate == TG_SHAPE_TAKEN, "status",
            delivery.status != 0 ? json_integer(delivery.status) : json_null(),
            "latency_ms", (json_int_t)delivery.latency_ms, "error",
            tg_reply_text(delivery.error), "answer",
            tg_reply_text(delivery.answer)));
}

void
tg_admin_report_schedule_send(struct tg_request *request,
                              struct tg_reply *reply)
{
    struct tg_daemon *daemon = request->daemon;
    struct sending sending = {.notice = NULL};
    bool is_there;

    if (!tg_report_schedule_may(request, reply) ||
        !tg_members_only(reply, request->body, "", ""))
        return;
    pthread_mutex_lock(&daemon->admin_lock);
    is_there = find(&sending, request, reply);
    pthread_mutex_unlock(&daemon->admin_lock);
    if (is_there && make(&sending, request, reply) &&
        tg_change_note(request, reply, sending.schedule.id))
        deliver(&sending, request, reply);
    json_decref(sending.notice);
    tg_channel_release(&sending.channel);
    tg_zone_close(&sending.zone);
}
