#include "admin.h"
#include "alert_deliver.h"
#include "change.h"
#include "clock.h"
#include "err.h"
#include "members.h"

/* The test button of a channel. */

static json_t *
test_notice(const struct tg_channel *channel)
{
    return json_pack("{s:s,s:o,s:s,s:s,s:o}", "type", "alert.test", "at",
                     tg_reply_instant(tg_clock_ms()), "severity", "info",
                     "title", "A test of Tollgate's alerts", "message",
                     json_sprintf("the channel %s is told when something "
                                  "happens; nothing has",
                                  channel->name));
}

/* A real message, and what the other side said; no lock is held meanwhile. */
static void
send_test(struct tg_request *request, struct tg_reply *reply,
          const struct tg_channel *channel)
{
    json_t *notice = test_notice(channel);
    struct tg_delivery delivery;
    char id[TG_ID_TEXT_SIZE];

    if (notice == NULL || tg_id_mint(id, "ntf_", tg_random) != 0) {
        json_decref(notice);
        tg_reply_error(reply, 500, "internal_error", NULL,
                       "there is no memory, or the kernel gives no random "
                       "bytes");
        return;
    }
    tg_deliver(&delivery, request->daemon, channel, id, notice);
    json_decref(notice);
    tg_reply_json(reply, 200,
                  json_pack("{s:s,s:s,s:s,s:b,s:o,s:I,s:o,s:o}", "object",
                            "channel_test", "channel_id", channel->id,
                            "notice_id", id, "delivered",
                            delivery.fate == TG_SHAPE_TAKEN, "status",
                            delivery.status != 0 ? json_integer(delivery.status)
                                                 : json_null(),
                            "latency_ms", (json_int_t)delivery.latency_ms,
                            "error", tg_reply_text(delivery.error), "answer",
                            tg_reply_text(delivery.answer)));
}

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

void
tg_admin_channel_test(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_daemon *daemon = request->daemon;
    struct tg_channel channel = {.target = NULL};
    struct opening opening = {daemon, &channel};
    int err;

    if (!tg_members_only(reply, request->body, "", ""))
        return;
    pthread_mutex_lock(&daemon->admin_lock);
    err = daemon->admin->ops->channel_get(daemon->admin, request->subject,
                                          open_channel, &opening);
    if (err == TG_ERR_NOT_FOUND)
        tg_reply_unknown(reply, "channel", request->subject);
    else if (err != 0)
        tg_reply_store(reply, daemon->admin, err, "channel");
    pthread_mutex_unlock(&daemon->admin_lock);
    if (err == 0 && tg_change_note(request, reply, channel.id))
        send_test(request, reply, &channel);
    tg_channel_release(&channel);
}
