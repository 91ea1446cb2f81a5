#include "answer_part.h"

#include "calendar.h"
#include "key.h"
#include "network.h"

static struct tg_str
field(const char *text, size_t size)
{
    return (struct tg_str){text, tg_field_len(text, size)};
}

static void
put_list(struct tg_text *out, struct tg_str list)
{
    struct tg_str text;
    const char *comma = "";

    tg_text_puts(out, "[");
    while (tg_blob_next(&list, &text)) {
        tg_text_puts(out, comma);
        tg_text_json_string(out, text);
        comma = ",";
    }
    tg_text_puts(out, "]");
}

static void
put_scopes(struct tg_text *out, uint32_t scopes)
{
    const char *comma = "";

    tg_text_puts(out, "[");
    for (uint32_t bit = 1; bit <= TG_SCOPE_ALL; bit <<= 1) {
        if (!(scopes & bit))
            continue;
        tg_text_puts(out, comma);
        tg_text_puts(out, "\"");
        tg_text_puts(out, tg_scope_name((enum tg_scope)bit));
        tg_text_puts(out, "\"");
        comma = ",";
    }
    tg_text_puts(out, "]");
}

static void
put_use(struct tg_text *out, const struct tg_counters *counters)
{
    tg_text_puts(out, ",\"use\":{\"requests\":");
    tg_text_int(out,
                atomic_load_explicit(&counters->calls, memory_order_relaxed));
    tg_text_puts(out, ",\"prompt_tokens\":");
    tg_text_int(out, atomic_load_explicit(&counters->prompt_tokens,
                                          memory_order_relaxed));
    tg_text_puts(out, ",\"completion_tokens\":");
    tg_text_int(out, atomic_load_explicit(&counters->completion_tokens,
                                          memory_order_relaxed));
    tg_text_puts(out, ",\"cost\":");
    tg_text_money(out, atomic_load_explicit(&counters->settled_nanos,
                                            memory_order_relaxed));
    tg_text_puts(out, ",\"in_flight\":");
    tg_text_int(
        out, atomic_load_explicit(&counters->in_flight, memory_order_relaxed));
    tg_text_puts(out, "}");
}

static void
put_limit(struct tg_text *out, const char *name, uint32_t limit)
{
    tg_text_puts(out, name);
    if (limit == 0)
        tg_text_puts(out, "null");
    else
        tg_text_int(out, limit);
}

static void
put_limits(struct tg_text *out, const struct tg_key_policy *key)
{
    put_limit(
        out, ",\"limits\":{\"requests_per_second\":", key->requests_per_second);
    put_limit(out, ",\"requests_per_minute\":", key->requests_per_minute);
    put_limit(out, ",\"requests_per_day\":", key->requests_per_day);
    put_limit(out, ",\"tokens_per_minute\":", key->tokens_per_minute);
    put_limit(out, ",\"concurrency\":", key->concurrency);
    tg_text_puts(out, ",\"max_queue_ms\":");
    tg_text_int(out, key->max_queue_ms);
    tg_text_puts(out, "}");
}

static void
put_budget(struct tg_text *out, const char *name, int64_t nanos)
{
    tg_text_puts(out, name);
    if (nanos == 0)
        tg_text_puts(out, "null");
    else
        tg_text_money(out, nanos);
}

static void
put_budgets(struct tg_text *out, const struct tg_state *state,
            const struct tg_key_policy *key)
{
    struct tg_str zone = tg_state_blob(state, key->timezone);

    put_budget(out, ",\"budget\":{\"daily\":", key->daily_nanos);
    put_budget(out, ",\"monthly\":", key->monthly_nanos);
    tg_text_puts(out, ",\"timezone\":");
    tg_text_json_string(out, tg_calendar_text(zone));
    tg_text_puts(out, "}");
}

/* What is asked for on the way to what is left. */
struct moment {
    const struct tg_state *state;
    const struct tg_admission *a;
    int64_t now_ms, day_ends_at_ms, month_ends_at_ms;
    struct tg_call call; /* one that would begin now */
};

static struct moment
moment_of(const struct tg_state *state, const struct tg_admission *a,
          int64_t now_ms)
{
    struct tg_str zone = tg_state_blob(state, a->key.timezone);

    return (struct moment){
        .state = state,
        .a = a,
        .now_ms = now_ms,
        .day_ends_at_ms = tg_calendar_day_end_ms(zone, now_ms),
        .month_ends_at_ms = tg_calendar_month_end_ms(zone, now_ms),
        .call = {.key_slot = a->head.key_slot,
                 .account_slot = a->key.account,
                 .day = (uint32_t)tg_calendar_day(zone, now_ms),
                 .month = (uint16_t)tg_calendar_month(zone, now_ms)},
    };
}

/* When a limit will be whole again; 0: it is, or nobody knows. */
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
put_rate(struct tg_text *out, const struct moment *moment, const char *name,
         enum tg_rate_limit limit)
{
    const struct tg_admission *a = moment->a;
    struct tg_rate_standing one =
        tg_rate_stand(&moment->state->keys[a->head.key_slot].counters, &a->key,
                      moment->now_ms, (int32_t)moment->call.day, limit);

    tg_text_puts(out, name);
    if (one.limit == TG_RATE_NONE) {
        tg_text_puts(out, "null");
        return;
    }
    tg_text_puts(out, "{\"left\":");
    tg_text_int(out, one.left);
    tg_text_puts(out, ",\"resets_at\":");
    tg_text_instant(out, resets_at(moment, &one));
    tg_text_puts(out, "}");
}

static void
put_money(struct tg_text *out, const char *name,
          const struct tg_budget_verdict *one, int64_t resets_at_ms)
{
    tg_text_puts(out, name);
    if (one->kind == TG_BUDGET_NONE) {
        tg_text_puts(out, "null");
        return;
    }
    tg_text_puts(out, "{\"left\":");
    tg_text_money(out, one->left_nanos);
    /* Of a balance only what was used of late is known here. */
    if (one->kind != TG_BUDGET_BALANCE) {
        tg_text_puts(out, ",\"used\":");
        tg_text_money(out, one->used_nanos);
    }
    tg_text_puts(out, ",\"resets_at\":");
    tg_text_instant(out, resets_at_ms);
    tg_text_puts(out, "}");
}

/* Each limit and budget as it stands. */
static void
put_standing(struct tg_text *out, const struct moment *moment)
{
    struct tg_budget_verdict all[TG_BUDGETS];

    tg_budget_stand(moment->state, &moment->call, &moment->a->key,
                    &moment->a->account, all);
    put_rate(out, moment, ",\"requests_per_second\":", TG_RATE_SECOND);
    put_rate(out, moment, ",\"requests_per_minute\":", TG_RATE_MINUTE);
    put_rate(out, moment, ",\"requests_per_day\":", TG_RATE_DAY);
    put_rate(out, moment, ",\"tokens_per_minute\":", TG_RATE_TOKENS);
    put_rate(out, moment, ",\"concurrency\":", TG_RATE_CONCURRENCY);
    put_money(out, ",\"daily\":", &all[0], moment->day_ends_at_ms);
    put_money(out, ",\"monthly\":", &all[1], moment->month_ends_at_ms);
    put_money(out, ",\"balance\":", &all[2], 0);
}

static void
put_left_of(struct tg_text *out, const char *name,
            const struct tg_rate_standing *one)
{
    tg_text_puts(out, name);
    if (one->limit == TG_RATE_NONE)
        tg_text_puts(out, "null");
    else
        tg_text_int(out, one->left);
}

/* What is left: the tightest of each kind, then each by itself. */
static void
put_left(struct tg_text *out, const struct moment *moment)
{
    const struct tg_admission *a = moment->a;
    struct tg_budget_verdict tightest;
    struct tg_rate_report rates;
    int64_t left;

    tg_rate_report(&moment->state->keys[a->head.key_slot].counters, &a->key,
                   moment->now_ms, &rates);
    left = tg_budget_left(moment->state, &moment->call, &a->key, &a->account,
                          &tightest);
    put_left_of(out, ",\"left\":{\"requests\":", &rates.requests);
    put_left_of(out, ",\"tokens\":", &rates.tokens);
    tg_text_puts(out, ",\"money\":");
    if (tightest.kind == TG_BUDGET_NONE)
        tg_text_puts(out, "null");
    else
        tg_text_money(out, left);
    put_standing(out, moment);
    tg_text_puts(out, "}");
}

static void
put_endpoints(struct tg_text *out, uint64_t endpoints)
{
    const char *comma = "";

    tg_text_puts(out, ",\"endpoints\":[");
    for (int i = 1; i < 64; i++) {
        const struct tg_route *route = tg_route_of((enum tg_endpoint)i);

        if (route == NULL || !(endpoints >> i & 1))
            continue;
        tg_text_puts(out, comma);
        tg_text_json_string(out,
                            (struct tg_str){route->name, strlen(route->name)});
        comma = ",";
    }
    tg_text_puts(out, "]");
}

static void
put_networks(struct tg_text *out, struct tg_str list)
{
    char text[TG_NETWORK_TEXT_SIZE];
    struct tg_str network;
    const char *comma = "";

    tg_text_puts(out, ",\"allowed_ips\":[");
    while (tg_blob_next(&list, &network)) {
        if (network.len != TG_WHERE_NETWORK_BYTES)
            continue;
        tg_network_text((const uint8_t *)network.data, text);
        tg_text_puts(out, comma);
        tg_text_json_string(out, (struct tg_str){text, strlen(text)});
        comma = ",";
    }
    tg_text_puts(out, "]");
}

/* From where and when it may be used. */
static void
put_places(struct tg_text *out, const struct tg_state *state,
           const struct tg_key_policy *key)
{
    put_networks(out, tg_state_blob(state, key->networks));
    tg_text_puts(out, ",\"allowed_referrers\":");
    put_list(out, tg_state_blob(state, key->referrers));
    tg_text_puts(out, ",\"hours\":");
    if (key->hours == 0)
        tg_text_puts(out, "null");
    else
        tg_text_json_string(out,
                            tg_calendar_text(tg_state_blob(state, key->hours)));
}

void
tg_answer_key(struct tg_text *out, const struct tg_state *state, int64_t now_ms,
              const struct tg_admission *a)
{
    const struct tg_counters *counters =
        &state->keys[a->head.key_slot].counters;
    const struct tg_key_policy *key = &a->key;
    struct moment moment = moment_of(state, a, now_ms);

    tg_text_puts(out, "{\"object\":\"key\",\"id\":");
    tg_text_json_string(out, field(key->id, TG_ID_LEN));
    tg_text_puts(out, ",\"account_id\":");
    tg_text_json_string(out, field(a->account.id, TG_ID_LEN));
    tg_text_puts(out, ",\"name\":");
    tg_text_json_string(out, tg_state_blob(state, key->name));
    tg_text_puts(out, ",\"kind\":\"");
    tg_text_puts(out, tg_key_kind_name(key->kind));
    tg_text_puts(out, "\",\"status\":\"active\",\"prefix\":");
    tg_text_json_string(out, field(key->prefix, sizeof(key->prefix)));
    tg_text_puts(out, ",\"last4\":");
    tg_text_json_string(out, field(key->last4, sizeof(key->last4)));
    tg_text_puts(out, ",\"scopes\":");
    put_scopes(out, key->scopes);
    tg_text_puts(out, ",\"models\":");
    put_list(out, tg_state_blob(state, key->models));
    put_endpoints(out, key->endpoints);
    put_places(out, state, key);
    tg_text_puts(out, ",\"created_at\":");
    tg_text_instant(out, key->created_at_ms);
    tg_text_puts(out, ",\"expires_at\":");
    tg_text_instant(out, key->expires_at_ms);
    put_limits(out, key);
    put_budgets(out, state, key);
    put_left(out, &moment);
    put_use(out, counters);
    tg_text_puts(out, "}");
}
