#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alert_sight.h"
#include "err.h"
#include "health.h"
#include "key_standing.h"
#include "reply.h"

#define DAY_MS INT64_C(86400000)
#define SOON_MS (14 * DAY_MS)
#define AT_ONCE 1000 /* keys, under the lock */
#define SHOWN_MAX 20
#define EPISODES_MAX 1000

/* A key that is shown. */
struct shown {
    uint32_t slot;
    enum tg_health_status status;
    char message[256];
};

struct walk {
    struct tg_daemon *daemon;
    int64_t now_ms;
    uint32_t slots;
    uint8_t *status; /* by slot: enum tg_health_status + 1; 0: not active */
    struct shown shown[2 * SHOWN_MAX]; /* the unhealthy ones first */
    size_t count[2];                   /* of these, by status */
    uint32_t found[3];                 /* of all, by status */
};

/* The first ones of each status; unhealthy stand before the others. */
__attribute__((format(printf, 4, 5))) static void
find(struct walk *walk, uint32_t slot, enum tg_health_status status,
     const char *fmt, ...)
{
    struct shown *shown =
        &walk->shown[(size_t)status * SHOWN_MAX + walk->count[status]];
    va_list ap;

    if (walk->status[slot] <= (uint8_t)status + 1)
        return; /* it is known to be as bad */
    walk->status[slot] = (uint8_t)(status + 1);
    if (walk->count[status] == SHOWN_MAX)
        return;
    walk->count[status]++;
    shown->slot = slot;
    shown->status = status;
    va_start(ap, fmt);
    vsnprintf(shown->message, sizeof(shown->message), fmt, ap);
    va_end(ap);
}

static bool
is_high(int64_t used, int64_t size)
{
    return size > 0 &&
           tg_health_share(used, size) >= TG_HEALTH_USED_PERCENT * 100;
}

static void
look_end(struct walk *walk, uint32_t slot, const struct tg_key_policy *policy)
{
    int64_t left_ms = policy->expires_at_ms - walk->now_ms;
    char span[TG_HEALTH_TEXT_SIZE];

    if (policy->expires_at_ms != 0 && left_ms <= SOON_MS)
        find(walk, slot, left_ms <= DAY_MS ? TG_UNHEALTHY : TG_WARNING,
             "it expires in %s", tg_health_span(left_ms, span));
}

static void
look_limits(struct walk *walk, uint32_t slot,
            const struct tg_standing *standing)
{
    char used[TG_HEALTH_TEXT_SIZE], size[TG_HEALTH_TEXT_SIZE];

    for (size_t i = 0; i < TG_STANDING_BUDGETS; i++) {
        const struct tg_standing_budget *one = &standing->budgets[i];

        if (is_high(one->used_nanos, one->size_nanos))
            find(walk, slot,
                 one->used_nanos >= one->size_nanos ? TG_UNHEALTHY : TG_WARNING,
                 "%s of its %s budget of %s are used",
                 tg_health_money(one->used_nanos, used), one->name,
                 tg_health_money(one->size_nanos, size));
    }
    for (size_t i = 0; i < TG_STANDING_RATES; i++) {
        const struct tg_standing_rate *one = &standing->rates[i];

        if (is_high(one->used, one->size))
            find(walk, slot, TG_WARNING, "%lld of %lld %s are used",
                 (long long)one->used, (long long)one->size, one->name);
    }
}

static void
look_key(struct walk *walk, uint32_t slot)
{
    struct tg_standing standing;
    struct tg_key_policy policy;

    if (tg_slot_standing(&walk->daemon->state, slot, walk->now_ms, &policy,
                         &standing) != 0 ||
        policy.status != TG_KEY_ACTIVE ||
        (policy.expires_at_ms != 0 && policy.expires_at_ms <= walk->now_ms))
        return;
    walk->status[slot] = TG_HEALTHY + 1;
    look_end(walk, slot, &policy);
    look_limits(walk, slot, &standing);
}

/* What alerts have found about keys, and is not over. */
static int
look_episode(void *arg, const struct tg_store_episode *row)
{
    struct walk *walk = arg;
    uint32_t slot;

    if (row->key_id[0] == '\0' || strcmp(row->severity, "info") == 0 ||
        tg_alert_key_slot(walk->daemon, row->key_id, &slot) != 0 ||
        slot >= walk->slots || walk->status[slot] == 0)
        return 0;
    find(walk, slot,
         strcmp(row->severity, "critical") == 0 ? TG_UNHEALTHY : TG_WARNING,
         "%s", row->message);
    return 0;
}

static void
look_all(struct walk *walk, struct tg_store *store)
{
    struct tg_store_episode_filter open = {.is_open = true,
                                           .limit = EPISODES_MAX};

    for (uint32_t slot = 0; slot < walk->slots; slot++) {
        if (slot % AT_ONCE == 0)
            pthread_mutex_lock(&walk->daemon->publish_lock);
        look_key(walk, slot);
        if (slot % AT_ONCE == AT_ONCE - 1 || slot + 1 == walk->slots)
            pthread_mutex_unlock(&walk->daemon->publish_lock);
    }
    (void)store->ops->episode_each(store, &open, look_episode, walk);
    for (uint32_t slot = 0; slot < walk->slots; slot++) {
        if (walk->status[slot] != 0)
            walk->found[walk->status[slot] - 1]++;
    }
}

/* Names are read at the end, so that nothing is held meanwhile. */
static json_t *
list_of(const struct walk *walk)
{
    json_t *list = json_array();

    for (size_t i = 0; i < 2 * SHOWN_MAX; i++) {
        const struct shown *shown = &walk->shown[i];
        struct tg_alert_sight sight;
        char name[TG_SIGHT_NAME_SIZE];

        /* It may have got worse by another thing. */
        if (i % SHOWN_MAX >= walk->count[i / SHOWN_MAX] ||
            walk->status[shown->slot] != (uint8_t)shown->status + 1 ||
            json_array_size(list) == SHOWN_MAX ||
            tg_alert_sight_key(&sight, walk->daemon, shown->slot, walk->now_ms,
                               NULL) != 0)
            continue;
        tg_alert_sight_name(&sight, walk->daemon, name);
        json_array_append_new(
            list, json_pack("{s:s,s:o,s:s,s:o}", "key_id", sight.key_id, "name",
                            tg_reply_text(name), "status",
                            tg_health_name(shown->status), "message",
                            tg_reply_text(shown->message)));
    }
    return list;
}

json_t *
tg_health_keys(struct tg_daemon *daemon, struct tg_store *store, int64_t now_ms)
{
    struct walk walk = {.daemon = daemon, .now_ms = now_ms};
    const uint32_t *found = walk.found;
    json_t *list, *object;

    walk.slots = atomic_load(&daemon->state.header->key_high_water);
    walk.status = calloc(walk.slots + 1, 1);
    if (walk.status == NULL)
        return json_null();
    look_all(&walk, store);
    list = list_of(&walk);
    object = json_pack(
        "{s:I,s:I,s:I,s:I,s:b,s:o}", "active",
        (json_int_t)found[TG_HEALTHY] + found[TG_WARNING] + found[TG_UNHEALTHY],
        "healthy", (json_int_t)found[TG_HEALTHY], "warning",
        (json_int_t)found[TG_WARNING], "unhealthy",
        (json_int_t)found[TG_UNHEALTHY], "has_more",
        json_array_size(list) < (size_t)found[TG_WARNING] + found[TG_UNHEALTHY],
        "data", list);
    free(walk.status);
    return object;
}
