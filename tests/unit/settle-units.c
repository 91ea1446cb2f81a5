/*
 * Goal: a call with units ends at the cost of what it took, by the weaker of
 * its bases, and never above its hold.
 */
#include "area.h"
#include "bound.h"
#include "budget.h"
#include "code.h"
#include "measure.h"
#include "route.h"
#include "settle.h"
#include "state_test.h"
#include "tap.h"

/* What a row of a table leaves out is zero. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#define COUNT(rows) (sizeof(rows) / sizeof(rows[0]))
#define BEGUN_AT 1700000000000
#define SENT TG_CALL_SENT
#define LEFT TG_CALL_CLIENT_LEFT

static struct tg_state state;
static struct tg_publisher *publisher;
static struct tg_area_claim claim;
static struct tg_key_policy key;
static struct tg_account_policy account = {.id = "acct_1",
                                           .status = TG_ACCOUNT_ACTIVE,
                                           .billing = TG_BILLING_POSTPAID};

/* In nanos: what a token costs, and a unit. */
struct priced {
    enum tg_endpoint endpoint;
    enum tg_unit unit;
    int64_t bound, unit_nanos, token_nanos;
};

static const struct priced images = {TG_ENDPOINT_IMAGES, TG_UNIT_IMAGE, 3,
                                     40000000, 0};
static const struct priced speech = {TG_ENDPOINT_SPEECH, TG_UNIT_CHARACTER, 11,
                                     15000, 0};
static const struct priced talk = {TG_ENDPOINT_SPEECH, TG_UNIT_NONE, 0, 0, 12};
static const struct priced listening = {TG_ENDPOINT_TRANSCRIPTIONS,
                                        TG_UNIT_MILLISECOND, 8000, 100, 0};
static const struct priced hearing = {TG_ENDPOINT_TRANSCRIPTIONS, TG_UNIT_NONE,
                                      0, 0, 6};
static const struct priced chat = {TG_ENDPOINT_CHAT, TG_UNIT_CALL, 1, 1000, 2};

#define TOKENS(prompt, completion)                                             \
    "{\"choices\":[],\"usage\":{\"prompt_tokens\":" prompt                     \
    ",\"completion_tokens\":" completion "}}"

/* The prompt's bound is 100 and the allowance, 612; the answer's is 50. */
static const struct {
    const char *what;
    const struct priced *price;
    const char *answer;              /* a first '~': bytes */
    uint16_t upstream_status, flags; /* LEFT: the client does */
    enum tg_basis basis;
    int64_t units, tokens, cost_nanos;
} cases[] = {
    {"two of three images came", &images,
     "{\"data\":[{\"url\":\"a\"},{\"url\":\"b\"}]}", 200, SENT,
     TG_BASIS_COUNTED, 2, 0, 80000000},
    {"more than were asked for", &images,
     "{\"data\":[{\"url\":\"a\"},{\"url\":\"a\"},{\"url\":\"a\"},"
     "{\"url\":\"a\"}]}",
     200, SENT, TG_BASIS_COUNTED, 3, 0, 120000000},
    {"with tokens, which cost nothing", &images,
     "{\"data\":[{\"url\":\"a\"}],\"usage\":{\"input_tokens\":5,"
     "\"output_tokens\":7}}",
     200, SENT, TG_BASIS_COUNTED, 1, 12, 40000000},
    {"with tokens that cannot be", &images,
     "{\"data\":[{\"url\":\"a\"}],\"usage\":{\"input_tokens\":5,"
     "\"output_tokens\":51}}",
     200, SENT, TG_BASIS_COUNTED, 1, 0, 40000000},
    {"an answer that was cut", &images, "{\"data\":[{\"url\":\"a\"},", 200,
     SENT, TG_BASIS_HELD, 3, 0, 120000000},
    {"the client left before it", &images, "", 0, SENT | LEFT, TG_BASIS_HELD, 3,
     0, 120000000},
    {"a refusal", &images, "{\"error\":{}}", 400, SENT, TG_BASIS_NONE, 0, 0, 0},
    {"a failure that calls itself 200", &images,
     "{\"error\":{\"message\":\"no\"}}", 200, SENT, TG_BASIS_NONE, 0, 0, 0},
    {"nothing", &images, "", 200, SENT, TG_BASIS_NONE, 0, 0, 0},
    {"never sent", &images, "", 0, LEFT, TG_BASIS_NONE, 0, 0, 0},

    {"sound", &speech, "~RIFF", 200, SENT, TG_BASIS_COUNTED, 11, 0, 165000},
    {"sound that was left", &speech, "~RI", 200, SENT | LEFT, TG_BASIS_COUNTED,
     11, 0, 165000},
    {"no sound", &speech, "~", 200, SENT, TG_BASIS_NONE, 0, 0, 0},
    {"sound by tokens: three for two bytes of text, at most the bound", &talk,
     "~RIFF", 200, SENT, TG_BASIS_COUNTED, 0, 25 + 50, 75 * 12},
    {"sound that reports them", &talk,
     "data: {\"type\":\"speech.audio.done\",\"usage\":{\"input_tokens\":14,"
     "\"output_tokens\":40}}\n\n",
     200, SENT | TG_CALL_STREAM, TG_BASIS_REPORTED, 0, 54, 54 * 12},

    {"seconds that were reported", &listening,
     "{\"text\":\"a\",\"usage\":{\"type\":\"duration\",\"seconds\":3}}", 200,
     SENT, TG_BASIS_REPORTED, 3000, 0, 300000},
    {"more than can be", &listening, "{\"usage\":{\"seconds\":9}}", 200, SENT,
     TG_BASIS_HELD, 8000, 0, 800000},
    {"text without any", &listening, "~1\n00:00", 200, SENT, TG_BASIS_COUNTED,
     1000, 0, 100000},
    {"audio by tokens", &hearing,
     "{\"text\":\"a\",\"usage\":{\"type\":\"tokens\",\"input_tokens\":14,"
     "\"output_tokens\":4}}",
     200, SENT, TG_BASIS_REPORTED, 0, 18, 108},
    {"text of it, without a report", &hearing, "{\"text\":\"abcdefgh\"}", 200,
     SENT, TG_BASIS_COUNTED, 0, 25 + 2, 162},

    {"tokens and the call", &chat, TOKENS("10", "20"), 200, SENT,
     TG_BASIS_REPORTED, 1, 30, 1060},
    {"tokens that cannot be", &chat, TOKENS("10", "51"), 200, SENT,
     TG_BASIS_HELD, 1, 662, 2324},
    {"neither", &chat, "no", 500, SENT, TG_BASIS_NONE, 0, 0, 0},
};

static struct tg_call
call_of(const struct priced *price)
{
    struct tg_call call = {
        .at_ms = BEGUN_AT,
        .endpoint = (uint16_t)price->endpoint,
        .ttft_ms = TG_ABSENT_MS,
        .day = 19675,
        .month = 24287,
        .prompt_bound = 100 + TG_BOUND_ALLOWANCE_TOKENS,
        .completion_bound = 50,
        .unit = (uint8_t)price->unit,
        .unit_bound = price->bound,
        .rates = {price->token_nanos * 1000, price->token_nanos * 1000,
                  price->token_nanos * 1000, price->token_nanos * 1000,
                  price->unit_nanos * 1000},
    };

    if (tg_bound_cost(&call, &call.held_nanos) != 0)
        abort();
    return call;
}

static struct tg_call_slot *
begin(const struct priced *price, uint16_t flags)
{
    struct tg_call call = call_of(price);
    struct tg_budget_verdict verdict;
    struct tg_call_slot *slot;

    call.flags = flags & (uint16_t)~LEFT;
    atomic_fetch_add(&state.keys[0].counters.in_flight, 1);
    slot = tg_area_begin(&claim, &call);
    if (slot == NULL || !tg_budget_hold(&state, slot, &key, &account, &verdict))
        abort();
    return slot;
}

static void
test_settling(void)
{
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct tg_call_slot *slot = begin(cases[i].price, cases[i].flags);
        const char *answer = cases[i].answer;
        bool is_bytes = *answer == '~';
        struct tg_meter meter;
        struct tg_outcome outcome = {
            .meter = &meter,
            .upstream_status = cases[i].upstream_status,
            .status = 200,
            .client_left = cases[i].flags & LEFT,
            .now_ms = BEGUN_AT,
        };

        tg_meter_init(&meter, is_bytes ? TG_METER_BYTES : TG_METER_AUTO);
        tg_meter_feed(&meter, answer + is_bytes, strlen(answer + is_bytes));
        tg_meter_end(&meter);
        tg_settle(&state, &slot->call, &outcome);
        is_int(slot->call.basis, cases[i].basis, "%s: the basis",
               cases[i].what);
        is_int(slot->call.units, cases[i].units, "units");
        is_int(slot->call.prompt_tokens + slot->call.completion_tokens,
               cases[i].tokens, "tokens");
        is_int(slot->call.cost_nanos, cases[i].cost_nanos, "cost");
        tg_area_end(&claim, slot);
    }
}

/* A call whose worker died. */
static const struct {
    const struct priced *price;
    uint16_t flags;
    enum tg_basis basis;
    int64_t counted, units, cost_nanos;
} lost[] = {
    {&images, 0, TG_BASIS_NONE, 0, 0, 0},
    {&images, SENT, TG_BASIS_HELD, 0, 3, 120000000},
    {&speech, SENT, TG_BASIS_HELD, 0, 11, 165000},
    {&chat, SENT, TG_BASIS_COUNTED, 7, 1, 1000 + 64},
    {&chat, SENT, TG_BASIS_HELD, 0, 1, 2324},
};

static void
test_lost(void)
{
    for (size_t i = 0; i < COUNT(lost); i++) {
        struct tg_call_slot *slot = begin(lost[i].price, lost[i].flags);

        slot->call.counted = lost[i].counted;
        tg_settle_lost(&state, &slot->call, BEGUN_AT);
        ok(slot->call.basis == lost[i].basis &&
               slot->call.units == lost[i].units &&
               slot->call.cost_nanos == lost[i].cost_nanos,
           "lost call %zu ends by what it held or counted", i);
        tg_area_end(&claim, slot);
    }
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
    test_lost();
    tg_area_leave(&claim);
    tg_publisher_close(publisher);
    tg_state_close(&state);
    test_dir_remove(dir);
    return done();
}
