#include "key_standing.h"

#include "budget.h"
#include "calendar.h"
#include "err.h"
#include "rate.h"

static const struct {
    const char *name;
    enum tg_rate_limit limit;
} rate_names[TG_STANDING_RATES] = {
    {"requests_per_second", TG_RATE_SECOND},
    {"requests_per_minute", TG_RATE_MINUTE},
    {"requests_per_day", TG_RATE_DAY},
    {"tokens_per_minute", TG_RATE_TOKENS},
    {"concurrency", TG_RATE_CONCURRENCY},
};

/* What is read of the state file on the way. */
struct moment {
    const struct tg_state *state;
    int64_t now_ms, day_ends_at_ms, month_ends_at_ms;
    struct tg_call call; /* one that would begin now */
    struct tg_key_policy key;
    struct tg_account_policy account;
};

static int
read_slot(struct moment *moment, const struct tg_state *state, uint32_t slot)
{
    struct tg_str zone;
    uint64_t seq;

    moment->state = state;
    if (tg_state_key(state, slot, &moment->key, &seq) != 0 ||
        tg_state_account(state, moment->key.account, &moment->account) != 0)
        return TG_ERR_NOT_FOUND;
    zone = tg_state_blob(state, moment->key.timezone);
    moment->call = (struct tg_call){
        .key_slot = slot,
        .account_slot = moment->key.account,
        .day = (uint32_t)tg_calendar_day(zone, moment->now_ms),
        .month = (uint16_t)tg_calendar_month(zone, moment->now_ms),
    };
    return 0;
}

static int
read_moment(struct moment *moment, struct tg_daemon *daemon, const char *key_id)
{
    struct tg_str zone;
    uint32_t slot;

    if (daemon->publisher == NULL ||
        tg_publisher_key_slot(daemon->publisher, key_id, &slot) != 0 ||
        read_slot(moment, &daemon->state, slot) != 0)
        return TG_ERR_NOT_FOUND;
    zone = tg_state_blob(moment->state, moment->key.timezone);
    moment->day_ends_at_ms = tg_calendar_day_end_ms(zone, moment->now_ms);
    moment->month_ends_at_ms = tg_calendar_month_end_ms(zone, moment->now_ms);
    return 0;
}

static int64_t
resets_at(const struct moment *moment, const struct tg_rate_standing *one)
{
    switch (one->reset_ms) {
    case 0:
    case TG_RATE_UNTIL_CALL:
        return 0;
    case TG_RATE_UNTIL_DAY:
        return moment->day_ends_at_ms;
    default:
        return moment->now_ms + one->reset_ms;
    }
}

static void
read_rates(const struct moment *moment, struct tg_standing *standing)
{
    const struct tg_counters *counters =
        &moment->state->keys[moment->call.key_slot].counters;

    for (size_t i = 0; i < TG_STANDING_RATES; i++) {
        struct tg_rate_standing one =
            tg_rate_stand(counters, &moment->key, moment->now_ms,
                          (int32_t)moment->call.day, rate_names[i].limit);
        struct tg_standing_rate *rate = &standing->rates[i];

        rate->name = rate_names[i].name;
        if (one.limit == TG_RATE_NONE)
            continue;
        rate->size = one.size;
        rate->used = (int64_t)one.size - one.left;
        rate->resets_at_ms = resets_at(moment, &one);
    }
}

static void
read_all(const struct moment *moment, struct tg_standing *standing)
{
    struct tg_budget_verdict budgets[TG_BUDGETS];

    *standing = (struct tg_standing){.at_ms = moment->now_ms};
    read_rates(moment, standing);
    tg_budget_stand(moment->state, &moment->call, &moment->key,
                    &moment->account, budgets);
    standing->budgets[0] = (struct tg_standing_budget){
        "daily", moment->key.daily_nanos, budgets[0].used_nanos,
        moment->day_ends_at_ms};
    standing->budgets[1] = (struct tg_standing_budget){
        "monthly", moment->key.monthly_nanos, budgets[1].used_nanos,
        moment->month_ends_at_ms};
}

int
tg_slot_standing(const struct tg_state *state, uint32_t slot, int64_t now_ms,
                 struct tg_key_policy *policy, struct tg_standing *standing)
{
    struct moment moment = {.now_ms = now_ms};
    int err = read_slot(&moment, state, slot);

    if (err != 0)
        return err;
    read_all(&moment, standing);
    *policy = moment.key;
    return 0;
}

int
tg_key_standing(struct tg_daemon *daemon, const char *key_id, int64_t now_ms,
                struct tg_standing *standing)
{
    struct moment moment = {.now_ms = now_ms};
    int err;

    pthread_mutex_lock(&daemon->publish_lock);
    err = read_moment(&moment, daemon, key_id);
    if (err == 0)
        read_all(&moment, standing);
    pthread_mutex_unlock(&daemon->publish_lock);
    return err;
}
