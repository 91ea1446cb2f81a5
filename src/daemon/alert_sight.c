#include "alert_sight.h"

#include <string.h>

#include "budget.h"
#include "err.h"

#define LINE_BYTES 64 /* what a processor fetches at once */

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

static void
take_id(char to[TG_ID_TEXT_SIZE], const char id[TG_ID_LEN])
{
    memcpy(to, id, TG_ID_LEN);
    to[TG_ID_LEN] = '\0';
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

static void
take_days(struct tg_alert_sight *sight, struct tg_str calendar,
          struct tg_sight_zone *zone)
{
    if (zone == NULL || calendar.len > sizeof(zone->bytes)) {
        sight->day = tg_calendar_day(calendar, sight->now_ms);
        sight->month = tg_calendar_month(calendar, sight->now_ms);
        return;
    }
    if (zone->now_ms != sight->now_ms ||
        !tg_str_eq((struct tg_str){zone->bytes, zone->len}, calendar)) {
        zone->now_ms = sight->now_ms;
        zone->len = calendar.len;
        if (calendar.len > 0)
            memcpy(zone->bytes, calendar.data, calendar.len);
        /* The copy: others may write what it is of. */
        calendar.data = zone->bytes;
        zone->day = tg_calendar_day(calendar, sight->now_ms);
        zone->month = tg_calendar_month(calendar, sight->now_ms);
    }
    sight->day = zone->day;
    sight->month = zone->month;
}

int
tg_alert_sight_key(struct tg_alert_sight *sight, struct tg_daemon *daemon,
                   uint32_t slot, int64_t now_ms, struct tg_sight_zone *zone)
{
    struct tg_state *state = &daemon->state;
    struct tg_account_policy account;
    uint64_t seq;

    sight->slot = slot;
    sight->now_ms = now_ms;
    do {
        if (tg_state_key(state, slot, &sight->policy, &seq) != 0 ||
            sight->policy.status == TG_KEY_DELETED ||
            sight->policy.status == TG_KEY_DISABLED ||
            sight->policy.status == TG_KEY_NONE)
            return TG_ERR_NOT_FOUND;
        take_days(sight, tg_state_blob(state, sight->policy.timezone), zone);
    } while (!tg_state_key_is_current(state, slot, seq));
    if (tg_state_account(state, sight->policy.account, &account) != 0)
        return TG_ERR_NOT_FOUND;
    take_id(sight->key_id, sight->policy.id);
    take_id(sight->account_id, account.id);
    take_money(sight, daemon, slot, &account);
    sight->is_prepaid = sight->has_had_money = false;
    sight->balance_nanos = 0;
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
    sight->slot = slot;
    sight->now_ms = now_ms;
    if (slot >= atomic_load(&state->header->account_high_water) ||
        tg_state_account(state, slot, &policy) != 0)
        return TG_ERR_NOT_FOUND;
    counters = &state->accounts[slot].counters;
    take_id(sight->account_id, policy.id);
    sight->is_prepaid = policy.billing == TG_BILLING_PREPAID;
    sight->has_had_money =
        policy.granted_nanos != 0 || policy.topped_up_nanos != 0;
    sight->balance_nanos = policy.granted_nanos + policy.topped_up_nanos -
                           policy.settled_nanos -
                           atomic_load(&counters->settled_nanos);
    return 0;
}

static void
take_text(char to[TG_SIGHT_NAME_SIZE], struct tg_str text)
{
    size_t len =
        text.len < TG_SIGHT_NAME_SIZE ? text.len : TG_SIGHT_NAME_SIZE - 1;

    if (len > 0)
        memcpy(to, text.data, len);
    to[len] = '\0';
}

static void
take_key_name(const struct tg_alert_sight *sight, const struct tg_state *state,
              char name[TG_SIGHT_NAME_SIZE])
{
    struct tg_key_policy policy;
    uint64_t seq;

    do {
        if (tg_state_key(state, sight->slot, &policy, &seq) != 0 ||
            memcmp(policy.id, sight->key_id, TG_ID_LEN) != 0)
            return;
        take_text(name, tg_state_blob(state, policy.name));
    } while (!tg_state_key_is_current(state, sight->slot, seq));
}

void
tg_alert_sight_name(const struct tg_alert_sight *sight,
                    struct tg_daemon *daemon, char name[TG_SIGHT_NAME_SIZE])
{
    const struct tg_state *state = &daemon->state;
    struct tg_account_policy account;

    name[0] = '\0';
    if (sight->key_id[0] != '\0')
        take_key_name(sight, state, name);
    else if (tg_state_account(state, sight->slot, &account) == 0 &&
             memcmp(account.id, sight->account_id, TG_ID_LEN) == 0)
        take_text(name, tg_state_blob(state, account.name));
}

static void
fetch(const void *from, size_t len)
{
    for (size_t i = 0; i < len; i += LINE_BYTES)
        __builtin_prefetch((const char *)from + i);
}

void
tg_alert_expect_counters(const struct tg_daemon *daemon, uint32_t slot)
{
    if (slot < atomic_load(&daemon->state.header->key_high_water))
        fetch(&daemon->state.keys[slot], offsetof(struct tg_key_record, slots));
}

void
tg_alert_expect_policy(const struct tg_daemon *daemon, uint32_t slot)
{
    const struct tg_key_record *record;

    if (slot >= atomic_load(&daemon->state.header->key_high_water))
        return;
    record = &daemon->state.keys[slot];
    fetch(&record->slots[atomic_load_explicit(&record->seq,
                                              memory_order_relaxed) &
                         1],
          sizeof(record->slots[0]));
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
