#include "admit.h"

#include "admit_ask.h"
#include "admit_part.h"
#include "bound.h"
#include "calendar.h"
#include "edit.h"
#include "err.h"
#include "key.h"
#include "price.h"

/* "deepseek-*" matches by its beginning, anything else by the whole. */
static bool
matches(struct tg_str pattern, struct tg_str name)
{
    if (pattern.len > 0 && pattern.data[pattern.len - 1] == '*')
        return name.len >= pattern.len - 1 &&
               memcmp(name.data, pattern.data, pattern.len - 1) == 0;
    return tg_str_eq(pattern, name);
}

bool
tg_admit_may_use(const struct tg_state *state, const struct tg_key_policy *key,
                 const struct tg_model *model)
{
    struct tg_str list, pattern, name;

    if (key->models == 0) {
        switch (key->kind) {
        case TG_KIND_PRODUCTION:
            return true;
        case TG_KIND_DEVELOPMENT:
            return model->flags & TG_MODEL_DEVELOPMENT;
        default:
            return false;
        }
    }
    list = tg_state_blob(state, key->models);
    name = (struct tg_str){model->name,
                           tg_field_len(model->name, sizeof(model->name))};
    while (tg_blob_next(&list, &pattern)) {
        if (matches(pattern, name))
            return true;
    }
    return false;
}

static enum tg_code
code_of_fault(const struct tg_body_fault *fault)
{
    return fault->kind == TG_BODY_DUPLICATE ? TG_CODE_DUPLICATE_FIELD
                                            : TG_CODE_INVALID_REQUEST;
}

/* By what the operator multiplies the prices of this kind of key. */
static uint32_t
factor_ppm(const struct tg_catalog *catalog, const struct tg_key_policy *key)
{
    size_t kinds = sizeof(catalog->settings.price_factor_ppm) /
                   sizeof(catalog->settings.price_factor_ppm[0]);

    return catalog->settings
        .price_factor_ppm[key->kind < kinds ? key->kind : TG_KIND_NONE];
}

static bool
refuse_member(enum tg_body_member member, enum tg_reason reason,
              const struct tg_body_facts *facts, struct tg_admission *a)
{
    a->body_fault = (struct tg_body_fault){TG_BODY_RANGE, member,
                                           facts->members[member].at};
    return tg_admit_refuse(a, TG_CODE_INVALID_REQUEST, reason);
}

/* The row of prices in force; NULL: there is none. */
static const struct tg_price *
price_of(const struct tg_model *model, int64_t now_ms)
{
    uint32_t n = model->price_count;

    return n > TG_MODEL_PRICES ? NULL : tg_price_at(model->prices, n, now_ms);
}

/*
 * What is not counted in tokens, and the price of one: that of the size where
 * it has its own.
 */
static bool
has_units(const struct tg_catalog *catalog, const struct tg_model *model,
          const struct tg_body_facts *facts, int64_t now_ms,
          struct tg_admission *a)
{
    const struct tg_price *price = price_of(model, now_ms);
    struct tg_call *call = &a->call;
    struct tg_measure measure;
    struct tg_rates unit = {0};
    int err;

    /* It had one a moment ago: another catalog is being published there. */
    if (price == NULL)
        return tg_admit_refuse(a, TG_CODE_MODEL_NOT_PRICED, TG_REASON_CODE);
    err = tg_measure(facts, a->head.route->family, price,
                     call->flags & TG_CALL_PEAK, &measure);
    if (err == TG_ERR_NOT_FOUND)
        return tg_admit_refuse(a, TG_CODE_MODEL_NOT_PRICED,
                               TG_REASON_WRONG_UNIT);
    if (err != 0) {
        tg_measure_sizes(price, a->sizes);
        return refuse_member(measure.member,
                             measure.member == TG_BODY_N ? TG_REASON_BODY
                                                         : TG_REASON_SIZE,
                             facts, a);
    }
    unit.unit_picos = measure.picos;
    if (tg_price_scale(&unit, factor_ppm(catalog, &a->key)) != 0)
        return tg_admit_refuse(a, TG_CODE_MODEL_NOT_PRICED, TG_REASON_CODE);
    call->rates.unit_picos = unit.unit_picos;
    call->unit_bound = measure.units;
    return true;
}

/* Sets aside the most that this request can cost. */
static bool
has_bounds(const struct tg_body_facts *facts, const struct tg_model *model,
           struct tg_admission *a)
{
    enum tg_body_member member;
    struct tg_call *call = &a->call;

    call->prompt_bound =
        tg_bound_request(facts, model, (enum tg_dialect)a->upstream.dialect,
                         a->head.route->family, &call->rates);
    if (tg_bound_completion(facts, model, (enum tg_dialect)a->upstream.dialect,
                            a->head.route->endpoint, &call->completion_bound,
                            &member) == 0 &&
        tg_bound_cost(call, &call->held_nanos) == 0)
        return true;
    return refuse_member(member, TG_REASON_BODY, facts, a);
}

/* Whether the upstream sends a stream's usage only when it is asked. */
static bool
must_ask(enum tg_dialect dialect, const struct tg_route *route,
         const struct tg_body_facts *facts)
{
    const struct tg_body_value *options =
        &facts->members[TG_BODY_STREAM_OPTIONS];
    const struct tg_body_value *asked = &facts->members[TG_BODY_INCLUDE_USAGE];

    if (dialect != TG_DIALECT_OPENAI && dialect != TG_DIALECT_VLLM)
        return false;
    /* These report always. */
    if (route->endpoint == TG_ENDPOINT_RESPONSES ||
        route->endpoint == TG_ENDPOINT_MESSAGES ||
        route->family != TG_FAMILY_TEXT)
        return false;
    if (asked->is_present)
        return asked->value != 1;
    /* vLLM takes stream_options without it as a yes. */
    return dialect == TG_DIALECT_OPENAI || !options->is_present ||
           options->is_null;
}

/* What we ask a stream for, and the client did not, is taken out again. */
uint8_t
tg_admit_edit_rule(const struct tg_body_facts *facts,
                   const struct tg_admission *a)
{
    return (a->call.flags & TG_CALL_STREAM) &&
                   must_ask((enum tg_dialect)a->upstream.dialect, a->head.route,
                            facts)
               ? TG_EDIT_ALL_USAGE
               : TG_EDIT_NOTHING;
}

/* Only a damaged catalog has. */
static bool
has_negative(const struct tg_rates *rates)
{
    return (rates->hit_picos | rates->miss_picos | rates->output_picos |
            rates->write_picos | rates->unit_picos) < 0;
}

bool
tg_admit_has_price(const struct tg_catalog *catalog,
                   const struct tg_model *model, int64_t now_ms,
                   struct tg_admission *a)
{
    const struct tg_price *price;
    struct tg_call *call = &a->call;
    uint32_t days = catalog->holiday_count;
    bool is_peak;

    price = price_of(model, now_ms);
    if (price == NULL || days > TG_CATALOG_HOLIDAYS)
        return tg_admit_refuse(a, TG_CODE_MODEL_NOT_PRICED, TG_REASON_CODE);
    is_peak = tg_price_is_peak(price, now_ms, catalog->holidays, days);
    if (is_peak)
        call->flags |= TG_CALL_PEAK;
    call->unit = (uint8_t)price->unit;
    call->rates = *tg_price_rates(price, is_peak);
    if (has_negative(&call->rates) ||
        tg_price_scale(&call->rates, factor_ppm(catalog, &a->key)) != 0)
        return tg_admit_refuse(a, TG_CODE_MODEL_NOT_PRICED, TG_REASON_CODE);
    return true;
}

const struct tg_model *
tg_admit_model(const struct tg_state *state, const struct tg_catalog *catalog,
               struct tg_str name, struct tg_admission *a)
{
    int row = catalog == NULL ? -1 : tg_catalog_find(catalog, name);
    const struct tg_model *model;

    tg_field_set(a->call.model, sizeof(a->call.model), name.data, name.len);
    if (row < 0) {
        tg_admit_refuse(a, TG_CODE_MODEL_NOT_FOUND, TG_REASON_CODE);
        return NULL;
    }
    model = &catalog->models[row];
    if (!tg_admit_may_use(state, &a->key, model)) {
        tg_admit_refuse(a, TG_CODE_MODEL_NOT_FOUND, TG_REASON_KEY_MODELS);
        return NULL;
    }
    if (!(model->scopes & (uint32_t)a->head.route->scope)) {
        tg_admit_refuse(a, TG_CODE_INVALID_REQUEST, TG_REASON_WRONG_USE);
        return NULL;
    }
    return model;
}

/*
 * A row about the gate's own side has refused.  Rates and money, which are
 * taken later, stand above it in the table: when one of them refuses, too,
 * that is the answer.
 */
static bool
refuse_above(const struct tg_state *state, const struct tg_body_facts *facts,
             const struct tg_model *model, bool is_priced, int64_t now_ms,
             struct tg_admission *a)
{
    enum tg_code code = a->code;
    enum tg_reason reason = a->reason;

    tg_admit_find_day(state, now_ms, a);
    if (!tg_admit_has_room(
            state,
            tg_bound_likely(tg_bound_prompt(facts, model, TG_DIALECT_NONE)),
            now_ms, a) ||
        !tg_admit_has_money(state, is_priced, a))
        return false;
    return tg_admit_refuse(a, code, reason);
}

/* The rows that need the catalog, over one publication of it. */
static bool
is_offered(const struct tg_state *state, const struct tg_catalog *catalog,
           const struct tg_body_facts *facts, int64_t now_ms,
           struct tg_admission *a)
{
    struct tg_str name = {facts->model, facts->model_len};
    const struct tg_model *model;

    a->call.flags = 0;
    if (facts->members[TG_BODY_STREAM].value ||
        facts->members[TG_BODY_STREAM_FORMAT].value)
        a->call.flags = TG_CALL_STREAM;
    model = a->head.route->service.len == 0
                ? tg_admit_model(state, catalog, name, a)
                : tg_admit_service(state, catalog, facts, a);
    if (model == NULL)
        return false;
    if (!tg_admit_has_price(catalog, model, now_ms, a))
        return refuse_above(state, facts, model, false, now_ms, a);
    if (!has_units(catalog, model, facts, now_ms, a))
        return a->code == TG_CODE_MODEL_NOT_PRICED
                   ? refuse_above(state, facts, model, true, now_ms, a)
                   : false;
    a->target.is_tied = a->head.route->family == TG_FAMILY_OBJECTS ||
                        (facts->asked.kinds >> TG_ASK_FILE & 1);
    if (!tg_admit_has_upstream(state, catalog, model, now_ms, a))
        return refuse_above(state, facts, model, true, now_ms, a);
    return tg_admit_can_meter(&facts->asked, catalog, model, a) &&
           has_bounds(facts, model, a);
}

/* Those that nobody watched are judged by nginx alone. */
static bool
has_faulty_chunks(const struct tg_head *head)
{
    return head->chunks != TG_WIRE_FINE && head->chunks != TG_WIRE_UNSEEN;
}

static bool
is_sound(const struct tg_body_facts *facts, const struct tg_body_fault *fault,
         struct tg_admission *a)
{
    if (a->must_close) {
        a->framing = TG_FRAMING_CHUNKS;
        return tg_admit_refuse(a, TG_CODE_INVALID_REQUEST, TG_REASON_FRAMING);
    }
    if (facts == NULL) {
        a->body_fault = *fault;
        return tg_admit_refuse(a, code_of_fault(fault), TG_REASON_BODY);
    }
    if (facts->model_len == 0 && a->head.route->service.len == 0)
        return tg_admit_refuse(a, TG_CODE_INVALID_REQUEST, TG_REASON_NO_MODEL);
    return true;
}

void
tg_admit_find_day(const struct tg_state *state, int64_t now_ms,
                  struct tg_admission *a)
{
    struct tg_calendar_periods periods;

    tg_calendar_periods(tg_state_blob(state, a->key.timezone), now_ms,
                        &periods);
    a->call.day = (uint32_t)periods.day;
    a->call.month = (uint16_t)periods.month;
    a->day_ends_at_ms = periods.day_end_ms;
    a->month_ends_at_ms = periods.month_end_ms;
}

/* Which secret it came with; the newest one is the first. */
static uint16_t
secret_flags(const struct tg_admission *a, int64_t now_ms)
{
    const struct tg_key_policy *key = &a->key;
    const struct tg_key_secret *other = &key->secrets[1];
    bool is_old = key->secret_numbers[1] != 0 &&
                  tg_key_secret_of(key, &a->head.digest) == 1;
    unsigned flags = (unsigned)key->secret_numbers[is_old]
                     << TG_CALL_SECRET_SHIFT;

    if (key->secret_numbers[1] != 0 &&
        (other->valid_until_ms == 0 || now_ms < other->valid_until_ms))
        flags |= TG_CALL_TWO_SECRETS;
    if (is_old)
        flags |= TG_CALL_OLD_SECRET;
    return (uint16_t)flags;
}

static void
fill_call(int64_t now_ms, struct tg_admission *a)
{
    struct tg_call *call = &a->call;

    call->at_ms = now_ms;
    call->flags |= secret_flags(a, now_ms);
    memcpy(call->key_id, a->key.id, TG_ID_LEN);
    memcpy(call->account_id, a->account.id, TG_ID_LEN);
    call->key_slot = a->head.key_slot;
    call->account_slot = a->key.account;
    call->endpoint = (uint16_t)a->head.route->endpoint;
    call->ttft_ms = TG_ABSENT_MS;
    memcpy(call->ip, a->head.ip, sizeof(call->ip));
}

void
tg_admit_body(const struct tg_state *state, const struct tg_head *head,
              const struct tg_body_facts *facts,
              const struct tg_body_fault *fault, int64_t now_ms,
              struct tg_admission *a)
{
    const struct tg_catalog *catalog;
    uint64_t catalog_seq;
    bool is_current;

    if (head != &a->head)
        a->head = *head;
    a->must_close = has_faulty_chunks(head);
    do {
        memset(&a->call, 0, sizeof(a->call));
        a->waited_ms = 0;
        /* The body may have taken its time: the key is asked again. */
        if (!tg_admit_again(state, now_ms, a) || !is_sound(facts, fault, a))
            return;
        catalog = tg_state_catalog(state, &catalog_seq);
        a->catalog_seq = catalog_seq;
        a->action = TG_ACTION_PROXY;
        if (is_offered(state, catalog, facts, now_ms, a)) {
            a->edit_rule = tg_admit_edit_rule(facts, a);
            tg_admit_find_day(state, now_ms, a);
            fill_call(now_ms, a);
        }
        /* What was read belongs together, or is read again. */
        is_current =
            tg_state_key_is_current(state, a->head.key_slot, a->key_seq) &&
            tg_state_catalog_is_current(state, catalog_seq);
    } while (!is_current);
}
