/*
 * Where an admitted call goes on, what it takes along, and what a refusal says
 * when there is nowhere to go.
 */
#include "admit_judge.h"
#include "admit_take.h"
#include "edit.h"
#include "tap.h"

static struct tg_area_claim claim;
static struct tg_queue_place place; /* in no line */
static struct tg_admission a;

#define NOW instant(NOON)
#define SAY(members) "{\"model\":\"gpt-4o\"" members "}"
#define STREAM ",\"stream\":true"

/* Dialects of the catalog's upstreams 0, 1 and 2. */
enum { DEEPSEEK = 0, OPENAI, VLLM };

/* gpt-4o is served by these two, in this order. */
static void
serve_by(uint16_t first, uint16_t second)
{
    struct tg_catalog *catalog = test_catalog_new();
    struct tg_model *model = &catalog->models[1];

    model->upstreams[0] = first;
    model->upstreams[1] = second;
    model->upstream_count = 2;
    if (tg_publish_catalog(publisher, catalog) != 0)
        abort();
    for (uint32_t row = 0; row < 3; row++)
        tg_pool_reset(&state, row, 0);
    free(catalog);
}

static void
admit(const char *text)
{
    static const struct test_policy key = {.daily_nanos = 900000000000};
    struct body_case body = {"", CHAT_PATH, text, key, NULL};

    judge_body(&body, NOON, &a);
    if (a.action != TG_ACTION_PROXY) {
        printf("Bail out! not admitted: %s\n", refusal(&a, TG_STR("")));
        exit(1);
    }
}

static struct tg_call_slot *
take(const char *text)
{
    admit(text);
    return tg_admit_take(&claim, &judged, &place, NOW, &a);
}

static bool
go_on(struct tg_call_slot *slot, enum tg_fate fate)
{
    struct tg_try end = {.fate = fate, .status = 503};

    return tg_admit_go_on(&claim, slot, &end, NOW, &a);
}

static void
test_the_record_goes_along(void)
{
    struct tg_call_slot *slot;

    serve_by(OPENAI, VLLM);
    slot = take(SAY());
    ok(memcmp(slot->call.upstream_id, "up_1", 5) == 0, "the first choice");
    is_int(tg_pool_calls(&state, 1), 1, "has a call at once");
    slot->call.flags |= TG_CALL_SENT;
    ok(go_on(slot, TG_FATE_OVERLOADED), "refused, it goes on");
    ok(memcmp(slot->call.upstream_id, "up_2", 5) == 0 &&
           memcmp(slot->call.credential_id, "cred_2", 7) == 0,
       "the record says where");
    is_int(slot->call.flags & TG_CALL_SENT, 0,
           "nothing of it was sent to that one yet");
    is_int(tg_pool_calls(&state, 1), 0, "the first has its place back");
    is_int(tg_pool_calls(&state, 2), 1, "the second has the call");
    ok(!go_on(slot, TG_FATE_BROKEN), "sent and not answered, it does not");
    tg_admit_give_back(&claim, slot, &a);
    is_int(tg_pool_calls(&state, 2), 0, "given back, no place is taken");
}

/* Whether all that is said of the target is of that upstream. */
static bool
is_aimed_at(const struct tg_call_slot *slot, uint16_t row, const char *name)
{
    return a.target.upstream == row &&
           strncmp(a.upstream.id, name, TG_ID_LEN) == 0 &&
           a.place.base.data == a.upstream.base_path &&
           strncmp(a.call.upstream_id, name, TG_ID_LEN) == 0 &&
           strncmp(slot->call.upstream_id, name, TG_ID_LEN) == 0;
}

static void
test_what_changes_before_it_is_taken(void)
{
    struct tg_call_slot *slot;

    serve_by(OPENAI, VLLM);
    slot = take(SAY());
    ok(is_aimed_at(slot, OPENAI, "up_1"), "taken as it was judged");
    tg_admit_give_back(&claim, slot, &a);

    admit(SAY());
    serve_by(VLLM, OPENAI);
    slot = tg_admit_take(&claim, &judged, &place, NOW, &a);
    ok(is_aimed_at(slot, VLLM, "up_2"), "a catalog was published meanwhile");
    tg_admit_give_back(&claim, slot, &a);

    admit(SAY());
    ok(a.target.upstream == VLLM, "judged for the first");
    tg_pool_report(&state, VLLM, 0,
                   &(struct tg_pool_report){
                       .end = {.fate = TG_FATE_REJECTED, .status = 401},
                       .chosen_at_ms = NOW},
                   NOW);
    slot = tg_admit_take(&claim, &judged, &place, NOW, &a);
    ok(is_aimed_at(slot, OPENAI, "up_1"), "which is out by now");
    tg_admit_give_back(&claim, slot, &a);
    tg_pool_reset(&state, VLLM, 0);
}

static void
test_a_revoked_key_does_not_go_on(void)
{
    struct test_policy disabled = {.status = TG_KEY_DISABLED};
    struct test_policy active = {0};
    struct tg_call_slot *slot;

    serve_by(OPENAI, VLLM);
    slot = take(SAY());
    publish_policy(&disabled);
    ok(!go_on(slot, TG_FATE_OVERLOADED), "its key was disabled meanwhile");
    is_int(a.code, TG_CODE_KEY_DISABLED, "which is why");
    tg_admit_give_back(&claim, slot, &a);
    publish_policy(&active);
}

/* The edits as text: what is removed and put in its place. */
static const char *
edits(void)
{
    static char text[256];
    size_t len = 0;

    for (size_t i = 0; i < a.edit_count; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "-%u+%.*s",
                                a.edits[i].remove_len,
                                (int)a.edits[i].insert_len, a.edits[i].insert);
    text[len] = '\0';
    return text;
}

static void
test_another_dialect(void)
{
#define USAGE "-0+\"stream_options\":{\"include_usage\":true},"
    static const struct {
        const char *what, *body;
        uint16_t from, to;
        const char *edits;
    } rows[] = {
        {"nothing to say", SAY(",\"max_tokens\":7"), OPENAI, DEEPSEEK, ""},
        {"DeepSeek reports by itself", SAY(STREAM ",\"max_tokens\":7"), OPENAI,
         DEEPSEEK, ""},
        {"others are asked to", SAY(STREAM ",\"max_tokens\":7"), DEEPSEEK, VLLM,
         USAGE},
        {"a limit that DeepSeek does not know",
         SAY(",\"max_completion_tokens\":7"), OPENAI, DEEPSEEK,
         "-0+\"max_tokens\":7,"},
        {"of each of two answers", SAY(",\"max_completion_tokens\":7,\"n\":2"),
         OPENAI, DEEPSEEK, "-0+\"max_tokens\":7,"},
        {"a larger one that it does know",
         SAY(",\"max_completion_tokens\":7,\"max_tokens\":5"), OPENAI, DEEPSEEK,
         ""},
        {"the model's own limit stays", SAY(), OPENAI, DEEPSEEK, ""},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct tg_call_slot *slot;
        int64_t bound;

        serve_by(rows[i].from, rows[i].to);
        slot = take(rows[i].body);
        bound = slot->call.completion_bound;
        ok(go_on(slot, TG_FATE_OVERLOADED) &&
               tg_admit_translate(&state, slot, &judged, &a),
           "goes on: %s", rows[i].what);
        is_str(edits(), rows[i].edits, "edits: %s", rows[i].what);
        is_int(slot->call.completion_bound, bound, "bound: %s", rows[i].what);
        tg_admit_give_back(&claim, slot, &a);
    }
}

/* DeepSeek shows each token, so a stream holds a slice; OpenAI does not. */
static void
test_what_is_held(void)
{
    struct tg_call_slot *slot;
    int64_t held, most;

    serve_by(DEEPSEEK, OPENAI);
    slot = take(SAY(STREAM ",\"max_tokens\":10000"));
    held = slot->call.held_nanos;
    ok(a.hold.held_tokens < 10000, "a stream holds a slice");
    go_on(slot, TG_FATE_OVERLOADED);
    ok(tg_admit_translate(&state, slot, &judged, &a),
       "it goes on where tokens are made unseen");
    is_int(a.hold.held_tokens, 10000, "all of its answer is held now");
    ok(slot->call.held_nanos > held, "in money, too");
    most = slot->call.held_nanos;
    tg_admit_give_back(&claim, slot, &a);
    is_int(atomic_load(&state.keys[0].day.used_nanos), 0,
           "given back, nothing is used");

    serve_by(DEEPSEEK, OPENAI);
    slot = take(SAY(STREAM ",\"max_tokens\":10000"));
    atomic_store(&state.keys[0].day.used_nanos, 900000000000 - most + held);
    go_on(slot, TG_FATE_OVERLOADED);
    atomic_store(&state.keys[0].day.used_nanos, 900000000000);
    ok(tg_admit_translate(&state, slot, &judged, &a),
       "without money for that it goes with what it holds");
    is_int(slot->call.completion_bound, 1024, "and may have no more");
    is_str(edits(), "-0+\"stream_options\":{\"include_usage\":true},-5+1024",
           "which its upstream is told");
    atomic_store(&state.keys[0].day.used_nanos, held);
    tg_admit_give_back(&claim, slot, &a);

    serve_by(DEEPSEEK, OPENAI);
    slot = take(SAY(STREAM ",\"n\":65,\"max_tokens\":1000"));
    go_on(slot, TG_FATE_OVERLOADED);
    held = slot->call.held_nanos;
    atomic_store(&state.keys[0].day.used_nanos, 900000000000);
    ok(!tg_admit_translate(&state, slot, &judged, &a),
       "or not at all, where that is too short for each choice");
    atomic_store(&state.keys[0].day.used_nanos, held);
    tg_admit_give_back(&claim, slot, &a);
}

static const char *
judge(void)
{
    static const struct test_policy key = {0};
    struct body_case body = {"", CHAT_PATH, SAY(), key, NULL};

    judge_body(&body, NOON, &a);
    return refusal(&a, TG_STR(""));
}

static void
report(uint32_t row, enum tg_fate fate, int64_t retry_ms)
{
    struct tg_pool_report report = {
        .end = {.fate = fate, .status = 429, .retry_ms = retry_ms},
        .chosen_at_ms = NOW};

    tg_pool_report(&state, row, 0, &report, NOW);
}

static void
test_refusals(void)
{
    struct tg_catalog *catalog = test_catalog_new();

    serve_by(OPENAI, VLLM);
    report(1, TG_FATE_REJECTED, 0);
    is_str(judge(), "", "one of two is taken out: it passes");
    report(2, TG_FATE_UNPAID, 0);
    is_str(judge(),
           ERROR("api_error", "null", "upstream_unavailable",
                 "The model `gpt-4o` cannot be served: its provider refuses "
                 "every credential of this gate, each of which is tried again "
                 "from time to time. It is not a fault of your request or key. "
                 "Operator: `tollgate credentials list`."),
           "both are");
    tg_pool_reset(&state, 2, 0);
    report(2, TG_FATE_BUSY, 2500);
    is_str(judge(),
           ERROR("rate_limit_error", "null", "rate_limit_exceeded",
                 "The model `gpt-4o` is not asked for now, because its "
                 "provider wants this gate to wait. It is not a limit of your "
                 "key. Try again in 2.5s."),
           "one is to be waited for");
    is_int(tg_admit_retry_ms(&a), 2500, "so long");

    serve_by(OPENAI, VLLM);
    for (size_t i = 0; i < 3; i++)
        catalog->credentials[i].concurrency = 1;
    catalog->models[1].upstreams[1] = VLLM;
    catalog->models[1].upstream_count = 2;
    if (tg_publish_catalog(publisher, catalog) != 0)
        abort();
    tg_pool_enter(&claim, 1, 0);
    is_str(judge(), "", "one of two is full: it passes");
    tg_pool_enter(&claim, 2, 0);
    is_str(judge(),
           ERROR("rate_limit_error", "null", "rate_limit_exceeded",
                 "The model `gpt-4o` has as many calls at once as this gate's "
                 "accounts with its provider take. It is not a limit of your "
                 "key. Try again in a second."),
           "both are");
    is_int(tg_admit_retry_ms(&a), 1000, "in a second");
    tg_pool_leave(&claim, 1);
    tg_pool_leave(&claim, 2);
    free(catalog);
}

int
main(void)
{
    struct test_policy key = {0};

    admit_test_begin();
    atomic_store(&state.header->is_ready, 1);
    publish_policy(&key);
    if (tg_area_claim(&claim, &state, 7, NOW) != 0)
        abort();
    test_the_record_goes_along();
    test_what_changes_before_it_is_taken();
    test_a_revoked_key_does_not_go_on();
    test_another_dialect();
    test_what_is_held();
    test_refusals();
    tg_area_leave(&claim);
    admit_test_end();
    return done();
}
