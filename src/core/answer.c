#include "answer.h"

#include "answer_part.h"
#include "price.h"
#include "service.h"

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
    struct tg_str owner;

    return !tg_service_is(name_of(model), &owner) &&
           model->price_count <= TG_MODEL_PRICES &&
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

/* An amount that can be shown; only a damaged file has others. */
static int64_t
held(__int128 nanos)
{
    return nanos > INT64_MAX   ? INT64_MAX
           : nanos < INT64_MIN ? INT64_MIN
                               : (int64_t)nanos;
}

/* What is left of an account, granted money being spent first. */
static void
balance_of(const struct tg_state *state, const struct tg_admission *a,
           __int128 *granted, __int128 *topped_up)
{
    const struct tg_counters *counters =
        &state->accounts[a->key.account].counters;
    __int128 spent =
        (__int128)a->account.settled_nanos +
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
    __int128 granted, topped_up;
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
    tg_text_money(out, held(granted + topped_up));
    tg_text_puts(out, ",\"granted_balance\":");
    tg_text_money(out, held(granted));
    tg_text_puts(out, ",\"topped_up_balance\":");
    tg_text_money(out, held(topped_up));
    tg_text_puts(out, "}]}");
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
        tg_answer_key(out, state, now_ms, a);
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
