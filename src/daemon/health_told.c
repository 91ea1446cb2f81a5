#include <stdio.h>
#include <string.h>

#include "health.h"
#include "plural.h"

#define DAY_MS INT64_C(86400000)
#define LOOKED_AT 1000 /* rows; what is beyond is as bad */

/* Alerts that are open, and what does not get to whom it should. */
struct look {
    int64_t now_ms;
    int64_t open, worst; /* episodes that are about no key, by severity */
    char message[512];
    int64_t channels, waiting, given_up;
    char channel[128], error[256];
    int64_t failing, failed;
    char sink[64], sink_error[256];
};

static int
take_episode(void *arg, const struct tg_store_episode *row)
{
    struct look *look = arg;
    int64_t is = strcmp(row->severity, "critical") == 0  ? 2
                 : strcmp(row->severity, "warning") == 0 ? 1
                                                         : 0;

    if (row->key_id[0] != '\0' || is == 0)
        return 0;
    look->open++;
    if (is <= look->worst)
        return 0;
    look->worst = is;
    snprintf(look->message, sizeof(look->message), "%s", row->message);
    return 0;
}

static int
take_channel(void *arg, const struct tg_store_channel *row)
{
    ((struct look *)arg)->channels += row->is_on;
    return 0;
}

static void
take_failure(struct look *look, const struct tg_store_notice *row)
{
    snprintf(look->channel, sizeof(look->channel), "%s", row->channel);
    snprintf(look->error, sizeof(look->error), "%s", row->last_error);
}

static int
take_waiting(void *arg, const struct tg_store_notice *row)
{
    struct look *look = arg;

    if (row->attempts == 0)
        return 0;
    look->waiting++;
    take_failure(look, row);
    return 0;
}

static int
take_given_up(void *arg, const struct tg_store_notice *row)
{
    struct look *look = arg;

    if (row->ended_at < look->now_ms - DAY_MS)
        return 0;
    look->given_up++;
    take_failure(look, row);
    return 0;
}

static int
take_delivery(void *arg, const struct tg_store_delivery *row)
{
    struct look *look = arg;
    bool is_failed = strcmp(row->state, "failed") == 0;

    if (is_failed ? row->ended_at < look->now_ms - DAY_MS : row->attempts == 0)
        return 0;
    if (is_failed)
        look->failed++;
    else
        look->failing++;
    snprintf(look->sink, sizeof(look->sink), "%s", row->sink);
    snprintf(look->sink_error, sizeof(look->sink_error), "%s", row->error);
    return 0;
}

static int
read_all(struct look *look, struct tg_store *store)
{
    struct tg_store_episode_filter open = {.is_open = true, .limit = LOOKED_AT};
    struct tg_store_notice_filter pending = {.status = "pending",
                                             .limit = LOOKED_AT};
    struct tg_store_notice_filter given_up = {.status = "given_up",
                                              .limit = LOOKED_AT};
    struct tg_store_delivery_filter waiting = {.state = "waiting",
                                               .limit = LOOKED_AT};
    struct tg_store_delivery_filter failed = {.state = "failed",
                                              .limit = LOOKED_AT};
    int err = store->ops->episode_each(store, &open, take_episode, look);

    if (err == 0)
        err = store->ops->channel_each(store, take_channel, look);
    if (err == 0)
        err = store->ops->notice_each(store, &given_up, take_given_up, look);
    if (err == 0)
        err = store->ops->notice_each(store, &pending, take_waiting, look);
    if (err == 0)
        err = store->sinks->delivery_each(store, &failed, take_delivery, look);
    if (err == 0)
        err = store->sinks->delivery_each(store, &waiting, take_delivery, look);
    return err;
}

static void
say_alerts(struct tg_health *health, const struct look *look)
{
    if (look->open == 0)
        tg_health_say(health, "alerts", TG_HEALTHY, NULL,
                      "no alert is open, but for those about keys");
    else
        tg_health_say(health, "alerts",
                      look->worst == 2 ? TG_UNHEALTHY : TG_WARNING,
                      "tollgate alerts list", "%lld alert%s open: %s",
                      (long long)look->open, look->open == 1 ? " is" : "s are",
                      look->message);
}

static void
say_channels(struct tg_health *health, const struct look *look)
{
    int64_t failing = look->waiting + look->given_up;

    if (failing > 0)
        tg_health_say(health, "channels", TG_WARNING,
                      "tollgate alerts channels test NAME",
                      "%lld alert%s not get through; channel %s: %s",
                      (long long)failing, failing == 1 ? " does" : "s do",
                      look->channel, look->error);
    else if (look->channels == 0)
        tg_health_say(health, "channels", TG_HEALTHY, NULL,
                      "there is no channel: nobody is told of alerts");
    else
        tg_health_say(health, "channels", TG_HEALTHY, NULL,
                      "alerts get through to %lld channel%s",
                      (long long)look->channels, tg_plural(look->channels));
}

static void
say_deliveries(struct tg_health *health, const struct look *look)
{
    int64_t all = look->failing + look->failed;

    if (all == 0)
        tg_health_say(health, "deliveries", TG_HEALTHY, NULL,
                      "no new secret is stuck on its way");
    else
        tg_health_say(health, "deliveries", TG_WARNING,
                      "tollgate sinks deliveries",
                      "%lld new secret%s not get to where programs read "
                      "%s; sink %s: %s",
                      (long long)all, all == 1 ? " does" : "s do",
                      all == 1 ? "it" : "them", look->sink, look->sink_error);
}

int
tg_health_told(struct tg_health *health, struct tg_store *store)
{
    struct look look = {.now_ms = health->now_ms};
    int err = read_all(&look, store);

    if (err != 0)
        return err;
    say_alerts(health, &look);
    say_channels(health, &look);
    say_deliveries(health, &look);
    return 0;
}
