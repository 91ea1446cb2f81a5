#include "alert_deliver.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "egress.h"
#include "report_mail.h"
#include "report_schedule.h"

#define TIMEOUT_MS 10000
#define PAUSE_MS INT64_C(1000)
#define PAUSE_MOST_MS (INT64_C(3600) * 1000)

int64_t
tg_deliver_pause_ms(int64_t attempts, uint32_t jitter)
{
    int64_t pause = attempts > 20 ? PAUSE_MOST_MS : PAUSE_MS << attempts;

    if (pause > PAUSE_MOST_MS)
        pause = PAUSE_MOST_MS;
    /* Three quarters of it, and up to a quarter more. */
    return pause / 4 * 3 + pause / 4 * (jitter % 1024) / 1024;
}

static const char *
text_of(const json_t *object, const char *member)
{
    return json_string_value(json_object_get(object, member));
}

static int
send_mail(struct tg_daemon *daemon, const struct tg_channel *channel,
          const struct tg_shape *shape, struct tg_egress_answer *answer,
          struct tg_error *error)
{
    const json_t *target = channel->target, *list;
    const char *to[17] = {NULL};
    struct tg_egress_mail mail = {
        .url = shape->url,
        .user = text_of(target, "user"),
        .password = text_of(target, "password"),
        .from = text_of(target, "from"),
        .to = to,
        .message = {shape->body, strlen(shape->body)},
        .timeout_ms = TIMEOUT_MS,
        .may_be_plain = json_is_true(json_object_get(target, "plain")),
    };

    list = json_object_get(target, "to");
    for (size_t i = 0; i < 16 && i < json_array_size(list); i++)
        to[i] = json_string_value(json_array_get(list, i));
    return tg_egress_mail(daemon, &mail, answer, error);
}

static int
send_request(struct tg_daemon *daemon, const struct tg_shape *shape,
             struct tg_egress_answer *answer, struct tg_error *error)
{
    const char *headers[TG_SHAPE_HEADERS + 1];
    size_t n = 0;
    struct tg_egress_request request = {
        .method = "POST",
        .url = shape->url,
        .headers = headers,
        .body = {shape->body, strlen(shape->body)},
        .timeout_ms = TIMEOUT_MS,
        .answer_max = 65536,
    };

    for (size_t i = 0; i < TG_SHAPE_HEADERS; i++) {
        if (shape->headers[i][0] != '\0')
            headers[n++] = shape->headers[i];
    }
    headers[n] = NULL;
    return tg_egress_send(daemon, &request, answer, error);
}

static void
judge(struct tg_delivery *delivery, enum tg_channel_kind kind,
      const struct tg_egress_answer *answer)
{
    delivery->status = answer->status;
    delivery->latency_ms = answer->latency_ms;
    delivery->retry_after_s = answer->retry_after_s;
    delivery->fate =
        tg_shape_fate(kind, answer->status, answer->data, answer->len);
    if (answer->data != NULL)
        tg_shape_plain(delivery->answer, sizeof(delivery->answer),
                       answer->data);
    if (delivery->fate == TG_SHAPE_TAKEN)
        return;
    if (answer->status >= 300 && answer->status < 400)
        snprintf(delivery->error, sizeof(delivery->error),
                 "it redirects elsewhere (%ld), which is never followed",
                 answer->status);
    else
        snprintf(delivery->error, sizeof(delivery->error),
                 "it answers with status %ld%s%.300s", answer->status,
                 delivery->answer[0] != '\0' ? ": " : "", delivery->answer);
}

/* A report by mail is a page; elsewhere its digest is told as all else. */
static int
make_shape(struct tg_shape *shape, const struct tg_channel *channel,
           const char *notice_id, const json_t *notice)
{
    int64_t now_ms = tg_clock_wall_ms();

    return channel->kind == TG_CHANNEL_SMTP && tg_report_is(notice)
               ? tg_report_mail(shape, channel, notice_id, notice, now_ms)
               : tg_shape_make(shape, channel, notice_id, notice, now_ms);
}

void
tg_deliver(struct tg_delivery *delivery, struct tg_daemon *daemon,
           const struct tg_channel *channel, const char *notice_id,
           const json_t *notice)
{
    struct tg_egress_answer answer = {0};
    struct tg_error error = {""};
    struct tg_shape shape;
    int err = make_shape(&shape, channel, notice_id, notice);

    memset(delivery, 0, sizeof(*delivery));
    if (err != 0)
        tg_error_set(&error, err, "there is no memory to send it");
    else if (channel->kind == TG_CHANNEL_SMTP)
        err = send_mail(daemon, channel, &shape, &answer, &error);
    else
        err = send_request(daemon, &shape, &answer, &error);
    if (err == 0) {
        judge(delivery, channel->kind, &answer);
    } else {
        delivery->status = answer.status;
        snprintf(delivery->error, sizeof(delivery->error), "%s", error.text);
    }
    tg_egress_answer_release(&answer);
    tg_shape_release(&shape);
}
