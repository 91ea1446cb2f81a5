/* Where a call goes, and where it goes next. */
#include "target.h"

#include "state_test.h"
#include "tap.h"

/* What a row leaves out is 0. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#define NOW 1700000000000
#define KEY 3

static struct tg_state state;
static struct tg_area_claim claim, other_claim;
static struct tg_catalog *catalog;
static struct tg_publisher *publisher;

/* Two upstreams with three credentials and two, and one with none. */
static const struct {
    uint16_t upstream, row;
    uint32_t concurrency;
} credentials[] = {{0, 10, 0}, {0, 11, 0}, {0, 12, 0}, {1, 20, 0}, {1, 21, 0}};

#define CREDENTIALS (sizeof(credentials) / sizeof(credentials[0]))

static void
publish(void)
{
    for (uint16_t i = 0; i < 3; i++) {
        struct tg_upstream *upstream = &catalog->upstreams[i];

        snprintf(upstream->id, TG_ID_LEN, "up_%u", i);
        upstream->dialect = TG_DIALECT_OPENAI;
        upstream->address_count = 1;
        upstream->credential_count = 0;
    }
    for (size_t i = 0; i < CREDENTIALS; i++) {
        uint16_t row = credentials[i].row;
        struct tg_upstream *upstream =
            &catalog->upstreams[credentials[i].upstream];
        struct tg_upstream_credential *credential = &catalog->credentials[row];

        snprintf(credential->id, TG_ID_LEN, "cred_%u", row);
        credential->generation = 100u + row;
        credential->upstream = credentials[i].upstream;
        credential->concurrency = 0;
        upstream->credentials[upstream->credential_count++] = row;
        tg_pool_reset(&state, row, 100u + row);
    }
    if (tg_publish_catalog(publisher, catalog) != 0)
        abort();
}

/* A model that these upstreams serve; valid for the next calls of this. */
static const struct tg_model *
served_by(int a, int b, int c)
{
    static struct tg_model models[4];
    static int used;
    struct tg_model *model = &models[used++ % 4];
    int rows[] = {a, b, c};

    *model = (struct tg_model){0};
    for (int i = 0; i < 3; i++) {
        if (rows[i] >= 0)
            model->upstreams[model->upstream_count++] = (uint16_t)rows[i];
    }
    return model;
}

static bool
choose(const struct tg_model *model, uint32_t key, int64_t now_ms,
       struct tg_target *target, struct tg_scarcity *scarcity)
{
    uint64_t seq;
    struct tg_offer offer = {&state, &claim, tg_state_catalog(&state, &seq),
                             model,  key,    TG_ENDPOINT_CHAT};

    return tg_target_choose(&offer, now_ms, target, scarcity);
}

/* The row that is chosen, or -1 - lack. */
static int
next(const struct tg_model *model, int64_t now_ms, struct tg_target *target)
{
    struct tg_scarcity scarcity;

    return choose(model, KEY, now_ms, target, &scarcity)
               ? target->credential
               : -1 - (int)scarcity.lack;
}

static bool
end(struct tg_target *target, enum tg_fate fate, int64_t now_ms)
{
    struct tg_try what = {.fate = fate, .status = 500, .limit = 1};
    bool goes_on = tg_target_report(&state, target, &what, now_ms);

    tg_target_leave(&claim, target, now_ms);
    return goes_on;
}

/* The pool of upstream 0 in the order of this test's key. */
static void
order_of(uint32_t key, int rows[3])
{
    static const struct tg_model model = {.upstream_count = 1};
    struct tg_target target = {0};
    struct tg_scarcity scarcity;

    for (int i = 0; i < 3; i++) {
        rows[i] = choose(&model, key, NOW, &target, &scarcity)
                      ? target.credential
                      : -1;
        tg_target_leave(&claim, &target, NOW);
    }
}

/* Row 11 is the choice of many keys, until another takes over from it. */
static void
test_retiring(void)
{
    int rows[3], first = 0, last = 0;

    catalog->credentials[11].is_retiring = 1;
    publish();
    for (uint32_t key = 0; key < 300; key++) {
        order_of(key, rows);
        first += rows[0] == 11 || rows[1] == 11;
        last += rows[2] == 11;
    }
    is_int(first, 0, "one that is on its way out is no key's choice");
    is_int(last, 300, "but there when no other will do");
    catalog->credentials[11].is_retiring = 0;
    publish();
}

#define KEYS 3000

static void
test_keys_keep(void)
{
    static int own[KEYS];
    int first[3] = {0}, second[3] = {0}, rows[3], kept = 0, stayed = 0;

    for (uint32_t key = 0; key < KEYS; key++) {
        order_of(key, rows);
        own[key] = rows[0];
        first[rows[0] - 10]++;
        if (rows[0] == 10)
            second[rows[1] - 10]++;
        order_of(key, rows);
        kept += rows[0] == own[key];
    }
    is_int(kept, KEYS, "a key keeps to its credential");
    ok(first[0] > 900 && first[1] > 900 && first[2] > 900,
       "keys spread over the pool (%d, %d, %d)", first[0], first[1], first[2]);
    ok(second[1] > 400 && second[2] > 400,
       "and one's keys over all the others (%d, %d)", second[1], second[2]);

    catalog->upstreams[0].credentials[0] = 11;
    catalog->upstreams[0].credentials[1] = 12;
    catalog->upstreams[0].credential_count = 2;
    if (tg_publish_catalog(publisher, catalog) != 0)
        abort();
    for (uint32_t key = 0; key < KEYS; key++) {
        order_of(key, rows);
        stayed += rows[0] == own[key];
    }
    is_int(stayed, KEYS - first[0],
           "one is taken out of the pool: no other's key moves");
}

static void
test_orders(void)
{
    const struct tg_model *both = served_by(0, 1, -1);
    struct tg_target target = {0};
    int order[3], rows[5], seen = 0;

    publish();
    order_of(KEY, order);
    for (int i = 0; i < 5; i++) {
        rows[i] = next(both, NOW + i, &target);
        end(&target, TG_FATE_UNWELCOME, NOW + i);
    }
    ok(rows[0] == order[0] && rows[1] == order[1] && rows[2] == order[2] &&
           rows[3] >= 20,
       "refused by a credential, the next one; then the next upstream");
    is_int(rows[4], -1 - TG_LACK_TRIES, "four tries at most");

    target = (struct tg_target){0};
    for (int i = 0; i < 4; i++) {
        rows[i] = next(both, NOW + i, &target);
        if (rows[i] < 20)
            seen |= 1 << i;
        end(&target, TG_FATE_OVERLOADED, NOW + i);
    }
    is_int(seen, 1 | 4 | 8,
           "an upstream that has too much to do: the next upstream first");

    publish();
    target = (struct tg_target){0};
    next(both, NOW, &target);
    end(&target, TG_FATE_UNWELCOME, NOW + 9999);
    ok(next(both, NOW + 9999, &target) > 0, "within ten seconds it goes on");
    end(&target, TG_FATE_UNWELCOME, NOW + 10000);
    is_int(next(both, NOW + 10000, &target), -1 - TG_LACK_TRIES,
           "and then no more");
}

static void
test_lacks(void)
{
    struct tg_target target = {0};
    struct tg_scarcity scarcity;
    const struct tg_model *model;
    int row;

    publish();
    is_int(next(served_by(-1, -1, -1), NOW, &target), -1 - TG_LACK_UPSTREAM,
           "nobody serves it");
    is_int(next(served_by(9, -1, -1), NOW, &target), -1 - TG_LACK_UPSTREAM,
           "an upstream that is gone");
    is_int(next(served_by(2, -1, -1), NOW, &target), -1 - TG_LACK_CREDENTIAL,
           "one without a credential");
    ok(next(served_by(2, 1, -1), NOW, &target) >= 20,
       "is passed over for one that has");
    tg_target_leave(&claim, &target, NOW);
    is_int(target.tries, 1, "which was the first try");

    catalog->upstreams[0].dialect = TG_DIALECT_ANTHROPIC;
    if (tg_publish_catalog(publisher, catalog) != 0)
        abort();
    target = (struct tg_target){0};
    is_int(next(served_by(0, -1, -1), NOW, &target), -1 - TG_LACK_ENDPOINT,
           "one that has no such endpoint");
    ok(next(served_by(0, 1, -1), NOW, &target) >= 20, "is passed over, too");
    tg_target_leave(&claim, &target, NOW);
    publish();

    catalog->upstreams[0].address_count = 0;
    if (tg_publish_catalog(publisher, catalog) != 0)
        abort();
    target = (struct tg_target){0};
    is_int(next(served_by(0, -1, -1), NOW, &target), -1 - TG_LACK_ADDRESS,
           "a name that does not resolve");
    publish();

    /* All of an upstream's credentials are taken out. */
    model = served_by(0, -1, -1);
    for (int i = 0; i < 3; i++) {
        target = (struct tg_target){0};
        next(model, NOW, &target);
        end(&target, TG_FATE_REJECTED, NOW + 1);
    }
    target = (struct tg_target){0};
    is_int(next(model, NOW + 2, &target), -1 - TG_LACK_ACCEPTED,
           "every credential is taken out");
    row = next(model, NOW + 6000, &target);
    ok(row >= 10 && target.probe_until_ms != 0, "later there is a probe");
    end(&target, TG_FATE_FINE, NOW + 6001);
    target = (struct tg_target){0};
    is_int(next(model, NOW + 6002, &target), row, "whose success opens it");
    is_int(target.probe_until_ms, 0, "for all");
    end(&target, TG_FATE_FINE, NOW + 6003);

    publish();
    for (int i = 0; i < 3; i++) {
        struct tg_try wait = {
            .fate = TG_FATE_BUSY, .status = 429, .retry_ms = 3000 + i};

        target = (struct tg_target){0};
        next(model, NOW, &target);
        tg_target_report(&state, &target, &wait, NOW + 1);
        tg_target_leave(&claim, &target, NOW + 1);
    }
    target = (struct tg_target){0};
    ok(!choose(model, KEY, NOW + 2, &target, &scarcity) &&
           scarcity.lack == TG_LACK_PATIENCE,
       "all upstreams asked to wait");
    is_int(scarcity.again_at_ms, NOW + 3001, "until the first may be asked");
}

static void
test_resting(void)
{
    const struct tg_model *both = served_by(0, 1, -1);
    struct tg_target target = {0};
    int order[3];

    publish();
    order_of(KEY, order);
    next(both, NOW, &target);
    end(&target, TG_FATE_OVERLOADED, NOW + 1);
    target = (struct tg_target){0};
    is_int(next(both, NOW + 2, &target), order[1],
           "one that just failed is not the next call's first");
    end(&target, TG_FATE_NOTHING, NOW + 2);

    /* The whole upstream cannot be reached: nor can its other credentials. */
    target = (struct tg_target){0};
    next(both, NOW + 3, &target);
    end(&target, TG_FATE_UNREACHED, NOW + 4);
    target = (struct tg_target){0};
    ok(next(both, NOW + 5, &target) >= 20,
       "of an upstream that was not reached, none is");
    end(&target, TG_FATE_OVERLOADED, NOW + 6);
    target = (struct tg_target){0};
    next(both, NOW + 7, &target);
    end(&target, TG_FATE_OVERLOADED, NOW + 8);

    target = (struct tg_target){0};
    is_int(next(both, NOW + 9, &target), order[0],
           "when all just failed, one is tried all the same");
    ok(end(&target, TG_FATE_OVERLOADED, NOW + 10), "a refusal could go on");
    ok(next(both, NOW + 10, &target) < 0, "but its answer stands");
}

static void
test_room(void)
{
    const struct tg_model *model = served_by(1, -1, -1);
    struct tg_target mine[5] = {0}, seen = {0};
    struct tg_scarcity scarcity;
    struct tg_offer look;
    uint64_t seq;
    int row;

    publish();
    for (int i = 0; i < 2; i++)
        catalog->credentials[20 + i].concurrency = 2;
    if (tg_publish_catalog(publisher, catalog) != 0)
        abort();
    row = next(model, NOW, &mine[0]);
    is_int(next(model, NOW, &mine[1]), row, "a key keeps to one with room");
    is_int(next(model, NOW, &mine[2]), 41 - row, "then goes to the other");
    look = (struct tg_offer){&state, NULL, tg_state_catalog(&state, &seq),
                             model,  KEY,  TG_ENDPOINT_CHAT};
    ok(tg_target_choose(&look, NOW, &seen, &scarcity) && !seen.is_taken,
       "looking takes nothing");
    is_int(tg_pool_calls(&state, (uint32_t)(41 - row)), 1, "indeed");
    next(model, NOW, &mine[3]);
    is_int(next(model, NOW, &mine[4]), -1 - TG_LACK_ROOM, "all are full");
    seen = (struct tg_target){0};
    ok(!tg_target_choose(&look, NOW, &seen, &scarcity) &&
           scarcity.lack == TG_LACK_ROOM,
       "and look so");
    tg_target_leave(&claim, &mine[1], NOW);
    tg_target_leave(&claim, &mine[1], NOW);
    is_int(next(model, NOW, &mine[4]), row, "a place that is left is taken");

    /* The upstream says one at once: the smaller limit holds. */
    for (int i = 0; i < 5; i++)
        tg_target_leave(&claim, &mine[i], NOW);
    seen = (struct tg_target){0};
    next(model, NOW, &seen);
    mine[0] = (struct tg_target){0};
    is_int(next(model, NOW, &mine[0]), row, "two at once");
    end(&mine[0], TG_FATE_CROWDED, NOW + 1);
    mine[0] = (struct tg_target){0};
    is_int(next(model, NOW + 1, &mine[0]), 41 - row,
           "one, now that the upstream said so");
    tg_target_leave(&claim, &mine[0], NOW);
    tg_target_leave(&claim, &seen, NOW);
    is_int(tg_pool_calls(&state, 20) + tg_pool_calls(&state, 21), 0,
           "nothing stays counted");
}

/* What an account keeps is asked for with its credential alone. */
static void
test_tied(void)
{
    struct tg_scarcity scarcity;
    struct tg_target target;
    struct tg_offer offer;
    int same = 0, lowest = 0;
    uint64_t seq;

    publish();
    offer = (struct tg_offer){&state,
                              &claim,
                              tg_state_catalog(&state, &seq),
                              served_by(2, 0, 1),
                              0,
                              TG_ENDPOINT_CHAT,
                              .is_tied = true};
    for (offer.key_slot = 0; offer.key_slot < 100; offer.key_slot++) {
        target = (struct tg_target){0};
        same += tg_target_choose(&offer, NOW, &target, &scarcity);
        lowest += target.credential == 10;
        tg_target_leave(&claim, &target, NOW);
    }
    ok(same == 100 && lowest == 100,
       "of the first upstream that has one, all keys have the lowest row");
    target = (struct tg_target){0};
    tg_target_choose(&offer, NOW, &target, &scarcity);
    ok(end(&target, TG_FATE_UNPAID, NOW) &&
           !tg_target_choose(&offer, NOW, &target, &scarcity),
       "refused, it does not go on");
    target = (struct tg_target){0};
    ok(!tg_target_choose(&offer, NOW + 1, &target, &scarcity) &&
           scarcity.lack == TG_LACK_ACCEPTED,
       "and while that one is out there is no other");
}

/* Two workers: one probes, for the other the credential stays out. */
static void
test_two_workers(void)
{
    const struct tg_model *model = served_by(1, -1, -1);
    struct tg_target mine, its;
    struct tg_scarcity scarcity;
    struct tg_offer offer;
    uint64_t seq;
    int first;

    publish();
    for (int i = 0; i < 2; i++) {
        mine = (struct tg_target){0};
        next(model, NOW, &mine);
        end(&mine, TG_FATE_REJECTED, NOW + 1);
    }
    offer =
        (struct tg_offer){&state, &other_claim, tg_state_catalog(&state, &seq),
                          model,  KEY,          TG_ENDPOINT_CHAT};
    mine = its = (struct tg_target){0};
    first = next(model, NOW + 6000, &mine);
    ok(first > 0 && mine.probe_until_ms != 0, "one worker probes one of two");
    ok(tg_target_choose(&offer, NOW + 6000, &its, &scarcity) &&
           its.credential == 41 - first && its.probe_until_ms != 0,
       "another worker the other");
    ok(!tg_target_choose(&offer, NOW + 6000, &(struct tg_target){0},
                         &scarcity) &&
           scarcity.lack == TG_LACK_ACCEPTED,
       "and there is none for a third call");
    tg_target_leave(&claim, &mine, NOW + 6001);
    mine = (struct tg_target){0};
    is_int(next(model, NOW + 6001, &mine), first,
           "until a probe's client leaves");
    tg_target_leave(&claim, &mine, NOW + 6001);
    tg_target_leave(&other_claim, &its, NOW + 6001);
}

int
main(void)
{
    char *dir = test_dir();
    struct tg_state other;

    test_create(&state, dir, 16);
    test_open(&other, dir);
    catalog = calloc(1, sizeof(*catalog));
    if (tg_publisher_open(&publisher, &state) != 0 ||
        tg_area_claim(&claim, &state, 1, NOW) != 0 ||
        tg_area_claim(&other_claim, &other, 2, NOW) != 0)
        abort();
    publish();
    test_keys_keep();
    test_retiring();
    test_orders();
    test_lacks();
    test_resting();
    test_room();
    test_tied();
    test_two_workers();
    tg_area_leave(&other_claim);
    tg_area_leave(&claim);
    tg_publisher_close(publisher);
    tg_state_close(&other);
    tg_state_close(&state);
    free(catalog);
    test_dir_remove(dir);
    return done();
}
