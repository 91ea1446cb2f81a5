#include "spend_part.h"

#include "budget.h"
#include "calendar.h"
#include "err.h"
#include "money.h"

void
tg_spend_begin(struct tg_key_spend *spend, const struct tg_daemon *daemon,
               const struct tg_key_policy *policy, int64_t now_ms)
{
    *spend = (struct tg_key_spend){
        .is_known = true,
        .zone = tg_state_blob(&daemon->state, policy->timezone)};
    spend->day = tg_calendar_day(spend->zone, now_ms);
    spend->month = tg_calendar_month(spend->zone, now_ms);
}

int
tg_spend_add(struct tg_key_spend *spend, const struct tg_store_spend *row)
{
    int64_t day = row->day, month = row->month;
    int err = 0;

    if (day == 0 && month == 0) {
        day = tg_calendar_day(spend->zone, row->at);
        month = tg_calendar_month(spend->zone, row->at);
    }
    if (day == spend->day)
        err =
            tg_money_add(spend->day_nanos, row->cost_nanos, &spend->day_nanos);
    if (err == 0 && month == spend->month)
        err = tg_money_add(spend->month_nanos, row->cost_nanos,
                           &spend->month_nanos);
    if (row->at > spend->last_at)
        spend->last_at = row->at;
    return err;
}

int
tg_spend_open(struct tg_daemon *daemon, uint32_t slot,
              const struct tg_key_spend *spend)
{
    struct tg_key_record *record = &daemon->state.keys[slot];
    struct tg_key_policy policy;
    int err = tg_publisher_staged(daemon->publisher, slot, &policy);

    if (err == 0) {
        tg_budget_load(&daemon->state, slot, (uint32_t)spend->day,
                       (uint16_t)spend->month, spend->day_nanos,
                       spend->month_nanos);
        atomic_store(&record->counters.last_used_at_ms, spend->last_at);
        err = tg_publish_open(daemon->publisher, slot);
    }
    return err == TG_ERR_NOT_FOUND ? 0 : err;
}
