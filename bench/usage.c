/*
 * usage.c: how long questions take of a store with many calls.
 *
 * Makes a store of calls over thirty days, as ingest does, each of a key at
 * random, or takes one that was made before, and times questions.  Prints a
 * name, milliseconds and those of them that were CPU a line, the best of
 * three; the first question of all is asked once before, as it reads the calls
 * that are not rolled up, and named cold.
 *
 *     bench-usage FILE CALLS KEYS
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "route.h"
#include "store_test.h"

#define BEGUN_AT INT64_C(1750003200000) /* a day begins */
#define DAY_MS INT64_C(86400000)
#define SPAN_MS (30 * DAY_MS)
#define ACCOUNTS 20
#define BATCH 4000

static struct tg_store *store;

__attribute__((noreturn)) static void
die(void)
{
    fprintf(stderr, "bench-usage: %s\n", store ? store->error.text : "?");
    exit(1);
}

static double
now_ms(clockid_t clock)
{
    struct timespec time;

    clock_gettime(clock, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static void
key_of(char id[TG_ID_TEXT_SIZE], uint32_t number)
{
    snprintf(id, TG_ID_TEXT_SIZE, "key_%020u", number);
}

static void
add_call(uint32_t n, uint32_t calls, uint32_t keys)
{
    struct tg_record record = {.type = TG_RECORD_CALL,
                               .agent = TG_STR("OpenAI/JS 6.9.1")};
    struct tg_call *call = &record.call;
    char id[TG_ID_TEXT_SIZE];
    uint32_t key = test_any(keys);
    bool is_new;

    call->id = tg_call_id_make(0x7467, n);
    call->at_ms = BEGUN_AT + (int64_t)n * SPAN_MS / calls;
    key_of(id, key);
    memcpy(call->key_id, id, TG_ID_LEN);
    snprintf(id, sizeof(id), "acct_%019u", key % ACCOUNTS);
    memcpy(call->account_id, id, TG_ID_LEN);
    memcpy(call->upstream_id, "up_000000000000000000000", TG_ID_LEN);
    memcpy(call->credential_id, "cred_0000000000000000000", TG_ID_LEN);
    tg_field_set(call->model, sizeof(call->model),
                 test_any(4) ? "flash" : "pro-x", 5);
    call->ip[10] = call->ip[11] = 255;
    call->endpoint = TG_ENDPOINT_CHAT;
    call->status = 200;
    call->latency_ms = 200 + test_any(800);
    call->ttft_ms = 100 + test_any(100);
    call->prompt_tokens = 500 + test_any(1000);
    call->completion_tokens = test_any(500);
    call->cost_nanos = 100000 + test_any(300000);
    if (store->ops->call_add(store, &record, &is_new) != 0)
        die();
}

static void
fill(uint32_t calls, uint32_t keys)
{
    bool has_more = true;

    for (uint32_t n = 0; n < calls || has_more;) {
        if (store->ops->begin(store) != 0)
            die();
        for (uint32_t i = 0; i < BATCH && n < calls; i++, n++)
            add_call(n, calls, keys);
        if (store->ops->roll_up(store, BATCH, &has_more) != 0 ||
            store->ops->commit(store) != 0)
            die();
    }
}

static int
count_usage(void *arg, const struct tg_store_usage *row)
{
    *(int64_t *)arg += row->sums.requests;
    return 0;
}

static int
count_call(void *arg, const struct tg_store_call *row)
{
    (void)row;
    ++*(int64_t *)arg;
    return 0;
}

static int64_t
day_of(void *arg, int64_t quarter)
{
    (void)arg;
    return quarter / 96;
}

/* Days of a zone so many quarter-hours east of UTC. */
#define ZONE(name, quarters)                                                   \
    static int64_t name(void *arg, int64_t quarter)                            \
    {                                                                          \
        (void)arg;                                                             \
        return (quarter + (quarters)) / 96;                                    \
    }

ZONE(far_day_of, 23) /* Kathmandu */
ZONE(shanghai_day_of, 32)
ZONE(auckland_day_of, 48) /* half a day, as far as can be */
ZONE(berlin_day_of, 8)
ZONE(newfoundland_day_of, -14)
ZONE(new_york_day_of, -20)
ZONE(los_angeles_day_of, -32)

static int64_t
quarter_of(void *arg, int64_t quarter)
{
    (void)arg;
    return quarter;
}

/* What is measured: the best of some. */
struct measure {
    double wall_ms, cpu_ms;
    double begun_wall, begun_cpu;
};

static void
begin_measure(struct measure *measure)
{
    measure->begun_wall = now_ms(CLOCK_MONOTONIC);
    measure->begun_cpu = now_ms(CLOCK_THREAD_CPUTIME_ID);
}

static void
end_measure(struct measure *measure)
{
    double wall = now_ms(CLOCK_MONOTONIC) - measure->begun_wall;
    double cpu = now_ms(CLOCK_THREAD_CPUTIME_ID) - measure->begun_cpu;

    if (measure->wall_ms == 0 || wall < measure->wall_ms)
        measure->wall_ms = wall;
    if (measure->cpu_ms == 0 || cpu < measure->cpu_ms)
        measure->cpu_ms = cpu;
}

static void
say(const char *name, const struct measure *measure, int64_t calls)
{
    printf("%s %.1f %.1f (%lld calls)\n", name, measure->wall_ms,
           measure->cpu_ms, (long long)calls);
}

static void
time_usage(const char *name, const struct tg_usage_question *asked, int times)
{
    struct measure measure = {.wall_ms = 0};
    int64_t requests = 0;

    for (int i = 0; i < times; i++) {
        struct tg_usage_question question = *asked;
        struct tg_store_usage total;

        requests = 0;
        begin_measure(&measure);
        if (store->ops->usage(store, &question, &total, count_usage,
                              &requests) != 0)
            die();
        end_measure(&measure);
    }
    say(name, &measure, requests);
}

static void
time_calls(const char *name, const struct tg_store_filter *filter)
{
    struct measure measure = {.wall_ms = 0};
    int64_t count = 0;

    for (int i = 0; i < 3; i++) {
        count = 0;
        begin_measure(&measure);
        if (store->ops->call_each(store, filter, NULL, 100, count_call,
                                  &count) != 0)
            die();
        end_measure(&measure);
    }
    say(name, &measure, count);
}

/* Of what questions are asked. */
#define SINCE (BEGUN_AT + 7654321)
#define UNTIL (BEGUN_AT + SPAN_MS - 1234567)
#define KEY "key_00000000000000000007"
#define ACCOUNT "acct_0000000000000000007"
#define UPSTREAM "up_000000000000000000000"
#define CHATS (UINT64_C(1) << TG_ENDPOINT_CHAT)
#define ALL .since = SINCE, .until = UNTIL, .has_latency = true
#define DAY .since = UNTIL - DAY_MS, .until = UNTIL, .has_latency = true

static const struct {
    const char *name;
    struct tg_usage_question question;
} questions[] = {
    {"key_total", {ALL, .key_id = KEY}},
    {"key_by_day", {ALL, .key_id = KEY, .span_of = far_day_of}},
    {"key_by_quarter", {ALL, .key_id = KEY, .span_of = quarter_of}},
    {"key_by_model", {ALL, .key_id = KEY, .by = TG_BY_MODEL}},
    {"day_total", {DAY}},
    {"day_by_key", {DAY, .by = TG_BY_KEY}},
    {"day_by_status", {DAY, .by = TG_BY_STATUS}},
    {"day_by_quarter", {DAY, .span_of = quarter_of}},
    {"account_by_day", {ALL, .account_id = ACCOUNT, .span_of = far_day_of}},
    {"account_by_key", {ALL, .account_id = ACCOUNT, .by = TG_BY_KEY}},
    {"model_by_key", {ALL, .model = "pro-x", .by = TG_BY_KEY}},
    {"model_by_day", {ALL, .model = "pro-x", .span_of = far_day_of}},
    {"upstream_by_hour", {ALL, .upstream_id = UPSTREAM, .span_of = quarter_of}},
    {"scope_by_account", {ALL, .endpoints = CHATS, .by = TG_BY_ACCOUNT}},
    {"status_by_key", {ALL, .status = 200, .by = TG_BY_KEY}},
    {"all_total", {ALL}},
    {"all_by_day", {ALL, .span_of = day_of}},
    {"all_by_far_day", {ALL, .span_of = far_day_of}},
    {"all_by_quarter", {ALL, .span_of = quarter_of}},
    {"all_by_day_and_model", {ALL, .span_of = far_day_of, .by = TG_BY_MODEL}},
    {"all_by_day_and_account",
     {ALL, .span_of = far_day_of, .by = TG_BY_ACCOUNT}},
    {"all_by_key", {ALL, .by = TG_BY_KEY}},
    {"all_by_account", {ALL, .by = TG_BY_ACCOUNT}},
    {"all_by_model", {ALL, .by = TG_BY_MODEL}},
    {"all_by_scope", {ALL, .by = TG_BY_SCOPE}},
    {"all_by_upstream", {ALL, .by = TG_BY_UPSTREAM}},
    {"all_by_status", {ALL, .by = TG_BY_STATUS}},
    {"all_by_day_and_key", {ALL, .span_of = day_of, .by = TG_BY_KEY}},
    {"all_by_far_day_and_key", {ALL, .span_of = far_day_of, .by = TG_BY_KEY}},
    {"+8:00", {ALL, .span_of = shanghai_day_of, .by = TG_BY_KEY}},
    {"+12:00", {ALL, .span_of = auckland_day_of, .by = TG_BY_KEY}},
    {"+2:00", {ALL, .span_of = berlin_day_of, .by = TG_BY_KEY}},
    {"-3:30", {ALL, .span_of = newfoundland_day_of, .by = TG_BY_KEY}},
    {"-5:00", {ALL, .span_of = new_york_day_of, .by = TG_BY_KEY}},
    {"-8:00", {ALL, .span_of = los_angeles_day_of, .by = TG_BY_KEY}},
};

static void
ask(void)
{
    struct tg_store_filter key = {
        .key_id = KEY, .since = SINCE, .until = UNTIL};
    struct tg_store_filter all = {.since = SINCE, .until = UNTIL};

    time_usage("cold", &questions[0].question, 1);
    for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++)
        time_usage(questions[i].name, &questions[i].question, 3);
    time_calls("key_calls", &key);
    time_calls("all_calls", &all);
}

int
main(int argc, char **argv)
{
    struct tg_error error;
    bool is_there;

    if (argc != 4) {
        fprintf(stderr, "usage: bench-usage FILE CALLS KEYS\n");
        return 2;
    }
    is_there = access(argv[1], F_OK) == 0;
    if (tg_store_open_sqlite(&store, argv[1], &error) != 0) {
        fprintf(stderr, "bench-usage: %s\n", error.text);
        return 1;
    }
    if (!is_there)
        fill((uint32_t)strtoul(argv[2], NULL, 10),
             (uint32_t)strtoul(argv[3], NULL, 10));
    ask();
    store->ops->close(store);
    return 0;
}
