/*
 * How much of an answer is held: which streams begin with a slice, when more
 * is taken and how much, and what cuts one.
 */
#include "admit_judge.h"
#include "admit_take.h"
#include "bound.h"
#include "hold.h"

static struct tg_area_claim claim;
static struct tg_queue_place place; /* in no line: none of its keys has one */

#define FLASH "\"model\":\"deepseek-flash\",\"stream\":true"
#define QWEN "\"model\":\"org/qwen\",\"stream\":true"

/* The catalog's off-peak price: 150 nanos a prompt token, 600 an answer's. */
#define PROMPT_NANOS 150
#define OUTPUT_NANOS 600

/* What is held at first, of which bound: all of it, or a slice. */
static const struct {
    const char *what, *path, *body;
    int64_t bound, held;
} firsts[] = {
    {"a stream", CHAT_PATH, "{" FLASH "}", 393216, 1024},
    {"no stream", CHAT_PATH, "{\"model\":\"deepseek-flash\"}", 393216, 393216},
    {"a short one", CHAT_PATH, "{" FLASH ",\"max_tokens\":500}", 500, 500},
    {"one slice long", CHAT_PATH, "{" FLASH ",\"max_tokens\":1024}", 1024,
     1024},
    {"a token longer", CHAT_PATH, "{" FLASH ",\"max_tokens\":1025}", 1025,
     1024},
    {"FIM", "/v1/beta/completions", "{" FLASH "}", 4096, 1024},
    {"a completion", "/v1/completions", "{" QWEN "}", 32768, 1024},
    {"messages of DeepSeek", "/v1/messages", "{" FLASH "}", 393216, 1024},
    {"Anthropic's models think unseen", "/v1/messages",
     "{\"model\":\"claude\",\"stream\":true}", 64000, 64000},
    {"responses, which may be summaries", "/v1/responses", "{" FLASH "}",
     393216, 393216},
    {"OpenAI's models reason unseen", CHAT_PATH,
     "{\"model\":\"gpt-4o\",\"stream\":true}", 16384, 16384},
    {"vLLM's do not", CHAT_PATH, "{" QWEN "}", 32768, 1024},
    {"unless they are told to", CHAT_PATH,
     "{" QWEN ",\"include_reasoning\":false}", 32768, 32768},
    {"however that is spelt", CHAT_PATH,
     "{" QWEN ",\"include_r\\u0065asoning\":0}", 32768, 32768},
    {"or to send it late", CHAT_PATH, "{" QWEN ",\"stream_reasoning\":false}",
     32768, 32768},
    {"or to search with beams", CHAT_PATH,
     "{" QWEN ",\"use_beam_search\":true}", 32768, 32768},
    {"which must stand at the top", CHAT_PATH,
     "{" QWEN ",\"metadata\":{\"include_reasoning\":false}}", 32768, 1024},
    {"three choices, all together", CHAT_PATH,
     "{" QWEN ",\"n\":3,\"max_tokens\":1000}", 3000, 1024},
    {"the best of three, unseen", CHAT_PATH,
     "{" QWEN ",\"best_of\":3,\"max_tokens\":1000}", 3000, 3000},
    {"all of the best", CHAT_PATH,
     "{" QWEN ",\"best_of\":2,\"n\":2,\"max_tokens\":1000}", 2000, 1024},
    {"the only one is the best", CHAT_PATH, "{" QWEN ",\"best_of\":1}", 32768,
     1024},
};

static struct tg_call_slot *
take_on(const char *path, const char *text, const struct test_policy *key,
        struct tg_admission *a)
{
    struct body_case body = {"", path, text, *key, NULL};

    judge_body(&body, NOON, a);
    if (a->action != TG_ACTION_PROXY) {
        printf("Bail out! not admitted: %s\n", text);
        exit(1);
    }
    return tg_admit_take(&claim, &judged, &place, instant(NOON), a);
}

static void
test_first(void)
{
    static const struct test_policy key;
    struct tg_admission a;

    for (size_t i = 0; i < COUNT(firsts); i++) {
        struct tg_call_slot *slot =
            take_on(firsts[i].path, firsts[i].body, &key, &a);

        if (!ok(slot != NULL, "%s", firsts[i].what))
            continue;
        is_int(slot->call.completion_bound, firsts[i].bound, "its bound");
        is_int(a.hold.held_tokens, firsts[i].held, "what of it is held");
        is_int(slot->call.held_nanos,
               slot->call.prompt_bound * PROMPT_NANOS +
                   firsts[i].held * OUTPUT_NANOS,
               "in money, with the prompt");
        ok((a.hold.limit_tokens == INT64_MAX) ==
               (firsts[i].bound == firsts[i].held),
           "more is wanted unless all is held");
        tg_admit_give_back(&claim, slot, &a);
    }
}

static void
feed(struct tg_meter *meter, const char *text)
{
    tg_meter_feed(meter, text, strlen(text));
}

/* A stream with so many bytes of text in one event. */
static void
say(struct tg_meter *meter, int64_t bytes)
{
    feed(meter, "data: {\"choices\":[{\"delta\":{\"content\":\"");
    while (bytes-- > 0)
        feed(meter, "x");
    feed(meter, "\"}}]}\n\n");
}

/*
 * A running stream: the call, and what its answer says.  An admission is used
 * by many, so what asks for more has another one.
 */
struct stream {
    struct tg_admission admission, again;
    struct tg_call_slot *slot;
    struct tg_hold hold;
    struct tg_meter meter;
};

static void
begin(struct stream *stream, const char *body, const struct test_policy *key)
{
    stream->slot = take_on(CHAT_PATH, body, key, &stream->admission);
    if (stream->slot == NULL) {
        printf("Bail out! not taken: %s\n", body);
        exit(1);
    }
    stream->hold = stream->admission.hold;
    tg_meter_init(&stream->meter, TG_METER_SSE);
}

static bool
more(struct stream *stream)
{
    memset(&stream->again, 0xa5, sizeof(stream->again));
    stream->again.head = stream->admission.head;
    return tg_hold_more(&stream->hold, &state, stream->slot, &stream->meter,
                        instant(NOON), &stream->again);
}

static void
end(struct stream *stream)
{
    tg_admit_give_back(&claim, stream->slot, &stream->admission);
}

/* One stream, by the tokens that may have been made so far. */
static const struct {
    int64_t made, held;
} steps[] = {
    {1, 1024},
    {896, 1024},
    {897, 2048},
    {1920, 2048},
    {1921, 4096},
    {3968, 4096},
    {3969, 8192},
    {8065, 16384},
    {16256, 16384},
    {16257, 24576},
    {24449, 32768},
    {100000, 101024},
    {100896, 101024},
    {100897, 109216},
    /* The last step is what is left of the bound; then all is held. */
    {390000, 391024},
    {390897, 393216},
    {500000, 393216},
};

static void
test_steps(void)
{
    static const struct test_policy key;
    struct stream stream;
    int64_t said = 0;

    begin(&stream, "{" FLASH "}", &key);
    for (size_t i = 0; i < COUNT(steps); i++) {
        bool is_more = steps[i].held > stream.hold.held_tokens;

        say(&stream.meter, 2 * steps[i].made - said);
        said = 2 * steps[i].made;
        is_int(tg_meter_most_tokens(&stream.meter), steps[i].made,
               "may have been made");
        ok(tg_hold_is_short(&stream.hold, &stream.meter) == is_more,
           "is more wanted?");
        if (is_more)
            ok(more(&stream), "more is there");
        is_int(stream.hold.held_tokens, steps[i].held, "tokens that are held");
        is_int(stream.slot->call.held_nanos,
               stream.slot->call.prompt_bound * PROMPT_NANOS +
                   steps[i].held * OUTPUT_NANOS,
               "and their money");
    }
    end(&stream);
    is_int(atomic_load(&state.keys[0].counters.held_nanos), 0,
           "nothing is held afterwards");
}

/* A stream that holds 1024 tokens and wants more, with so much left. */
static const struct {
    const char *what;
    int64_t left, made, held; /* tokens; held 0: it is cut */
} lefts[] = {
    {"a whole step", 2000, 897, 2048},
    {"just a step", 1024, 897, 2048},
    {"less than a step", 1000, 897, 2024},
    {"just what may have been made, and the slack", 1, 897, 1025},
    {"nothing", 0, 897, 0},
    {"too little for what came at once", 700, 1600, 0},
    {"just enough for it", 704, 1600, 1728},
};

static void
test_what_is_left(void)
{
    for (size_t i = 0; i < COUNT(lefts); i++) {
        struct test_policy key = {0};
        struct stream stream;

        begin(&stream, "{" FLASH "}", &key);
        key.daily_nanos =
            stream.slot->call.held_nanos + lefts[i].left * OUTPUT_NANOS;
        publish_policy(&key);
        say(&stream.meter, 2 * lefts[i].made);
        ok(more(&stream) == (lefts[i].held != 0), "%s: goes on or is cut",
           lefts[i].what);
        if (lefts[i].held != 0) {
            is_int(stream.hold.held_tokens, lefts[i].held, "held");
        } else {
            is_int(stream.again.code, TG_CODE_BUDGET_EXCEEDED, "by its code");
            is_int(stream.hold.held_tokens, 1024, "it holds what it did");
        }
        ok(atomic_load(&state.keys[0].day.used_nanos) <= key.daily_nanos,
           "within the budget");
        end(&stream);
    }
}

static void
test_what_cuts(void)
{
    static const struct {
        const char *what;
        struct test_policy key; /* published while it runs */
        enum tg_code code;
        const char *want;
    } rows[] = {
        {"a day's budget",
         {.daily_nanos = 1000},
         TG_CODE_BUDGET_EXCEEDED,
         "The daily budget of this API key is 0.000001, of which "},
        {"a month's",
         {.monthly_nanos = 1000},
         TG_CODE_BUDGET_EXCEEDED,
         "It begins anew at 2026-12-01T00:00:00"},
        {"a key that was disabled",
         {.status = TG_KEY_DISABLED},
         TG_CODE_KEY_DISABLED,
         "This API key was disabled"},
        {"an account that was suspended",
         {.account = 1},
         TG_CODE_ACCOUNT_SUSPENDED,
         "suspended"},
    };
    static const struct test_policy sound;
    struct stream stream;

    for (size_t i = 0; i < COUNT(rows); i++) {
        begin(&stream, "{" FLASH "}", &sound);
        publish_policy(&rows[i].key);
        say(&stream.meter, 2000);
        ok(!more(&stream), "%s cuts a stream", rows[i].what);
        is_int(stream.again.action, TG_ACTION_REFUSE, "as a refusal does");
        is_int(stream.again.code, rows[i].code, "with the code");
        ok(strstr(refusal(&stream.again, (struct tg_str){NULL, 0}),
                  rows[i].want) != NULL,
           "and the sentence: %s", answer);
        publish_policy(&sound);
        end(&stream);
    }
}

/* What has ended makes no more, and what is no stream was made before. */
static void
test_ends(void)
{
    static const struct {
        const char *what, *body, *last;
        bool is_short;
    } rows[] = {
        {"goes on", FLASH, "data: {\"choices\":[]}\n\n", true},
        {"is done", FLASH, "data: [DONE]\n\n", false},
        {"has finished", FLASH,
         "data: {\"choices\":[{\"finish_reason\":\"stop\"}]}\n\n", false},
        {"of two has finished one", QWEN ",\"n\":2",
         "data: {\"choices\":[{\"finish_reason\":\"stop\"}]}\n\n", true},
        {"says it made more than shows", FLASH,
         "data: {\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":9}}\n\n",
         true},
    };
    static const struct test_policy key;
    struct stream stream;
    char body[128];

    for (size_t i = 0; i < COUNT(rows); i++) {
        snprintf(body, sizeof(body), "{%s}", rows[i].body);
        begin(&stream, body, &key);
        say(&stream.meter, 2000);
        feed(&stream.meter, rows[i].last);
        ok(tg_hold_is_short(&stream.hold, &stream.meter) == rows[i].is_short,
           "a stream that %s", rows[i].what);
        end(&stream);
    }
    begin(&stream, "{" FLASH "}", &key);
    feed(&stream.meter, "data: {\"usage\":{\"completion_tokens\":897}}\n\n");
    ok(tg_hold_is_short(&stream.hold, &stream.meter),
       "what is reported on the way counts as made");
    end(&stream);
    begin(&stream, "{" FLASH "}", &key);
    tg_meter_init(&stream.meter, TG_METER_JSON);
    feed(&stream.meter, "{\"choices\":[{\"text\":\"");
    for (int i = 0; i < 4000; i++)
        feed(&stream.meter, "x");
    ok(!tg_hold_is_short(&stream.hold, &stream.meter),
       "an answer in one piece was made before it came");
    end(&stream);
}

/* A stream of DeepSeek's goes to another upstream before it has begun. */
static const struct {
    const char *what, *more; /* of the body */
    enum tg_dialect dialect;
    int64_t left; /* tokens, beside what it holds; -1: no budget */
    bool moves;
    int64_t held, bound;
} moves[] = {
    {"where all is seen as well", "", TG_DIALECT_VLLM, 0, true, 1024, 393216},
    {"where it is not", "", TG_DIALECT_OPENAI, -1, true, 393216, 393216},
    {"with money for all", ",\"max_tokens\":5000", TG_DIALECT_OPENAI, 3976,
     true, 5000, 5000},
    {"with money for less", ",\"max_tokens\":5000", TG_DIALECT_OPENAI, 1000,
     true, 2024, 2024},
    {"with no more money", "", TG_DIALECT_OPENAI, 0, true, 1024, 1024},
    {"in two choices", ",\"n\":2", TG_DIALECT_OPENAI, 1001, true, 2025, 2024},
    {"in more than are affordable", ",\"n\":65,\"max_tokens\":5000",
     TG_DIALECT_OPENAI, 0, false, 1024, 65 * 5000},
    {"with all of it held", ",\"max_tokens\":500", TG_DIALECT_OPENAI, 0, true,
     500, 500},
};

static void
test_moves(void)
{
    char body[128];

    for (size_t i = 0; i < COUNT(moves); i++) {
        struct test_policy key = {0};
        struct stream stream;
        struct tg_admission *a = &stream.admission;

        snprintf(body, sizeof(body), "{" FLASH "%s}", moves[i].more);
        begin(&stream, body, &key);
        if (moves[i].left >= 0)
            a->key.daily_nanos =
                stream.slot->call.held_nanos + moves[i].left * OUTPUT_NANOS;
        ok(tg_hold_move(&stream.hold, &state, stream.slot, moves[i].dialect,
                        &judged, a) == moves[i].moves,
           "a stream moves %s", moves[i].what);
        is_int(stream.hold.held_tokens, moves[i].held, "held");
        is_int(stream.slot->call.completion_bound, moves[i].bound, "its bound");
        is_int(stream.slot->call.held_nanos,
               stream.slot->call.prompt_bound * PROMPT_NANOS +
                   moves[i].held * OUTPUT_NANOS,
               "in money");
        ok((stream.hold.limit_tokens == INT64_MAX) ==
               (moves[i].held >= moves[i].bound),
           "more is wanted unless all is held");
        end(&stream);
    }
}

int
main(void)
{
    admit_test_begin();
    tg_publish_ready(publisher, 1);
    if (tg_area_claim(&claim, &state, 77, 1) != 0)
        return 1;
    test_first();
    test_steps();
    test_what_is_left();
    test_what_cuts();
    test_ends();
    test_moves();
    tg_area_leave(&claim);
    admit_test_end();
    return done();
}
