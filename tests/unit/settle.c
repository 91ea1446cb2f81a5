/* How a call ends: by which basis, at what cost, and the counters after it. */
#include "area.h"
#include "bound.h"
#include "budget.h"
#include "cell.h"
#include "code.h"
#include "route.h"
#include "settle.h"
#include "state_test.h"
#include "tap.h"

/* What a row of a table leaves out is zero. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#define BEGUN_AT 1700000000000
#define DAY 19675
#define MONTH 24287
#define PROMPT_BOUND (100 + TG_BOUND_ALLOWANCE_TOKENS) /* 612 */
#define HELD 714750 /* 612 prompt tokens, written, and 1000 of an answer */

#define USAGE(members) "{\"choices\":[],\"usage\":{" members "}}"
#define TOKENS(prompt, completion)                                             \
    USAGE("\"prompt_tokens\":" prompt ",\"completion_tokens\":" completion)
#define EVENT(text)                                                            \
    "data: {\"choices\":[{\"delta\":{\"content\":\"" text "\"}}]}\n\n"

static struct tg_state state;
static struct tg_publisher *publisher;
static struct tg_area_claim claim;

enum {
    SENT = TG_CALL_SENT,
    LEFT = TG_CALL_CLIENT_LEFT,
    STREAM = TG_CALL_STREAM,
};

struct settle_case {
    const char *what;
    const char *answer;
    uint16_t upstream_status, flags; /* LEFT: the client does, at the end */
    uint16_t endpoint;
    int64_t completion_bound; /* 0: 1000; the prompt's is always 612 */
    enum tg_basis basis;
    int64_t prompt, cached, completion, reasoning, cost_nanos;
};

/* Rates a token: 3 nanos for a hit, 150 for a miss, 187.5 for a write to the
   cache, 600 for output. */
static const struct settle_case cases[] = {
    {"what was reported", TOKENS("10", "20"), 200, SENT, 0, 0,
     TG_BASIS_REPORTED, 10, 0, 20, 0, 1500 + 12000},
    {"with a cache and reasoning",
     USAGE("\"prompt_tokens\":10,\"completion_tokens\":20,"
           "\"prompt_cache_hit_tokens\":8,"
           "\"completion_tokens_details\":{\"reasoning_tokens\":15}"),
     200, SENT, 0, 0, TG_BASIS_REPORTED, 10, 8, 20, 15, 24 + 300 + 12000},
    {"zero is zero", TOKENS("0", "0"), 200, SENT, 0, 0, TG_BASIS_REPORTED, 0, 0,
     0, 0, 0},
    {"a report wins when the client has left", TOKENS("10", "20"), 200,
     SENT | LEFT, 0, 0, TG_BASIS_REPORTED, 10, 0, 20, 0, 13500},
    {"the most that is believed", TOKENS("612", "1000"), 200, SENT, 0, 0,
     TG_BASIS_REPORTED, 612, 0, 1000, 0, 691800},
    {"one prompt token more", TOKENS("613", "1"), 200, SENT, 0, 0,
     TG_BASIS_HELD, 612, 0, 1000, 0, HELD},
    {"one answer token more", TOKENS("1", "1001"), 200, SENT, 0, 0,
     TG_BASIS_HELD, 612, 0, 1000, 0, HELD},
    {"more than was held, for a fault of ours",
     USAGE("\"input_tokens\":0,\"cache_creation_input_tokens\":612,"
           "\"output_tokens\":1001"),
     200, SENT, 0, 1001, TG_BASIS_HELD, 612, 0, 1001, 0, HELD},
    {"all of the prompt written to the cache",
     USAGE("\"input_tokens\":0,\"cache_creation_input_tokens\":612,"
           "\"output_tokens\":1000"),
     200, SENT, 0, 0, TG_BASIS_REPORTED, 612, 0, 1000, 0, HELD},
    {"Anthropic's input, beside what was read and written",
     USAGE("\"input_tokens\":10,\"cache_read_input_tokens\":100,"
           "\"cache_creation_input_tokens\":20,\"output_tokens\":5"),
     200, SENT, 0, 0, TG_BASIS_REPORTED, 130, 100, 5, 0,
     1500 + 300 + 3750 + 3000},
    {"OpenAI's input, in which they are",
     USAGE("\"input_tokens\":130,\"input_tokens_details\":{\"cached_tokens\":"
           "100,\"cache_write_tokens\":20},\"output_tokens\":5"),
     200, SENT, 0, 0, TG_BASIS_REPORTED, 130, 100, 5, 0,
     1500 + 300 + 3750 + 3000},
    {"Anthropic's stream, whole",
     "data: {\"type\":\"message_start\",\"message\":{\"usage\":{"
     "\"input_tokens\":40,\"output_tokens\":1}}}\n\n"
     "data: {\"type\":\"content_block_delta\",\"delta\":{\"text\":\"abc\"}}"
     "\n\n"
     "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":null},"
     "\"usage\":{\"output_tokens\":6}}\n\n"
     "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":"
     "\"end_turn\"},\"usage\":{\"output_tokens\":9}}\n\n",
     200, SENT, 0, 0, TG_BASIS_REPORTED, 40, 0, 9, 0, 6000 + 5400},
    {"cut: its prompt is known, its answer counted",
     "data: {\"type\":\"message_start\",\"message\":{\"usage\":{"
     "\"input_tokens\":40,\"cache_read_input_tokens\":100,"
     "\"output_tokens\":1}}}\n\n"
     "data: {\"type\":\"content_block_delta\",\"delta\":{\"text\":"
     "\"0123456789\"}}\n\n",
     200, SENT | LEFT, 0, 0, TG_BASIS_COUNTED, 140, 100, 3, 0,
     6000 + 300 + 1800},
    {"cut before any of it: what was reported is more",
     "data: {\"type\":\"message_start\",\"message\":{\"usage\":{"
     "\"input_tokens\":40,\"output_tokens\":1}}}\n\n",
     200, SENT | STREAM | LEFT, 0, 0, TG_BASIS_COUNTED, 40, 0, 1, 0,
     6000 + 600},
    {"cut, with a prompt that cannot be",
     "data: {\"type\":\"message_start\",\"message\":{\"usage\":{"
     "\"input_tokens\":613,\"output_tokens\":1}}}\n\n",
     200, SENT | STREAM | LEFT, 0, 0, TG_BASIS_COUNTED, 25, 0, 0, 0, 3750},
    {"a bound near the end of int64", TOKENS("10", "20"), 200, SENT, 0,
     INT64_MAX - 10, TG_BASIS_REPORTED, 10, 0, 20, 0, 13500},
    {"a negative figure", TOKENS("-1", "20"), 200, SENT, 0, 0, TG_BASIS_HELD,
     612, 0, 1000, 0, HELD},
    {"a figure that is text", TOKENS("\"10\"", "20"), 200, SENT, 0, 0,
     TG_BASIS_HELD, 612, 0, 1000, 0, HELD},
    {"more from the cache than there was",
     USAGE("\"prompt_tokens\":10,\"completion_tokens\":20,"
           "\"prompt_cache_hit_tokens\":11"),
     200, SENT, 0, 0, TG_BASIS_HELD, 612, 0, 1000, 0, HELD},
    {"no answer tokens in the report", USAGE("\"prompt_tokens\":10"), 200, SENT,
     0, 0, TG_BASIS_HELD, 612, 0, 1000, 0, HELD},
    {"which embeddings do not have", USAGE("\"prompt_tokens\":10"), 200, SENT,
     TG_ENDPOINT_EMBEDDINGS, 0, TG_BASIS_REPORTED, 10, 0, 0, 0, 1500},
    {"embeddings without a report", "{\"data\":[]}", 200, SENT,
     TG_ENDPOINT_EMBEDDINGS, 0, TG_BASIS_COUNTED, 25, 0, 0, 0, 3750},
    {"a stream that was cut: three tokens passed",
     EVENT("a") EVENT("b") EVENT("c"), 200, SENT | LEFT, 0, 0, TG_BASIS_COUNTED,
     25, 0, 3, 0, 3750 + 1800},
    {"more counted than there can be", EVENT("a") EVENT("b") EVENT("c"), 200,
     SENT, 0, 2, TG_BASIS_COUNTED, 25, 0, 2, 0, 3750 + 1200},
    {"unbelievable, but something was counted",
     EVENT("a") "data: " TOKENS("99999", "1") "\n\n", 200, SENT, 0, 0,
     TG_BASIS_COUNTED, 25, 0, 1, 0, 3750 + 600},
    {"an answer cut before its usage", "{\"choices\":[", 200, SENT, 0, 0,
     TG_BASIS_HELD, 612, 0, 1000, 0, HELD},
    {"the client left before anything came", "", 0, SENT | LEFT, 0, 0,
     TG_BASIS_HELD, 612, 0, 1000, 0, HELD},
    {"an empty answer", "", 200, SENT, 0, 0, TG_BASIS_NONE, 0, 0, 0, 0, 0},
    {"a blank one", "\n\n", 200, SENT, 0, 0, TG_BASIS_NONE, 0, 0, 0, 0, 0},
    {"a refusal", "{\"error\":{\"message\":\"no\"}}", 400, SENT, 0, 0,
     TG_BASIS_NONE, 0, 0, 0, 0, 0},
    {"a failure", "oops", 500, SENT, 0, 0, TG_BASIS_NONE, 0, 0, 0, 0, 0},
    {"a failure that calls itself 200", "{\"error\":{\"message\":\"no\"}}", 200,
     SENT, 0, 0, TG_BASIS_NONE, 0, 0, 0, 0, 0},
    {"an error behind an answer",
     EVENT("a") "data: {\"error\":{\"message\":\"no\"}}\n\n", 200, SENT, 0, 0,
     TG_BASIS_COUNTED, 25, 0, 1, 0, 3750 + 600},
    {"never sent", "", 0, 0, 0, 0, TG_BASIS_NONE, 0, 0, 0, 0, 0},
    {"never sent, and the client left", "", 0, LEFT, 0, 0, TG_BASIS_NONE, 0, 0,
     0, 0, 0},
};

#define COUNT(rows) (sizeof(rows) / sizeof(rows[0]))

static struct tg_key_policy key;
static struct tg_account_policy account = {.id = "acct_1",
                                           .status = TG_ACCOUNT_ACTIVE,
                                           .billing = TG_BILLING_POSTPAID};

/*
 * As admission does: the key's rates count the call, then it has a slot, and
 * its money is held.
 */
static struct tg_call_slot *
begin_admitted(struct tg_area_claim *area, const struct tg_call *admitted)
{
    struct tg_counters *counters =
        &area->state->keys[admitted->key_slot].counters;
    struct tg_budget_verdict verdict;
    struct tg_call_slot *slot;

    atomic_fetch_add(&counters->in_flight, 1);
    slot = tg_area_begin(area, admitted);
    if (slot == NULL)
        atomic_fetch_sub(&counters->in_flight, 1);
    else if (!tg_budget_hold(area->state, slot, &key, &account, &verdict))
        abort();
    return slot;
}

static struct tg_call
call_of(const struct settle_case *row)
{
    return (struct tg_call){
        .at_ms = BEGUN_AT,
        .endpoint = row->endpoint ? row->endpoint : TG_ENDPOINT_CHAT,
        .flags = row->flags & ~LEFT,
        .ttft_ms = TG_ABSENT_MS,
        .month = MONTH,
        .day = DAY,
        .prompt_bound = PROMPT_BOUND,
        .completion_bound = row->endpoint           ? 0
                            : row->completion_bound ? row->completion_bound
                                                    : 1000,
        .rates = {3000, 150000, 600000, 187500, 0},
        .held_nanos = HELD,
    };
}

/* The counters of the one key and of its account are the same here. */
static void
are_counters(const char *what, int64_t calls, int64_t settled, int64_t held,
             int32_t in_flight)
{
    const struct tg_counters *both[] = {&state.keys[0].counters,
                                        &state.accounts[0].counters};
    int64_t used = settled + held;

    ok(state.keys[0].day.used_nanos == used &&
           state.keys[0].month.used_nanos == used &&
           state.accounts[0].committed.used_nanos == used,
       "%s: day, month and balance", what);

    for (int i = 0; i < 2; i++) {
        ok(both[i]->calls == calls && both[i]->settled_nanos == settled &&
               both[i]->held_nanos == held && both[i]->in_flight == in_flight,
           "%s: the %s's counters", what, i == 0 ? "key" : "account");
        if (tap_failed)
            printf("# calls %lld settled %lld held %lld in flight %d\n",
                   (long long)both[i]->calls, (long long)both[i]->settled_nanos,
                   (long long)both[i]->held_nanos, both[i]->in_flight);
    }
}

static void
is_ended(const struct tg_call *call, const struct settle_case *row)
{
    is_int(call->basis, row->basis, "%s: by its basis", row->what);
    is_int(call->prompt_tokens, row->prompt, "prompt tokens");
    is_int(call->cached_tokens, row->cached, "of these cached");
    is_int(call->completion_tokens, row->completion, "completion tokens");
    is_int(call->reasoning_tokens, row->reasoning, "of these reasoning");
    is_int(call->cost_nanos, row->cost_nanos, "cost");
}

static int64_t total_calls, total_nanos, total_prompt, total_completion;

static void
test_settling(void)
{
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct settle_case *row = &cases[i];
        struct tg_call call = call_of(row);
        struct tg_call_slot *slot = begin_admitted(&claim, &call);
        struct tg_meter meter;
        struct tg_outcome outcome = {
            .meter = &meter,
            .upstream_status = row->upstream_status,
            .status = 200,
            .client_left = row->flags & LEFT,
            .now_ms = BEGUN_AT + 1234,
        };

        are_counters("while it runs", total_calls, total_nanos, HELD, 1);
        tg_meter_init(&meter, TG_METER_AUTO);
        tg_meter_feed(&meter, row->answer, strlen(row->answer));
        tg_meter_end(&meter);
        tg_settle(&state, &slot->call, &outcome);
        is_ended(&slot->call, row);
        is_int(slot->call.status, 200, "status");
        is_int(slot->call.latency_ms, 1234, "latency");
        is_int(slot->call.flags, row->flags, "flags");
        total_calls++;
        total_nanos += row->cost_nanos;
        total_prompt += row->prompt;
        total_completion += row->completion;
        are_counters("when it has ended", total_calls, total_nanos, 0, 0);
        tg_area_end(&claim, slot);
    }
    is_int(state.keys[0].counters.prompt_tokens, total_prompt,
           "all prompt tokens");
    is_int(state.accounts[0].counters.completion_tokens, total_completion,
           "all completion tokens");
    is_int(state.keys[0].counters.last_used_at_ms, BEGUN_AT,
           "a key was last used when its call began");
}

/* How an answer can fail to be one that is read, besides by what it says. */
static const struct {
    struct settle_case row;
    bool is_garbled, is_late;
    enum tg_meter_shape shape;
} unread[] = {
    {{"closed without a word", "", 0, SENT, 0, 0, TG_BASIS_NONE, 0, 0, 0, 0, 0},
     false,
     false,
     0},
    {{"bytes that are no head", "", 0, SENT, 0, 0, TG_BASIS_HELD, 612, 0, 1000,
      0, HELD},
     true,
     false,
     0},
    {{"the same of a stream", "", 0, SENT | STREAM, 0, 0, TG_BASIS_HELD, 612, 0,
      1000, 0, HELD},
     true,
     false,
     0},
    {{"the same of what was never sent", "", 0, 0, 0, 0, TG_BASIS_NONE, 0, 0, 0,
      0, 0},
     true,
     false,
     0},
    {{"a body that was announced, and nothing of it", "", 200, SENT, 0, 0,
      TG_BASIS_HELD, 612, 0, 1000, 0, HELD},
     true,
     false,
     0},
    {{"chunks that nobody can read, behind three tokens",
      EVENT("a") EVENT("b") EVENT("c"), 200, SENT | STREAM, 0, 0,
      TG_BASIS_COUNTED, 25, 0, 3, 0, 3750 + 1800},
     true,
     false,
     0},
    {{"a refusal that nobody can read", "", 400, SENT, 0, 0, TG_BASIS_NONE, 0,
      0, 0, 0, 0},
     true,
     false,
     0},
    {{"a head that says that another follows", "", 103, SENT, 0, 0,
      TG_BASIS_HELD, 612, 0, 1000, 0, HELD},
     false,
     false,
     0},
    {{"an answer that did not come in time", "", 0, SENT, 0, 0, TG_BASIS_HELD,
      612, 0, 1000, 0, HELD},
     false,
     true,
     0},
    {{"a stream that did not: nothing passed but the prompt", "", 0,
      SENT | STREAM, 0, 0, TG_BASIS_COUNTED, 25, 0, 0, 0, 3750},
     false,
     true,
     0},
    {{"a stream that is none", "<html>", 200, SENT | STREAM, 0, 0,
      TG_BASIS_HELD, 612, 0, 1000, 0, HELD},
     false,
     false,
     TG_METER_JSON},
};

static void
test_unread(void)
{
    for (size_t i = 0; i < COUNT(unread); i++) {
        const struct settle_case *row = &unread[i].row;
        struct tg_call call = call_of(row);
        struct tg_call_slot *slot = begin_admitted(&claim, &call);
        struct tg_meter meter;
        struct tg_outcome outcome = {
            .meter = &meter,
            .upstream_status = row->upstream_status,
            .code = TG_CODE_UPSTREAM_ERROR,
            .is_garbled = unread[i].is_garbled,
            .is_late = unread[i].is_late,
            .now_ms = BEGUN_AT,
        };

        tg_meter_init(&meter, unread[i].shape);
        tg_meter_feed(&meter, row->answer, strlen(row->answer));
        tg_meter_end(&meter);
        tg_settle(&state, &slot->call, &outcome);
        is_ended(&slot->call, row);
        total_calls++;
        total_nanos += row->cost_nanos;
        are_counters(row->what, total_calls, total_nanos, 0, 0);
        tg_area_end(&claim, slot);
    }
}

/* A call whose worker died in each phase of its life. */
static const struct {
    struct settle_case row;
    int64_t counted;
} lost[] = {
    {{"admitted, not sent", NULL, 0, 0, 0, 0, TG_BASIS_NONE, 0, 0, 0, 0, 0}, 0},
    {{"sent, nothing back", NULL, 0, SENT, 0, 0, TG_BASIS_HELD, 612, 0, 1000, 0,
      HELD},
     0},
    {{"some of the answer passed", NULL, 0, SENT, 0, 0, TG_BASIS_COUNTED, 25, 0,
      7, 0, 3750 + 4200},
     7},
    {{"more than can be", NULL, 0, SENT, 0, 5, TG_BASIS_COUNTED, 25, 0, 5, 0,
      3750 + 3000},
     7},
};

static void
test_lost_calls(void)
{
    for (size_t i = 0; i < COUNT(lost); i++) {
        struct tg_call call = call_of(&lost[i].row);
        struct tg_call_slot *slot = begin_admitted(&claim, &call);

        slot->call.counted = lost[i].counted;
        tg_settle_lost(&state, &slot->call, BEGUN_AT + 60000);
        is_ended(&slot->call, &lost[i].row);
        is_int(slot->call.status, 500, "status");
        is_int(slot->call.code, TG_CODE_INTERNAL_ERROR, "code");
        is_int(slot->call.latency_ms, 60000, "latency");
        is_int(slot->call.flags, lost[i].row.flags | TG_CALL_RECOVERED,
               "flags");
        total_calls++;
        total_nanos += lost[i].row.cost_nanos;
        are_counters("when it is settled", total_calls, total_nanos, 0, 0);
        call = slot->call;
        tg_settle_lost(&state, &slot->call, BEGUN_AT + 99000);
        ok(memcmp(&call, &slot->call, sizeof(call)) == 0,
           "a second time changes nothing in it");
        are_counters("nor", total_calls, total_nanos, 0, 0);
        tg_area_end(&claim, slot);
    }
}

/*
 * A stream that holds 100 tokens of an answer of up to 1000, in a budget with
 * so much left beside it.  HELD_STEP is the prompt's 612 and these.
 */
#define HELD_STEP (612 * 150 + 100 * 600)
#define TEXT_TOKENS 300

static const struct {
    const char *what;
    const char *last; /* behind TEXT_TOKENS tokens of text; NULL: JSON, cut */
    int64_t left;
    enum tg_basis basis;
    int64_t prompt, completion, held, cost_nanos;
} steps[] = {
    {"a report within the hold", TOKENS("612", "100"), 0, TG_BASIS_REPORTED,
     612, 100, HELD_STEP, HELD_STEP},
    {"what a prompt was held too much for pays for an answer",
     TOKENS("10", "250"), 0, TG_BASIS_REPORTED, 10, 250, HELD_STEP,
     1500 + 150000},
    {"one beyond it, which can be held", TOKENS("612", "101"), 600,
     TG_BASIS_REPORTED, 612, 101, HELD_STEP + 600, HELD_STEP + 600},
    {"and which cannot", TOKENS("612", "101"), 599, TG_BASIS_HELD, 612, 101,
     HELD_STEP, HELD_STEP},
    {"the most that is believed", TOKENS("612", "1000"), 691800 - HELD_STEP,
     TG_BASIS_REPORTED, 612, 1000, 691800, 691800},
    {"one that is not", TOKENS("612", "1001"), HELD, TG_BASIS_COUNTED, 25,
     TEXT_TOKENS, 3750 + 180000, 3750 + 180000},
    {"a count beyond the hold, which can be held", "", HELD, TG_BASIS_COUNTED,
     25, TEXT_TOKENS, 3750 + 180000, 3750 + 180000},
    {"and which cannot", "", 1, TG_BASIS_HELD, 25, TEXT_TOKENS, HELD_STEP,
     HELD_STEP},
    {"nothing is known: the tokens that are held", NULL, HELD, TG_BASIS_HELD,
     612, 100, HELD_STEP, HELD_STEP},
};

/* The budget of the day has so much left beside what is used. */
static void
publish_left(int64_t nanos)
{
    uint32_t slot;

    key.daily_nanos = state.keys[0].day.used_nanos + nanos;
    if (tg_publish_key(publisher, &key, &slot) != 0)
        abort();
}

static struct tg_call
step_call(size_t i)
{
    struct tg_call call = call_of(&cases[0]);

    memcpy(call.key_id, key.id, TG_ID_LEN);
    if (steps[i].last != NULL)
        call.flags |= TG_CALL_STREAM;
    call.held_nanos = HELD_STEP;
    call.rates.write_picos = call.rates.miss_picos;
    return call;
}

static void
say_step(struct tg_meter *meter, const char *last)
{
    static const char head[] = "data: {\"choices\":[{\"delta\":{\"content\":\"";
    static const char tail[] = "\"}}]}\n\ndata: ";

    tg_meter_init(meter, TG_METER_AUTO);
    if (last == NULL) {
        tg_meter_feed(meter, "{\"choices\":[", 12);
    } else {
        tg_meter_feed(meter, head, sizeof(head) - 1);
        for (int n = 0; n < TEXT_TOKENS; n++)
            tg_meter_feed(meter, "word", 4);
        tg_meter_feed(meter, tail, sizeof(tail) - 1);
        tg_meter_feed(meter, last, strlen(last));
        tg_meter_feed(meter, "\n\ndata: [DONE]\n\n", 16);
    }
    tg_meter_end(meter);
}

static void
is_step(const struct tg_call *call, size_t i)
{
    is_int(call->basis, steps[i].basis, "%s: by its basis", steps[i].what);
    is_int(call->prompt_tokens, steps[i].prompt, "prompt tokens");
    is_int(call->completion_tokens, steps[i].completion, "completion tokens");
    is_int(call->held_nanos, steps[i].held, "held");
    is_int(call->cost_nanos, steps[i].cost_nanos, "cost");
    total_calls++;
    total_nanos += steps[i].cost_nanos;
    are_counters("when it has ended", total_calls, total_nanos, 0, 0);
    ok(state.keys[0].day.used_nanos <= key.daily_nanos, "within the budget");
}

static void
test_steps(void)
{
    for (size_t i = 0; i < COUNT(steps); i++) {
        struct tg_call call = step_call(i);
        struct tg_call_slot *slot;
        struct tg_meter meter;
        struct tg_outcome outcome = {.meter = &meter,
                                     .upstream_status = 200,
                                     .status = 200,
                                     .now_ms = BEGUN_AT};

        publish_left(HELD_STEP + steps[i].left);
        slot = begin_admitted(&claim, &call);
        say_step(&meter, steps[i].last);
        tg_settle(&state, &slot->call, &outcome);
        is_step(&slot->call, i);
        tg_area_end(&claim, slot);
    }
}

/* The same for one whose worker died, by what it had counted. */
static void
test_lost_steps(void)
{
    for (size_t i = 0; i < COUNT(steps); i++) {
        struct tg_call call = step_call(i);
        struct tg_call_slot *slot;

        if (steps[i].last == NULL || *steps[i].last != '\0')
            continue;
        publish_left(HELD_STEP + steps[i].left);
        slot = begin_admitted(&claim, &call);
        slot->call.counted = TEXT_TOKENS;
        tg_settle_lost(&state, &slot->call, BEGUN_AT);
        is_step(&slot->call, i);
        tg_area_end(&claim, slot);
    }
}

static void
test_settled_and_not_written(void)
{
    struct tg_call call = call_of(&cases[0]);
    struct tg_call_slot *slot = begin_admitted(&claim, &call);
    struct tg_meter meter;
    struct tg_outcome outcome = {.meter = &meter,
                                 .upstream_status = 200,
                                 .code = TG_CODE_CLIENT_CLOSED,
                                 .now_ms = BEGUN_AT - 5};

    tg_meter_init(&meter, TG_METER_AUTO);
    tg_meter_feed(&meter, cases[0].answer, strlen(cases[0].answer));
    tg_meter_end(&meter);
    tg_settle(&state, &slot->call, &outcome);
    total_calls++;
    total_nanos += cases[0].cost_nanos;
    is_int(slot->call.status, 499, "no status: that of the code");
    is_int(slot->call.latency_ms, 0, "a clock that went back is no time");
    tg_settle_lost(&state, &slot->call, BEGUN_AT + 60000);
    is_ended(&slot->call, &cases[0]);
    is_int(slot->call.flags, SENT | TG_CALL_RECOVERED,
           "its worker died before the journal had it");
    are_counters("it is not counted again", total_calls, total_nanos, 0, 0);
    tg_area_end(&claim, slot);
}

/*
 * A worker that died when its record was whole, before the money of it was:
 * what it held, and that it ran, must not stay in the counters.
 */
static void
test_settled_and_not_counted(void)
{
    struct tg_call call = call_of(&cases[0]);
    struct tg_call_slot *slot = begin_admitted(&claim, &call);

    slot->call.basis = TG_BASIS_COUNTED;
    slot->call.cost_nanos = 5;
    slot->call.status = 200;
    tg_settle_lost(&state, &slot->call, BEGUN_AT);
    total_calls++;
    total_nanos += 5;
    is_int(slot->call.cost_nanos, 5, "the record is as its worker left it");
    are_counters("and it is counted", total_calls, total_nanos, 0, 0);
    tg_settle_lost(&state, &slot->call, BEGUN_AT);
    are_counters("once", total_calls, total_nanos, 0, 0);
    tg_area_end(&claim, slot);
}

/* The same where its daemon died as well, giving back a hold half taken. */
static void
test_undone_and_not_counted(void)
{
    struct tg_call call = call_of(&cases[0]);
    struct tg_call_slot *slot = tg_area_begin(&claim, &call);

    atomic_fetch_add(&state.keys[0].counters.in_flight, 1);
    tg_share_enter(slot, TG_STAGE_TAKING);
    slot->call.basis = TG_BASIS_NONE;
    slot->call.status = 500;
    tg_settle_lost(&state, &slot->call, BEGUN_AT);
    total_calls++;
    are_counters("a hold that was never whole is counted as given back",
                 total_calls, total_nanos, 0, 0);
    tg_area_end(&claim, slot);
}

static void
test_long_latency(void)
{
    struct tg_call call = call_of(&cases[0]);
    struct tg_call_slot *slot = begin_admitted(&claim, &call);

    tg_settle_lost(&state, &slot->call, BEGUN_AT + ((int64_t)1 << 33));
    is_int(slot->call.latency_ms, UINT32_MAX - 1,
           "a latency is cut, and is not the mark of none");
    tg_area_end(&claim, slot);
}

int
main(void)
{
    char *dir = test_dir();
    uint32_t slot;

    test_create(&state, dir, 10);
    key = test_key(1);
    if (tg_publisher_open(&publisher, &state) != 0 ||
        tg_publish_account(publisher, &account, &slot) != 0 ||
        tg_publish_key(publisher, &key, &slot) != 0 ||
        tg_area_claim(&claim, &state, 7, BEGUN_AT) != 0)
        return 1;
    test_settling();
    test_unread();
    test_lost_calls();
    test_steps();
    test_lost_steps();
    publish_left(INT64_MAX / 2);
    test_settled_and_not_written();
    test_settled_and_not_counted();
    test_undone_and_not_counted();
    test_long_latency();
    tg_area_leave(&claim);
    tg_publisher_close(publisher);
    tg_state_close(&state);
    test_dir_remove(dir);
    return done();
}
