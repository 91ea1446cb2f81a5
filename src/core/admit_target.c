#include "admit_take.h"

#include "admit_ask.h"
#include "admit_part.h"
#include "bound.h"
#include "dialect.h"
#include "edit.h"
#include "hold.h"

static bool
refuse(struct tg_admission *a, const struct tg_scarcity *scarcity,
       int64_t now_ms)
{
    static const struct {
        enum tg_code code;
        enum tg_reason reason;
    } rows[] = {
        [TG_LACK_NONE] = {TG_CODE_UPSTREAM_UNAVAILABLE, TG_REASON_NO_UPSTREAM},
        [TG_LACK_TRIES] = {TG_CODE_UPSTREAM_UNAVAILABLE, TG_REASON_CODE},
        [TG_LACK_UPSTREAM] = {TG_CODE_UPSTREAM_UNAVAILABLE,
                              TG_REASON_NO_UPSTREAM},
        [TG_LACK_ENDPOINT] = {TG_CODE_INVALID_REQUEST, TG_REASON_WRONG_DIALECT},
        [TG_LACK_CREDENTIAL] = {TG_CODE_UPSTREAM_UNAVAILABLE,
                                TG_REASON_NO_CREDENTIAL},
        [TG_LACK_ADDRESS] = {TG_CODE_UPSTREAM_UNAVAILABLE,
                             TG_REASON_NO_ADDRESS},
        [TG_LACK_ACCEPTED] = {TG_CODE_UPSTREAM_UNAVAILABLE, TG_REASON_POOL_OUT},
        [TG_LACK_PATIENCE] = {TG_CODE_RATE_LIMIT_EXCEEDED, TG_REASON_POOL_BUSY},
        [TG_LACK_ROOM] = {TG_CODE_RATE_LIMIT_EXCEEDED, TG_REASON_POOL_FULL},
    };

    a->pool_wait_ms =
        scarcity->again_at_ms > now_ms ? scarcity->again_at_ms - now_ms : 1;
    return tg_admit_refuse(a, rows[scarcity->lack].code,
                           rows[scarcity->lack].reason);
}

/* A refusal speaks of the first choice. */
static void
show_first(const struct tg_offer *offer, struct tg_admission *a)
{
    uint16_t row = offer->model->upstreams[0];

    if (offer->model->upstream_count > 0 && row < TG_CATALOG_UPSTREAMS)
        a->upstream = offer->catalog->upstreams[row];
}

/* Chooses, and copies what the call needs to know of it, unless it has it. */
static bool
aim(const struct tg_offer *offer, int64_t now_ms, struct tg_admission *a)
{
    struct tg_scarcity scarcity;
    struct tg_str base;

    if (!tg_target_choose(offer, now_ms, &a->target, &scarcity)) {
        show_first(offer, a);
        return refuse(a, &scarcity, now_ms);
    }
    memcpy(a->call.credential_id,
           offer->catalog->credentials[a->target.credential].id, TG_ID_LEN);
    if (a->upstream_row == a->target.upstream)
        return true;
    a->upstream_row = a->target.upstream;
    a->upstream = offer->catalog->upstreams[a->target.upstream];
    memcpy(a->call.upstream_id, a->upstream.id, TG_ID_LEN);
    base = (struct tg_str){
        a->upstream.base_path,
        tg_field_len(a->upstream.base_path, sizeof(a->upstream.base_path))};
    a->place = tg_dialect_place((enum tg_dialect)a->upstream.dialect,
                                offer->endpoint, base);
    /* Everywhere with the id that was sent. */
    if (a->head.route->id_at != 0)
        a->place.path = a->head.path;
    return true;
}

bool
tg_admit_has_upstream(const struct tg_state *state,
                      const struct tg_catalog *catalog,
                      const struct tg_model *model, int64_t now_ms,
                      struct tg_admission *a)
{
    struct tg_offer offer = {.state = state,
                             .catalog = catalog,
                             .model = model,
                             .key_slot = a->head.key_slot,
                             .endpoint = a->head.route->endpoint,
                             .is_tied = a->target.is_tied};

    a->target = (struct tg_target){.is_tied = offer.is_tied};
    a->model_row = (int)(model - catalog->models);
    a->upstream_row = -1;
    return aim(&offer, now_ms, a);
}

/* The row of the call's model in a catalog, or -1. */
static int
model_row(const struct tg_catalog *catalog, const struct tg_call *call)
{
    struct tg_str name = {call->model,
                          tg_field_len(call->model, sizeof(call->model))};

    return catalog == NULL ? -1 : tg_catalog_find(catalog, name);
}

/* Mostly the catalog is the one that the call was judged by. */
static void
read_rows(const struct tg_catalog *catalog, uint64_t seq,
          struct tg_admission *a)
{
    if (seq != 0 && seq == a->catalog_seq)
        return;
    a->catalog_seq = seq;
    a->model_row = model_row(catalog, &a->call);
    a->upstream_row = -1;
}

bool
tg_admit_take_target(struct tg_area_claim *claim, struct tg_call_slot *slot,
                     int64_t now_ms, struct tg_admission *a)
{
    struct tg_target before = a->target;
    struct tg_offer offer = {.state = claim->state,
                             .claim = claim,
                             .key_slot = a->head.key_slot,
                             .endpoint = a->head.route->endpoint,
                             .is_tied = a->target.is_tied};
    uint64_t seq;

    for (;;) {
        offer.catalog = tg_state_catalog(claim->state, &seq);
        read_rows(offer.catalog, seq, a);
        if (a->model_row < 0)
            return tg_admit_refuse(a, TG_CODE_MODEL_NOT_FOUND, TG_REASON_CODE);
        offer.model = &offer.catalog->models[a->model_row];
        if (!aim(&offer, now_ms, a))
            return false;
        if (tg_state_catalog_is_current(claim->state, seq))
            break;
        /* It may be none by now: what was read is read again. */
        tg_target_leave(claim, &a->target, now_ms);
        a->target = before;
    }
    memcpy(slot->call.upstream_id, a->call.upstream_id, TG_ID_LEN);
    memcpy(slot->call.credential_id, a->call.credential_id, TG_ID_LEN);
    return true;
}

bool
tg_admit_go_on(struct tg_area_claim *claim, struct tg_call_slot *slot,
               const struct tg_try *end, int64_t now_ms, struct tg_admission *a)
{
    bool goes_on = tg_target_report(claim->state, &a->target, end, now_ms);

    if (!goes_on)
        return false;
    tg_target_leave(claim, &a->target, now_ms);
    a->call = slot->call;
    a->catalog_seq = 0;
    /* It is a request like the first: the key is asked, too. */
    if (!tg_admit_again(claim->state, now_ms, a) ||
        !tg_admit_take_target(claim, slot, now_ms, a))
        return false;
    /* The one before has done nothing of it. */
    slot->call.flags &= (uint16_t)~TG_CALL_SENT;
    return true;
}

/*
 * Whether an upstream of the present dialect keeps to what is held for the
 * prompt.  *bound becomes what it may produce, as the request stands.
 */
static bool
is_held(const struct tg_state *state, const struct tg_body_facts *facts,
        struct tg_admission *a, int64_t *bound)
{
    enum tg_dialect dialect = (enum tg_dialect)a->upstream.dialect;
    enum tg_body_member member;
    const struct tg_catalog *catalog;
    const struct tg_model *model;
    uint64_t seq;
    bool is_fine;
    int row;

    do {
        catalog = tg_state_catalog(state, &seq);
        row = model_row(catalog, &a->call);
        model = row < 0 ? NULL : &catalog->models[row];
        *bound = INT64_MAX;
        is_fine =
            model != NULL &&
            tg_admit_can_meter(&facts->asked, catalog, model, a) &&
            tg_bound_prompt(facts, model, dialect) <= a->call.prompt_bound;
        if (is_fine &&
            tg_bound_completion(facts, model, dialect, a->head.route->endpoint,
                                bound, &member) != 0)
            *bound = INT64_MAX;
    } while (!tg_state_catalog_is_current(state, seq));
    return is_fine;
}

bool
tg_admit_translate(struct tg_state *state, struct tg_call_slot *slot,
                   const struct tg_body_facts *facts, struct tg_admission *a)
{
    int64_t bound, max_tokens = -1;

    if (!tg_hold_move(&a->hold, state, slot,
                      (enum tg_dialect)a->upstream.dialect, facts, a))
        return false;
    a->call = slot->call;
    a->edit_rule = tg_admit_edit_rule(facts, a);
    if (!is_held(state, facts, a, &bound))
        return false;
    if (bound > a->call.completion_bound)
        max_tokens = a->call.completion_bound / tg_hold_choices(facts);
    if ((max_tokens >= 0 || a->edit_rule != TG_EDIT_NOTHING) &&
        a->head.route->payload != TG_PAYLOAD_JSON)
        return false;
    tg_admit_plan(facts, max_tokens, a);
    return true;
}
