/*
 * Goal: limits follow from what was used, in whole numbers: never below a
 * peak, never rounded the wrong way, and never blind to what was refused.
 */
#include "advice_limits.h"
#include "advice_rules.h"

#include <stdlib.h>

#include "civil.h"
#include "tap.h"

#define NOW INT64_C(1795737600000) /* a minute begins */
#define DAY TG_MS_PER_DAY
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void
test_rules(void)
{
    static const struct {
        int64_t peak, floor, rate, second;
    } rows[] = {
        {0, 100, 100, 0},
        {1, 1, 2, 1},
        {4, 1, 5, 4},
        {5, 1, 6, 6},
        {83, 100, 100, 99},
        {84, 100, 101, 100},
        {250, 100, 300, 300},
        {8333, 10000, 10000, 9999},
        {8334, 10000, 10001, 10000},
        {INT64_MAX, 1, INT64_MAX, INT64_MAX},
    };
    static const struct {
        int64_t calls, lasted, days, daily;
    } means[] = {
        {10, 0, 1, 30},
        {10, -5, 1, 30},
        {10, DAY, 1, 30},
        {10, DAY + 1, 2, 15},
        {350, 7 * DAY, 7, 150},
        {1, 30 * DAY, 30, 1},
        {11, 30 * DAY, 30, 2},
        {10, 30 * DAY, 30, 1},
        {INT64_MAX, DAY, 1, INT64_MAX},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        is_int(tg_advice_rate(rows[i].peak, rows[i].floor), rows[i].rate,
               "the rate for a peak of %lld", (long long)rows[i].peak);
        is_int(tg_advice_second(rows[i].peak), rows[i].second,
               "in a second, at most");
    }
    for (size_t i = 0; i < COUNT(means); i++) {
        is_int(tg_advice_days(means[i].lasted), means[i].days, "days of %lld",
               (long long)means[i].lasted);
        is_int(tg_advice_daily(means[i].calls, means[i].lasted), means[i].daily,
               "%lld calls in them", (long long)means[i].calls);
    }
}

/* Newest first, in ms from NOW. */
static const struct tg_peak_call some[] = {
    {NOW + 120500, NOW + 120600, 900},
    {NOW + 61000, NOW + 62000, 5},
    {NOW + 60000, NOW + 61000, 5},
    {NOW + 59999, NOW + 60001, 10},
    {NOW + 59500, NOW + 70000, 20},
    {NOW + 59001, NOW + 59002, 30},
    {NOW, NOW + 59500, 40},
};

static void
test_peaks(void)
{
    int64_t ends[COUNT(some)];
    struct tg_peaks peaks;

    tg_advice_peaks(some, COUNT(some), ends, &peaks);
    is_int(peaks.requests, COUNT(some), "all calls");
    is_int(peaks.tokens, 1010, "and their tokens");
    is_int(peaks.first_at, NOW, "the first one");
    is_int(peaks.last_at, NOW + 120500, "the last one");
    is_int(peaks.minutes.requests.requests, 4, "the busiest minute");
    is_int(peaks.minutes.requests.at, NOW, "and when it was");
    is_int(peaks.minutes.tokens.tokens, 900, "the one with most tokens");
    is_int(peaks.minutes.tokens.at, NOW + 120000, "and when it was");
    is_int(peaks.minutes.active, 3, "minutes with calls");
    is_int(peaks.second.count, 4,
           "a second that two of the clock have a part of");
    is_int(peaks.second.at, NOW + 59001, "and when it begins");
    is_int(peaks.day.count, COUNT(some), "a day");
    is_int(peaks.at_once.count, 3, "at once");
    is_int(peaks.at_once.at, NOW + 60000, "since the third one began");
}

static void
test_few(void)
{
    static const struct tg_peak_call one[] = {{NOW, NOW, 7}};
    static const struct tg_peak_call same[] = {
        {NOW, NOW + 1, 1}, {NOW, NOW + 1, 1}, {NOW, NOW + 1, 1}};
    static const struct tg_peak_call row[] = {{NOW + 2000, NOW + 3000, 1},
                                              {NOW + 1000, NOW + 2000, 1},
                                              {NOW, NOW + 1000, 1}};
    int64_t ends[3];
    struct tg_peaks peaks;

    tg_advice_peaks(NULL, 0, ends, &peaks);
    is_int(peaks.requests + peaks.second.count + peaks.at_once.count, 0,
           "no calls, no peaks");
    tg_advice_peaks(one, 1, ends, &peaks);
    is_int(peaks.at_once.count, 1, "one that took no time ran alone");
    tg_advice_peaks(same, 3, ends, &peaks);
    is_int(peaks.at_once.count, 3, "three at one instant");
    is_int(peaks.second.count, 3, "and in one second");
    tg_advice_peaks(row, 3, ends, &peaks);
    is_int(peaks.at_once.count, 1, "one after the other");
    is_int(peaks.second.count, 1, "and a second apart");
}

/* Against counting each instant at which one begins. */
static void
test_at_once_by_counting(void)
{
    enum { CALLS = 400 };
    static struct tg_peak_call calls[CALLS];
    static int64_t ends[CALLS];
    struct tg_peaks peaks;
    int64_t most = 0, at = NOW;

    srand(11);
    for (int i = CALLS; i-- > 0;) {
        at += rand() % 50;
        calls[i] = (struct tg_peak_call){at, at + 1 + rand() % 700, 1};
    }
    for (int i = 0; i < CALLS; i++) {
        int64_t open = 0;

        for (int j = 0; j < CALLS; j++)
            open += calls[j].at <= calls[i].at && calls[j].end > calls[i].at;
        most = open > most ? open : most;
    }
    tg_advice_peaks(calls, CALLS, ends, &peaks);
    is_int(peaks.at_once.count, most, "as many as counting finds");
}

/* A key that made a thousand calls in ten days, 90 in its worst minute. */
static struct tg_peaks
usual(void)
{
    return (struct tg_peaks){
        .requests = 1000,
        .tokens = 200000,
        .second = {5, NOW},
        .day = {280, NOW},
        .minutes = {.requests = {NOW, 90, 1}, .tokens = {NOW, 1, 12000}},
        .at_once = {4, NOW},
    };
}

static void
test_suggestions(void)
{
    static const struct {
        const char *what;
        enum tg_advised_limit which;
        int64_t now, suggested;
        enum tg_limit_change change;
        int64_t refused; /* in one minute */
    } rows[] = {
        {"no limit a minute", TG_ADVISED_MINUTE, 0, 108, TG_LIMIT_TIGHTENED, 0},
        {"a wide one", TG_ADVISED_MINUTE, 1000, 108, TG_LIMIT_TIGHTENED, 0},
        {"one as it should be", TG_ADVISED_MINUTE, 108, 108, TG_LIMIT_UNCHANGED,
         0},
        {"one that leaves no room", TG_ADVISED_MINUTE, 90, 108,
         TG_LIMIT_LOOSENED, 0},
        {"refusals are part of the peak", TG_ADVISED_MINUTE, 90, 168,
         TG_LIMIT_LOOSENED, 50},
        {"tokens", TG_ADVISED_TOKENS, 100000, 14400, TG_LIMIT_TIGHTENED, 0},
        {"tokens of what was refused", TG_ADVISED_TOKENS, 12000, 26400,
         TG_LIMIT_LOOSENED, 50},
        {"a second", TG_ADVISED_SECOND, 0, 6, TG_LIMIT_TIGHTENED, 0},
        {"a second that was cut", TG_ADVISED_SECOND, 9, 9, TG_LIMIT_UNCHANGED,
         1},
        {"a day: three times the mean", TG_ADVISED_DAY, 0, 300,
         TG_LIMIT_TIGHTENED, 0},
        {"and what was refused", TG_ADVISED_DAY, 300, 315, TG_LIMIT_LOOSENED,
         50},
        {"at once", TG_ADVISED_AT_ONCE, 0, 5, TG_LIMIT_TIGHTENED, 0},
        {"at once, and cut", TG_ADVISED_AT_ONCE, 40, 40, TG_LIMIT_UNCHANGED, 3},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct tg_limit_advice advice[TG_ADVISED_LIMITS];
        struct tg_throttled throttled = {0};
        struct tg_peaks peaks = usual();
        struct tg_limit_facts facts = {
            .peaks = &peaks, .throttled = &throttled, .lasted_ms = 10 * DAY};

        facts.now[rows[i].which] = rows[i].now;
        if (rows[i].refused > 0)
            tg_throttled_add(&throttled, rows[i].refused, NOW, NOW + 59999);
        tg_advice_limits(&facts, advice);
        is_int(advice[rows[i].which].suggested, rows[i].suggested, "%s",
               rows[i].what);
        is_int(advice[rows[i].which].change, rows[i].change, "what it is");
        is_int(advice[rows[i].which].now, rows[i].now, "what it was");
    }
}

static void
test_floors(void)
{
    struct tg_limit_advice advice[TG_ADVISED_LIMITS];
    struct tg_throttled throttled = {0};
    struct tg_peaks peaks = {
        .requests = 10,
        .tokens = 100,
        .day = {10, NOW},
        .minutes = {.requests = {NOW, 3, 1}, .tokens = {NOW, 1, 90}}};
    struct tg_limit_facts facts = {
        .peaks = &peaks,
        .throttled = &throttled,
        .lasted_ms = 30 * DAY,
        .now = {[TG_ADVISED_MINUTE] = 60, [TG_ADVISED_TOKENS] = 100}};

    tg_advice_limits(&facts, advice);
    is_int(advice[TG_ADVISED_MINUTE].suggested, 100, "at least 100");
    is_int(advice[TG_ADVISED_MINUTE].change, TG_LIMIT_ENOUGH,
           "but 60 are enough for 3");
    is_int(advice[TG_ADVISED_TOKENS].suggested, 10000, "at least 10 000");
    is_int(advice[TG_ADVISED_TOKENS].change, TG_LIMIT_LOOSENED,
           "and 100 are too few for 90");
    is_int(advice[TG_ADVISED_DAY].suggested, 10, "never below what a day had");
}

static void
test_refusals(void)
{
    struct tg_throttled throttled = {0};

    tg_throttled_add(&throttled, 90, NOW + 30000, NOW + 150000);
    tg_throttled_add(&throttled, 40, NOW - 900000, NOW - 900000);
    is_int(throttled.requests, 130, "all of them");
    is_int(throttled.a_minute, 40, "the worst minute, of quarter-hours' means");
    is_int(throttled.first_at, NOW - 900000, "since");
    is_int(throttled.last_at, NOW + 150000, "until");
}

int
main(void)
{
    test_rules();
    test_peaks();
    test_few();
    test_at_once_by_counting();
    test_suggestions();
    test_floors();
    test_refusals();
    return done();
}
