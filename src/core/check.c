#include "check.h"

#include "admit_part.h"

/* A call of one word: what its prompt takes of tokens a minute. */
#define LEAST_TOKENS 1

struct walk {
    const struct tg_state *state;
    const struct tg_check_question *question;
    const struct tg_catalog *catalog;
    const struct tg_model *model; /* that is meant, or NULL */
    tg_check_hear *hear;
    void *arg;
    bool is_allowed;
    struct tg_admission a;
};

static void
say(struct walk *walk, enum tg_check_row row, enum tg_check_answer answer)
{
    walk->is_allowed = walk->is_allowed && answer != TG_CHECK_NO;
    walk->hear(walk->arg, row, answer, &walk->a);
}

static void
answer(struct walk *walk, enum tg_check_row row, bool is_yes)
{
    say(walk, row, is_yes ? TG_CHECK_YES : TG_CHECK_NO);
}

/* The secret that lasts longest speaks for the key. */
static void
choose_secret(struct walk *walk)
{
    const struct tg_key_secret *secrets = walk->a.key.secrets;
    static const uint8_t none[sizeof(secrets->digest)];
    const struct tg_key_secret *best = &secrets[0];

    if (memcmp(secrets[1].digest, none, sizeof(none)) != 0 &&
        best->valid_until_ms != 0 &&
        (secrets[1].valid_until_ms == 0 ||
         secrets[1].valid_until_ms > best->valid_until_ms))
        best = &secrets[1];
    memcpy(walk->a.head.digest.bytes, best->digest, sizeof(best->digest));
}

static bool
allows(const struct tg_key_policy *key, const struct tg_route *route)
{
    return (key->scopes & (uint32_t)route->scope) &&
           (key->endpoints == 0 ||
            (key->endpoints & (uint64_t)1 << route->endpoint));
}

/* A route of one of the scopes: one that the key may call, if there is one. */
static const struct tg_route *
choose_route(const struct tg_key_policy *key, uint32_t scopes)
{
    const struct tg_route *first = NULL;

    for (int endpoint = 1; endpoint < 64; endpoint++) {
        const struct tg_route *route = tg_route_of((enum tg_endpoint)endpoint);

        if (route == NULL || !((uint32_t)route->scope & scopes))
            continue;
        if (allows(key, route))
            return route;
        if (first == NULL)
            first = route;
    }
    return first;
}

static const struct tg_route *
route_of(const struct walk *walk)
{
    const struct tg_check_question *q = walk->question;

    if (q->route != NULL)
        return q->route;
    if (q->scope != TG_SCOPE_NONE)
        return choose_route(&walk->a.key, (uint32_t)q->scope);
    return walk->model == NULL
               ? NULL
               : choose_route(&walk->a.key, walk->model->scopes);
}

/* What a question names: key, model, route, place. */
static bool
begin(struct walk *walk)
{
    const struct tg_check_question *q = walk->question;
    struct tg_admission *a = &walk->a;
    int row;

    if (q->key_slot == TG_CHECK_NO_KEY ||
        tg_state_key(walk->state, q->key_slot, &a->key, &a->key_seq) != 0 ||
        a->key.status == TG_KEY_NONE || a->key.status == TG_KEY_DELETED)
        return tg_admit_refuse(a, TG_CODE_INVALID_API_KEY, TG_REASON_CODE);
    row = walk->catalog == NULL ? -1 : tg_catalog_find(walk->catalog, q->model);
    if (row >= 0)
        walk->model = &walk->catalog->models[row];
    a->has_key = true;
    a->head.key_slot = q->key_slot;
    a->head.referer = q->referrer;
    memcpy(a->head.ip, q->ip, sizeof(a->head.ip));
    a->head.route = route_of(walk);
    choose_secret(walk);
    return true;
}

static void
ask_place(struct walk *walk)
{
    const struct tg_check_question *q = walk->question;

    if (!q->has_ip && walk->a.key.networks != 0)
        say(walk, TG_CHECK_NETWORK, TG_CHECK_NOT_ASKED);
    else
        answer(walk, TG_CHECK_NETWORK,
               tg_admit_may_from_network(walk->state, &walk->a));
    if (q->referrer.len == 0 && walk->a.key.referrers != 0)
        say(walk, TG_CHECK_REFERRER, TG_CHECK_NOT_ASKED);
    else
        answer(walk, TG_CHECK_REFERRER,
               tg_admit_may_from_page(walk->state, &walk->a));
}

static void
ask_route(struct walk *walk)
{
    struct tg_admission *a = &walk->a;

    if (a->head.route != NULL) {
        answer(walk, TG_CHECK_ENDPOINT, tg_admit_has_endpoint(a));
        answer(walk, TG_CHECK_SCOPE, tg_admit_has_scope(a));
        return;
    }
    if (walk->question->scope != TG_SCOPE_NONE)
        answer(walk, TG_CHECK_ENDPOINT,
               tg_admit_refuse(a, TG_CODE_NOT_FOUND, TG_REASON_CODE));
    else
        say(walk, TG_CHECK_ENDPOINT, TG_CHECK_NOT_ASKED);
    say(walk, TG_CHECK_SCOPE, TG_CHECK_NOT_ASKED);
}

static void
ask_model(struct walk *walk)
{
    static const struct tg_route any = {.scope = TG_SCOPE_ALL,
                                        .name = "any endpoint"};
    struct tg_admission *a = &walk->a;
    const struct tg_route *route = a->head.route;

    if (route != NULL && route->service.len != 0) {
        walk->model = tg_admit_service_row(walk->catalog, a);
        answer(walk, TG_CHECK_MODEL, walk->model != NULL);
        return;
    }
    if (walk->question->model.len == 0) {
        say(walk, TG_CHECK_MODEL, TG_CHECK_NOT_ASKED);
        return;
    }
    if (route == NULL)
        a->head.route = &any;
    answer(walk, TG_CHECK_MODEL,
           tg_admit_model(walk->state, walk->catalog, walk->question->model,
                          a) != NULL);
    a->head.route = route;
}

/* A model that is not there has been refused as such. */
static void
ask_offer(struct walk *walk)
{
    struct tg_admission *a = &walk->a;

    if (walk->model == NULL) {
        say(walk, TG_CHECK_PRICE, TG_CHECK_NOT_ASKED);
        say(walk, TG_CHECK_UPSTREAM, TG_CHECK_NOT_ASKED);
        return;
    }
    answer(walk, TG_CHECK_PRICE,
           tg_admit_has_price(walk->catalog, walk->model,
                              walk->question->now_ms, a));
    if (a->head.route == NULL) {
        say(walk, TG_CHECK_UPSTREAM, TG_CHECK_NOT_ASKED);
    } else {
        a->target.is_tied = a->head.route->family == TG_FAMILY_OBJECTS;
        answer(walk, TG_CHECK_UPSTREAM,
               tg_admit_has_upstream(walk->state, walk->catalog, walk->model,
                                     walk->question->now_ms, a));
    }
}

/* What the gate answers by itself takes nothing and goes nowhere. */
static bool
is_free(const struct walk *walk)
{
    const struct tg_route *route = walk->a.head.route;

    return route != NULL && route->served == TG_SERVED_LOCALLY;
}

/* The rows of what a call uses. */
static void
ask_use(struct walk *walk)
{
    struct tg_admission *a = &walk->a;
    int64_t now_ms = walk->question->now_ms;
    bool is_priced;

    ask_model(walk);
    is_priced = walk->model != NULL &&
                tg_admit_has_price(walk->catalog, walk->model, now_ms, a);
    tg_admit_find_day(walk->state, now_ms, a);
    answer(walk, TG_CHECK_RATES,
           tg_admit_has_room(walk->state, LEAST_TOKENS, now_ms, a));
    /* Of an account that is none there is no money to ask about. */
    if (tg_state_account(walk->state, a->key.account, &a->account) != 0)
        say(walk, TG_CHECK_BUDGET, TG_CHECK_NOT_ASKED);
    else
        answer(walk, TG_CHECK_BUDGET,
               tg_admit_has_money(walk->state, is_priced, a));
    ask_offer(walk);
}

static void
ask(struct walk *walk)
{
    struct tg_admission *a = &walk->a;
    int64_t now_ms = walk->question->now_ms;

    answer(walk, TG_CHECK_STATUS, tg_admit_has_status(a));
    answer(walk, TG_CHECK_EXPIRY, tg_admit_is_unexpired(now_ms, a));
    answer(walk, TG_CHECK_ACCOUNT, tg_admit_has_account(walk->state, a));
    ask_place(walk);
    answer(walk, TG_CHECK_HOURS, tg_admit_may_now(walk->state, now_ms, a));
    ask_route(walk);
    if (!is_free(walk)) {
        ask_use(walk);
        return;
    }
    for (int row = TG_CHECK_MODEL; row < TG_CHECK_ROWS; row++)
        say(walk, (enum tg_check_row)row, TG_CHECK_NOT_ASKED);
}

bool
tg_check(const struct tg_state *state, const struct tg_check_question *question,
         tg_check_hear *hear, void *arg)
{
    struct walk walk = {.state = state,
                        .question = question,
                        .hear = hear,
                        .arg = arg,
                        .is_allowed = true};
    uint64_t seq;
    bool is_known;

    walk.catalog = tg_state_catalog(state, &seq);
    is_known = begin(&walk);
    answer(&walk, TG_CHECK_CREDENTIAL, is_known);
    if (is_known)
        ask(&walk);
    return walk.is_allowed;
}
