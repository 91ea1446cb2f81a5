#include "alert_sight.h"

#include <string.h>

#include "budget.h"
#include "calendar.h"
#include "err.h"

int
tg_alert_key_slot(struct tg_daemon *daemon, const char *id, uint32_t *slot)
{
    int err;

    pthread_mutex_lock(&daemon->publish_lock);
    err = tg_publisher_key_slot(daemon->publisher, id, slot);
    pthread_mutex_unlock(&daemon->publish_lock);
    return err;
}

int
tg_alert_account_slot(struct tg_daemon *daemon, const char *id, uint32_t *slot)
{
    int err;

    pthread_mutex_lock(&daemon->publish_lock);
    err = tg_publisher_account_slot(daemon->publisher, id, slot);
    pthread_mutex_unlock(&daemon->publish_lock);
    return err;
}

/* A key that calls is looked at each second: printf would be half of it. */
static void
take_text(char *to, size_t size, struct tg_str text)
{
    size_t len = text.len < size ? text.len : size - 1;

    if (len > 0)
        memcpy(to, text.data, len);
    to[len] = '\0';
}

static void
take_id(char to[TG_ID_TEXT_SIZE], const char *id)
{
    size_t len = strnlen(id, TG_ID_LEN);

    memcpy(to, id, len);
    to[len] = '\0';
}

static int64_t
without(int64_t used_nanos, int64_t held_nanos)
{
    return used_nanos > held_nanos ? used_nanos - held_nanos : 0;
}

/*
 * What is held is read before and after: a call that ends meanwhile is taken
 * for one in flight, so nothing counts as spent that is only held.
 */
static void
take_money(struct tg_alert_sight *sight, struct tg_daemon *daemon,
           uint32_t slot, const struct tg_account_policy *account)
{
    struct tg_state *state = &daemon->state;
    struct tg_counters *counters = &state->keys[slot].counters;
    struct tg_call call = {.key_slot = slot,
                           .account_slot = sight->policy.account,
                           .day = (uint32_t)sight->day,
                           .month = (uint16_t)sight->month};
    struct tg_budget_verdict verdicts[TG_BUDGETS];
    int64_t before = atomic_load(&counters->held_nanos), after;

    tg_budget_stand(state, &call, &sight->policy, account, verdicts);
    after = atomic_load(&counters->held_nanos);
    sight->held_nanos = before > after ? before : after;
    sight->day_nanos = without(verdicts[0].used_nanos, sight->held_nanos);
    sight->month_nanos = without(verdicts[1].used_nanos, sight->held_nanos);
    sight->in_flight = atomic_load(&counters->in_flight);
}

int
tg_alert_sight_key(struct tg_alert_sight *sight, struct tg_daemon *daemon,
                   uint32_t slot, int64_t now_ms)
{
    struct tg_state *state = &daemon->state;
    struct tg_account_policy account;
    struct tg_str zone;
    uint64_t seq;

    memset(sight, 0, sizeof(*sight));
    sight->now_ms = now_ms;
    do {
        if (tg_state_key(state, slot, &sight->policy, &seq) != 0 ||
            sight->policy.status == TG_KEY_DELETED ||
            sight->policy.status == TG_KEY_DISABLED ||
            sight->policy.status == TG_KEY_NONE)
            return TG_ERR_NOT_FOUND;
        zone = tg_state_blob(state, sight->policy.timezone);
        sight->day = tg_calendar_day(zone, now_ms);
        sight->month = tg_calendar_month(zone, now_ms);
        take_text(sight->name, sizeof(sight->name),
                  tg_state_blob(state, sight->policy.name));
    } while (!tg_state_key_is_current(state, slot, seq));
    if (tg_state_account(state, sight->policy.account, &account) != 0)
        return TG_ERR_NOT_FOUND;
    take_id(sight->key_id, sight->policy.id);
    take_id(sight->account_id, account.id);
    take_money(sight, daemon, slot, &account);
    return 0;
}

int
tg_alert_sight_account(struct tg_alert_sight *sight, struct tg_daemon *daemon,
                       uint32_t slot, int64_t now_ms)
{
    struct tg_state *state = &daemon->state;
    struct tg_counters *counters;
    struct tg_account_policy policy;

    memset(sight, 0, sizeof(*sight));
    sight->now_ms = now_ms;
    if (slot >= atomic_load(&state->header->account_high_water) ||
        tg_state_account(state, slot, &policy) != 0)
        return TG_ERR_NOT_FOUND;
    counters = &state->accounts[slot].counters;
    take_id(sight->account_id, policy.id);
    take_text(sight->name, sizeof(sight->name),
              tg_state_blob(state, policy.name));
    sight->is_prepaid = policy.billing == TG_BILLING_PREPAID;
    sight->has_had_money =
        policy.granted_nanos != 0 || policy.topped_up_nanos != 0;
    sight->balance_nanos = policy.granted_nanos + policy.topped_up_nanos -
                           policy.settled_nanos -
                           atomic_load(&counters->settled_nanos);
    return 0;
}

void
tg_alert_in_flight(struct tg_daemon *daemon,
                   void (*visit)(void *, uint32_t key_slot), void *arg)
{
    struct tg_state *state = &daemon->state;

    for (uint32_t a = 0; a < state->header->area_count; a++) {
        struct tg_area *area = &state->areas[a];
        uint32_t n = atomic_load(&area->high_water);

        if (atomic_load(&area->writer_id) == 0)
            continue;
        for (uint32_t i = 0; i < n && i < state->header->area_slots; i++) {
            struct tg_call_slot *slot =
                &state->call_slots[(size_t)a * state->header->area_slots + i];

            if (atomic_load(&slot->phase) == TG_PHASE_HELD)
                visit(arg, slot->call.key_slot);
        }
    }
}
