#include "spend.h"

#include <stdlib.h>

#include "budget.h"
#include "calendar.h"
#include "civil.h"
#include "err.h"
#include "money.h"

/* No month is longer, wherever it begins. */
#define MONTH_DAYS_MAX 33

/* What a key has spent in the periods that it is in. */
struct key_spend {
    bool is_known;
    int32_t day, month;
    int64_t day_nanos, month_nanos;
    struct tg_str zone; /* in the state file, whose writer we are */
};

struct spend {
    struct tg_daemon *daemon;
    int64_t now_ms;
    struct key_spend *keys; /* by slot */
};

/* NULL for a deleted key: it has no slot, and no budget. */
static struct key_spend *
find(struct spend *spend, const char *key_id, uint32_t *slot)
{
    struct tg_daemon *daemon = spend->daemon;
    struct tg_key_policy policy;
    struct key_spend *key;
    uint64_t seq;

    if (tg_publisher_key_slot(daemon->publisher, key_id, slot) != 0)
        return NULL;
    key = &spend->keys[*slot];
    if (key->is_known)
        return key;
    if (tg_state_key(&daemon->state, *slot, &policy, &seq) != 0)
        return NULL;
    key->is_known = true;
    key->zone = tg_state_blob(&daemon->state, policy.timezone);
    key->day = tg_calendar_day(key->zone, spend->now_ms);
    key->month = tg_calendar_month(key->zone, spend->now_ms);
    return key;
}

static int
add(void *arg, const struct tg_store_spend *row)
{
    uint32_t slot;
    struct key_spend *key = find(arg, row->key_id, &slot);
    int64_t day = row->day, month = row->month, last;
    struct spend *spend = arg;
    int err = 0;

    if (key == NULL)
        return 0;
    if (day == 0 && month == 0) {
        day = tg_calendar_day(key->zone, row->at);
        month = tg_calendar_month(key->zone, row->at);
    }
    if (day == key->day)
        err = tg_money_add(key->day_nanos, row->cost_nanos, &key->day_nanos);
    if (err == 0 && month == key->month)
        err =
            tg_money_add(key->month_nanos, row->cost_nanos, &key->month_nanos);
    last =
        atomic_load(&spend->daemon->state.keys[slot].counters.last_used_at_ms);
    if (row->at > last)
        atomic_store(&spend->daemon->state.keys[slot].counters.last_used_at_ms,
                     row->at);
    return err;
}

static void
load(struct spend *spend, uint32_t slots)
{
    for (uint32_t slot = 0; slot < slots; slot++) {
        const struct key_spend *key = &spend->keys[slot];

        if (key->is_known)
            tg_budget_load(&spend->daemon->state, slot, (uint32_t)key->day,
                           (uint16_t)key->month, key->day_nanos,
                           key->month_nanos);
    }
}

int
tg_spend_load(struct tg_daemon *daemon, struct tg_store *store, int64_t now_ms)
{
    struct spend spend = {.daemon = daemon, .now_ms = now_ms};
    uint32_t slots = atomic_load(&daemon->state.header->key_high_water);
    int err;

    if (slots == 0)
        return 0;
    spend.keys = calloc(slots, sizeof(spend.keys[0]));
    if (spend.keys == NULL)
        return tg_error_set(&store->error, TG_ERR_SYSTEM, "out of memory");
    err = store->ops->spend_each(store, now_ms - MONTH_DAYS_MAX * TG_MS_PER_DAY,
                                 add, &spend);
    if (err == 0)
        load(&spend, slots);
    free(spend.keys);
    return err;
}
