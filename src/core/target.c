#include "target.h"

#include "dialect.h"

/* The order in which candidates are looked at. */
enum round {
    FRESH = 0,     /* at upstreams that have not failed this call */
    SAME_UPSTREAM, /* at those that have, with another credential */
    RESTING,       /* that failed just now, if nothing was tried yet */
    ROUNDS,
};

/* One choice being made. */
struct choice {
    const struct tg_offer *offer;
    int64_t now_ms;
    struct tg_target *target;
    struct tg_scarcity scarcity;
    enum round round;
};

static void
lack(struct choice *choice, enum tg_lack lack)
{
    if (lack > choice->scarcity.lack)
        choice->scarcity.lack = lack;
}

static void
be_patient(struct choice *choice, int64_t until_ms)
{
    struct tg_scarcity *scarcity = &choice->scarcity;

    if (scarcity->again_at_ms == 0 || until_ms < scarcity->again_at_ms)
        scarcity->again_at_ms = until_ms;
    lack(choice, TG_LACK_PATIENCE);
}

static bool
was_tried(const struct tg_target *target, uint16_t row)
{
    for (int i = 0; i < target->tries && i < TG_TARGET_TRIES; i++) {
        if (target->tried[i] == row)
            return true;
    }
    return false;
}

/* Calls at once that are allowed: the smaller of configured and learned. */
static uint32_t
limit_of(const struct tg_upstream_credential *credential,
         const struct tg_pool_view *view)
{
    if (view->concurrency != 0 && (credential->concurrency == 0 ||
                                   view->concurrency < credential->concurrency))
        return view->concurrency;
    return credential->concurrency;
}

/* Whether a credential's standing lets it be used in this round. */
static bool
may_use(struct choice *choice, const struct tg_pool_view *view)
{
    switch (view->standing) {
    case TG_POOL_OPEN:
    case TG_POOL_DUE:
        return choice->round != RESTING;
    case TG_POOL_RESTING:
        return choice->round == RESTING && choice->target->tries == 0;
    case TG_POOL_WAITING:
        be_patient(choice, view->until_ms);
        return false;
    default:
        lack(choice, TG_LACK_ACCEPTED);
        return false;
    }
}

/* Room for one more, and the right to probe one that is due. */
static bool
take(struct choice *choice, uint16_t row, uint32_t generation, uint32_t limit,
     bool is_due, int64_t *probe_until_ms)
{
    struct tg_area_claim *claim = choice->offer->claim;
    bool has_room =
        claim != NULL
            ? tg_pool_enter(claim, row, limit)
            : limit == 0 || tg_pool_calls(choice->offer->state, row) < limit;

    *probe_until_ms = 0;
    if (!has_room)
        lack(choice, TG_LACK_ROOM);
    if (!has_room || claim == NULL || !is_due)
        return has_room;
    *probe_until_ms =
        tg_pool_probe(claim->state, row, generation, choice->now_ms);
    if (*probe_until_ms != 0)
        return true;
    /* Somebody else's probe was quicker. */
    lack(choice, TG_LACK_ACCEPTED);
    tg_pool_leave(claim, row);
    return false;
}

static bool
try_credential(struct choice *choice, uint16_t upstream, uint16_t row)
{
    const struct tg_upstream_credential *credential =
        &choice->offer->catalog->credentials[row];
    struct tg_target *target = choice->target;
    struct tg_pool_view view = tg_pool_look(
        choice->offer->state, row, credential->generation, choice->now_ms);
    int64_t probe_until_ms;

    if (!may_use(choice, &view))
        return false;
    if (!take(choice, row, credential->generation, limit_of(credential, &view),
              view.standing == TG_POOL_DUE, &probe_until_ms))
        return false;
    target->upstream = upstream;
    target->credential = row;
    target->generation = credential->generation;
    target->tried[target->tries++] = row;
    target->is_taken = choice->offer->claim != NULL;
    target->chosen_at_ms = choice->now_ms;
    target->probe_until_ms = probe_until_ms;
    if (target->first_at_ms == 0)
        target->first_at_ms = choice->now_ms;
    return true;
}

/* What a key thinks of a credential: the highest one is its own. */
static uint64_t
weight(uint32_t key_slot, uint16_t row)
{
    uint64_t x = ((uint64_t)key_slot << 16 | row) + 0x9e3779b97f4a7c15;

    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return x ^ x >> 31;
}

/* One that is on its way out comes behind all others. */
static bool
is_better(const struct tg_offer *offer, uint16_t row, uint16_t than)
{
    bool is_retiring = offer->catalog->credentials[row].is_retiring != 0;

    if (is_retiring != (offer->catalog->credentials[than].is_retiring != 0))
        return !is_retiring;
    return offer->is_tied
               ? row < than
               : weight(offer->key_slot, row) > weight(offer->key_slot, than);
}

/* Of the credentials that are left, the one that is tried next. */
static uint16_t
next_of(const struct choice *choice, const uint16_t *rows, uint32_t left)
{
    uint16_t best = (uint16_t)__builtin_ctz(left);

    for (left &= left - 1; left != 0; left &= left - 1) {
        uint16_t i = (uint16_t)__builtin_ctz(left);

        if (is_better(choice->offer, rows[i], rows[best]))
            best = i;
    }
    return best;
}

/* Whether the row holds a credential of this upstream and of no other. */
static bool
is_of(const struct tg_catalog *catalog, uint16_t row, uint16_t upstream)
{
    return row < TG_CATALOG_CREDENTIALS &&
           catalog->credentials[row].id[0] != '\0' &&
           catalog->credentials[row].upstream == upstream;
}

/* Tries them in the key's own order. */
static bool
try_pool(struct choice *choice, uint16_t upstream)
{
    const struct tg_upstream *pool =
        &choice->offer->catalog->upstreams[upstream];
    uint16_t n = pool->credential_count, best;
    uint32_t left = 0;

    if (n > TG_UPSTREAM_CREDENTIALS)
        n = TG_UPSTREAM_CREDENTIALS;
    for (uint16_t i = 0; i < n; i++) {
        if (is_of(choice->offer->catalog, pool->credentials[i], upstream))
            left |= 1u << i;
    }
    if (left == 0)
        lack(choice, TG_LACK_CREDENTIAL);
    while (left != 0) {
        best = next_of(choice, pool->credentials, left);
        left = choice->offer->is_tied ? 0 : left & ~(1u << best);
        if (!was_tried(choice->target, pool->credentials[best]) &&
            try_credential(choice, upstream, pool->credentials[best]))
            return true;
    }
    return false;
}

static bool
try_upstream(struct choice *choice, uint16_t row)
{
    const struct tg_upstream *upstream;
    bool has_failed;

    if (row >= TG_CATALOG_UPSTREAMS ||
        choice->offer->catalog->upstreams[row].id[0] == '\0') {
        lack(choice, TG_LACK_UPSTREAM);
        return false;
    }
    upstream = &choice->offer->catalog->upstreams[row];
    if (!tg_dialect_serves((enum tg_dialect)upstream->dialect,
                           choice->offer->endpoint)) {
        lack(choice, TG_LACK_ENDPOINT);
        return false;
    }
    if (upstream->credential_count == 0) {
        lack(choice, TG_LACK_CREDENTIAL);
        return false;
    }
    if (upstream->address_count == 0 ||
        upstream->address_count > TG_UPSTREAM_ADDRESSES) {
        lack(choice, TG_LACK_ADDRESS);
        return false;
    }
    has_failed = (choice->target->failed >> row & 1) != 0;
    return has_failed == (choice->round == SAME_UPSTREAM) &&
           try_pool(choice, row);
}

/* Whether the call may go on at all. */
static bool
has_tries(const struct tg_offer *offer, const struct tg_target *target,
          int64_t now_ms)
{
    return target->tries == 0 ||
           (!offer->is_tied && target->tries < TG_TARGET_TRIES &&
            now_ms - target->first_at_ms < TG_TARGET_MS_MAX);
}

/* How many upstreams, up to the first that has what only one account keeps. */
static uint16_t
only(const struct tg_offer *offer, uint16_t count)
{
    for (uint16_t i = 0; i < count; i++) {
        uint16_t row = offer->model->upstreams[i];

        if (row < TG_CATALOG_UPSTREAMS &&
            offer->catalog->upstreams[row].credential_count > 0 &&
            tg_dialect_serves(
                (enum tg_dialect)offer->catalog->upstreams[row].dialect,
                offer->endpoint))
            return i + 1;
    }
    return count;
}

bool
tg_target_choose(const struct tg_offer *offer, int64_t now_ms,
                 struct tg_target *target, struct tg_scarcity *scarcity)
{
    struct choice choice = {
        offer, now_ms, target, {TG_LACK_UPSTREAM, 0}, FRESH};
    const struct tg_model *model = offer->model;
    uint16_t n = model->upstream_count;

    if (!has_tries(offer, target, now_ms)) {
        *scarcity = (struct tg_scarcity){TG_LACK_TRIES, 0};
        return false;
    }
    if (n > TG_MODEL_UPSTREAMS)
        n = TG_MODEL_UPSTREAMS;
    if (offer->is_tied)
        n = only(offer, n);
    for (; choice.round < ROUNDS; choice.round++) {
        for (uint16_t i = 0; i < n; i++) {
            if (try_upstream(&choice, model->upstreams[i]))
                return true;
        }
    }
    *scarcity = choice.scarcity;
    return false;
}

/* An upstream that cannot be reached is so for all of its credentials. */
static void
report_others(struct tg_state *state, const struct tg_target *target,
              struct tg_pool_report report, int64_t now_ms)
{
    uint64_t seq;
    const struct tg_catalog *catalog = tg_state_catalog(state, &seq);
    const struct tg_upstream *pool;

    if (catalog == NULL)
        return;
    report.probe_until_ms = 0;
    pool = &catalog->upstreams[target->upstream];
    for (uint16_t i = 0;
         i < pool->credential_count && i < TG_UPSTREAM_CREDENTIALS; i++) {
        uint16_t row = pool->credentials[i];

        if (row != target->credential && is_of(catalog, row, target->upstream))
            tg_pool_report(state, row, catalog->credentials[row].generation,
                           &report, now_ms);
    }
}

bool
tg_target_report(struct tg_state *state, struct tg_target *target,
                 const struct tg_try *end, int64_t now_ms)
{
    const struct tg_fate_row *row = tg_fate_row(end->fate);
    struct tg_pool_report report = {
        .end = *end,
        .chosen_at_ms = target->chosen_at_ms,
        .probe_until_ms = target->probe_until_ms,
    };

    tg_pool_report(state, target->credential, target->generation, &report,
                   now_ms);
    if (end->fate == TG_FATE_UNREACHED)
        report_others(state, target, report, now_ms);
    if (row->is_upstreams)
        target->failed |= (uint64_t)1 << target->upstream;
    return row->goes_on;
}

void
tg_target_leave(struct tg_area_claim *claim, struct tg_target *target,
                int64_t now_ms)
{
    if (!target->is_taken)
        return;
    target->is_taken = false;
    tg_pool_leave(claim, target->credential);
    if (target->probe_until_ms != 0)
        tg_pool_end_probe(claim->state, target->credential, target->generation,
                          target->probe_until_ms, now_ms);
}
