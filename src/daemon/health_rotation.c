#include <stdio.h>
#include <string.h>

#include "health.h"
#include "plural.h"
#include "rotation.h"

#define DAY_MS INT64_C(86400000)

/* What a key's secrets and their deliveries say. */
struct look {
    struct tg_rotation rotation;
    int64_t now_ms;
    int64_t old_used_at;
    char old_agent[64];
    int64_t failing; /* deliveries that do not come through */
    char sink[64], error[256];
};

static int
take_secret(void *arg, const struct tg_store_secret *row)
{
    struct look *look = arg;

    tg_rotation_take(&look->rotation, row, look->now_ms);
    if (strcmp(row->id, look->rotation.old) == 0) {
        look->old_used_at = row->last_used_at;
        snprintf(look->old_agent, sizeof(look->old_agent), "%s",
                 row->last_used_agent);
    }
    return 0;
}

static int
take_delivery(void *arg, const struct tg_store_delivery *row)
{
    struct look *look = arg;

    if (strcmp(row->secret_id, look->rotation.newest) != 0 ||
        (strcmp(row->state, "failed") != 0 &&
         (strcmp(row->state, "waiting") != 0 || row->attempts == 0)))
        return 0;
    look->failing++;
    snprintf(look->sink, sizeof(look->sink), "%s", row->sink);
    snprintf(look->error, sizeof(look->error), "%s", row->error);
    return 0;
}

static void
say_schedule(struct tg_health *health, const struct tg_health_rotation *key)
{
    int64_t late_ms = health->now_ms - key->due_at;
    char cure[96], span[TG_HEALTH_TEXT_SIZE];

    snprintf(cure, sizeof(cure), "tollgate keys rotate %s", key->key_id);
    if (key->every_days == 0)
        tg_health_say(health, "rotation", TG_HEALTHY, NULL,
                      "nobody asked for it to be rotated");
    else if (key->due_at != 0 && late_ms > 0)
        tg_health_say(health, "rotation", TG_WARNING, cure,
                      "its rotation is overdue by %s: it is to have a new "
                      "secret each %lld day%s",
                      tg_health_span(late_ms, span), (long long)key->every_days,
                      tg_plural(key->every_days));
    else
        tg_health_say(health, "rotation", TG_HEALTHY, NULL,
                      "it is rotated each %lld day%s%s%s",
                      (long long)key->every_days, tg_plural(key->every_days),
                      key->due_at != 0 ? ", next in " : "",
                      key->due_at != 0 ? tg_health_span(late_ms, span) : "");
}

/* A secret that ends soon and is used is a program that will fail soon. */
static void
say_second(struct tg_health *health, const struct tg_health_rotation *key,
           const struct look *look)
{
    int64_t left_ms = look->rotation.old_until - health->now_ms;
    int64_t unused_ms = health->now_ms - look->old_used_at;
    bool is_used = look->old_used_at > 0 && unused_ms < DAY_MS;
    char ago[TG_HEALTH_TEXT_SIZE], span[TG_HEALTH_TEXT_SIZE];
    char ends[TG_HEALTH_TEXT_SIZE + 16] = "has no end yet", cure[160];

    if (look->rotation.old_until != 0)
        snprintf(ends, sizeof(ends), "ends in %s",
                 tg_health_span(left_ms, span));
    snprintf(cure, sizeof(cure),
             "give that program the new secret, or: tollgate keys rotation "
             "extend %s --grace 7d",
             key->key_id);
    if (look->old_used_at == 0)
        tg_health_say(health, "second secret", TG_HEALTHY, NULL,
                      "its old secret …%s %s, and was never used",
                      look->rotation.old_last4, ends);
    else
        tg_health_say(
            health, "second secret",
            is_used && look->rotation.old_until != 0 ? TG_WARNING : TG_HEALTHY,
            cure, "its old secret …%s %s, and was used %s ago%s%s",
            look->rotation.old_last4, ends, tg_health_span(unused_ms, ago),
            look->old_agent[0] != '\0' ? " by " : "", look->old_agent);
}

int
tg_health_rotation(struct tg_health *health, struct tg_store *store,
                   const struct tg_health_rotation *key)
{
    struct tg_store_delivery_filter filter = {.key_id = key->key_id,
                                              .limit = 100};
    struct look look = {.now_ms = health->now_ms};
    char cure[96];
    int err = store->ops->secret_uses(store, key->key_id, take_secret, &look);

    if (err == 0)
        err = store->sinks->delivery_each(store, &filter, take_delivery, &look);
    if (err != 0)
        return err;
    say_schedule(health, key);
    if (look.rotation.is_under_way)
        say_second(health, key, &look);
    snprintf(cure, sizeof(cure), "tollgate sinks deliveries --key %s",
             key->key_id);
    if (look.failing > 0)
        tg_health_say(health, "delivery", TG_WARNING, cure,
                      "its new secret does not get to %lld place%s: sink %s: "
                      "%s",
                      (long long)look.failing, tg_plural(look.failing),
                      look.sink, look.error);
    return 0;
}
