/*
 * Goal: a key's limits let a call pass together or not at all, and say which
 * one is in the way, for how long, and what is left.
 */
#include "tap.h"

#include <stdlib.h>

#include "err.h"
#include "rate.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define LIMITED TG_ERR_LIMIT

/* 2026-11-21 03:00 UTC, and its day. */
static const int64_t t0 = 1795230000000;
static const int32_t today = 20778;

enum verb { TAKE, UNDO, END };

/* What is left of each limit afterwards; in_flight is the calls. */
struct row {
    int64_t ms;
    enum verb verb;
    int64_t tokens; /* UNDO: estimate; END: actual, of an estimate of 100 */
    int want;
    enum tg_rate_limit limit;
    uint32_t left;
    int64_t wait_ms;
    int32_t in_flight;
};

static struct tg_counters counters;
static struct tg_rate_verdict verdict;

static void
begin(void)
{
    memset(&counters, 0, sizeof(counters));
}

static int
take(const struct tg_key_policy *policy, int64_t ms, int32_t day,
     int64_t tokens)
{
    memset(&verdict, 0, sizeof(verdict));
    return tg_rate_take(&counters, policy, t0 + ms, day, tokens, &verdict);
}

/* A look says what a take would, and why; and takes nothing. */
static struct tg_rate_verdict peeked;

static void
is_peeked(const struct tg_key_policy *policy, int64_t ms, int32_t day,
          int64_t tokens, int want)
{
    struct tg_counters before;

    memcpy(&before, &counters, sizeof(before));
    memset(&peeked, 0, sizeof(peeked));
    is_int(tg_rate_peek(&counters, policy, t0 + ms, day, tokens, &peeked), want,
           " seen beforehand");
    ok(memcmp(&before, &counters, sizeof(before)) == 0, " by a look alone");
}

static void
do_row(const struct tg_key_policy *policy, const struct row *row)
{
    int32_t day = today + (int32_t)(row->ms / 86400000);

    switch (row->verb) {
    case TAKE:
        is_peeked(policy, row->ms, day, row->tokens, row->want);
        is_int(take(policy, row->ms, day, row->tokens), row->want, " take");
        is_int(verdict.limit, row->limit, " limit");
        is_int(verdict.left, row->left, " left");
        is_int(verdict.wait_ms, row->wait_ms, " wait");
        ok(peeked.limit == verdict.limit && peeked.left == verdict.left &&
               peeked.size == verdict.size && peeked.wait_ms == verdict.wait_ms,
           " as was seen");
        break;
    case UNDO:
        tg_rate_refund(&counters, policy, day, row->tokens);
        break;
    default:
        counters.in_flight--; /* as tg_settle does */
        tg_rate_settle(&counters, policy, 100, row->tokens, t0 + row->ms);
        break;
    }
    is_int(counters.in_flight, row->in_flight, " in flight");
}

static void
tell(const char *name, const struct tg_key_policy *policy,
     const struct row *rows, size_t count)
{
    begin();
    for (size_t i = 0; i < count; i++) {
        printf("# %s, row %zu\n", name, i);
        do_row(policy, &rows[i]);
    }
}

static const struct tg_key_policy all = {
    .requests_per_second = 2,
    .requests_per_minute = 4,
    .requests_per_day = 6,
    .tokens_per_minute = 1000,
    .concurrency = 3,
};

static const struct row all_rows[] = {
    {0, TAKE, 1001, LIMITED, TG_RATE_TOKENS, 1000, TG_RATE_NEVER, 0},
    {0, TAKE, 100, 0, 0, 0, 0, 1},
    {0, TAKE, 100, 0, 0, 0, 0, 2},
    {0, TAKE, 100, LIMITED, TG_RATE_SECOND, 0, 500, 2},
    {0, TAKE, 801, LIMITED, TG_RATE_SECOND, 0, 500, 2},
    {0, TAKE, 900, LIMITED, TG_RATE_TOKENS, 800, 6000, 2},
    {499, TAKE, 100, LIMITED, TG_RATE_SECOND, 0, 1, 2},
    {500, TAKE, 100, 0, 0, 0, 0, 3},
    {1000, TAKE, 100, LIMITED, TG_RATE_CONCURRENCY, 0, TG_RATE_UNTIL_CALL, 3},
    {1000, UNDO, 100, 0, 0, 0, 0, 2},
    {1000, TAKE, 100, 0, 0, 0, 0, 3},
    {1500, END, 100, 0, 0, 0, 0, 2},
    {1500, TAKE, 100, 0, 0, 0, 0, 3},
    {2000, TAKE, 100, LIMITED, TG_RATE_MINUTE, 0, 13000, 3},
    {2000, TAKE, 1001, LIMITED, TG_RATE_TOKENS, 633, TG_RATE_NEVER, 3},
    {15000, END, 100, 0, 0, 0, 0, 2},
    {15000, TAKE, 100, 0, 0, 0, 0, 3},
    {15000, END, 100, 0, 0, 0, 0, 2},
    {15000, TAKE, 1, LIMITED, TG_RATE_MINUTE, 0, 15000, 2},
    {60000, TAKE, 100, 0, 0, 0, 0, 3},
    {60000, END, 100, 0, 0, 0, 0, 2},
    {70000, TAKE, 100, LIMITED, TG_RATE_DAY, 0, TG_RATE_UNTIL_DAY, 2},
    {70000, TAKE, 1001, LIMITED, TG_RATE_TOKENS, 1000, TG_RATE_NEVER, 2},
    {86400000, TAKE, 100, 0, 0, 0, 0, 3},
};

static const struct tg_key_policy some_tokens = {.tokens_per_minute = 600};

/* Ten tokens come back each second. */
static const struct row token_rows[] = {
    {0, TAKE, 100, 0, 0, 0, 0, 1},
    {0, END, 40, 0, 0, 0, 0, 0},
    {0, TAKE, 561, LIMITED, TG_RATE_TOKENS, 560, 100, 0},
    {0, TAKE, 100, 0, 0, 0, 0, 1},
    {0, END, 1100, 0, 0, 0, 0, 0}, /* 540 are owed */
    {0, TAKE, 1, LIMITED, TG_RATE_TOKENS, 0, 54100, 0},
    {54000, TAKE, 0, 0, 0, 0, 0, 1},
    {54000, TAKE, 100, LIMITED, TG_RATE_TOKENS, 0, 10000, 1},
    {64000, TAKE, 100, 0, 0, 0, 0, 2},
    {64000, END, -5, 0, 0, 0, 0, 1},
    {64000, TAKE, -7, 0, 0, 0, 0, 2},
    {64000, TAKE, 101, LIMITED, TG_RATE_TOKENS, 100, 100, 2},
    {64000, END, INT64_MAX, 0, 0, 0, 0, 1}, /* ten times the limit is owed */
    {64000, TAKE, 1, LIMITED, TG_RATE_TOKENS, 0, 540100, 1},
    {64000, TAKE, INT64_MAX, LIMITED, TG_RATE_TOKENS, 0, TG_RATE_NEVER, 1},
    {999999, TAKE, 600, 0, 0, 0, 0, 2},
};

static const struct tg_key_policy none = {.max_queue_ms = 5};

static const struct row none_rows[] = {
    {0, TAKE, INT64_MAX, 0, 0, 0, 0, 1},
    {0, TAKE, 1, 0, 0, 0, 0, 2},
    {0, END, 5, 0, 0, 0, 0, 1},
    {0, UNDO, INT64_MAX, 0, 0, 0, 0, 0},
};

static void
test_stories(void)
{
    tell("all limits", &all, all_rows, COUNT(all_rows));
    tell("tokens", &some_tokens, token_rows, COUNT(token_rows));
    tell("no limit", &none, none_rows, COUNT(none_rows));
    is_int(counters.rate.day, 0, "what is not limited is not counted");
    is_int(counters.rate.tokens.full_at_grains, 0, "nor taken");
}

/* Whichever limit refuses, all the others are as before. */
static void
test_takes_none(void)
{
    static const struct {
        const char *name;
        struct tg_key_policy small;
        enum tg_rate_limit limit;
    } rows[] = {
        {"tokens", {.tokens_per_minute = 10}, TG_RATE_TOKENS},
        {"minute", {.requests_per_minute = 1}, TG_RATE_MINUTE},
        {"second", {.requests_per_second = 1}, TG_RATE_SECOND},
        {"day", {.requests_per_day = 1}, TG_RATE_DAY},
        {"concurrency", {.concurrency = 1}, TG_RATE_CONCURRENCY},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct tg_key_policy policy = rows[i].small;
        struct tg_rate_state before;

        if (policy.tokens_per_minute == 0)
            policy.tokens_per_minute = 1000;
        if (policy.requests_per_minute == 0)
            policy.requests_per_minute = 7;
        if (policy.requests_per_second == 0)
            policy.requests_per_second = 7;
        if (policy.requests_per_day == 0)
            policy.requests_per_day = 9;
        if (policy.concurrency == 0)
            policy.concurrency = 11;
        begin();
        is_int(take(&policy, 0, today, 10), 0, "%s: one", rows[i].name);
        memcpy(&before, &counters.rate, sizeof(before));
        is_int(take(&policy, 0, today, 10), LIMITED, "and no more");
        is_int(verdict.limit, rows[i].limit, "for %s", rows[i].name);
        is_int(verdict.size, rows[i].limit == TG_RATE_TOKENS ? 10 : 1, "size");
        ok(memcmp(&before, &counters.rate, sizeof(before)) == 0 &&
               counters.in_flight == 1,
           "%s: nothing is taken", rows[i].name);
    }
}

static uint64_t
day_word(int32_t day, uint32_t count)
{
    return (uint64_t)(uint32_t)day << 32 | count;
}

static void
test_days(void)
{
    static const struct {
        const char *name;
        int32_t stored_day;
        uint32_t stored;
        int32_t day;
        int want;
        int32_t day_after;
        uint32_t after;
    } rows[] = {
        {"first", 0, 0, 20778, 0, 20778, 1},
        {"same day", 20778, 4, 20778, 0, 20778, 5},
        {"same day, full", 20778, 5, 20778, LIMITED, 20778, 5},
        {"next day", 20778, 5, 20779, 0, 20779, 1},
        {"a month later", 20778, 5, 20808, 0, 20808, 1},
        {"a worker behind at midnight", 20779, 2, 20778, 0, 20779, 3},
        {"and the new day is full", 20779, 5, 20778, LIMITED, 20779, 5},
        {"clock set back two days", 20780, 5, 20778, 0, 20778, 1},
        {"clock set back a year", 21143, 5, 20778, 0, 20778, 1},
        {"above a limit made lower", 20778, 900, 20778, LIMITED, 20778, 900},
        {"the largest count", 20778, UINT32_MAX, 20778, LIMITED, 20778,
         UINT32_MAX},
        {"before 1970", -2, 4, -2, 0, -2, 5},
        {"to the day of 1970", -1, 5, 0, 0, 0, 1},
        {"the least day", INT32_MAX, 5, INT32_MIN, 0, INT32_MIN, 1},
        {"the largest day", INT32_MIN, 5, INT32_MAX, 0, INT32_MAX, 1},
    };
    struct tg_key_policy policy = {.requests_per_day = 5};

    for (size_t i = 0; i < COUNT(rows); i++) {
        begin();
        counters.rate.day = day_word(rows[i].stored_day, rows[i].stored);
        is_int(take(&policy, 0, rows[i].day, 0), rows[i].want, "%s",
               rows[i].name);
        is_int(counters.rate.day, day_word(rows[i].day_after, rows[i].after),
               "%s: counted", rows[i].name);
        if (rows[i].want != 0)
            continue;
        tg_rate_refund(&counters, &policy, rows[i].day, 0);
        is_int(counters.rate.day,
               day_word(rows[i].day_after, rows[i].after - 1), "%s: given back",
               rows[i].name);
    }
    counters.rate.day = day_word(20780, 3);
    tg_rate_refund(&counters, &policy, 20778, 0);
    is_int(counters.rate.day, day_word(20780, 3), "to a later day: nothing");
    counters.rate.day = day_word(20778, 0);
    tg_rate_refund(&counters, &policy, 20778, 0);
    is_int(counters.rate.day, day_word(20778, 0), "nor below none");
}

static void
test_concurrency(void)
{
    struct tg_key_policy policy = {.concurrency = 2};

    begin();
    counters.in_flight = -1; /* a process was killed between two words */
    for (int i = 0; i < 3; i++)
        is_int(take(&policy, 0, today, 0), 0, "call %d", i);
    is_int(take(&policy, 0, today, 0), LIMITED, "two at once");
    is_int(verdict.size, 2, "is the limit");
    policy.concurrency = 1;
    is_int(take(&policy, 0, today, 0), LIMITED, "a limit made lower");
    policy.concurrency = 3;
    is_int(take(&policy, 0, today, 0), 0, "or higher");
    policy.concurrency = UINT32_MAX;
    is_int(take(&policy, 0, today, 0), 0, "or highest");
    is_int(counters.in_flight, 4, "all are counted");
    counters.in_flight = INT32_MAX; /* the file was damaged */
    policy.concurrency = 0;
    is_int(take(&policy, 0, today, 0), 0, "one more than can be counted");
    tg_rate_refund(&counters, &policy, today, 0);
    is_int(counters.in_flight, INT32_MAX, "leaves as it came");
}

/* What a call takes under an old policy it gives back under a new one. */
static void
test_policy_changes(void)
{
    struct tg_key_policy before = {.tokens_per_minute = 1000};
    struct tg_key_policy after = {.tokens_per_minute = 100,
                                  .requests_per_minute = 10};

    begin();
    is_int(take(&before, 0, today, 500), 0, "half of the old limit");
    is_int(take(&after, 0, today, 51), LIMITED, "is half of the new one");
    is_int(verdict.left, 50, "of which 50 are left");
    tg_rate_settle(&counters, &after, 500, 40, t0);
    is_int(take(&after, 0, today, 100), 0, "what goes back fills it at most");
    is_int(take(&after, 0, today, 1), LIMITED, "and no further");
    tg_rate_settle(&counters, &none, 1, 1000, t0);
    is_int(take(&none, 0, today, 1), 0, "a limit that is gone takes nothing");
}

static const struct {
    uint32_t per_second, per_minute, tokens;
    int calls; /* of 10 tokens, at once */
    struct tg_rate_report want;
} reports[] = {
    {0, 0, 0, 3, {{0, 0, 0, 0}, {0, 0, 0, 0}}},
    {0,
     60,
     150000,
     0,
     {{TG_RATE_MINUTE, 60, 60, 0}, {TG_RATE_TOKENS, 150000, 150000, 0}}},
    {0,
     60,
     150000,
     1,
     {{TG_RATE_MINUTE, 60, 59, 1000}, {TG_RATE_TOKENS, 150000, 149990, 4}}},
    {0, 60, 0, 60, {{TG_RATE_MINUTE, 60, 0, 60000}, {0, 0, 0, 0}}},
    {5,
     0,
     100,
     2,
     {{TG_RATE_SECOND, 5, 3, 400}, {TG_RATE_TOKENS, 100, 80, 12000}}},
    {10, 1000, 0, 1, {{TG_RATE_SECOND, 10, 9, 100}, {0, 0, 0, 0}}},
    {100, 10, 0, 1, {{TG_RATE_MINUTE, 10, 9, 6000}, {0, 0, 0, 0}}},
    {10, 10, 0, 1, {{TG_RATE_MINUTE, 10, 9, 6000}, {0, 0, 0, 0}}},
    {UINT32_MAX,
     UINT32_MAX - 1,
     UINT32_MAX,
     1,
     {{TG_RATE_MINUTE, UINT32_MAX - 1, UINT32_MAX - 2, 1000},
      {TG_RATE_TOKENS, UINT32_MAX, UINT32_MAX - 10, 1000}}},
};

static void
is_standing(const struct tg_rate_standing *got,
            const struct tg_rate_standing *want, const char *name, size_t row)
{
    is_int(got->limit, want->limit, "report %zu: which of %s", row, name);
    is_int(got->size, want->size, " size");
    is_int(got->left, want->left, " left");
    is_int(got->reset_ms, want->reset_ms, " reset");
}

static void
test_report(void)
{
    for (size_t i = 0; i < COUNT(reports); i++) {
        struct tg_key_policy policy = {
            .requests_per_second = reports[i].per_second,
            .requests_per_minute = reports[i].per_minute,
            .tokens_per_minute = reports[i].tokens,
        };
        struct tg_rate_report report;
        int taken = 0;

        begin();
        for (int n = 0; n < reports[i].calls; n++)
            taken += take(&policy, 0, today, 10) == 0;
        is_int(taken, reports[i].calls, "report %zu: calls", i);
        tg_rate_report(&counters, &policy, t0, &report);
        is_standing(&report.requests, &reports[i].want.requests, "requests", i);
        is_standing(&report.tokens, &reports[i].want.tokens, "tokens", i);
    }
}

/* Each limit by itself: size 10, after three calls of which one has ended. */
static void
test_standing(void)
{
    static const struct tg_key_policy policy = {.requests_per_second = 10,
                                                .requests_per_minute = 10,
                                                .requests_per_day = 10,
                                                .tokens_per_minute = 10,
                                                .concurrency = 10};
    static const struct tg_rate_standing want[] = {
        {TG_RATE_NONE, 0, 0, 0},
        {TG_RATE_TOKENS, 10, 4, 36000},
        {TG_RATE_MINUTE, 10, 7, 18000},
        {TG_RATE_SECOND, 10, 7, 300},
        {TG_RATE_DAY, 10, 7, TG_RATE_UNTIL_DAY},
        {TG_RATE_CONCURRENCY, 10, 8, TG_RATE_UNTIL_CALL},
    };

    begin();
    for (int i = 0; i < 3; i++)
        take(&policy, 0, today, 2);
    counters.in_flight--;
    for (size_t i = 0; i < COUNT(want); i++) {
        enum tg_rate_limit limit = (enum tg_rate_limit)i;
        struct tg_rate_standing got =
            tg_rate_stand(&counters, &policy, t0, today, limit);

        is_standing(&got, &want[i], "all", i);
        got = tg_rate_stand(&counters, &none, t0, today, limit);
        is_int(got.limit, TG_RATE_NONE, "a key without limits");
    }
    begin();
    is_int(tg_rate_stand(&counters, &policy, t0, today, TG_RATE_DAY).reset_ms,
           0, "what is whole has nothing to wait for");
}

/* In the form of time.Duration.String of Go. */
static const struct {
    int64_t ms;
    const char *text;
} durations[] = {
    {INT64_MIN, "0s"},
    {-1, "0s"},
    {0, "0s"},
    {1, "1ms"},
    {9, "9ms"},
    {12, "12ms"},
    {120, "120ms"},
    {999, "999ms"},
    {1000, "1s"},
    {1001, "1.001s"},
    {1010, "1.01s"},
    {1500, "1.5s"},
    {10000, "10s"},
    {59999, "59.999s"},
    {60000, "1m0s"},
    {60020, "1m0.02s"},
    {360000, "6m0s"},
    {3599999, "59m59.999s"},
    {3600000, "1h0m0s"},
    {3600001, "1h0m0.001s"},
    {86399000, "23h59m59s"},
    {360000000, "100h0m0s"},
    {INT64_MAX, "2562047788015h12m55.807s"},
};

static void
test_durations(void)
{
    for (size_t i = 0; i < COUNT(durations); i++) {
        char text[TG_RATE_DURATION_SIZE];
        size_t len = tg_rate_duration(text, durations[i].ms);

        is_str(text, durations[i].text, "%lld ms", (long long)durations[i].ms);
        is_int(len, strlen(durations[i].text), "and its length");
    }
}

int
main(void)
{
    test_stories();
    test_takes_none();
    test_days();
    test_concurrency();
    test_policy_changes();
    test_report();
    test_standing();
    test_durations();
    return done();
}
