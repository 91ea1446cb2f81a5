/*
 * Goal: each decision of a bucket is the one that bucket.h's arithmetic
 * predicts, for any limit, over any time, whatever clock and limit do.
 */
#include "tap.h"

#include <stdlib.h>

#include "bucket.h"

#define SECOND 1000
#define MINUTE 60000
#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* 2026-11-21 03:00 UTC. */
static const int64_t t0 = 1795230000000;

static struct tg_bucket
bucket_at(uint64_t full_at_grains)
{
    return (struct tg_bucket){full_at_grains};
}

enum verb { TAKE, WAIT, GIVE, CHARGE, LEFT, FULL };

/* A story told to one bucket: at t0 + ms, verb with n, and the answer. */
struct step {
    int64_t ms;
    enum verb verb;
    uint32_t n;
    int64_t want;
};

static int64_t
do_step(struct tg_bucket *bucket, struct tg_bucket_rate rate,
        const struct step *step)
{
    int64_t now_ms = t0 + step->ms;

    switch (step->verb) {
    case TAKE:
        return tg_bucket_take(bucket, rate, step->n, now_ms);
    case WAIT:
        return tg_bucket_wait(bucket, rate, step->n, now_ms);
    case GIVE:
        tg_bucket_refund(bucket, rate, step->n);
        return 0;
    case CHARGE:
        tg_bucket_charge(bucket, rate, step->n, now_ms);
        return 0;
    case LEFT:
        return tg_bucket_level(bucket, rate, now_ms).left;
    default:
        return tg_bucket_level(bucket, rate, now_ms).full_in_ms;
    }
}

static void
tell(const char *name, struct tg_bucket_rate rate, const struct step *steps,
     size_t count)
{
    struct tg_bucket bucket = bucket_at(0);

    for (size_t i = 0; i < count; i++)
        is_int(do_step(&bucket, rate, &steps[i]), steps[i].want, "%s: step %zu",
               name, i);
}

static const struct step one_a_minute[] = {
    {0, LEFT, 0, 1},
    {0, FULL, 0, 0},
    {0, TAKE, 1, 0},
    {0, LEFT, 0, 0},
    {0, FULL, 0, 60000},
    {0, TAKE, 1, 60000},
    {1, TAKE, 1, 59999},
    {59999, TAKE, 1, 1},
    {59999, LEFT, 0, 0},
    {60000, LEFT, 0, 1},
    {60000, TAKE, 1, 0},
    {60001, WAIT, 1, 59999},
    {120000, WAIT, 1, 0},
    {120000, WAIT, 1, 0},
    {600000, TAKE, 2, TG_BUCKET_NEVER},
    {600000, WAIT, 2, TG_BUCKET_NEVER},
    {600000, TAKE, 1, 0},
    {600000, TAKE, 1, 60000},
};

/* A seventh of a second is 142.86 ms. */
static const struct step seven_a_second[] = {
    {0, TAKE, 7, 0},    {0, TAKE, 1, 143},     {142, TAKE, 1, 1},
    {143, TAKE, 1, 0},  {143, TAKE, 1, 143},   {285, TAKE, 1, 1},
    {286, TAKE, 1, 0},  {428, TAKE, 1, 1},     {429, TAKE, 1, 0},
    {572, TAKE, 1, 0},  {715, TAKE, 1, 0},     {858, TAKE, 1, 0},
    {999, TAKE, 1, 1},  {1000, TAKE, 1, 0},    {1000, TAKE, 1, 143},
    {1000, LEFT, 0, 0}, {1000, FULL, 0, 1000}, {1286, LEFT, 0, 2},
    {1999, LEFT, 0, 6}, {2000, LEFT, 0, 7},    {2000, FULL, 0, 0},
};

static const struct step tokens[] = {
    {0, TAKE, 60000, 0},      {0, LEFT, 0, 40000},    {0, TAKE, 50000, 6000},
    {0, TAKE, 40000, 0},      {0, TAKE, 1, 1},        {0, FULL, 0, 60000},
    {0, GIVE, 30000, 0},      {0, LEFT, 0, 30000},    {0, FULL, 0, 42000},
    {0, CHARGE, 80000, 0},    {0, LEFT, 0, 0},        {0, FULL, 0, 90000},
    {0, TAKE, 1, 30001},      {30000, TAKE, 1, 1},    {30000, TAKE, 0, 0},
    {29999, TAKE, 0, 1},      {30001, LEFT, 0, 1},    {30001, TAKE, 1, 0},
    {90001, LEFT, 0, 100000}, {90001, GIVE, 5000, 0}, {90001, LEFT, 0, 100000},
    {90001, TAKE, 100000, 0}, {90001, TAKE, 1, 1},
};

static const struct step largest[] = {
    {0, LEFT, 0, 4294967295},
    {0, TAKE, 4294967295, 0},
    {0, TAKE, 1, 1000},
    {999, TAKE, 1, 1},
    {1000, LEFT, 0, 71582788},
    {1000, TAKE, 71582789, 1000},
    {1000, TAKE, 71582788, 0},
    {1000, FULL, 0, 60000},
    {1000, GIVE, 4294967295, 0},
    {1000, LEFT, 0, 4294967295},
    {1000, CHARGE, 4294967295, 0},
    {1000, CHARGE, 4294967295, 0},
    {1000, FULL, 0, 120000},
    {61000, LEFT, 0, 0},
    {121000, LEFT, 0, 4294967295},
};

/* Debt has an end: ten times the limit are owed, 120 are not. */
static const struct step owed[] = {
    {0, CHARGE, 120000, 0},     {0, FULL, 0, 600000},
    {0, CHARGE, 4000000000, 0}, {0, FULL, 0, 600000},
    {0, TAKE, 1, 540060},       {540059, TAKE, 1, 1},
    {540060, TAKE, 1, 0},       {540060, GIVE, 4000000000, 0},
    {540060, LEFT, 0, 1000},
};

static const struct step clock_set_back[] = {
    {86400000, TAKE, 60, 0}, /* tomorrow, it thought */
    {0, LEFT, 0, 60},         {0, TAKE, 60, 0},
    {0, TAKE, 1, 1000},       {1000, TAKE, 1, 0},
    {-86400000, TAKE, 60, 0}, {-86400000, TAKE, 1, 1000},
};

/* By less than is owed and a minute, it is a worker behind, and waits. */
static const struct step clock_behind[] = {
    {0, TAKE, 59, 0},       {-5, LEFT, 0, 0},           {-5, TAKE, 1, 5},
    {0, TAKE, 1, 0},        {-600000, TAKE, 1, 601000}, {-600000, LEFT, 0, 0},
    {-600001, LEFT, 0, 60},
};

static void
test_stories(void)
{
    tell("1 a minute", (struct tg_bucket_rate){1, MINUTE}, one_a_minute,
         COUNT(one_a_minute));
    tell("7 a second", (struct tg_bucket_rate){7, SECOND}, seven_a_second,
         COUNT(seven_a_second));
    tell("100 000 a minute", (struct tg_bucket_rate){100000, MINUTE}, tokens,
         COUNT(tokens));
    tell("2^32 - 1 a minute", (struct tg_bucket_rate){UINT32_MAX, MINUTE},
         largest, COUNT(largest));
    tell("debt", (struct tg_bucket_rate){1000, MINUTE}, owed, COUNT(owed));
    tell("clock set back", (struct tg_bucket_rate){60, MINUTE}, clock_set_back,
         COUNT(clock_set_back));
    tell("clock behind", (struct tg_bucket_rate){60, MINUTE}, clock_behind,
         COUNT(clock_behind));
}

/* The header's arithmetic as it stands there, in integers of any size. */
struct model {
    __int128 used, limit, token_parts;
    int64_t tick_ms, tick;
};

static struct model
model_of(struct tg_bucket_rate rate)
{
    int64_t tick_ms = rate.limit > 500000000  ? 1000
                      : rate.limit > 50000000 ? 100
                      : rate.limit > 5000000  ? 10
                                              : 1;

    return (struct model){.limit = rate.limit,
                          .token_parts = rate.period_ms / tick_ms,
                          .tick_ms = tick_ms};
}

static void
model_pass(struct model *m, int64_t now_ms)
{
    int64_t tick = now_ms / m->tick_ms;

    m->used -= m->limit * (tick - m->tick);
    if (m->used < 0)
        m->used = 0;
    m->tick = tick;
}

static bool
model_takes(struct model *m, uint64_t cost)
{
    if (m->used + cost * m->token_parts > m->limit * m->token_parts)
        return false;
    m->used += cost * m->token_parts;
    return true;
}

static void
model_give(struct model *m, uint64_t cost)
{
    m->used -= cost * m->token_parts;
    if (m->used < 0)
        m->used = 0;
}

static void
model_charge(struct model *m, uint64_t cost)
{
    m->used += cost * m->token_parts;
    if (m->used > 10 * m->limit * m->token_parts)
        m->used = 10 * m->limit * m->token_parts;
}

/* The least wait by trying: halves the milliseconds up to an hour. */
static int64_t
model_wait(const struct model *m, uint64_t cost, int64_t now_ms)
{
    int64_t no = 0, yes = 3600000;

    while (yes - no > 1) {
        int64_t middle = (no + yes) / 2;
        struct model later = *m;

        model_pass(&later, now_ms + middle);
        if (model_takes(&later, cost))
            yes = middle;
        else
            no = middle;
    }
    return yes;
}

static uint64_t seed;

static uint64_t
random_below(uint64_t n)
{
    seed ^= seed >> 12;
    seed ^= seed << 25;
    seed ^= seed >> 27;
    return (seed * 0x2545f4914f6cdd1d >> 16) % n;
}

/* Steps that matter: none, some, about what a take waits, long ones. */
static int64_t
random_step_ms(struct tg_bucket_rate rate)
{
    switch (random_below(16)) {
    case 0:
        return (int64_t)random_below(3 * rate.period_ms);
    case 1:
        return (int64_t)random_below(3 * INT64_C(86400000));
    case 2:
    case 3:
    case 4:
        return (int64_t)random_below(2 + 2 * rate.period_ms / rate.limit);
    case 5:
    case 6:
        return (int64_t)random_below(3);
    default:
        return 0;
    }
}

static uint64_t
random_cost(struct tg_bucket_rate rate)
{
    return random_below(3) == 0 ? random_below((uint64_t)rate.limit + 2)
                                : 1 + random_below(1 + rate.limit / 5);
}

static bool
takes_as_said(struct tg_bucket *bucket, struct tg_bucket_rate rate,
              struct model *m, int64_t now_ms)
{
    uint64_t cost = random_cost(rate);
    int64_t want = 0;

    if (cost > rate.limit)
        want = TG_BUCKET_NEVER;
    else if (!model_takes(m, cost))
        want = model_wait(m, cost, now_ms);
    return tg_bucket_wait(bucket, rate, cost, now_ms) == want &&
           tg_bucket_take(bucket, rate, cost, now_ms) == want;
}

static bool
shows_as_said(const struct tg_bucket *bucket, struct tg_bucket_rate rate,
              const struct model *m, int64_t now_ms)
{
    __int128 full = m->limit * m->token_parts;
    int64_t ticks = (int64_t)((m->used + m->limit - 1) / m->limit);
    int64_t left =
        m->used > full ? 0 : (int64_t)((full - m->used) / m->token_parts);
    int64_t full_in_ms = (m->tick + ticks) * m->tick_ms - now_ms;

    return tg_bucket_level(bucket, rate, now_ms).left == left &&
           tg_bucket_level(bucket, rate, now_ms).full_in_ms ==
               (m->used == 0 ? 0 : full_in_ms);
}

static long
count_differences(struct tg_bucket_rate rate, long steps)
{
    struct tg_bucket bucket = bucket_at(0);
    struct model m = model_of(rate);
    int64_t now_ms = t0;
    long differences = 0;

    for (long i = 0; i < steps; i++) {
        uint64_t cost = random_cost(rate);

        now_ms += random_step_ms(rate);
        model_pass(&m, now_ms);
        switch (random_below(12)) {
        case 0:
            model_give(&m, cost);
            tg_bucket_refund(&bucket, rate, cost);
            break;
        case 1:
            model_charge(&m, cost);
            tg_bucket_charge(&bucket, rate, cost, now_ms);
            break;
        default:
            differences += !takes_as_said(&bucket, rate, &m, now_ms);
        }
        differences += !shows_as_said(&bucket, rate, &m, now_ms);
    }
    return differences;
}

static void
test_any_limit(void)
{
    static const uint32_t limits[] = {
        1,          2,          3,          7,         13,        59,
        60,         61,         999,        1000,      1001,      20000,
        65537,      100000,     999983,     4999999,   5000000,   5000001,
        49999991,   50000000,   50000001,   499999993, 500000000, 500000001,
        2147483647, 4294967291, 4294967295,
    };

    for (size_t i = 0; i < COUNT(limits); i++) {
        is_int(count_differences((struct tg_bucket_rate){limits[i], SECOND},
                                 20000),
               0, "%u a second, as the model says", limits[i]);
        is_int(count_differences((struct tg_bucket_rate){limits[i], MINUTE},
                                 20000),
               0, "%u a minute, as the model says", limits[i]);
    }
    for (int i = 0; i < 2000 && tap_failed == 0; i++) {
        uint32_t limit = (uint32_t)(1 + random_below(UINT32_MAX) %
                                            (UINT64_C(1) << (i % 32 + 1)));
        long differences =
            count_differences((struct tg_bucket_rate){limit, MINUTE}, 200);

        if (differences != 0)
            is_int(differences, 0, "%u a minute, at random", limit);
    }
    ok(tap_failed == 0, "2 000 limits at random, too");
}

/* Asked at each of `ms` milliseconds until it refuses. */
static int64_t
drain(struct tg_bucket_rate rate, uint64_t cost, int64_t ms)
{
    struct tg_bucket bucket = bucket_at(0);
    int64_t taken = 0;

    for (int64_t i = 0; i <= ms; i++) {
        while (tg_bucket_take(&bucket, rate, cost, t0 + i) == 0)
            taken += (int64_t)cost;
    }
    return taken;
}

static void
test_no_drift(void)
{
    is_int(drain((struct tg_bucket_rate){7, SECOND}, 1, 3600000), 7 + 7 * 3600,
           "7 a second for an hour, none more, none less");
    is_int(drain((struct tg_bucket_rate){1000, MINUTE}, 1, 3600000),
           1000 + 1000 * 60, "1000 a minute");
    is_int(drain((struct tg_bucket_rate){999, MINUTE}, 1, 3600000),
           999 + 999 * 60, "999 a minute");
    is_int(drain((struct tg_bucket_rate){100000, MINUTE}, 1, 600000),
           100000 + 100000 * 10, "100 000 tokens a minute, one by one");
    is_int(drain((struct tg_bucket_rate){999983, MINUTE}, 17, 60000) / 17,
           2 * 999983 / 17, "999 983 a minute, 17 at a time");
    is_int(drain((struct tg_bucket_rate){4999999, MINUTE}, 4999, 60000) / 4999,
           2 * 4999999 / 4999, "the largest counted by milliseconds");
}

/* Undoing at once leaves the same word, but for one in the past. */
static void
test_refund_undoes(void)
{
    struct tg_bucket_rate rate = {999983, MINUTE};
    struct tg_bucket bucket = bucket_at(0);
    bool is_same = true;

    tg_bucket_take(&bucket, rate, 1, t0);
    for (int i = 0; i < 100000; i++) {
        uint64_t cost = 1 + random_below(500000);
        uint64_t before = bucket.full_at_grains;

        if (tg_bucket_take(&bucket, rate, cost, t0) == 0)
            tg_bucket_refund(&bucket, rate, cost);
        is_same = is_same && bucket.full_at_grains == before;
        if (i % 1000 == 0)
            tg_bucket_take(&bucket, rate, 1 + random_below(7), t0);
    }
    ok(is_same, "100 000 takes undone leave no trace");
    bucket = bucket_at(0);
    tg_bucket_refund(&bucket, rate, UINT64_MAX);
    is_int(bucket.full_at_grains, 0, "a bucket at birth takes nothing back");
    is_int(tg_bucket_level(&bucket, rate, t0).left, 999983, "and stays full");
}

static void
test_limit_changes(void)
{
    struct tg_bucket bucket = bucket_at(0);
    struct tg_bucket_rate hundred = {100, MINUTE}, thousand = {1000, MINUTE};
    struct tg_bucket_rate huge = {UINT32_MAX, MINUTE}, one = {1, MINUTE};

    tg_bucket_take(&bucket, hundred, 75, t0);
    is_int(tg_bucket_level(&bucket, hundred, t0).left, 25, "a quarter is left");
    is_int(tg_bucket_level(&bucket, thousand, t0).left, 250, "of more, too");
    is_int(tg_bucket_level(&bucket, huge, t0).left, 1073741823, "of most");
    is_int(tg_bucket_level(&bucket, one, t0).left, 0, "of one: none yet");
    is_int(tg_bucket_wait(&bucket, one, 1, t0), 45000, "in 45 s");
    is_int(tg_bucket_level(&bucket, huge, t0).full_in_ms, 45000,
           "whatever it is");
    is_int(tg_bucket_take(&bucket, thousand, 250, t0), 0, "takes the quarter");
    is_int(tg_bucket_take(&bucket, hundred, 1, t0), 600, "then none is left");
    is_int(tg_bucket_take(&bucket, thousand, 1, t0), 60, "of more, too");
    for (uint32_t i = 0; i < 100000; i++) {
        struct tg_bucket_rate rate = {(uint32_t)(1 + random_below(UINT32_MAX)),
                                      MINUTE};

        tg_bucket_take(&bucket, rate, 0, t0);
    }
    is_int(tg_bucket_level(&bucket, thousand, t0).full_in_ms, 60000,
           "a limit that changes 100 000 times gives nothing away");
}

/* Closed no longer than what may be owed and a minute; never for hours. */
static void
test_clock_jumps(void)
{
    static const int64_t back_ms[] = {
        1,      1000,   59000,   600000,   659000,
        660000, 720000, 3600000, 86400000, INT64_C(31536000000)};
    static const uint32_t limits[] = {1, 60, 100000, UINT32_MAX};

    for (size_t i = 0; i < COUNT(back_ms) * COUNT(limits); i++) {
        struct tg_bucket_rate rate = {limits[i % COUNT(limits)], MINUTE};
        int64_t now_ms = t0 - back_ms[i / COUNT(limits)];
        struct tg_bucket bucket = bucket_at(0);
        int64_t wait_ms, most_ms;

        tg_bucket_charge(&bucket, rate, UINT64_MAX, t0);
        wait_ms = tg_bucket_wait(&bucket, rate, 1, now_ms);
        most_ms = TG_BUCKET_OWED_PERIODS * MINUTE + 60000;
        ok(wait_ms <= most_ms, "%lld ms back, %u a minute: closed %lld ms",
           (long long)(t0 - now_ms), rate.limit, (long long)wait_ms);
    }
}

static void
test_odd_instants(void)
{
    static const int64_t instants[] = {
        INT64_MIN, -1, 0, 1, INT64_C(3600000000000), INT64_MAX};

    for (size_t i = 0; i < COUNT(instants); i++) {
        struct tg_bucket_rate rate = {UINT32_MAX, 3600000};
        struct tg_bucket bucket = bucket_at(0);

        is_int(tg_bucket_take(&bucket, rate, UINT32_MAX, instants[i]), 0,
               "instant %zu: full at birth", i);
        ok(tg_bucket_take(&bucket, rate, 1, instants[i]) > 0, "then empty");
        tg_bucket_charge(&bucket, rate, UINT64_MAX, instants[i]);
        ok(tg_bucket_level(&bucket, rate, instants[i]).full_in_ms > 35990000 &&
               tg_bucket_level(&bucket, rate, instants[i]).full_in_ms <=
                   36000000,
           "then ten hours in debt");
        tg_bucket_refund(&bucket, rate, UINT64_MAX);
        is_int(tg_bucket_level(&bucket, rate, instants[i]).left, UINT32_MAX,
               "then full");
    }
}

/* The state file is shared memory: whatever stands there is survived. */
static void
test_any_word(void)
{
    struct tg_bucket_rate rate = {UINT32_MAX, MINUTE};
    int64_t longest_ms = 0;

    for (int i = 0; i < 64; i++) {
        struct tg_bucket bucket = bucket_at(UINT64_MAX >> i);
        int64_t full_in_ms;

        tg_bucket_refund(&bucket, rate, UINT32_MAX);
        tg_bucket_charge(&bucket, rate, 1, t0);
        full_in_ms = tg_bucket_level(&bucket, rate, t0).full_in_ms;
        if (full_in_ms > longest_ms)
            longest_ms = full_in_ms;
    }
    ok(longest_ms <= 660000, "no word closes a bucket for longer than owed");
}

/* Whoever stands behind others passes when the sum of waits says. */
static void
test_waiting_behind(void)
{
    int wrong = 0, early = 0, waits = 0;

    for (int n = 0; n < 2000; n++) {
        struct tg_bucket_rate rate = {(uint32_t)(1 + random_below(2000)),
                                      n % 2 ? MINUTE : 1000};
        struct tg_bucket bucket = bucket_at(0), copy;
        uint64_t ahead = 0, costs[4], own = 1 + random_below(rate.limit);
        int64_t now = t0, want;

        tg_bucket_charge(&bucket, rate, random_below(2 * rate.limit), now);
        for (int i = 0; i < 4; i++)
            ahead += costs[i] = random_below(rate.limit + 1);
        want = t0 + tg_bucket_wait_behind(&bucket, rate, ahead, own, t0);
        copy = bucket;
        for (int i = 0; i < 4; i++) {
            now += tg_bucket_wait(&bucket, rate, costs[i], now);
            wrong += tg_bucket_take(&bucket, rate, costs[i], now) != 0;
        }
        now += tg_bucket_wait(&bucket, rate, own, now);
        /* Who waits for a full bucket takes a part of a millisecond more. */
        wrong += now < want || now > want + 4;
        waits += want > t0;
        early += want > t0 &&
                 tg_bucket_wait_behind(&copy, rate, ahead, own, want - 1) == 0;
    }
    is_int(wrong, 0, "it passes when those before have, each at its time");
    is_int(early, 0, "and no millisecond earlier");
    ok(waits > 1000, "most of them wait");
    is_int(tg_bucket_wait_behind(&(struct tg_bucket){0},
                                 (struct tg_bucket_rate){5, MINUTE}, 100, 6,
                                 t0),
           TG_BUCKET_NEVER, "what is too large never passes");
}

int
main(void)
{
    seed = 0x9e3779b97f4a7c15;
    test_stories();
    test_any_limit();
    test_no_drift();
    test_refund_undoes();
    test_limit_changes();
    test_clock_jumps();
    test_odd_instants();
    test_any_word();
    test_waiting_behind();
    return done();
}
