/* What a body asks for: whether it passes, and what is held and sent. */
#include "admit_judge.h"

#include "edit.h"

#define WITH_MODEL(model) "{\"model\":\"" model "\"}"

static const struct body_case refused_bodies[] = {
    {"no body",
     CHAT_PATH,
     "",
     {0},
     INVALID("null", "invalid_request",
             "The request has no body; send a JSON object.")},
    {"no JSON",
     CHAT_PATH,
     "{\"model\":\"gpt-4o\",x}",
     {0},
     INVALID("null", "invalid_request",
             "The request body is not JSON (byte 18).")},
    {"JSON cut short",
     CHAT_PATH,
     "{\"model\":",
     {0},
     INVALID("null", "invalid_request",
             "The request body's JSON ends too early (byte 9).")},
    {"more than JSON",
     CHAT_PATH,
     "{} {}",
     {0},
     INVALID("null", "invalid_request",
             "Something follows the JSON in the request body (byte 3).")},
    {"no UTF-8",
     CHAT_PATH,
     "{\"a\":\"\xff\"}",
     {0},
     INVALID("null", "invalid_request",
             "The request body has a string that is not UTF-8 (byte 6).")},
    {"no object",
     CHAT_PATH,
     "[1]",
     {0},
     INVALID("null", "invalid_request",
             "The request body is not a JSON object (byte 0).")},
    {"nested too deep",
     CHAT_PATH,
     "{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
     "[[[[",
     {0},
     INVALID("null", "invalid_request",
             "The request body's JSON is nested too deep (byte 68).")},
    {"the model twice",
     CHAT_PATH,
     "{\"model\":\"gpt-4o\",\"mod\\u0065l\":\"deepseek-flash\"}",
     {0},
     INVALID("\"model\"", "duplicate_field",
             "`model` stands twice; send it once (byte 18).")},
    {"a limit that is text",
     CHAT_PATH,
     "{\"max_tokens\":\"9\"}",
     {0},
     INVALID("\"max_tokens\"", "invalid_request",
             "`max_tokens` has the wrong type (byte 14).")},
    {"a negative limit",
     CHAT_PATH,
     "{\"max_tokens\":-1}",
     {0},
     INVALID("\"max_tokens\"", "invalid_request",
             "`max_tokens` is out of range (byte 14).")},
    {"usage that is a number",
     CHAT_PATH,
     "{\"stream_options\":{\"include_usage\":1}}",
     {0},
     INVALID("\"stream_options.include_usage\"", "invalid_request",
             "`stream_options.include_usage` has the wrong type (byte 35).")},
    {"chunks that can be read in two ways",
     CHAT_PATH,
     WITH_MODEL("deepseek-flash"),
     {0},
     INVALID("null", "invalid_request",
             "The chunks of the request's body are not written as HTTP/1.1 "
             "demands: a size in hexadecimal, CR LF, so many bytes, CR LF."),
     TG_WIRE_BARE_LF},
    {"no model",
     CHAT_PATH,
     "{}",
     {0},
     INVALID("\"model\"", "invalid_request",
             "The request names no model: set `model` to one of GET "
             "/v1/models.")},
    {"a model that is not there",
     CHAT_PATH,
     WITH_MODEL("gpt-5\\\"<b>"),
     {0},
     INVALID("\"model\"", "model_not_found",
             "There is no model `gpt-5\\\"<b>` here. GET /v1/models lists "
             "those that this API key may use.")},
    {"the same, for a key with a list",
     CHAT_PATH,
     WITH_MODEL("gpt-5"),
     {.models = "gpt-4o deepseek-*"},
     INVALID("\"model\"", "model_not_found",
             "There is no model `gpt-5` here. This API key may use `gpt-4o`, "
             "`deepseek-*`.")},
    {"a model that the key may not use",
     CHAT_PATH,
     WITH_MODEL("gpt-4o"),
     {.models = "gpt-4 gpt-4o-* deepseek-* *o"},
     INVALID("\"model\"", "model_not_found",
             "This API key may not use the model `gpt-4o`. This API key may "
             "use `gpt-4`, `gpt-4o-*`, `deepseek-*`, `*o`.")},
    {"a restricted key without a list",
     CHAT_PATH,
     WITH_MODEL("gpt-4o"),
     {.kind = TG_KIND_RESTRICTED},
     INVALID("\"model\"", "model_not_found",
             "This API key may not use the model `gpt-4o`. GET /v1/models "
             "lists those that this API key may use.")},
    {"a development key, and a model that is not marked",
     CHAT_PATH,
     WITH_MODEL("gpt-4o"),
     {.kind = TG_KIND_DEVELOPMENT},
     INVALID("\"model\"", "model_not_found",
             "This API key may not use the model `gpt-4o`. GET /v1/models "
             "lists those that this API key may use.")},
    {"a model of another use",
     CHAT_PATH,
     WITH_MODEL("embed"),
     {0},
     INVALID("\"model\"", "invalid_request",
             "The model `embed` cannot be used for POST "
             "/v1/chat/completions. Choose another one from GET "
             "/v1/models.")},
    {"a model whose provider has no such endpoint",
     CHAT_PATH,
     WITH_MODEL("claude"),
     {0},
     INVALID("\"model\"", "invalid_request",
             "The model `claude` is of a provider that has no POST "
             "/v1/chat/completions. Use POST /v1/messages, or another model "
             "from GET /v1/models.")},
    {"the other way round",
     "/v1/messages",
     WITH_MODEL("gpt-4o"),
     {0},
     INVALID("\"model\"", "invalid_request",
             "The model `gpt-4o` is of a provider that has no POST "
             "/v1/messages. Use POST /v1/chat/completions or POST "
             "/v1/responses, or another model from GET /v1/models.")},
    {"an answer in the background",
     "/v1/responses",
     "{\"model\":\"gpt-4o\",\"background\":true}",
     {0},
     INVALID("\"background\"", "invalid_request",
             "An answer in the background goes on when its call has ended, "
             "where this gate cannot meter it. Leave `background` out; to see "
             "an answer as it is made, set `stream`.")},
    {"an earlier answer",
     "/v1/responses",
     "{\"model\":\"gpt-4o\",\"previous_response_id\":\"resp_1\"}",
     {0},
     INVALID("\"previous_response_id\"", "invalid_request",
             "An earlier answer is kept by the provider, for all callers of "
             "this gate alike, so it is not reached from here. Send the whole "
             "prompt instead.")},
    {"an item by its id",
     "/v1/responses",
     "{\"model\":\"gpt-4o\",\"input\":[{\"id\":\"msg_1\"}]}",
     {0},
     INVALID("\"input\"", "invalid_request",
             "An item that `input` only names is kept by the provider, for "
             "all callers of this gate alike, so it is not reached from here. "
             "Send the whole prompt instead.")},
    {"Anthropic's search",
     "/anthropic/v1/messages",
     "{\"model\":\"claude\",\"tools\":[{\"type\":\"web_search_20250305\"}]}",
     {0},
     INVALID("\"tools\"", "invalid_request",
             "A tool of this type runs at the provider and is billed apart, "
             "which this gate cannot meter. Use tools that your own program "
             "runs: `function`, `custom`.")},
    {"an hour in the cache, at the price of five minutes",
     "/v1/messages",
     "{\"model\":\"claude\",\"system\":[{\"type\":\"text\",\"text\":\"x\","
     "\"cache_control\":{\"type\":\"ephemeral\",\"ttl\":\"1h\"}}]}",
     {0},
     INVALID("\"cache_control\"", "invalid_request",
             "What the provider's cache keeps for an hour costs twice the "
             "prompt, and the price book has no such price. Leave `ttl` out, "
             "or ask your operator to raise the price of cache writes.")},
    {"a tool that runs at the provider",
     CHAT_PATH,
     "{\"model\":\"gpt-4o\",\"tools\":[{\"type\":\"web_search\"}]}",
     {0},
     INVALID("\"tools\"", "invalid_request",
             "A tool of this type runs at the provider and is billed apart, "
             "which this gate cannot meter. Use tools that your own program "
             "runs: `function`, `custom`.")},
    {"a service tier",
     CHAT_PATH,
     "{\"model\":\"gpt-4o\",\"service_tier\":\"priority\"}",
     {0},
     INVALID("\"service_tier\"", "invalid_request",
             "This service tier has a price of its own, which the price book "
             "does not have. Leave it out.")},
    {"a file, and nobody knows how much the model can take",
     CHAT_PATH,
     "{\"model\":\"boundless\",\"messages\":[{\"role\":\"user\",\"content\":["
     "{\"type\":\"file\",\"file\":{\"file_data\":\"AA\"}}]}]}",
     {0},
     INVALID("null", "invalid_request",
             "The prompt has a document, a file or a part of another type, "
             "whose tokens the request does not show, and how many the model "
             "can take is not known here. Send text, or ask your operator to "
             "set the model's context length.")},
    {"a model without a price",
     CHAT_PATH,
     WITH_MODEL("unpriced"),
     {0},
     INVALID("\"model\"", "model_not_priced",
             "This model has no price here, so it cannot be metered and is "
             "not served. Ask your operator to add one to the price book.")},
    {"a model whose first price is to come",
     CHAT_PATH,
     WITH_MODEL("tomorrow"),
     {0},
     INVALID("\"model\"", "model_not_priced",
             "This model has no price here, so it cannot be metered and is "
             "not served. Ask your operator to add one to the price book.")},
    {"a model that nobody serves",
     CHAT_PATH,
     WITH_MODEL("nobody"),
     {0},
     ERROR("api_error", "\"model\"", "upstream_unavailable",
           "The model `nobody` has no upstream. Operator: `tollgate "
           "upstreams add`.")},
    {"a model whose upstream was removed",
     CHAT_PATH,
     WITH_MODEL("removed"),
     {0},
     ERROR("api_error", "\"model\"", "upstream_unavailable",
           "The model `removed` has no upstream. Operator: `tollgate "
           "upstreams add`.")},
    {"an upstream without a credential",
     CHAT_PATH,
     WITH_MODEL("keyless"),
     {0},
     ERROR("api_error", "null", "upstream_unavailable",
           "The model `keyless` has an upstream without a credential. "
           "Operator: `tollgate credentials add`.")},
    {"a credential of another upstream",
     CHAT_PATH,
     WITH_MODEL("lent"),
     {0},
     ERROR("api_error", "null", "upstream_unavailable",
           "The model `lent` has an upstream without a credential. "
           "Operator: `tollgate credentials add`.")},
    {"a credential row that is free",
     CHAT_PATH,
     WITH_MODEL("freed"),
     {0},
     ERROR("api_error", "null", "upstream_unavailable",
           "The model `freed` has an upstream without a credential. "
           "Operator: `tollgate credentials add`.")},
    {"an upstream without an address",
     CHAT_PATH,
     WITH_MODEL("homeless"),
     {0},
     ERROR("api_error", "null", "upstream_unavailable",
           "The model `homeless` has an upstream whose host name does not "
           "resolve. Operator: `tollgate upstreams list`.")},
    {"more tokens than a call can have",
     CHAT_PATH,
     "{\"model\":\"gpt-4o\",\"max_tokens\":9223372036854775807}",
     {0},
     INVALID("\"max_tokens\"", "invalid_request",
             "`max_tokens` is out of range (byte 31).")},
    {"the same by their number",
     CHAT_PATH,
     "{\"model\":\"gpt-4o\",\"max_tokens\":9,\"n\":999999999999}",
     {0},
     INVALID("\"n\"", "invalid_request", "`n` is out of range (byte 37).")},
    {"the body comes when the key is disabled",
     CHAT_PATH,
     WITH_MODEL("gpt-4o"),
     {.status = TG_KEY_DISABLED},
     DISABLED("")},
    {"or deleted",
     CHAT_PATH,
     WITH_MODEL("gpt-4o"),
     {.status = TG_KEY_DELETED},
     KEY_ERROR("invalid_api_key",
               "This API key is well formed but not known here. It may "
               "belong to another Tollgate, or it was deleted. Check the "
               "base URL, or ask your operator for a new key.")},
    {"or its account suspended",
     CHAT_PATH,
     WITH_MODEL("gpt-4o"),
     {.account = 1},
     ERROR("permission_error", "null", "account_suspended",
           "The account of this API key is suspended. Ask your operator.")},
    {"or its scope taken away",
     CHAT_PATH,
     WITH_MODEL("gpt-4o"),
     {.scopes = ALL_BUT_CHAT},
     DENIED("This API key lacks the scope `chat` that POST "
            "/v1/chat/completions needs. Ask your operator to add it, or use "
            "another key.")},
};

static void
test_bodies(void)
{
    struct tg_admission a;

    for (size_t i = 0; i < COUNT(refused_bodies); i++) {
        judge_body(&refused_bodies[i], NOON, &a);
        is_str(refusal(&a, TG_STR("")), refused_bodies[i].want, "refused: %s",
               refused_bodies[i].what);
        ok(a.must_close == (refused_bodies[i].chunks != TG_WIRE_FINE),
           "and what follows is a request, or not");
    }
}

/* Which models a key may use, by its kind and list. */
static const struct {
    const char *patterns, *model;
    uint8_t kind;
    bool may;
} uses[] = {
    {NULL, "gpt-4o", TG_KIND_PRODUCTION, true},
    {NULL, "deepseek-flash", TG_KIND_DEVELOPMENT, true},
    {NULL, "deepseek-flash", TG_KIND_RESTRICTED, false},
    {NULL, "deepseek-flash", 99, false},
    {"gpt-4o", "gpt-4o", TG_KIND_RESTRICTED, true},
    {"gpt-4o", "gpt-4o", TG_KIND_DEVELOPMENT, true},
    {"gpt-4", "gpt-4o", TG_KIND_PRODUCTION, false},
    {"gpt-4o-mini", "gpt-4o", TG_KIND_PRODUCTION, false},
    {"GPT-4o", "gpt-4o", TG_KIND_PRODUCTION, false},
    {"gpt-*", "gpt-4o", TG_KIND_RESTRICTED, true},
    {"gpt-4o*", "gpt-4o", TG_KIND_PRODUCTION, true},
    {"gpt-4o?*", "gpt-4o", TG_KIND_PRODUCTION, false},
    {"*", "org/qwen", TG_KIND_PRODUCTION, true},
    {"org/*", "org/qwen", TG_KIND_PRODUCTION, true},
    {"*qwen", "org/qwen", TG_KIND_PRODUCTION, false},
    {"a b c org/qwen", "org/qwen", TG_KIND_PRODUCTION, true},
};

static void
test_use(void)
{
    struct tg_catalog *catalog = test_catalog_new();
    struct tg_key_policy key;
    uint64_t seq;

    for (size_t i = 0; i < COUNT(uses); i++) {
        struct test_policy row = {.kind = uses[i].kind,
                                  .models = uses[i].patterns};
        const struct tg_model *model = catalog->models;

        while (strcmp(model->name, uses[i].model) != 0)
            model++;
        tg_state_key(&state, publish_policy(&row), &key, &seq);
        is_int(tg_admit_may_use(&state, &key, model), uses[i].may,
               "a key of kind %d with %s and %s", uses[i].kind,
               uses[i].patterns ? uses[i].patterns : "no list", uses[i].model);
    }
    free(catalog);
}

static const struct call_case {
    const char *what, *path, *body, *now;
    int64_t miss_picos, completion_bound, held_nanos;
    uint16_t flags;
    const char *upstream_path, *upstream, *credential;
} calls[] = {
    {"chat, off-peak: its price is frozen and held", CHAT_PATH,
     "{\"model\":\"deepseek-flash\",\"max_tokens\":100}", NOON, 150000, 100,
     137400, 0, "/chat/completions", "up_0", "cred_0"},
    {"in the last peak second", CHAT_PATH,
     "{\"model\":\"deepseek-flash\",\"max_tokens\":100}",
     "2026-11-17T03:59:59.999Z", 300000, 100, 274800, TG_CALL_PEAK,
     "/chat/completions", "up_0", "cred_0"},
    {"in the first one behind it", CHAT_PATH,
     "{\"model\":\"deepseek-flash\",\"max_tokens\":100}",
     "2026-11-17T04:00:00Z", 150000, 100, 137400, 0, "/chat/completions",
     "up_0", "cred_0"},
    {"when the next price is in force", CHAT_PATH,
     "{\"model\":\"deepseek-flash\",\"max_tokens\":1000}",
     "2026-12-01T00:00:00Z", 2, 1000, 5, 0, "/chat/completions", "up_0",
     "cred_0"},
    {"three answers cost three times", CHAT_PATH,
     "{\"model\":\"gpt-4o\",\"n\":3,\"max_tokens\":100}", NOON, 150000, 300,
     257400, 0, "/chat/completions", "up_1", "cred_1"},
    {"a stream", CHAT_PATH,
     "{\"model\":\"gpt-4o\",\"stream\":true,\"max_tokens\":1}", NOON, 150000, 1,
     78000, TG_CALL_STREAM, "/chat/completions", "up_1", "cred_1"},
    {"no stream", CHAT_PATH,
     "{\"model\":\"gpt-4o\",\"stream\":null,\"max_tokens\":1}", NOON, 150000, 1,
     78000, 0, "/chat/completions", "up_1", "cred_1"},
    {"completions of DeepSeek are its beta's", "/v1/completions",
     "{\"model\":\"deepseek-flash\"}", NOON, 150000, 4096, 2535000, 0,
     "/beta/completions", "up_0", "cred_0"},
    {"FIM elsewhere is completions", "/v1/beta/completions",
     "{\"model\":\"org/qwen\",\"max_tokens\":7,\"best_of\":2}", NOON, 150000,
     14, 85800, 0, "/completions", "up_2", "cred_2"},
    {"responses have a limit of their own", "/v1/responses",
     "{\"model\":\"gpt-4o\",\"max_output_tokens\":100,\"max_tokens\":7,"
     "\"stream\":true}",
     NOON, 150000, 100, 137400, TG_CALL_STREAM, "/responses", "up_1", "cred_1"},
    {"messages of DeepSeek", "/v1/messages",
     "{\"model\":\"deepseek-flash\",\"max_tokens\":100}", NOON, 150000, 100,
     137400, 0, "/anthropic/v1/messages", "up_0", "cred_0"},
    {"messages of Anthropic", "/anthropic/v1/messages",
     "{\"model\":\"claude\",\"max_tokens\":100}", NOON, 150000, 100, 137400, 0,
     "/v1/messages", "up_7", "cred_7"},
    {"embeddings have no answer to hold for", "/v1/embeddings",
     "{\"model\":\"embed\",\"max_tokens\":7}", NOON, 150000, 0, 77400, 0,
     "/embeddings", "up_0", "cred_0"},
};

static void
test_calls(void)
{
    struct tg_admission a;

    for (size_t i = 0; i < COUNT(calls); i++) {
        const struct call_case *row = &calls[i];
        struct body_case body = {"", row->path, row->body, {0}, NULL};
        const struct tg_call *call = &a.call;

        judge_body(&body, row->now, &a);
        if (!ok(a.action == TG_ACTION_PROXY, "admitted: %s", row->what)) {
            printf("# %s\n", refusal(&a, TG_STR("")));
            continue;
        }
        is_int(call->rates.miss_picos, row->miss_picos, "its price");
        is_int(call->prompt_bound, 4 + 512,
               "no prompt but a bracket, and what a provider adds");
        is_int(call->completion_bound, row->completion_bound, "its bound");
        is_int(call->held_nanos, row->held_nanos, "its hold");
        is_int(call->flags, row->flags, "its flags");
        ok(tg_str_eq(a.place.path, text_of(row->upstream_path)) &&
               a.place.base.len == 0,
           "its path upstream");
        is_str(call->upstream_id, row->upstream, "its upstream");
        is_str(call->credential_id, row->credential, "its credential");
        is_str(a.upstream.id, row->upstream, "which was copied");
        ok(call->at_ms == instant(row->now) && call->ttft_ms == TG_ABSENT_MS &&
               call->status == 0 && call->key_slot == a.head.key_slot &&
               call->account_slot == 0 &&
               call->endpoint == a.head.route->endpoint &&
               memcmp(call->key_id, KEY_ID, TG_ID_LEN) == 0 &&
               memcmp(call->account_id, a.account.id, TG_ID_LEN) == 0 &&
               memcmp(call->ip, a.head.ip, 16) == 0,
           "and the rest of the call is filled");
    }
}

#define OLD (TG_CALL_OLD_SECRET | 7 << TG_CALL_SECRET_SHIFT)
#define TWO TG_CALL_TWO_SECRETS

/* Which secret a call came with, by who has a number and until when. */
static const struct {
    const char *what;
    struct test_policy key;
    bool is_new;
    int flags;
} by_secret[] = {
    {"the only one", {.numbers = {8, 0}}, true, 8 << TG_CALL_SECRET_SHIFT},
    {"the newer of two", {.numbers = {8, 7}}, true, 0x800 | TWO},
    {"the older of two", {.numbers = {8, 7}}, false, OLD | TWO},
    {"the older, which has an end",
     {.numbers = {8, 7}, .old_until = "2026-11-17T12:00:00.001Z"},
     false,
     OLD | TWO},
    {"the newer when the other has ended",
     {.numbers = {8, 7}, .old_until = NOON},
     true,
     0x800},
    {"the highest number", {.numbers = {1, 255}}, false, 0xff00 | TWO | 64},
};

static void
test_secret_is_told(void)
{
    for (size_t i = 0; i < COUNT(by_secret); i++) {
        struct body_case body = {"", CHAT_PATH,
                                 "{\"model\":\"gpt-4o\",\"max_tokens\":1}",
                                 by_secret[i].key, NULL};
        struct tg_admission a;

        if (by_secret[i].is_new)
            judge_body_by(&body, "Bearer " NEW_SECRET, NOON, &a);
        else
            judge_body(&body, NOON, &a);
        is_int(a.action, TG_ACTION_PROXY, "admitted: %s", by_secret[i].what);
        is_int(a.call.flags, by_secret[i].flags, "and its call tells");
    }
}

static void
test_prompt_is_held(void)
{
    static const struct body_case body = {
        "",
        CHAT_PATH,
        "{\"model\":\"deepseek-flash\",\"max_tokens\":1,\"messages\":"
        "[{\"role\":\"user\",\"content\":\"0123456789\"}]}",
        {0},
        NULL};
    struct tg_admission a;

    judge_body(&body, NOON, &a);
    ok(a.call.prompt_bound >= 10, "a prompt is at most its bytes");
    is_int(a.call.held_nanos, 150 * a.call.prompt_bound + 600,
           "and held at the price of the hour");
}

/* deepseek-flash at noon is 3000, 150000, 600000 picos a token. */
static const struct {
    const char *what;
    uint8_t kind;
    int64_t hit_picos, miss_picos, output_picos, held_nanos;
} factors[] = {
    {"half, for development", TG_KIND_DEVELOPMENT, 1500, 75000, 300000,
     516 * 75 + 300},
    {"a third, rounded up, for production", TG_KIND_PRODUCTION, 1000, 50000,
     199999, 516 * 50 + 200},
    {"as it is, for restricted", TG_KIND_RESTRICTED, 3000, 150000, 600000,
     516 * 150 + 600},
    {"as it is, for a kind of the future", 9, 3000, 150000, 600000,
     516 * 150 + 600},
};

static void
test_factor_is_frozen(void)
{
    struct tg_settings settings = {
        .price_factor_ppm = {
            [TG_KIND_PRODUCTION] = 333331, [TG_KIND_DEVELOPMENT] = 500000}};
    struct tg_admission a;

    publish_settings(settings);
    for (size_t i = 0; i < COUNT(factors); i++) {
        struct body_case body = {
            "",
            CHAT_PATH,
            "{\"model\":\"deepseek-flash\",\"max_tokens\":1}",
            {.kind = factors[i].kind, .models = "*"},
            NULL};

        judge_body(&body, NOON, &a);
        is_int(a.action, TG_ACTION_PROXY, "%s", factors[i].what);
        is_int(a.call.rates.hit_picos, factors[i].hit_picos, "cached prompt");
        is_int(a.call.rates.miss_picos, factors[i].miss_picos, "prompt");
        is_int(a.call.rates.output_picos, factors[i].output_picos, "answer");
        is_int(a.call.held_nanos, factors[i].held_nanos, "its hold");
    }
    publish_settings((struct tg_settings){0});
}

static void
test_damaged_prices(void)
{
    static const struct body_case hour = {
        "",
        "/v1/messages",
        "{\"model\":\"claude\",\"system\":[{\"type\":\"text\",\"text\":\"x\","
        "\"cache_control\":{\"type\":\"ephemeral\",\"ttl\":\"1h\"}}]}",
        {0},
        NULL};
    struct tg_catalog *catalog = test_catalog_new();
    struct tg_rates *rates = &catalog->models[12].prices[0].off_peak;
    struct tg_admission a;

    rates->miss_picos = -1;
    rates->write_picos = INT64_MAX;
    if (tg_publish_catalog(publisher, catalog) != 0)
        abort();
    free(catalog);
    judge_body(&hour, NOON, &a);
    is_int(a.code, TG_CODE_MODEL_NOT_PRICED, "a price below zero is none");
    publish_settings((struct tg_settings){0});
}

/* What is held, beyond the request's bytes. */
static void
test_images_are_held(void)
{
    static const struct body_case body = {
        "",
        CHAT_PATH,
        "{\"model\":\"gpt-4o\",\"max_tokens\":1,\"messages\":[{\"role\":"
        "\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":"
        "\"https://x/y\"}}]}]}",
        {0},
        NULL};
    struct tg_admission a;

    judge_body(&body, NOON, &a);
    ok(a.call.prompt_bound > 49152 && a.call.prompt_bound < 50000,
       "an image is held at its most");
}

#define STREAM "\"stream\":true"

/* When usage must be asked for, by dialect. */
static const struct ask_case {
    const char *model, *members;
    bool must_ask;
} asks[] = {
    {"gpt-4o", STREAM, true},
    {"gpt-4o", "\"stream\":false", false},
    {"gpt-4o", "\"n\":1", false},
    {"gpt-4o", STREAM ",\"stream_options\":null", true},
    {"gpt-4o", STREAM ",\"stream_options\":{}", true},
    {"gpt-4o", STREAM ",\"stream_options\":{\"include_usage\":false}", true},
    {"gpt-4o", STREAM ",\"stream_options\":{\"include_usage\":null}", true},
    {"gpt-4o", STREAM ",\"stream_options\":{\"include_usage\":true}", false},
    {"org/qwen", STREAM, true},
    {"org/qwen", STREAM ",\"stream_options\":null", true},
    {"org/qwen", STREAM ",\"stream_options\":{}", false},
    {"org/qwen", STREAM ",\"stream_options\":{\"include_usage\":false}", true},
    {"org/qwen", STREAM ",\"stream_options\":{\"include_usage\":true}", false},
    {"deepseek-flash", STREAM, false},
    {"deepseek-flash", STREAM ",\"stream_options\":{}", false},
    {"deepseek-flash", STREAM ",\"stream_options\":{\"include_usage\":false}",
     false},
};

static void
test_asking(void)
{
    static const struct body_case responses = {
        "", "/v1/responses", "{\"model\":\"gpt-4o\"," STREAM "}", {0}, NULL};
    static const struct body_case messages = {
        "", "/v1/messages", "{\"model\":\"org/qwen\"," STREAM "}", {0}, NULL};
    struct tg_admission a;
    char text[256];

    judge_body(&responses, NOON, &a);
    is_int(a.edit_rule, TG_EDIT_NOTHING, "responses report unasked");
    judge_body(&messages, NOON, &a);
    is_int(a.edit_rule, TG_EDIT_NOTHING, "and so do messages");

    for (size_t i = 0; i < COUNT(asks); i++) {
        struct body_case body = {"", CHAT_PATH, text, {0}, NULL};

        snprintf(text, sizeof(text), "{\"model\":\"%s\",%s}", asks[i].model,
                 asks[i].members);
        judge_body(&body, NOON, &a);
        is_int(a.action, TG_ACTION_PROXY, "admitted: %s", text);
        is_int(a.edit_rule,
               asks[i].must_ask ? TG_EDIT_ALL_USAGE : TG_EDIT_NOTHING,
               "usage is asked for and taken out again, or not");
    }
}

/* A body faulted late takes nothing of the slot's next owner. */
static void
test_slot_changes_hands(void)
{
    struct head_case head = {"", CHAT, .authorization = BEARER};
    struct tg_key_policy other = test_key(7);
    struct tg_credential credential;
    struct tg_body_fault none = {0};
    struct tg_body_facts facts = {.model = "gpt-4o", .model_len = 6};
    struct tg_admission a;
    uint32_t slot;

    publish_policy(&head.key);
    judge_head(&head, &credential, &a);
    tg_publish_key_gone(publisher, KEY_ID);
    tg_publish_key(publisher, &other, &slot);
    is_int(slot, a.head.key_slot, "another key gets the slot");
    tg_admit_body(&state, &a.head, &facts, &none, instant(NOON), &a);
    is_int(a.code, TG_CODE_INVALID_API_KEY, "and not the call");
    ok(a.action == TG_ACTION_REFUSE && !a.has_key, "nor its record");
    tg_publish_key_gone(publisher, other.id);
}

/* What was read of a key is not taken for another one's. */
static void
test_key_is_another(void)
{
    struct head_case head = {"", CHAT, .authorization = BEARER};
    struct tg_key_policy other = test_key(7), read;
    struct tg_credential credential;
    struct tg_admission a;
    uint32_t slot;

    publish_policy(&head.key);
    judge_head(&head, &credential, &a);
    do {
        other.created_at_ms++;
        tg_publish_key(publisher, &other, &slot);
        (void)tg_state_key(&state, slot, &read, &a.head.place_seq);
    } while (a.head.place_seq < a.key_seq);
    is_int((int64_t)a.head.place_seq, (int64_t)a.key_seq, "as often published");
    a.head.key_slot = slot;
    memcpy(a.head.digest.bytes, other.secrets[0].digest, 32);
    tg_admit_again(&state, instant(NOON), &a);
    ok(a.has_key && memcmp(a.key.id, other.id, TG_ID_LEN) == 0, "the other");
    tg_publish_key_gone(publisher, other.id);
}

/* The key of a slot may be used from addresses that begin like this. */
static void
publish_network(uint32_t slot, uint8_t first)
{
    const char network[17] = {96 + 8, [11] = -1, -1, (char)first};
    struct tg_str list = {network, sizeof(network)};
    struct tg_key_policy key;
    uint64_t seq;

    if (tg_state_key(&state, slot, &key, &seq) != 0 ||
        tg_publish_texts(publisher, &list, 1, &key.networks) != 0 ||
        tg_publish_key(publisher, &key, &slot) != 0)
        abort();
}

/* What the head was told of the place holds for one publication. */
static void
test_place_is_asked_again(void)
{
    struct head_case head = {"", CHAT, .authorization = BEARER};
    struct tg_credential credential;
    struct tg_body_fault none = {0};
    struct tg_body_facts facts = {.model = "gpt-4o", .model_len = 6};
    struct tg_admission a;
    uint32_t slot = publish_policy(&head.key);

    publish_network(slot, 127);
    judge_head(&head, &credential, &a);
    is_int(a.action, TG_ACTION_READ_BODY, "an address that is listed");
    tg_admit_body(&state, &a.head, &facts, &none, instant(NOON), &a);
    is_int(a.action, TG_ACTION_PROXY, "and still is behind the body");
    publish_network(slot, 10);
    tg_admit_body(&state, &a.head, &facts, &none, instant(NOON), &a);
    is_int(a.code, TG_CODE_IP_NOT_ALLOWED, "and is not any more");
    ok(!tg_admit_again(&state, instant(NOON), &a), "which stays so");
    publish_network(slot, 127);
    ok(tg_admit_again(&state, instant(NOON), &a), "until it is listed again");
}

int
main(void)
{
    static const enum tg_code codes[] = {
        TG_CODE_INVALID_REQUEST,      TG_CODE_DUPLICATE_FIELD,
        TG_CODE_MODEL_NOT_FOUND,      TG_CODE_MODEL_NOT_PRICED,
        TG_CODE_KEY_DISABLED,         TG_CODE_INVALID_API_KEY,
        TG_CODE_ACCOUNT_SUSPENDED,    TG_CODE_PERMISSION_DENIED,
        TG_CODE_UPSTREAM_UNAVAILABLE,
    };

    admit_test_begin();
    tg_publish_ready(publisher, 1);
    test_bodies();
    test_use();
    test_calls();
    test_secret_is_told();
    test_prompt_is_held();
    test_images_are_held();
    test_factor_is_frozen();
    test_damaged_prices();
    test_asking();
    test_slot_changes_hands();
    test_key_is_another();
    test_place_is_asked_again();
    test_reached(codes, COUNT(codes));
    admit_test_end();
    return done();
}
