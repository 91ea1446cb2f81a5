#include "answer.h"

#include "calendar.h"
#include "key.h"
#include "price.h"

static struct tg_str
field(const char *text, size_t size)
{
    return (struct tg_str){text, tg_field_len(text, size)};
}

static enum tg_code
refuse(struct tg_admission *a, enum tg_code code)
{
    a->action = TG_ACTION_REFUSE;
    a->code = code;
    a->reason = TG_REASON_CODE;
    return code;
}

static struct tg_str
name_of(const struct tg_model *model)
{
    return field(model->name, sizeof(model->name));
}

/* Offered to this key now: priced, served, and on its list. */
static bool
is_offered(const struct tg_state *state, const struct tg_key_policy *key,
           const struct tg_catalog *catalog, const struct tg_model *model,
           int64_t now_ms)
{
    return model->price_count <= TG_MODEL_PRICES &&
           tg_price_at(model->prices, model->price_count, now_ms) != NULL &&
           model->upstream_count > 0 &&
           model->upstreams[0] < TG_CATALOG_UPSTREAMS &&
           catalog->upstreams[model->upstreams[0]].id[0] != '\0' &&
           tg_admit_may_use(state, key, model);
}

static void
put_model(struct tg_text *out, const struct tg_catalog *catalog,
          const struct tg_model *model)
{
    const struct tg_upstream *upstream =
        &catalog->upstreams[model->upstreams[0]];

    tg_text_puts(out, "{\"id\":");
    tg_text_json_string(out, name_of(model));
    tg_text_puts(out, ",\"object\":\"model\",\"created\":");
    tg_text_int(out, model->created_at_ms / 1000);
    tg_text_puts(out, ",\"owned_by\":");
    tg_text_json_string(out, field(upstream->name, sizeof(upstream->name)));
    tg_text_puts(out, "}");
}

static void
put_models(struct tg_text *out, const struct tg_state *state,
           const struct tg_catalog *catalog, int64_t now_ms,
           const struct tg_key_policy *key)
{
    uint32_t count = catalog == NULL ? 0 : catalog->model_count;
    const char *comma = "";

    tg_text_puts(out, "{\"object\":\"list\",\"data\":[");
    for (uint32_t i = 0; i < count && i < TG_CATALOG_MODELS; i++) {
        if (!is_offered(state, key, catalog, &catalog->models[i], now_ms))
            continue;
        tg_text_puts(out, comma);
        put_model(out, catalog, &catalog->models[i]);
        comma = ",";
    }
    tg_text_puts(out, "]}");
}

static enum tg_code
put_one_model(struct tg_text *out, const struct tg_state *state,
              const struct tg_catalog *catalog, int64_t now_ms,
              struct tg_admission *a)
{
    struct tg_str name = a->head.argument;
    int row = catalog == NULL ? -1 : tg_catalog_find(catalog, name);

    if (row >= 0 &&
        is_offered(state, &a->key, catalog, &catalog->models[row], now_ms)) {
        put_model(out, catalog, &catalog->models[row]);
        return TG_CODE_NONE;
    }
    tg_field_set(a->call.model, sizeof(a->call.model), name.data, name.len);
    return refuse(a, TG_CODE_MODEL_NOT_FOUND);
}

/* What is left of an account, granted money being spent first. */
static void
balance_of(const struct tg_state *state, const struct tg_admission *a,
           int64_t *granted, int64_t *topped_up)
{
    const struct tg_counters *counters =
        &state->accounts[a->key.account].counters;
    int64_t spent =
        a->account.settled_nanos +
        atomic_load_explicit(&counters->settled_nanos, memory_order_relaxed);

    *granted = a->account.granted_nanos - spent;
    *topped_up = a->account.topped_up_nanos;
    if (*granted < 0) {
        *topped_up += *granted;
        *granted = 0;
    }
}

static void
put_balance(struct tg_text *out, const struct tg_state *state,
            const struct tg_catalog *catalog, const struct tg_admission *a)
{
    int64_t granted, topped_up;
    struct tg_str currency = TG_STR("USD");

    if (catalog != NULL && catalog->currency[0] != '\0')
        currency = field(catalog->currency, sizeof(catalog->currency));
    balance_of(state, a, &granted, &topped_up);
    tg_text_puts(out, "{\"is_available\":");
    tg_text_puts(out, a->account.billing == TG_BILLING_POSTPAID ||
                              granted + topped_up > 0
                          ? "true"
                          : "false");
    tg_text_puts(out, ",\"balance_infos\":[{\"currency\":");
    tg_text_json_string(out, currency);
    tg_text_puts(out, ",\"total_balance\":");
    tg_text_money(out, granted + topped_up);
    tg_text_puts(out, ",\"granted_balance\":");
    tg_text_money(out, granted);
    tg_text_puts(out, ",\"topped_up_balance\":");
    tg_text_money(out, topped_up);
    tg_text_puts(out, "}]}");
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

/* The rates, and how much of them is left now. */
static void
put_limits(struct tg_text *out, const struct tg_key_policy *key,
           const struct tg_counters *counters, int64_t now_ms)
{
    struct tg_rate_report left;

    tg_rate_report(counters, key, now_ms, &left);
    put_limit(
        out, ",\"limits\":{\"requests_per_second\":", key->requests_per_second);
    put_limit(out, ",\"requests_per_minute\":", key->requests_per_minute);
    put_limit(out, ",\"requests_per_day\":", key->requests_per_day);
    put_limit(out, ",\"tokens_per_minute\":", key->tokens_per_minute);
    put_limit(out, ",\"concurrency\":", key->concurrency);
    tg_text_puts(out, ",\"max_queue_ms\":");
    tg_text_int(out, key->max_queue_ms);
    tg_text_puts(out, "},\"left\":{\"requests\":");
    if (left.requests.limit == TG_RATE_NONE)
        tg_text_puts(out, "null");
    else
        tg_text_int(out, left.requests.left);
    tg_text_puts(out, ",\"tokens\":");
    if (left.tokens.limit == TG_RATE_NONE)
        tg_text_puts(out, "null");
    else
        tg_text_int(out, left.tokens.left);
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

/* Continues the object that put_limits left open. */
static void
put_budgets(struct tg_text *out, const struct tg_state *state, int64_t now_ms,
            const struct tg_admission *a)
{
    struct tg_str zone = tg_state_blob(state, a->key.timezone);
    struct tg_call call = {
        .key_slot = a->head.key_slot,
        .account_slot = a->key.account,
        .day = (uint32_t)tg_calendar_day(zone, now_ms),
        .month = (uint16_t)tg_calendar_month(zone, now_ms),
    };
    struct tg_budget_verdict tightest;
    int64_t left =
        tg_budget_left(state, &call, &a->key, &a->account, &tightest);

    tg_text_puts(out, ",\"money\":");
    if (tightest.kind == TG_BUDGET_NONE)
        tg_text_puts(out, "null");
    else
        tg_text_money(out, left);
    put_budget(out, "},\"budget\":{\"daily\":", a->key.daily_nanos);
    put_budget(out, ",\"monthly\":", a->key.monthly_nanos);
    tg_text_puts(out, ",\"timezone\":");
    tg_text_json_string(out, tg_calendar_text(zone));
    tg_text_puts(out, "}");
}

static void
put_key(struct tg_text *out, const struct tg_state *state, int64_t now_ms,
        const struct tg_admission *a)
{
    const struct tg_counters *counters =
        &state->keys[a->head.key_slot].counters;
    const struct tg_key_policy *key = &a->key;

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
    tg_text_puts(out, ",\"created_at\":");
    tg_text_instant(out, key->created_at_ms);
    tg_text_puts(out, ",\"expires_at\":");
    tg_text_instant(out, key->expires_at_ms);
    put_limits(out, key, counters, now_ms);
    put_budgets(out, state, now_ms, a);
    put_use(out, counters);
    tg_text_puts(out, "}");
}

static enum tg_code
write_once(struct tg_text *out, const struct tg_state *state,
           const struct tg_catalog *catalog, int64_t now_ms,
           struct tg_admission *a)
{
    switch (a->head.route->endpoint) {
    case TG_ENDPOINT_MODELS:
        put_models(out, state, catalog, now_ms, &a->key);
        return TG_CODE_NONE;
    case TG_ENDPOINT_MODEL:
        return put_one_model(out, state, catalog, now_ms, a);
    case TG_ENDPOINT_BALANCE:
        put_balance(out, state, catalog, a);
        return TG_CODE_NONE;
    case TG_ENDPOINT_KEY:
        put_key(out, state, now_ms, a);
        return TG_CODE_NONE;
    default:
        return refuse(a, TG_CODE_INTERNAL_ERROR);
    }
}

enum tg_code
tg_answer_write(struct tg_text *out, const struct tg_state *state,
                int64_t now_ms, struct tg_admission *a)
{
    const struct tg_catalog *catalog;
    size_t start = out->len;
    uint64_t seq;
    enum tg_code code;

    /* A policy that changed meanwhile takes its texts along: judge again. */
    for (;;) {
        a->action = TG_ACTION_ANSWER;
        out->len = start;
        out->is_cut = false;
        catalog = tg_state_catalog(state, &seq);
        code = write_once(out, state, catalog, now_ms, a);
        if (!tg_state_key_is_current(state, a->head.key_slot, a->key_seq)) {
            if (!tg_admit_again(state, now_ms, a))
                return a->code;
            continue;
        }
        if (tg_state_catalog_is_current(state, seq))
            break;
    }
    return out->is_cut ? refuse(a, TG_CODE_INTERNAL_ERROR) : code;
}
