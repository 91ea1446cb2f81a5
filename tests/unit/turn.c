/*
 * Goal: calls of a key that may wait go in the order in which they came, at
 * the first millisecond at which its limits have room, and none waits longer
 * than it may.  The clock is the test's.
 */
#include "admit_judge.h"
#include "admit_take.h"

static struct tg_area_claim claim;

/* A call, as the adapter keeps one. */
struct call {
    struct tg_queue_place place;
    struct tg_admission a;
    struct tg_call_slot *slot;
    int64_t look_at_ms; /* when it asked to be looked after again */
    int64_t went_at_ms; /* 0: it has not */
};

static const char text[] =
    "{\"model\":\"deepseek-flash\",\"max_tokens\":1,\"messages\":[{\"role\":"
    "\"user\",\"content\":\"More than ten tokens, about twenty or so.\"}]}";

/* Hours apart, so that all is there again. */
static int64_t
later(void)
{
    static int64_t now_ms;

    now_ms = now_ms == 0 ? instant(NOON) : now_ms + 7200000;
    return now_ms;
}

/* Judges body and limits, as for one whose turn it is. */
static enum tg_action
go(struct call *call, int64_t now_ms)
{
    struct tg_body_facts facts;
    struct tg_body body;

    tg_body_init(&body);
    if (tg_body_feed(&body, text, strlen(text)) != 0 ||
        tg_body_finish(&body, &facts) != 0)
        abort();
    tg_admit_body(&state, &call->a.head, &facts, NULL, now_ms, &call->a);
    if (call->a.action != TG_ACTION_PROXY)
        return call->a.action;
    call->slot = tg_admit_take(&claim, &facts, &call->place, now_ms, &call->a);
    if (call->slot != NULL)
        call->went_at_ms = now_ms;
    call->look_at_ms = now_ms + call->a.wait_ms;
    return call->a.action;
}

static enum tg_action
arrive(struct call *call, int64_t now_ms)
{
    struct head_case head = {"", CHAT, BEARER};
    struct tg_credential credential;
    struct tg_head kept;

    *call = (struct call){.look_at_ms = 0};
    judge_head(&head, &credential, &call->a);
    kept = call->a.head;
    memset(&call->a, 0xa5, sizeof(call->a));
    call->a.head = kept;
    return go(call, now_ms);
}

static enum tg_action
turn(struct call *call, int64_t now_ms)
{
    struct tg_head kept = call->a.head;

    memset(&call->a, 0xa5, sizeof(call->a));
    call->a.head = kept;
    tg_admit_turn(&claim, &call->place, now_ms, &call->a);
    call->look_at_ms = now_ms + call->a.wait_ms;
    return call->a.action == TG_ACTION_PROXY ? go(call, now_ms)
                                             : call->a.action;
}

/* Looks after each call when it wants to, until the clock shows until_ms. */
static void
run(struct call *calls, size_t count, int64_t until_ms)
{
    for (;;) {
        struct call *next = NULL;

        for (size_t i = 0; i < count; i++) {
            if (calls[i].a.action == TG_ACTION_WAIT &&
                (next == NULL || calls[i].look_at_ms < next->look_at_ms))
                next = &calls[i];
        }
        if (next == NULL || next->look_at_ms > until_ms)
            return;
        turn(next, next->look_at_ms);
    }
}

static void
end(struct call *call)
{
    tg_admit_give_back(&claim, call->slot, &call->a);
    call->slot = NULL;
}

static void
leave(struct call *call)
{
    tg_queue_leave(&claim, &call->place);
    call->a.action = TG_ACTION_REFUSE;
}

static void
is_empty(const char *when)
{
    int rows = 0;

    for (int i = 0; i < TG_WAITERS; i++)
        rows += atomic_load(&state.waiters[i].writer_id) != 0;
    is_int(rows, 0, "%s: nobody stands in line", when);
    is_int(atomic_load(&state.keys[0].waiting), 0, "%s: nor is counted", when);
}

static const char *
said(const struct call *call)
{
    return refusal(&call->a, TG_STR(""));
}

#define LIMITED(message)                                                       \
    ERROR("rate_limit_error", "null", "rate_limit_exceeded", message)

static void
test_minutes(void)
{
    static const struct test_policy key = {.requests_per_minute = 2,
                                           .max_queue_ms = 60000};
    int64_t t = later();
    struct call calls[5];

    publish_policy(&key);
    is_int(arrive(&calls[0], t), TG_ACTION_PROXY, "one of two a minute");
    is_int(arrive(&calls[1], t), TG_ACTION_PROXY, "two of two");
    is_empty("who passes at once");
    is_int(arrive(&calls[2], t), TG_ACTION_WAIT, "the third waits");
    is_int(calls[2].a.rate.wait_ms, 30000, "half a minute");
    is_int(arrive(&calls[3], t), TG_ACTION_WAIT, "the fourth, too");
    is_int(calls[3].a.rate.wait_ms, 60000, "a minute: the third goes first");
    is_int(arrive(&calls[4], t), TG_ACTION_REFUSE, "the fifth may not");
    is_int(tg_admit_retry_ms(&calls[4].a), 90000, "wait as long as it would");
    is_str(said(&calls[4]),
           LIMITED("This API key has reached its limit of 2 requests per "
                   "minute. Try again in 1m30s."),
           "and is told so at once");
    run(calls, 5, t + 29999);
    is_int(calls[2].went_at_ms, 0, "not before its time");
    run(calls, 5, t + 120000);
    is_int(calls[2].went_at_ms - t, 30000, "the third at its millisecond");
    is_int(calls[3].went_at_ms - t, 60000, "the fourth at its own");
    is_int(calls[2].slot->call.latency_ms, 30000, "the record has its wait");
    is_int(calls[0].slot->call.latency_ms, 0, "and of others none");
    ok(calls[2].slot->call.at_ms == t + 30000, "it was admitted when it went");
    is_int(calls[3].a.limits.requests.left, 0, "what is left is told rightly");
    is_empty("all are gone");
    for (int i = 0; i < 4; i++)
        end(&calls[i]);
}

/* The tightest of several limits counts, and each is kept when it goes. */
static void
test_seconds_and_minutes(void)
{
    static const struct test_policy key = {.requests_per_second = 2,
                                           .requests_per_minute = 5,
                                           .max_queue_ms = 20000};
    static const int64_t want_ms[] = {0, 0, 500, 1000, 1500, 12000};
    int64_t t = later();
    struct call calls[7];

    publish_policy(&key);
    for (int i = 0; i < 7; i++)
        arrive(&calls[i], t);
    is_int(calls[6].a.action, TG_ACTION_REFUSE, "24 s are too many");
    is_int(calls[6].a.rate.wait_ms, 24000, "for the seventh");
    run(calls, 7, t + 60000);
    for (int i = 0; i < 6; i++)
        is_int(calls[i].went_at_ms - t, want_ms[i], "call %d goes", i + 1);
    for (int i = 0; i < 6; i++)
        end(&calls[i]);
    is_empty("all are gone");
}

static void
test_one_that_leaves(void)
{
    static const struct test_policy key = {.requests_per_minute = 1,
                                           .max_queue_ms = 60000};
    int64_t t = later();
    struct call calls[3];

    publish_policy(&key);
    arrive(&calls[0], t);
    arrive(&calls[1], t);
    is_int(calls[1].a.action, TG_ACTION_WAIT, "the second waits");
    is_int(arrive(&calls[2], t + 1), TG_ACTION_REFUSE,
           "the third would wait two minutes");
    run(calls, 3, t + 10000);
    leave(&calls[1]);
    is_int(arrive(&calls[2], t + 10000), TG_ACTION_WAIT,
           "once the second has left");
    is_int(calls[2].a.rate.wait_ms, 50000, "it has the place of that");
    run(calls, 3, t + 120000);
    is_int(calls[2].went_at_ms - t, 60000, "and goes when that would have");
    end(&calls[0]);
    end(&calls[2]);
    is_empty("all are gone");
}

static void
test_calls_at_once(void)
{
    static const struct test_policy key = {.concurrency = 1,
                                           .max_queue_ms = 2000};
    int64_t t = later();
    struct call calls[4];

    publish_policy(&key);
    is_int(arrive(&calls[0], t), TG_ACTION_PROXY, "one at once");
    is_int(arrive(&calls[1], t), TG_ACTION_WAIT, "a second waits");
    is_int(arrive(&calls[2], t + 1), TG_ACTION_WAIT, "a third");
    end(&calls[0]);
    is_int(arrive(&calls[3], t + 100), TG_ACTION_WAIT,
           "nobody goes before those that wait, though there is a place");
    is_int(turn(&calls[2], t + 100), TG_ACTION_WAIT, "not out of turn");
    is_int(turn(&calls[1], t + 100), TG_ACTION_PROXY, "the second goes");
    run(calls, 4, t + 1999);
    is_int(calls[2].a.action, TG_ACTION_WAIT, "the third still waits");
    run(calls, 4, t + 3000);
    is_int(calls[2].a.action, TG_ACTION_REFUSE, "until its time is over");
    is_int(tg_admit_retry_ms(&calls[2].a), 1000, "nobody knows for how long");
    is_str(said(&calls[2]),
           LIMITED("This API key has reached its limit of 1 call at once, and "
                   "this one has waited 2s. Try again when one of them has "
                   "ended."),
           "and is told why");
    is_int(calls[3].a.action, TG_ACTION_REFUSE, "the fourth, too");
    end(&calls[1]);
    is_empty("all are gone");
    is_int(atomic_load(&state.keys[0].counters.in_flight), 0,
           "and none is in flight");
}

/* Each look asks the key as it is by then. */
static void
test_policy_changes(void)
{
    static const struct test_policy key = {.concurrency = 1,
                                           .max_queue_ms = 60000};
    static const struct test_policy disabled = {.status = TG_KEY_DISABLED,
                                                .max_queue_ms = 60000};
    static const struct test_policy wider = {.concurrency = 2,
                                             .max_queue_ms = 60000};
    static const struct test_policy impatient = {.concurrency = 2};
    int64_t t = later();
    struct call calls[4];

    publish_policy(&key);
    arrive(&calls[0], t);
    arrive(&calls[1], t);
    publish_policy(&wider);
    run(calls, 2, t + 20);
    ok(calls[1].went_at_ms != 0, "a limit is raised: it goes");
    is_int(arrive(&calls[2], t + 20), TG_ACTION_WAIT, "a third waits");
    is_int(arrive(&calls[3], t + 20), TG_ACTION_WAIT, "and a fourth");
    publish_policy(&impatient);
    is_int(turn(&calls[2], t + 40), TG_ACTION_REFUSE, "none may wait any more");
    publish_policy(&disabled);
    is_int(turn(&calls[3], t + 40), TG_ACTION_REFUSE, "a key is disabled");
    is_int(calls[3].a.code, TG_CODE_KEY_DISABLED, "its call is told so");
    end(&calls[0]);
    end(&calls[1]);
    is_empty("all are gone");
}

/* What no waiting helps, or none that is short enough. */
static const struct {
    const char *what;
    struct test_policy key;
    uint32_t before; /* calls */
    enum tg_rate_limit limit;
    int64_t wait_ms;
} hopeless[] = {
    {"a day",
     {.requests_per_day = 1, .max_queue_ms = 60000},
     1,
     TG_RATE_DAY,
     TG_RATE_UNTIL_DAY},
    {"a request that is too large",
     {.tokens_per_minute = 10, .max_queue_ms = 60000},
     0,
     TG_RATE_TOKENS,
     TG_RATE_NEVER},
    {"a millisecond too much",
     {.requests_per_minute = 1, .max_queue_ms = 59999},
     1,
     TG_RATE_MINUTE,
     60000},
    {"a key without a queue",
     {.concurrency = 1},
     1,
     TG_RATE_CONCURRENCY,
     TG_RATE_UNTIL_CALL},
};

static void
test_hopeless(void)
{
    for (size_t i = 0; i < COUNT(hopeless); i++) {
        int64_t t = later();
        struct call first, call;

        publish_policy(&hopeless[i].key);
        if (hopeless[i].before > 0)
            is_int(arrive(&first, t), TG_ACTION_PROXY, "%s", hopeless[i].what);
        is_int(arrive(&call, t), TG_ACTION_REFUSE, "%s: refused at once",
               hopeless[i].what);
        is_int(call.a.rate.limit, hopeless[i].limit, "by its limit");
        is_int(call.a.rate.wait_ms, hopeless[i].wait_ms, "for its time");
        is_int(call.a.waited_ms, 0, "without a wait");
        is_empty(hopeless[i].what);
        if (hopeless[i].before > 0)
            end(&first);
    }
}

static void
test_clock_set_back(void)
{
    static const struct test_policy key = {.concurrency = 1,
                                           .max_queue_ms = 1000};
    int64_t t = later();
    struct call calls[2];

    publish_policy(&key);
    arrive(&calls[0], t);
    arrive(&calls[1], t);
    t -= 3600000;
    is_int(turn(&calls[1], t), TG_ACTION_WAIT, "the clock is set back an hour");
    run(calls, 2, t + 999);
    is_int(calls[1].a.action, TG_ACTION_WAIT, "it waits");
    run(calls, 2, t + 2000);
    is_int(calls[1].a.action, TG_ACTION_REFUSE, "as long as it may, no longer");
    end(&calls[0]);
}

static void
test_a_full_line(void)
{
    static const struct test_policy key = {.concurrency = 1,
                                           .max_queue_ms = 1000};
    static struct call calls[TG_QUEUE_KEY_MAX + 2];
    int64_t t = later();
    int waiting = 0;

    publish_policy(&key);
    for (int i = 0; i < TG_QUEUE_KEY_MAX + 1; i++)
        waiting += arrive(&calls[i], t) == TG_ACTION_WAIT;
    is_int(waiting, TG_QUEUE_KEY_MAX, "so many of a key wait");
    is_int(arrive(&calls[TG_QUEUE_KEY_MAX + 1], t), TG_ACTION_REFUSE,
           "and no more");
    is_str(said(&calls[TG_QUEUE_KEY_MAX + 1]),
           LIMITED("Calls of this API key wait for their turn, and no more of "
                   "them can. Try again when one of them has ended."),
           "it is told why");
    for (int i = 1; i <= TG_QUEUE_KEY_MAX; i++)
        leave(&calls[i]);
    end(&calls[0]);
    is_empty("all are gone");
}

int
main(void)
{
    admit_test_begin();
    publish_policy(&(struct test_policy){0});
    tg_publish_ready(publisher, 1);
    if (tg_area_claim(&claim, &state, 7, 1) != 0)
        abort();
    test_minutes();
    test_seconds_and_minutes();
    test_one_that_leaves();
    test_calls_at_once();
    test_policy_changes();
    test_hopeless();
    test_clock_set_back();
    test_a_full_line();
    tg_area_leave(&claim);
    admit_test_end();
    return done();
}
