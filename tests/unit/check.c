/*
 * Goal: a check names all that is in the way of a key's call; the first of it
 * is what the gate answers to that call; and nothing is taken.
 */
#include "admit_judge.h"
#include "admit_take.h"
#include "check.h"
#include "rate.h"

static const char *const names[TG_CHECK_ROWS] = {
    [TG_CHECK_CREDENTIAL] = "credential", [TG_CHECK_STATUS] = "status",
    [TG_CHECK_EXPIRY] = "expiry",         [TG_CHECK_ACCOUNT] = "account",
    [TG_CHECK_NETWORK] = "network",       [TG_CHECK_REFERRER] = "referrer",
    [TG_CHECK_HOURS] = "hours",           [TG_CHECK_ENDPOINT] = "endpoint",
    [TG_CHECK_SCOPE] = "scope",           [TG_CHECK_MODEL] = "model",
    [TG_CHECK_RATES] = "rates",           [TG_CHECK_BUDGET] = "budget",
    [TG_CHECK_PRICE] = "price",           [TG_CHECK_UPSTREAM] = "upstream",
};

/* What a check said: "status=key_inactive", "?network" for not asked. */
struct heard {
    char text[512];
    enum tg_code first;
    int rows;
};

static void
hear(void *arg, enum tg_check_row row, enum tg_check_answer said,
     const struct tg_admission *a)
{
    struct heard *heard = arg;
    size_t len = strlen(heard->text);
    const char *blank = len > 0 ? " " : "";

    is_int(row, heard->rows++, "rows come in their order");
    if (said == TG_CHECK_NOT_ASKED)
        snprintf(heard->text + len, sizeof(heard->text) - len, "%s?%s", blank,
                 names[row]);
    if (said != TG_CHECK_NO)
        return;
    snprintf(heard->text + len, sizeof(heard->text) - len, "%s%s=%s", blank,
             names[row], tg_code_row(a->code)->name);
    if (heard->first == TG_CODE_NONE)
        heard->first = a->code;
    ok(refusal(a, TG_STR(""))[0] == '{', "%s has a sentence", names[row]);
}

struct check_case {
    const char *what;
    struct test_policy key;
    const char *model; /* NULL: none */
    enum tg_scope scope;
    const char *endpoint; /* a path; NULL: none */
    const char *want;
};

#define NOBODY_ASKED "?endpoint ?scope ?model ?price ?upstream"
#define SPENT .daily_nanos = 1

static const struct check_case cases[] = {
    {"nothing in particular", {0}, NULL, 0, NULL, NOBODY_ASKED},
    {"a sound call", {0}, "deepseek-flash", TG_SCOPE_CHAT, NULL, ""},
    {"a sound call to a path", {0}, "deepseek-flash", 0, CHAT_PATH, ""},
    {"a model's use is known", {0}, "embed", 0, NULL, ""},
    {"paused",
     {.status = TG_KEY_INACTIVE},
     "deepseek-flash",
     TG_SCOPE_CHAT,
     NULL,
     "status=key_inactive"},
    {"disabled and out of date",
     {.status = TG_KEY_DISABLED, .expires_at = "2026-11-01T00:00:00Z"},
     NULL,
     0,
     NULL,
     "status=key_disabled expiry=key_expired " NOBODY_ASKED},
    {"of a suspended account, and without money",
     {.account = 1, SPENT},
     "deepseek-flash",
     TG_SCOPE_CHAT,
     NULL,
     "account=account_suspended budget=budget_exceeded"},
    {"of an account that there is not",
     {.account = UINT32_MAX},
     "deepseek-flash",
     TG_SCOPE_CHAT,
     NULL,
     "account=gate_unavailable ?budget"},
    {"without the scope",
     {.scopes = ALL_BUT_CHAT},
     "deepseek-flash",
     TG_SCOPE_CHAT,
     NULL,
     "scope=permission_denied"},
    {"with one of the model's scopes",
     {.scopes = ALL_BUT_CHAT},
     "deepseek-flash",
     0,
     NULL,
     ""},
    {"without any of the model's scopes",
     {.scopes = TG_SCOPE_EMBEDDINGS},
     "deepseek-flash",
     0,
     NULL,
     "scope=permission_denied"},
    {"a look at the models, by a key that has nothing",
     {.scopes = TG_SCOPE_FILES, SPENT},
     "unpriced",
     0,
     "/v1/models",
     "?model ?rates ?budget ?price ?upstream"},
    {"files, of which the price book has none",
     {0},
     NULL,
     0,
     "/v1/files",
     "model=model_not_priced ?price ?upstream"},
    {"without the endpoint",
     {.endpoints = 1u << TG_ENDPOINT_EMBEDDINGS},
     "deepseek-flash",
     TG_SCOPE_CHAT,
     NULL,
     "endpoint=permission_denied"},
    {"with one endpoint of the scope",
     {.endpoints = 1u << TG_ENDPOINT_FIM},
     "deepseek-flash",
     TG_SCOPE_CODE,
     NULL,
     ""},
    {"without the model",
     {.models = "gpt-* "},
     "deepseek-flash",
     TG_SCOPE_CHAT,
     NULL,
     "model=model_not_found"},
    {"a model that is not there",
     {0},
     "nowhere",
     TG_SCOPE_CHAT,
     NULL,
     "model=model_not_found ?price ?upstream"},
    {"a model for something else",
     {0},
     "embed",
     TG_SCOPE_CHAT,
     NULL,
     "model=invalid_request"},
    {"without a price and money",
     {SPENT},
     "unpriced",
     TG_SCOPE_CHAT,
     NULL,
     "price=model_not_priced"},
    {"a budget smaller than any call",
     {SPENT},
     "deepseek-flash",
     TG_SCOPE_CHAT,
     NULL,
     "budget=budget_exceeded"},
    {"a model that nobody serves",
     {0},
     "nobody",
     TG_SCOPE_CHAT,
     NULL,
     "upstream=upstream_unavailable"},
    {"an upstream without a credential",
     {0},
     "keyless",
     TG_SCOPE_CHAT,
     NULL,
     "upstream=upstream_unavailable"},
    {"all at once",
     {.status = TG_KEY_INACTIVE,
      .scopes = TG_SCOPE_CODE,
      .endpoints = 1u << TG_ENDPOINT_FIM,
      .models = "gpt-* ",
      .expires_at = "2026-11-01T00:00:00Z",
      .account = 1,
      SPENT},
     "keyless",
     TG_SCOPE_CHAT,
     NULL,
     "status=key_inactive expiry=key_expired account=account_suspended "
     "endpoint=permission_denied scope=permission_denied "
     "model=model_not_found budget=budget_exceeded "
     "upstream=upstream_unavailable"},
};

static struct tg_check_question
question_of(const struct check_case *row, uint32_t slot)
{
    struct tg_str argument;
    bool has_path;

    return (struct tg_check_question){
        .key_slot = slot,
        .scope = row->scope,
        .route =
            row->endpoint == NULL
                ? NULL
                : tg_route_find(strcmp(row->endpoint, "/v1/models") == 0
                                    ? TG_METHOD_GET
                                    : TG_METHOD_POST,
                                text_of(row->endpoint), &argument, &has_path),
        .model = text_of(row->model),
        .now_ms = instant(NOON),
    };
}

static struct tg_area_claim claim;

/* What the gate answers to a call like the one that is asked about. */
static enum tg_code
code_of_call(const struct check_case *row)
{
    static char text[128];
    struct body_case body = {"", row->endpoint, text, row->key, NULL};
    struct tg_queue_place place = {0};
    struct tg_call_slot *slot;
    struct tg_admission a;

    if (body.path == NULL)
        body.path =
            row->scope == TG_SCOPE_CODE ? "/v1/beta/completions" : CHAT_PATH;
    snprintf(text, sizeof(text), "{\"model\":\"%s\"}", row->model);
    judge_body(&body, NOON, &a);
    if (a.action != TG_ACTION_PROXY)
        return a.code;
    slot = tg_admit_take(&claim, &judged, &place, instant(NOON), &a);
    if (slot == NULL)
        return a.code;
    tg_admit_give_back(&claim, slot, &a);
    return TG_CODE_NONE;
}

static void
test_cases(void)
{
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct check_case *row = &cases[i];
        struct tg_check_question q =
            question_of(row, publish_policy(&row->key));
        struct heard heard = {0};
        bool is_allowed = tg_check(&state, &q, hear, &heard);

        is_str(heard.text, row->want, "%s", row->what);
        is_int(heard.rows, TG_CHECK_ROWS, "every row was asked");
        is_int(is_allowed, heard.first == TG_CODE_NONE, "allowed or not");
        if (row->scope != TG_SCOPE_NONE)
            is_int(code_of_call(row), heard.first, "as the gate answers");
    }
}

/* Uses up the key's minute, which is 2 requests. */
static uint32_t
use_up(const struct test_policy *key)
{
    uint32_t slot = publish_policy(key);
    struct tg_counters *counters = &state.keys[slot].counters;
    struct tg_key_policy policy;
    struct tg_rate_verdict verdict;
    uint64_t seq;

    tg_state_key(&state, slot, &policy, &seq);
    while (tg_rate_take(counters, &policy, instant(NOON), 0, 0, &verdict) == 0)
        counters->in_flight--;
    return slot;
}

/* Rates and money stand above price and upstream, in a check and in a call. */
static void
test_the_tables_order(void)
{
    static const struct check_case rows[] = {
        {"rates first",
         {.requests_per_minute = 2},
         "unpriced",
         TG_SCOPE_CHAT,
         NULL,
         "rates=rate_limit_exceeded price=model_not_priced"},
        {"rates before money",
         {.requests_per_minute = 2, SPENT},
         "keyless",
         TG_SCOPE_CHAT,
         NULL,
         "rates=rate_limit_exceeded budget=budget_exceeded "
         "upstream=upstream_unavailable"},
        {"and before a model that has all",
         {.requests_per_minute = 2, SPENT},
         "deepseek-flash",
         TG_SCOPE_CHAT,
         NULL,
         "rates=rate_limit_exceeded budget=budget_exceeded"},
    };
    static const struct check_case poor = {
        "money before the upstream",
        {SPENT},
        "keyless",
        TG_SCOPE_CHAT,
        NULL,
        "budget=budget_exceeded upstream=upstream_unavailable"};

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct tg_check_question q =
            question_of(&rows[i], use_up(&rows[i].key));
        struct heard heard = {0};

        tg_check(&state, &q, hear, &heard);
        is_str(heard.text, rows[i].want, "%s", rows[i].what);
        is_int(code_of_call(&rows[i]), heard.first, "as the gate answers");
    }
    is_int(code_of_call(&poor), TG_CODE_BUDGET_EXCEEDED, "%s", poor.what);
}

static void
test_nothing_is_taken(void)
{
    static const struct test_policy key = {
        .requests_per_minute = 3, .concurrency = 1, .daily_nanos = 1000000000};
    struct check_case row = {"",   key, "deepseek-flash", TG_SCOPE_CHAT,
                             NULL, ""};
    uint32_t slot = publish_policy(&key);
    struct tg_check_question q = question_of(&row, slot);
    static struct tg_key_record before;

    memcpy(&before, (void *)&state.keys[slot], sizeof(before));
    for (int i = 0; i < 100; i++) {
        struct heard heard = {0};

        q.now_ms += 1000;
        if (!tg_check(&state, &q, hear, &heard))
            break;
    }
    ok(memcmp(&before, (void *)&state.keys[slot], sizeof(before)) == 0,
       "a hundred checks change no byte of the key");
}

/* Where from: as a key with lists, which test_policy does not have. */
static void
test_places(void)
{
    static const struct test_policy sound;
    /* 192.0.2.0/24 */
    static const char network[17] = {96 + 24, 0, 0,  0,  0,   0, 0, 0, 0,
                                     0,       0, -1, -1, -64, 0, 2, 0};
    struct tg_str networks = {network, sizeof(network)};
    struct tg_str page = TG_STR("https://app.example.com/*");
    uint32_t slot = publish_policy(&sound);
    struct tg_check_question q = {.key_slot = slot, .now_ms = instant(NOON)};
    struct heard unasked = {0}, wrong = {0}, right = {0};
    struct tg_key_policy key;
    uint64_t seq;

    tg_state_key(&state, slot, &key, &seq);
    if (tg_publish_texts(publisher, &networks, 1, &key.networks) != 0 ||
        tg_publish_texts(publisher, &page, 1, &key.referrers) != 0 ||
        tg_publish_key(publisher, &key, &slot) != 0)
        abort();
    tg_check(&state, &q, hear, &unasked);
    is_str(unasked.text, "?network ?referrer " NOBODY_ASKED,
           "an address that is not named is not judged");
    q.has_ip = true;
    memcpy(q.ip, (uint8_t[16]){[10] = 255, 255, 127, 0, 0, 1}, 16);
    q.referrer = TG_STR("https://evil.example.com/");
    tg_check(&state, &q, hear, &wrong);
    is_str(wrong.text,
           "network=ip_not_allowed referrer=referrer_not_allowed " NOBODY_ASKED,
           "a wrong one is");
    memcpy(q.ip, (uint8_t[16]){[10] = 255, 255, 192, 0, 2, 7}, 16);
    q.referrer = TG_STR("https://app.example.com/chat");
    tg_check(&state, &q, hear, &right);
    is_str(right.text, NOBODY_ASKED, "the right one passes");
}

/* Not the daemon's doing: its models are for something. */
static void
test_a_model_for_nothing(void)
{
    static const struct test_policy sound;
    struct tg_catalog *catalog = test_catalog_new();
    struct tg_check_question q = {.model = TG_STR_INIT("deepseek-flash"),
                                  .now_ms = instant(NOON)};
    struct heard heard = {0};

    catalog->models[0].scopes = 0;
    if (tg_publish_catalog(publisher, catalog) != 0)
        abort();
    free(catalog);
    q.key_slot = publish_policy(&sound);
    tg_check(&state, &q, hear, &heard);
    is_str(heard.text, "?endpoint ?scope model=invalid_request ?upstream",
           "a model for nothing is refused");
    ok(strstr(answer, "cannot be used for any endpoint") != NULL,
       "with a sentence");
}

static void
test_a_key_that_is_gone(void)
{
    struct tg_check_question q = {.key_slot = 7, .now_ms = instant(NOON)};
    struct heard heard = {0}, unheard = {0};

    ok(!tg_check(&state, &q, hear, &heard), "no");
    is_str(heard.text, "credential=invalid_api_key", "and nothing more");
    q.key_slot = TG_CHECK_NO_KEY;
    ok(!tg_check(&state, &q, hear, &unheard), "no slot");
    is_str(unheard.text, "credential=invalid_api_key", "and nothing more");
}

int
main(void)
{
    admit_test_begin();
    tg_publish_ready(publisher, instant(NOON));
    if (tg_area_claim(&claim, &state, 77, 1) != 0)
        abort();
    test_cases();
    test_the_tables_order();
    test_nothing_is_taken();
    test_places();
    test_a_key_that_is_gone();
    test_a_model_for_nothing();
    tg_area_leave(&claim);
    admit_test_end();
    return done();
}
