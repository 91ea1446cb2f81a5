/*
 * What of a key's calls is unlike the key: the lives of keys that are used as
 * they were meant, of which nothing may be told, and of keys that were stolen.
 *
 * A life is a list of phases, that run side by side.  Days count from 0, a
 * Monday; hours are of the day in UTC.  Keys are learnt for 7 days and 200
 * calls.
 */
#include <stdlib.h>
#include <string.h>

#include "habit.h"
#include "tap.h"

#define HOUR_MS INT64_C(3600000)
#define DAY_MS (24 * HOUR_MS)
#define FIRST_DAY (20600 * DAY_MS) /* a Monday */
#define PHASES 8
#define CENT INT64_C(10000000)
#define LEARNING                                                               \
    &(struct tg_habit_learning)                                                \
    {                                                                          \
        .days = 7, .calls = 200                                                \
    }

static const char openai[] = "OpenAI/Python 1.52.0";
static const char node[] = "OpenAI/JS 4.68.1";
static const char curl[] = "curl/7.88.1";
static const char requests[] = "python-requests/2.32.3";

#define EVERY_DAY 0x7f
#define WORKDAYS 0x1f

struct phase {
    int day, days; /* from, how many */
    int week;      /* bits: on which days of the week, Monday first */
    int hour, hours, calls_per_hour;
    const char *ip; /* "~40": it changes among so many networks */
    const char *agent, *model;
    int64_t cost_nanos;
};

struct life {
    const char *name;
    int told_on; /* the day; -1: never */
    struct phase phases[PHASES];
};

#define FLASH "deepseek-flash"
#define PRO "deepseek-v4-pro"
#define OFFICE "203.0.113.7"
#define HOME "198.51.100.20"
#define SERVER "192.0.2.5"
#define AWAY "100.64.9.9"

static const struct life ordinary[] = {
    {"a server that calls day and night",
     -1,
     {{0, 90, EVERY_DAY, 0, 24, 6, SERVER, openai, FLASH, CENT}}},
    {"a server that gets a new version of its client",
     -1,
     {{0, 30, EVERY_DAY, 0, 24, 6, SERVER, openai, FLASH, CENT},
      {30, 30, EVERY_DAY, 0, 24, 6, SERVER, "OpenAI/Python 2.0.1", FLASH,
       CENT}}},
    {"a server that becomes asynchronous",
     -1,
     {{0, 30, EVERY_DAY, 0, 24, 6, SERVER, openai, FLASH, CENT},
      {30, 30, EVERY_DAY, 0, 24, 6, SERVER, "AsyncOpenAI/Python 1.52.0", FLASH,
       CENT}}},
    {"a server that moves to another provider",
     -1,
     {{0, 30, EVERY_DAY, 0, 24, 6, SERVER, openai, FLASH, CENT},
      {30, 30, EVERY_DAY, 0, 24, 6, AWAY, openai, FLASH, CENT}}},
    {"a server that takes up a second model",
     -1,
     {{0, 90, EVERY_DAY, 0, 24, 6, SERVER, openai, FLASH, CENT},
      {40, 50, EVERY_DAY, 0, 24, 6, SERVER, openai, PRO, CENT}}},
    {"a developer in the office who stays late once",
     -1,
     {{0, 60, WORKDAYS, 8, 9, 8, OFFICE, openai, FLASH, CENT},
      {45, 1, EVERY_DAY, 21, 3, 20, OFFICE, openai, FLASH, CENT}}},
    {"a developer who works at home on Fridays, and once at an inn",
     -1,
     {{0, 60, 0x0f, 8, 9, 8, OFFICE, openai, FLASH, CENT},
      {0, 60, 0x10, 8, 9, 8, HOME, openai, FLASH, CENT},
      {40, 2, EVERY_DAY, 10, 4, 8, AWAY, openai, FLASH, CENT}}},
    {"a developer who tries another tool and a dearer model in the evening",
     -1,
     {{0, 60, WORKDAYS, 8, 9, 8, OFFICE, openai, FLASH, CENT},
      {50, 3, EVERY_DAY, 20, 2, 8, OFFICE, node, PRO, 4 * CENT}}},
    {"somebody who is somewhere else each day",
     -1,
     {{0, 90, EVERY_DAY, 7, 12, 4, "~1000", openai, FLASH, CENT}}},
    {"a telephone's app, on forty networks, that gets a new client",
     -1,
     {{0, 60, EVERY_DAY, 6, 17, 4, "~40", openai, FLASH, CENT},
      {60, 5, EVERY_DAY, 6, 17, 4, "~40", node, FLASH, CENT}}},
    {"a batch of ten times as much, each month",
     -1,
     {{0, 100, EVERY_DAY, 9, 8, 10, SERVER, openai, FLASH, 4 * CENT},
      {5, 1, EVERY_DAY, 12, 1, 100, SERVER, openai, FLASH, 4 * CENT},
      {35, 1, EVERY_DAY, 12, 1, 100, SERVER, openai, FLASH, 4 * CENT},
      {65, 1, EVERY_DAY, 12, 1, 100, SERVER, openai, FLASH, 4 * CENT},
      {95, 1, EVERY_DAY, 12, 1, 100, SERVER, openai, FLASH, 4 * CENT}}},
    {"traffic that doubles each week",
     -1,
     {{0, 7, EVERY_DAY, 0, 24, 10, SERVER, openai, FLASH, 4 * CENT},
      {7, 7, EVERY_DAY, 0, 24, 20, SERVER, openai, FLASH, 4 * CENT},
      {14, 7, EVERY_DAY, 0, 24, 40, SERVER, openai, FLASH, 4 * CENT},
      {21, 7, EVERY_DAY, 0, 24, 80, SERVER, openai, FLASH, 4 * CENT}}},
    {"a new key, used from two places by two programs",
     -1,
     {{0, 6, EVERY_DAY, 0, 24, 20, SERVER, openai, FLASH, CENT},
      {5, 1, EVERY_DAY, 0, 24, 20, AWAY, curl, PRO, CENT}}},
    {"a key that is used again after half a year",
     -1,
     {{0, 20, WORKDAYS, 8, 9, 8, OFFICE, openai, FLASH, CENT},
      {200, 20, WORKDAYS, 8, 9, 8, HOME, openai, FLASH, CENT}}},
    {"a server in an IPv6 network whose address changes",
     -1,
     {{0, 30, EVERY_DAY, 0, 24, 6, "2001:db8:7:1::5", openai, FLASH, CENT},
      {30, 30, EVERY_DAY, 0, 24, 6, "2001:db8:7:ff::9", node, FLASH, CENT}}},
};

static const struct life stolen[] = {
    {"from elsewhere, by another program",
     30,
     {{0, 60, EVERY_DAY, 0, 24, 6, SERVER, openai, FLASH, CENT},
      {30, 1, EVERY_DAY, 3, 1, 1, AWAY, curl, FLASH, CENT}}},
    {"from elsewhere, by the same program, while the server goes on",
     30,
     {{0, 60, EVERY_DAY, 0, 24, 6, SERVER, openai, FLASH, CENT},
      {30, 1, EVERY_DAY, 3, 4, 2, AWAY, openai, FLASH, CENT}}},
    {"from elsewhere at night, with another model",
     40,
     {{0, 60, WORKDAYS, 8, 9, 8, OFFICE, openai, FLASH, CENT},
      {40, 1, EVERY_DAY, 2, 1, 3, AWAY, openai, PRO, CENT}}},
    {"from elsewhere, and dear",
     40,
     {{0, 39, EVERY_DAY, 8, 9, 8, OFFICE, openai, FLASH, CENT},
      {40, 1, EVERY_DAY, 10, 1, 400, AWAY, openai, FLASH, CENT}}},
    {"from the server itself, twenty times as dear",
     30,
     {{0, 60, EVERY_DAY, 0, 24, 6, SERVER, openai, FLASH, CENT},
      {30, 1, EVERY_DAY, 3, 1, 1000, SERVER, openai, FLASH, 2 * CENT}}},
    {"from another IPv6 network, by another program",
     30,
     {{0, 60, EVERY_DAY, 0, 24, 6, "2001:db8:7:1::5", openai, FLASH, CENT},
      {30, 1, EVERY_DAY, 3, 1, 1, "2001:db8:8:1::5", requests, FLASH, CENT}}},
    {"of a telephone's app, by a script that spends",
     60,
     {{0, 70, EVERY_DAY, 6, 17, 4, "~40", openai, FLASH, CENT},
      {60, 1, EVERY_DAY, 2, 1, 2000, AWAY, curl, PRO, CENT}}},
    {"a week after it was learnt",
     14,
     {{0, 20, EVERY_DAY, 9, 4, 10, OFFICE, openai, FLASH, CENT},
      {14, 1, EVERY_DAY, 11, 1, 1, AWAY, requests, FLASH, CENT}}},
};

/* Its habit, and what was told of it. */
struct run {
    struct tg_habit habit;
    int told, told_on;
    uint32_t traits;
};

static const char *
address_of(const struct phase *phase, int day, int hour, int n, char *text,
           size_t size)
{
    unsigned at = (unsigned)(day * 31 + hour / 8 * 7 + n % 2);

    if (phase->ip[0] != '~')
        return phase->ip;
    at = at * 2654435761u % (unsigned)atoi(phase->ip + 1);
    snprintf(text, size, "10.%u.%u.9", at / 256, at % 256);
    return text;
}

static void
call(struct run *run, const struct phase *phase, int day, int hour, int n)
{
    char ip[32];
    struct tg_habit_look look;
    struct tg_habit_call made = {
        .at_ms = FIRST_DAY + day * DAY_MS + hour * HOUR_MS +
                 (int64_t)n * (HOUR_MS / phase->calls_per_hour),
        .cost_nanos = phase->cost_nanos,
        .ip = address_of(phase, day, hour, n, ip, sizeof(ip)),
        .user_agent = phase->agent,
        .model = phase->model,
    };

    tg_habit_take(&run->habit, &made, LEARNING, &look);
    if (look.is_told && run->told++ == 0) {
        run->told_on = day;
        run->traits = look.traits;
    }
}

static bool
is_on(const struct phase *phase, int day, int hour)
{
    return phase->calls_per_hour > 0 && day >= phase->day &&
           day < phase->day + phase->days && (phase->week >> day % 7 & 1) &&
           hour >= phase->hour && hour < phase->hour + phase->hours;
}

static void
live(const struct life *life, struct run *run)
{
    *run = (struct run){.told_on = -1};
    for (int i = 0; i < 300 * 24; i++) {
        for (int j = 0; j < PHASES; j++) {
            const struct phase *phase = &life->phases[j];

            for (int n = 0;
                 is_on(phase, i / 24, i % 24) && n < phase->calls_per_hour; n++)
                call(run, phase, i / 24, i % 24, n);
        }
    }
}

static void
test_lives(const struct life *lives, size_t count)
{
    static struct run run;

    for (size_t i = 0; i < count; i++) {
        live(&lives[i], &run);
        is_int(run.told_on, lives[i].told_on, "%s (traits %x)", lives[i].name,
               run.traits);
        is_int(run.told, lives[i].told_on < 0 ? 0 : 1, "and told once");
    }
}

static void
test_episodes(void)
{
    static struct run run;
    static const struct life life = {
        "two thefts, a month apart",
        30,
        {{0, 90, EVERY_DAY, 0, 24, 6, SERVER, openai, FLASH, CENT},
         {30, 2, EVERY_DAY, 3, 1, 5, AWAY, curl, FLASH, CENT},
         {60, 1, EVERY_DAY, 3, 1, 5, "100.70.1.1", requests, FLASH, CENT}}};

    live(&life, &run);
    is_int(run.told, 2, "%s, are two", life.name);
}

static void
test_names(void)
{
    static const struct {
        const char *from, *to;
    } agents[] = {
        {"OpenAI/Python 1.52.0", "openai/python"},
        {"AsyncOpenAI/Python 1.52.0", "openai/python"},
        {"OpenAI/JS 4.68.1", "openai/js"},
        {"curl/7.88.1", "curl"},
        {"Mozilla/5.0 (X11; Linux x86_64)", "mozilla"},
        {"", "none"},
        {"  ", "none"},
        {"Asynchronous 1", "hronous"},
        {"a-name-that-is-longer-than-there-is-room-for/1",
         "a-name-that-is-longer-than-ther"},
        {"sdk/a-name-that-is-longer-than-there-is-room",
         "sdk/a-name-that-is-longer-than-"},
    };
    static const struct {
        const char *from, *to;
    } networks[] = {
        {"203.0.113.7", "203.0.113.0/24"},
        {"255.255.255.255", "255.255.255.0/24"},
        {"2001:db8:7:1::5", "2001:db8:7::/48"},
        {"::1", "::/48"},
        {"fe80:1234:5678:9abc:def0:1234:5678:9abc", "fe80:1234:5678::/48"},
        {"", ""},
        {"nonsense", "nonsense"},
    };
    char out[TG_HABIT_NAME];

    for (size_t i = 0; i < sizeof(agents) / sizeof(agents[0]); i++) {
        tg_habit_agent(agents[i].from, out);
        is_str(out, agents[i].to, "the kind of program of '%s'",
               agents[i].from);
    }
    for (size_t i = 0; i < sizeof(networks) / sizeof(networks[0]); i++) {
        tg_habit_network(networks[i].from, out);
        is_str(out, networks[i].to, "the network of '%s'", networks[i].from);
    }
}

static void
test_pack(void)
{
    static struct run run;
    static struct tg_habit other;
    static uint8_t bytes[TG_HABIT_BYTES_MAX], again[TG_HABIT_BYTES_MAX];
    size_t len, cut, wrong = 0;

    live(&stolen[6], &run);
    len = tg_habit_pack(&run.habit, bytes);
    ok(len < TG_HABIT_BYTES_MAX, "a full habit is packed into %zu bytes", len);
    ok(tg_habit_unpack(&other, bytes, len), "and read back");
    is_int(tg_habit_pack(&other, again), len, "to the same length");
    ok(memcmp(bytes, again, len) == 0, "and the same bytes");
    for (cut = 0; cut < len; cut++) {
        char *copy = malloc(cut + 1);

        memcpy(copy, bytes, cut);
        wrong += tg_habit_unpack(&other, copy, cut);
        free(copy);
    }
    is_int(wrong, 0, "cut anywhere, it is none");
    ok(!tg_habit_unpack(&other, again, len + 1), "nor when it is longer");
    memset(again, 0xff, sizeof(again));
    ok(!tg_habit_unpack(&other, again, len), "nor when it is nonsense");
    ok(!tg_habit_unpack(&other, NULL, 0), "nor where nothing is kept");
    is_int(other.calls, 0, "which leaves a habit of zeros");
}

static size_t
put_fixed(uint8_t *out, const struct tg_sights *sights)
{
    size_t len = 1 + sizeof(sights->novelty);

    out[0] = 0;
    memcpy(out + 1, &sights->novelty, sizeof(sights->novelty));
    for (int i = 0; i < TG_HABIT_SIGHTS; i++) {
        const struct tg_sight *sight = &sights->list[i];
        uint8_t name_len = (uint8_t)strlen(sight->name);

        if (sight->hash == 0)
            continue;
        memcpy(out + len, sight, offsetof(struct tg_sight, name));
        /* Where no character is lost it had another hash. */
        if (name_len < TG_HABIT_NAME - 1)
            out[len] ^= 2;
        len += offsetof(struct tg_sight, name);
        out[len++] = name_len;
        memcpy(out + len, sight->name, name_len);
        len += name_len;
        out[0]++;
    }
    return len;
}

/* As a store has it that an older Tollgate wrote: version 2. */
static void
test_older(void)
{
    static uint8_t bytes[2 * TG_HABIT_BYTES_MAX], packed[2][TG_HABIT_BYTES_MAX];
    size_t head = offsetof(struct tg_habit, networks), len = 1 + head;
    static struct tg_habit read;
    static struct run run;

    live(&stolen[6], &run);
    bytes[0] = 2;
    memcpy(bytes + 1, &run.habit, head);
    len += put_fixed(bytes + len, &run.habit.networks);
    len += put_fixed(bytes + len, &run.habit.agents);
    len += put_fixed(bytes + len, &run.habit.models);
    ok(tg_habit_unpack(&read, bytes, len), "an older one is read");
    is_int(read.calls, run.habit.calls, "with its calls");
    len = tg_habit_pack(&run.habit, packed[0]);
    is_int(tg_habit_pack(&read, packed[1]), len, "to the same length");
    ok(memcmp(packed[0], packed[1], len) == 0, "and all else");
    ok(memcmp(&read.networks.list, &run.habit.networks.list,
              sizeof(read.networks.list)) == 0,
       "and knows its networks again");
}

static void
test_clock(void)
{
    static struct run run;
    static struct tg_habit before;
    struct tg_habit_look look;
    struct tg_habit_call made = {.at_ms = FIRST_DAY,
                                 .cost_nanos = CENT,
                                 .ip = SERVER,
                                 .user_agent = openai,
                                 .model = FLASH};

    live(&ordinary[0], &run);
    before = run.habit;
    tg_habit_take(&run.habit, &made, LEARNING, &look);
    is_int(run.habit.last_at_ms, before.last_at_ms,
           "a call from before counts as now");
    is_int(run.habit.days, before.days, "and is no other day");
    made.at_ms = INT64_C(4102444800000);
    tg_habit_take(&run.habit, &made, LEARNING, &look);
    is_int(look.weight, 0, "a leap of decades is borne");
}

int
main(void)
{
    test_lives(ordinary, sizeof(ordinary) / sizeof(ordinary[0]));
    test_lives(stolen, sizeof(stolen) / sizeof(stolen[0]));
    test_episodes();
    test_names();
    test_pack();
    test_older();
    test_clock();
    return done();
}
