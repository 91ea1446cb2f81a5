/*
 * alert_deliver.h: notices go to their channels: at least once, under one id,
 * each channel's in their order.
 *
 * A notice that does not arrive is tried again after one second, two, four, up
 * to an hour, with jitter, for a day; then it is given up, with an event.  One
 * that is refused for what it is, is tried five times.  Each channel has a
 * thread while something is on its way, so none waits for another.
 */
#ifndef TG_ALERT_DELIVER_H
#define TG_ALERT_DELIVER_H

#include "alert_shape.h"

#define TG_DELIVER_ANSWER_SIZE 512

/* What the other side answered. */
struct tg_delivery {
    enum tg_shape_fate fate;
    long status; /* HTTP's or SMTP's; 0: none */
    int64_t latency_ms, retry_after_s;
    char error[512];                     /* "": it was taken */
    char answer[TG_DELIVER_ANSWER_SIZE]; /* its beginning, on one line */
};

/*
 * Sends a notice now, and waits for the answer: ten seconds at most, with no
 * lock held.
 */
void tg_deliver(struct tg_delivery *delivery, struct tg_daemon *daemon,
                const struct tg_channel *channel, const char *notice_id,
                const json_t *notice);

/* When the next try is due, after so many. */
int64_t tg_deliver_pause_ms(int64_t attempts, uint32_t jitter);

/*
 * 0 or TG_ERR_SYSTEM.  It stays to the end of the process, as what flies
 * then does.
 */
struct tg_courier;
int tg_courier_new(struct tg_courier **courier);

/* A row of the courier's rounds. */
void tg_deliver_pass(struct tg_daemon *daemon, struct tg_store *store,
                     int64_t now_ms);

#endif
