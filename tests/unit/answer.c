/* What the gate answers by itself, byte for byte. */
#include "admit_judge.h"

#include "answer.h"

static char text[TG_ANSWER_SIZE + 1];

/* Admits GET path for a key of this policy. */
static void
ask(const char *path, const struct test_policy *policy, struct tg_admission *a)
{
    struct head_case row = {"", "GET", path, BEARER};
    struct tg_credential credential;

    publish_policy(policy);
    judge_head(&row, &credential, a);
    if (a->action != TG_ACTION_ANSWER)
        abort();
}

static const char *
answer_to(struct tg_admission *a, size_t cap)
{
    struct tg_text out = tg_text_in(text, cap);
    enum tg_code code = tg_answer_write(&out, &state, instant(NOON), a);

    text[out.len] = '\0';
    if (code == TG_CODE_NONE)
        return a->action == TG_ACTION_ANSWER ? text : "(refused)";
    return a->code == code ? refusal(a, TG_STR("")) : "(another code)";
}

#define MODEL(id, created, owner)                                              \
    "{\"id\":\"" id "\",\"object\":\"model\",\"created\":" created             \
    ",\"owned_by\":\"" owner "\"}"
#define LIST(models) "{\"object\":\"list\",\"data\":[" models "]}"
#define DEEPSEEK MODEL("deepseek-flash", "1700000000", "upstream-0")
#define GPT MODEL("gpt-4o", "1700000001", "upstream-1")
#define QWEN MODEL("org/qwen", "1700000002", "upstream-2")
#define EMBED MODEL("embed", "1700000003", "upstream-0")
/* Priced and of an upstream, though a call would find that one lacking. */
#define LACKING                                                                               \
    MODEL("keyless", "1700000008", "upstream-3")                                              \
    "," MODEL("lent", "1700000009", "upstream-4") "," MODEL(                                  \
        "freed", "1700000010",                                                                \
        "upstream-5") "," MODEL("homeless", "1700000011",                                     \
                                "upstream-6") "," MODEL("claude",                             \
                                                        "1700000012",                         \
                                                        "upstream-7") "," MODEL("boundless",  \
                                                                                "1700000013", \
                                                                                "upstream-1")
#define NO_MODEL(name, models)                                                 \
    INVALID("\"model\"", "model_not_found",                                    \
            "There is no model `" name "` here." models)
#define SEE_LIST " GET /v1/models lists those that this API key may use."

/* What a key's holder sees, part by part. */
#define KEY(kind, scopes, models, endpoints, expires)                          \
    "{\"object\":\"key\",\"id\":\"key_00000000000000000001\",\"account_id\":"  \
    "\"acct_0000000000000000001\",\"name\":\"a key\",\"kind\":\"" kind         \
    "\",\"status\":\"active\",\"prefix\":\"sk-tgp_\",\"last4\":\"KLpj\","      \
    "\"scopes\":[" scopes "],\"models\":[" models                              \
    "],\"endpoints\":[" endpoints                                              \
    "],\"allowed_ips\":[],\"allowed_referrers\":[],\"hours\":null,"            \
    "\"created_at\":\"2026-10-01T00:00:00.000Z\",\"expires_at\":" expires ","
#define LIMITS(minute, concurrency, queue)                                     \
    "\"limits\":{\"requests_per_second\":null,\"requests_per_minute\":" minute \
    ",\"requests_per_day\":null,\"tokens_per_minute\":null,"                   \
    "\"concurrency\":" concurrency ",\"max_queue_ms\":" queue "},"
#define BUDGET(daily)                                                          \
    "\"budget\":{\"daily\":" daily ",\"monthly\":null,\"timezone\":\"UTC\"},"
#define LEFT(requests, money, minute, concurrency, daily)                      \
    "\"left\":{\"requests\":" requests ",\"tokens\":null,\"money\":\"" money   \
    "\",\"requests_per_second\":null,\"requests_per_minute\":" minute          \
    ",\"requests_per_day\":null,\"tokens_per_minute\":null,"                   \
    "\"concurrency\":" concurrency ",\"daily\":" daily                         \
    ",\"monthly\":null,\"balance\":{\"left\":"                                 \
    "\"14.00\",\"resets_at\":null}},"
#define NO_USE                                                                 \
    "\"use\":{\"requests\":0,\"prompt_tokens\":0,\"completion_tokens\":0,"     \
    "\"cost\":\"0.00\",\"in_flight\":0}}"

static const struct {
    const char *what, *path;
    struct test_policy key;
    const char *want;
} rows[] = {
    {"all that are priced and served",
     "/v1/models",
     {0},
     LIST(DEEPSEEK "," GPT "," QWEN "," EMBED "," LACKING)},
    {"those on the list",
     "/v1/models",
     {.models = "org/* gpt-4o unpriced"},
     LIST(GPT "," QWEN)},
    {"those for development",
     "/v1/models",
     {.kind = TG_KIND_DEVELOPMENT},
     LIST(DEEPSEEK)},
    {"none", "/v1/models", {.kind = TG_KIND_RESTRICTED}, LIST("")},
    {"one model", "/v1/models/gpt-4o", {0}, GPT},
    {"one with a slash", "/models/org/qwen", {0}, QWEN},
    {"one that is not there", "/v1/models/x", {0}, NO_MODEL("x", SEE_LIST)},
    {"one without a price",
     "/v1/models/unpriced",
     {0},
     NO_MODEL("unpriced", SEE_LIST)},
    {"one whose price is to come",
     "/v1/models/tomorrow",
     {0},
     NO_MODEL("tomorrow", SEE_LIST)},
    {"one that nobody serves",
     "/v1/models/nobody",
     {0},
     NO_MODEL("nobody", SEE_LIST)},
    {"one that the key may not use",
     "/v1/models/gpt-4o",
     {.models = "m"},
     NO_MODEL("gpt-4o", " This API key may use `m`.")},
    {"the balance, one unit spent",
     "/user/balance",
     {0},
     "{\"is_available\":true,\"balance_infos\":[{\"currency\":\"USD\","
     "\"total_balance\":\"14.00\",\"granted_balance\":\"9.00\","
     "\"topped_up_balance\":\"5.00\"}]}"},
    {"a key",
     "/v1/key",
     {0},
     KEY("production",
         "\"chat\",\"code\",\"image\",\"audio\",\"embeddings\",\"files\","
         "\"fine_tuning\"",
         "", "", "null") LIMITS("null", "null", "0") BUDGET("null")
         LEFT("null", "14.00", "null", "null", "null") NO_USE},
    {"a key with limits",
     "/v1/key",
     {.kind = TG_KIND_RESTRICTED,
      .scopes = TG_SCOPE_CHAT | TG_SCOPE_FILES,
      .endpoints = 1u << TG_ENDPOINT_CHAT | 1u << TG_ENDPOINT_EMBEDDINGS,
      .models = "gpt-* \"m\"",
      .expires_at = "2027-01-01T00:00:00Z",
      .requests_per_minute = 60,
      .concurrency = 4,
      .max_queue_ms = 1500,
      .daily_nanos = 2500000000},
     KEY("restricted", "\"chat\",\"files\"", "\"gpt-*\",\"\\\"m\\\"\"",
         "\"POST /v1/chat/completions\",\"POST /v1/embeddings\"",
         "\"2027-01-01T00:00:00.000Z\"") LIMITS("60", "4", "1500")
         BUDGET("\"2.50\"")
             LEFT("60", "2.50", "{\"left\":60,\"resets_at\":null}",
                  "{\"left\":4,\"resets_at\":null}",
                  "{\"left\":\"2.50\",\"used\":\"0.00\",\"resets_at\":"
                  "\"2026-11-18T00:00:00.000Z\"}") NO_USE},
};

static void
test_answers(void)
{
    struct tg_admission a;

    for (size_t i = 0; i < COUNT(rows); i++) {
        ask(rows[i].path, &rows[i].key, &a);
        is_str(answer_to(&a, TG_ANSWER_SIZE), rows[i].want, "%s", rows[i].what);
    }
}

#define BALANCE(available, total, granted, topped_up)                          \
    "{\"is_available\":" available                                             \
    ",\"balance_infos\":[{\"currency\":\"USD\",\"total_balance\":\"" total     \
    "\",\"granted_balance\":\"" granted                                        \
    "\",\"topped_up_balance\":\"" topped_up "\"}]}"

/* Spent since the state file was made; 10 granted, 5 topped up, 1 before. */
static const struct {
    int64_t spent_nanos;
    uint8_t billing;
    const char *want;
} balances[] = {
    {1, TG_BILLING_PREPAID,
     BALANCE("true", "13.999999999", "8.999999999", "5.00")},
    {9000000000, TG_BILLING_PREPAID, BALANCE("true", "5.00", "0.00", "5.00")},
    {9000000001, TG_BILLING_PREPAID,
     BALANCE("true", "4.999999999", "0.00", "4.999999999")},
    {14000000000, TG_BILLING_PREPAID, BALANCE("false", "0.00", "0.00", "0.00")},
    {15000000000, TG_BILLING_PREPAID,
     BALANCE("false", "-1.00", "0.00", "-1.00")},
    {15000000000, TG_BILLING_POSTPAID,
     BALANCE("true", "-1.00", "0.00", "-1.00")},
    {INT64_MAX, TG_BILLING_PREPAID,
     BALANCE("false", "-9223372022.854775807", "0.00",
             "-9223372022.854775807")},
};

static void
test_balances(void)
{
    static const struct test_policy sound;
    struct tg_account_policy account;
    struct tg_admission a;
    uint32_t slot;

    for (size_t i = 0; i < COUNT(balances); i++) {
        tg_state_account(&state, 0, &account);
        account.billing = balances[i].billing;
        tg_publish_account(publisher, &account, &slot);
        state.accounts[0].counters.settled_nanos = balances[i].spent_nanos;
        ask("/user/balance", &sound, &a);
        is_str(answer_to(&a, TG_ANSWER_SIZE), balances[i].want,
               "%lld nanos spent", (long long)balances[i].spent_nanos);
    }
    state.accounts[0].counters.settled_nanos = 0;
}

static void
test_use(void)
{
    static const struct test_policy sound;
    struct tg_counters *counters;
    struct tg_admission a;
    const char *use;

    ask("/key", &sound, &a);
    counters = &state.keys[a.head.key_slot].counters;
    counters->calls = 3;
    counters->prompt_tokens = 100;
    counters->completion_tokens = 20;
    counters->settled_nanos = 1234567;
    counters->in_flight = 2;
    use = strstr(answer_to(&a, TG_ANSWER_SIZE), "\"use\":");
    is_str(use,
           "\"use\":{\"requests\":3,\"prompt_tokens\":100,"
           "\"completion_tokens\":20,\"cost\":\"0.001234567\","
           "\"in_flight\":2}}",
           "a key's use is what was counted");
}

/* Between a head and its answer, the policy is another one. */
static void
test_changes_meanwhile(void)
{
    static const struct test_policy sound = {.models = "old"};
    static const struct test_policy listed = {.models = "new"};
    static const struct test_policy disabled = {.status = TG_KEY_DISABLED};
    static const struct test_policy suspended = {.account = 1};
    struct tg_key_policy other = test_key(7);
    struct tg_admission a;
    uint32_t slot;

    ask("/key", &sound, &a);
    publish_policy(&listed);
    ok(strstr(answer_to(&a, TG_ANSWER_SIZE), "\"models\":[\"new\"]") != NULL,
       "a list that changed is the new one");
    ask("/key", &sound, &a);
    publish_policy(&disabled);
    is_str(answer_to(&a, TG_ANSWER_SIZE), DISABLED(""),
           "a key that was disabled has no answer");
    ask("/user/balance", &sound, &a);
    publish_policy(&suspended);
    ok(strstr(answer_to(&a, TG_ANSWER_SIZE), "account_suspended") != NULL,
       "nor has one whose account is another, suspended one");
    ask("/key", &sound, &a);
    /* A slot with calls in flight would wait for them. */
    atomic_store(&state.keys[a.head.key_slot].counters.in_flight, 0);
    tg_publish_key_gone(publisher, KEY_ID);
    tg_publish_key(publisher, &other, &slot);
    is_int(slot, a.head.key_slot, "its slot is another key's");
    ok(strstr(answer_to(&a, TG_ANSWER_SIZE), "invalid_api_key") != NULL &&
           strstr(text, other.id) == NULL,
       "which is not shown");
    tg_publish_key_gone(publisher, other.id);
}

static void
test_no_room(void)
{
    static const struct test_policy sound;
    struct tg_admission a;

    ask("/v1/models", &sound, &a);
    is_str(answer_to(&a, 100),
           ERROR("api_error", "null", "internal_error",
                 "This gate failed. Tell your operator the x-request-id of "
                 "this answer."),
           "what does not fit is an error, not a part");
}

/* The largest catalog there can be fits the room that is given. */
static void
test_full_catalog(void)
{
    static const struct test_policy sound;
    struct tg_catalog *catalog = test_catalog_new();
    struct tg_admission a;
    size_t count = 0;

    catalog->model_count = TG_CATALOG_MODELS;
    memset(catalog->upstreams[0].name, 'u', sizeof(catalog->upstreams[0].name));
    for (int i = 0; i < TG_CATALOG_MODELS; i++) {
        char name[TG_MODEL_NAME_MAX + 1];

        catalog->models[i] = catalog->models[0];
        snprintf(name, sizeof(name), "%064d", i);
        memcpy(catalog->models[i].name, name, TG_MODEL_NAME_MAX);
    }
    tg_publish_catalog(publisher, catalog);
    free(catalog);
    ask("/v1/models", &sound, &a);
    for (const char *at = answer_to(&a, TG_ANSWER_SIZE);
         (at = strstr(at, "{\"id\":")) != NULL; at++)
        count++;
    is_int(count, TG_CATALOG_MODELS, "512 models with the longest names fit");
}

int
main(void)
{
    admit_test_begin();
    tg_publish_ready(publisher, 1);
    test_answers();
    test_balances();
    test_use();
    test_changes_meanwhile();
    test_no_room();
    test_full_catalog();
    admit_test_end();
    return done();
}
