#include "spend.h"

#include <string.h>

#include "budget.h"
#include "calendar.h"
#include "civil.h"
#include "money.h"

/* No month is longer, wherever it begins. */
#define MONTH_DAYS_MAX 33

/* The key whose calls are coming by, and what it has spent. */
struct spend {
    struct tg_daemon *daemon;
    int64_t now_ms;
    char key_id[TG_ID_TEXT_SIZE];
    bool is_known;
    uint32_t slot;
    struct tg_str zone; /* in the state file, whose writer we are */
    int32_t day, month;
    int64_t day_nanos, month_nanos;
};

static void
end_key(struct spend *spend)
{
    if (spend->is_known)
        tg_budget_load(&spend->daemon->state, spend->slot, (uint32_t)spend->day,
                       (uint16_t)spend->month, spend->day_nanos,
                       spend->month_nanos);
    spend->is_known = false;
}

/* A deleted key has no slot, and no budget. */
static void
begin_key(struct spend *spend, const char *key_id)
{
    struct tg_daemon *daemon = spend->daemon;
    struct tg_key_policy policy;
    uint64_t seq;

    end_key(spend);
    strncpy(spend->key_id, key_id, sizeof(spend->key_id) - 1);
    spend->day_nanos = spend->month_nanos = 0;
    if (tg_publisher_key_slot(daemon->publisher, key_id, &spend->slot) != 0 ||
        tg_state_key(&daemon->state, spend->slot, &policy, &seq) != 0)
        return;
    spend->is_known = true;
    spend->zone = tg_state_blob(&daemon->state, policy.timezone);
    spend->day = tg_calendar_day(spend->zone, spend->now_ms);
    spend->month = tg_calendar_month(spend->zone, spend->now_ms);
}

static int
add_call(void *arg, const char *key_id, int64_t at, int64_t cost_nanos)
{
    struct spend *spend = arg;
    int err = 0;

    if (strncmp(spend->key_id, key_id, TG_ID_LEN) != 0)
        begin_key(spend, key_id);
    if (!spend->is_known)
        return 0;
    if (tg_calendar_day(spend->zone, at) == spend->day)
        err = tg_money_add(spend->day_nanos, cost_nanos, &spend->day_nanos);
    if (err == 0 && tg_calendar_month(spend->zone, at) == spend->month)
        err = tg_money_add(spend->month_nanos, cost_nanos, &spend->month_nanos);
    return err;
}

int
tg_spend_load(struct tg_daemon *daemon, struct tg_store *store, int64_t now_ms)
{
    struct spend spend = {.daemon = daemon, .now_ms = now_ms};
    int err = store->ops->spend_each(
        store, now_ms - MONTH_DAYS_MAX * TG_MS_PER_DAY, add_call, &spend);

    if (err == 0)
        end_key(&spend);
    return err;
}
