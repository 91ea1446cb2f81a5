/*
 * Goal: all that processes do to one another in the state file, done by
 * threads over one map, where a sanitizer can see it: what is published is
 * read whole or again, and cells, counters, lines and pools come out even.
 *
 * Processes that are killed are the matter of the tests named -processes and
 * -kill; what is here must hold without a race, too.
 */
#include <pthread.h>

#include "budget_test.h"
#include "pool.h"
#include "queue.h"
#include "rate.h"
#include "tap.h"
#include "throttle.h"

#define WORKERS 3
#define READERS 2
#define CALLS 2000 /* of each worker */
#define PUBLICATIONS 2000
#define CATALOGS 20 /* of these */
#define HELD 1000
#define BUDGET ((int64_t)WORKERS * CALLS * HELD)

static char *dir;
static pthread_barrier_t begin;
static _Atomic bool is_over;
static _Atomic int64_t spent, torn, reads, over;

/*
 * The same map, since a race is one of addresses; and a descriptor of its
 * own, since locks are a descriptor's.
 */
static struct tg_state
share(void)
{
    struct tg_state own = state;
    char path[128];

    snprintf(path, sizeof(path), "%s/state", dir);
    own.fd = open(path, O_RDWR | O_CLOEXEC);
    if (own.fd == -1)
        abort();
    return own;
}

/* The n-th publication of the key, all of which says n. */
static void
publish_key(uint32_t n)
{
    struct tg_key_policy next = key;
    char name[TG_ID_LEN];
    uint32_t slot;

    snprintf(name, sizeof(name), "%u", n);
    next.created_at_ms = n;
    next.expires_at_ms = n;
    memcpy(next.last4, &n, sizeof(next.last4));
    if (tg_publish_text(publisher, (struct tg_str){name, strlen(name)},
                        &next.name) != 0 ||
        tg_publish_key(publisher, &next, &slot) != 0)
        abort();
}

static void
publish_account(uint32_t n)
{
    struct tg_account_policy next = account;
    uint32_t slot;

    next.granted_nanos = n;
    next.topped_up_nanos = n;
    if (tg_publish_account(publisher, &next, &slot) != 0)
        abort();
}

static void
publish_catalog(struct tg_catalog *catalog, uint32_t n)
{
    catalog->settings.wrong_keys_per_minute = n;
    catalog->settings.price_factor_ppm[3] = n;
    catalog->models[0].created_at_ms = n;
    catalog->models[0].max_output_tokens = n;
    if (tg_publish_catalog(publisher, catalog) != 0)
        abort();
}

/* Keys come and go besides, so that the index and the arena change hands. */
static void *
publish(void *arg)
{
    struct tg_catalog *catalog = calloc(1, sizeof(*catalog));

    (void)arg;
    catalog->model_count = 1;
    strcpy(catalog->models[0].name, "m");
    pthread_barrier_wait(&begin);
    for (uint32_t n = 1; n <= PUBLICATIONS; n++) {
        struct tg_key_policy other = test_key(2 + n % 5);
        uint32_t slot;

        publish_key(n);
        publish_account(n);
        if (n % (PUBLICATIONS / CATALOGS) == 0)
            publish_catalog(catalog, n);
        if (tg_publish_key(publisher, &other, &slot) != 0)
            abort();
        if (n % 3 == 0)
            (void)tg_publish_key_gone(publisher, other.id);
    }
    free(catalog);
    atomic_store(&is_over, true);
    return NULL;
}

static void
note(bool is_whole)
{
    atomic_fetch_add(&reads, 1);
    if (!is_whole)
        atomic_fetch_add(&torn, 1);
}

static void
read_key(const struct tg_digest *digest)
{
    struct tg_key_policy policy;
    char want[TG_ID_LEN], got[TG_ID_LEN] = "";
    struct tg_str name;
    uint32_t slot, last4;
    uint64_t seq;

    if (tg_state_lookup(&state, digest, &slot) != 0 ||
        tg_state_key(&state, slot, &policy, &seq) != 0) {
        note(false);
        return;
    }
    memcpy(&last4, policy.last4, sizeof(last4));
    note(policy.created_at_ms == policy.expires_at_ms &&
         policy.created_at_ms == last4);
    name = tg_state_blob(&state, policy.name);
    if (name.len < sizeof(got))
        tg_field_set(got, sizeof(got), name.data, name.len);
    if (last4 == 0 || !tg_state_key_is_current(&state, slot, seq))
        return;
    snprintf(want, sizeof(want), "%u", last4);
    note(strcmp(got, want) == 0);
}

static void
read_catalog(void)
{
    uint64_t seq;
    const struct tg_catalog *catalog = tg_state_catalog(&state, &seq);
    int64_t created, output;
    int row;

    if (catalog == NULL)
        return;
    row = tg_catalog_find(catalog, TG_STR("m"));
    created = catalog->models[0].created_at_ms;
    output = catalog->models[0].max_output_tokens;
    if (tg_state_catalog_is_current(&state, seq))
        note(row == 0 && created == output);
}

static void *
look(void *arg)
{
    struct tg_account_policy found;
    struct tg_settings settings;
    struct tg_digest digest;

    (void)arg;
    digest = test_digest(1);
    pthread_barrier_wait(&begin);
    while (!atomic_load(&is_over)) {
        read_key(&digest);
        if (tg_state_account(&state, 0, &found) == 0)
            note(found.granted_nanos == found.topped_up_nanos);
        tg_state_settings(&state, &settings);
        note(settings.wrong_keys_per_minute == settings.price_factor_ppm[3]);
        read_catalog();
        if (used(TG_CELL_DAY) < 0 || used(TG_CELL_DAY) > BUDGET)
            atomic_fetch_add(&over, 1);
    }
    return NULL;
}

/* Its turn is waited for, so that calls of workers follow one another. */
static void
stand_in_line(struct tg_area_claim *claim)
{
    struct tg_queue_place place = {.tokens = 1};

    if (tg_queue_join(claim, 0, &place) != 0)
        abort();
    while (tg_queue_ahead(claim, &place).calls > 0)
        sched_yield();
    tg_queue_leave(claim, &place);
}

static void
use_pool(struct tg_area_claim *claim, int n)
{
    struct tg_pool_report report = {
        .end = {.fate = n % 5 == 0 ? TG_FATE_BUSY : TG_FATE_FINE,
                .status = n % 5 == 0 ? 429 : 200},
        .chosen_at_ms = NOW + n};

    if (!tg_pool_enter(claim, 1, WORKERS))
        return;
    report.probe_until_ms = tg_pool_probe(claim->state, 1, 7, NOW + n);
    tg_pool_report(claim->state, 1, 7, &report, NOW + n + 1);
    (void)tg_pool_look(claim->state, 1, 7, NOW + n);
    tg_pool_leave(claim, 1);
}

/* Holds a part, more of it, and costs a part of that. */
static void
use_budget(struct tg_area_claim *claim, int n)
{
    struct tg_budget_verdict verdict;
    struct tg_call call = call_in(DAY, MONTH, HELD / 2);
    struct tg_call_slot *slot = hold(claim, &call, &verdict);

    if (slot == NULL ||
        !tg_budget_more(claim->state, slot, HELD, &key, &account, &verdict))
        abort();
    atomic_fetch_add(&spent, n % HELD);
    settle(claim, slot, n % HELD);
}

static void *
work(void *arg)
{
    uint64_t number = (uint64_t)(uintptr_t)arg;
    struct tg_key_policy limits = {.concurrency = 100,
                                   .requests_per_day = 1000000,
                                   .tokens_per_minute = 1000000};
    uint8_t ip[16] = {[15] = 1};
    struct tg_state own = share();
    struct tg_area_claim claim;
    struct tg_rate_verdict verdict;

    if (tg_area_claim(&claim, &own, number, NOW) != 0)
        abort();
    pthread_barrier_wait(&begin);
    for (int n = 0; n < CALLS; n++) {
        if (n % 50 == 0)
            stand_in_line(&claim);
        if (tg_rate_take(&own.keys[0].counters, &limits, NOW + n, DAY, 1,
                         &verdict) != 0)
            abort();
        use_pool(&claim, n);
        use_budget(&claim, n);
        tg_rate_refund(&own.keys[0].counters, &limits, DAY, 1);
        (void)tg_throttle_take(&own, ip, 60, NOW + n);
    }
    tg_area_leave(&claim);
    close(own.fd);
    return NULL;
}

static void
run(void)
{
    pthread_t threads[WORKERS + READERS + 1];
    size_t n = 0;

    pthread_barrier_init(&begin, NULL, WORKERS + READERS + 1);
    for (uintptr_t i = 0; i < WORKERS; i++)
        pthread_create(&threads[n++], NULL, work, (void *)(100 + i));
    for (int i = 0; i < READERS; i++)
        pthread_create(&threads[n++], NULL, look, NULL);
    pthread_create(&threads[n++], NULL, publish, NULL);
    while (n > 0)
        pthread_join(threads[--n], NULL);
    pthread_barrier_destroy(&begin);
}

int
main(void)
{
    dir = test_dir();
    prepare(dir);
    key.daily_nanos = key.monthly_nanos = BUDGET;
    publish_key(0);
    tg_pool_reset(&state, 1, 7);
    run();
    printf("# %lld reads\n", (long long)atomic_load(&reads));
    ok(atomic_load(&reads) > PUBLICATIONS, "what is published is read");
    is_int(atomic_load(&torn), 0, "whole, at every time");
    is_int(atomic_load(&over), 0, "no look sees more used than the budget");
    is_int(used(TG_CELL_DAY), atomic_load(&spent),
           "the day has what was spent");
    is_int(used(TG_CELL_MONTH), atomic_load(&spent), "and the month");
    is_int(used(TG_CELL_COMMITTED), atomic_load(&spent), "and the account");
    is_int(state.keys[0].counters.in_flight, 0, "no call is in flight");
    is_int(state.keys[0].waiting, 0, "none waits");
    is_int(tg_pool_calls(&state, 1), 0, "none is at the credential");
    tg_publisher_close(publisher);
    tg_state_close(&state);
    test_dir_remove(dir);
    return done();
}
