/* The routes, the scopes, the ids and the codes: tables, row by row. */
#include "route.h"

#include "code.h"
#include "id.h"
#include "tap.h"

#define POST TG_METHOD_POST
#define GET TG_METHOD_GET
#define DELETE TG_METHOD_DELETE
#define OTHER TG_METHOD_OTHER

#define X32 "abcdefghijklmnopqrstuvwxyz-_0123"
#define X128 X32 X32 X32 X32

static const struct {
    enum tg_method method;
    const char *path;
    enum tg_endpoint endpoint; /* NONE: there is none */
    bool has_path;             /* under another method */
    const char *argument;
} routes[] = {
    {POST, "/chat/completions", TG_ENDPOINT_CHAT, false, ""},
    {POST, "/v1/chat/completions", TG_ENDPOINT_CHAT, false, ""},
    {POST, "/completions", TG_ENDPOINT_COMPLETIONS, false, ""},
    {POST, "/v1/completions", TG_ENDPOINT_COMPLETIONS, false, ""},
    {POST, "/beta/completions", TG_ENDPOINT_FIM, false, ""},
    {POST, "/v1/beta/completions", TG_ENDPOINT_FIM, false, ""},
    {POST, "/embeddings", TG_ENDPOINT_EMBEDDINGS, false, ""},
    {POST, "/v1/embeddings", TG_ENDPOINT_EMBEDDINGS, false, ""},
    {POST, "/responses", TG_ENDPOINT_RESPONSES, false, ""},
    {POST, "/v1/responses", TG_ENDPOINT_RESPONSES, false, ""},
    {POST, "/messages", TG_ENDPOINT_MESSAGES, false, ""},
    {POST, "/v1/messages", TG_ENDPOINT_MESSAGES, false, ""},
    {POST, "/anthropic/v1/messages", TG_ENDPOINT_MESSAGES, false, ""},
    {POST, "/v1/anthropic/v1/messages", TG_ENDPOINT_MESSAGES, false, ""},
    {GET, "/models", TG_ENDPOINT_MODELS, false, ""},
    {GET, "/v1/models", TG_ENDPOINT_MODELS, false, ""},
    {GET, "/models/gpt-4o", TG_ENDPOINT_MODEL, false, "gpt-4o"},
    {GET, "/v1/models/org/qwen", TG_ENDPOINT_MODEL, false, "org/qwen"},
    {GET, "/user/balance", TG_ENDPOINT_BALANCE, false, ""},
    {GET, "/v1/user/balance", TG_ENDPOINT_BALANCE, false, ""},
    {GET, "/key", TG_ENDPOINT_KEY, false, ""},
    {GET, "/v1/key", TG_ENDPOINT_KEY, false, ""},

    {POST, "/v1/files", TG_ENDPOINT_FILES, false, ""},
    {GET, "/v1/files", TG_ENDPOINT_FILE_LIST, false, ""},
    {GET, "/v1/files/file-1", TG_ENDPOINT_FILE, false, "file-1"},
    {GET, "/files/file_A9", TG_ENDPOINT_FILE, false, "file_A9"},
    {DELETE, "/v1/files/file-1", TG_ENDPOINT_FILE_DELETE, false, "file-1"},
    {GET, "/v1/files/x/content", TG_ENDPOINT_FILE_CONTENT, false, "x"},
    {GET, "/v1/files/content", TG_ENDPOINT_FILE, false, "content"},
    {POST, "/v1/uploads", TG_ENDPOINT_UPLOADS, false, ""},
    {POST, "/v1/uploads/u/parts", TG_ENDPOINT_UPLOAD_PARTS, false, "u"},
    {POST, "/v1/uploads/u/complete", TG_ENDPOINT_UPLOAD_COMPLETE, false, "u"},
    {POST, "/v1/uploads/u/cancel", TG_ENDPOINT_UPLOAD_CANCEL, false, "u"},
    {POST, "/v1/batches", TG_ENDPOINT_BATCHES, false, ""},
    {GET, "/v1/batches", TG_ENDPOINT_BATCH_LIST, false, ""},
    {GET, "/v1/batches/b", TG_ENDPOINT_BATCH, false, "b"},
    {POST, "/v1/batches/b/cancel", TG_ENDPOINT_BATCH_CANCEL, false, "b"},
    {POST, "/v1/fine_tuning/jobs", TG_ENDPOINT_JOBS, false, ""},
    {GET, "/v1/fine_tuning/jobs", TG_ENDPOINT_JOB_LIST, false, ""},
    {GET, "/v1/fine_tuning/jobs/j", TG_ENDPOINT_JOB, false, "j"},
    {POST, "/v1/fine_tuning/jobs/j/cancel", TG_ENDPOINT_JOB_CANCEL, false, "j"},
    {POST, "/v1/fine_tuning/jobs/j/pause", TG_ENDPOINT_JOB_PAUSE, false, "j"},
    {POST, "/v1/fine_tuning/jobs/j/resume", TG_ENDPOINT_JOB_RESUME, false, "j"},
    {GET, "/v1/fine_tuning/jobs/j/events", TG_ENDPOINT_JOB_EVENTS, false, "j"},
    {GET, "/v1/fine_tuning/jobs/j/checkpoints", TG_ENDPOINT_JOB_CHECKPOINTS,
     false, "j"},
    {GET, "/v1/files/" X128, TG_ENDPOINT_FILE, false, X128},

    {GET, "/v1/files/" X128 "x", TG_ENDPOINT_NONE, false, ""},
    {GET, "/v1/files/" X128 "x/content", TG_ENDPOINT_NONE, false, ""},
    {GET, "/v1/files/", TG_ENDPOINT_NONE, false, ""},
    {GET, "/v1/files//content", TG_ENDPOINT_NONE, false, ""},
    {GET, "/v1/files/x/", TG_ENDPOINT_NONE, false, ""},
    {GET, "/v1/files/x/contents", TG_ENDPOINT_NONE, false, ""},
    {GET, "/v1/files/x/content/", TG_ENDPOINT_NONE, false, ""},
    {GET, "/v1/files/x/y/content", TG_ENDPOINT_NONE, false, ""},
    {GET, "/v1/files/x.y", TG_ENDPOINT_NONE, false, ""},
    {GET, "/v1/files/..", TG_ENDPOINT_NONE, false, ""},
    {GET, "/v1/files/x%2fy", TG_ENDPOINT_NONE, false, ""},
    {GET, "/v1/files/x;y", TG_ENDPOINT_NONE, false, ""},
    {GET, "/v1/files/\xc3\xa9", TG_ENDPOINT_NONE, false, ""},
    {GET, "/v1/Files/x", TG_ENDPOINT_NONE, false, ""},
    {POST, "/v1/files/x", TG_ENDPOINT_NONE, true, ""},
    {DELETE, "/v1/files", TG_ENDPOINT_NONE, true, ""},
    {DELETE, "/v1/files/x/content", TG_ENDPOINT_NONE, true, ""},
    {GET, "/v1/uploads/u", TG_ENDPOINT_NONE, false, ""},
    {GET, "/v1/uploads", TG_ENDPOINT_NONE, true, ""},
    {GET, "/v1/batches/b/cancel", TG_ENDPOINT_NONE, true, ""},
    {GET, "/v1/fine_tuning/checkpoints/c/permissions", TG_ENDPOINT_NONE, false,
     ""},
    {POST, "/v1/fine_tuning/jobs/j/events", TG_ENDPOINT_NONE, true, ""},
    {POST, "/v1/fine_tuning", TG_ENDPOINT_NONE, false, ""},

    {GET, "/v1/chat/completions", TG_ENDPOINT_NONE, true, ""},
    {OTHER, "/v1/chat/completions", TG_ENDPOINT_NONE, true, ""},
    {POST, "/v1/models", TG_ENDPOINT_NONE, true, ""},
    {POST, "/v1/key", TG_ENDPOINT_NONE, true, ""},

    {GET, "", TG_ENDPOINT_NONE, false, ""},
    {GET, "/", TG_ENDPOINT_NONE, false, ""},
    {GET, "/v1", TG_ENDPOINT_NONE, false, ""},
    {GET, "/v1/", TG_ENDPOINT_NONE, false, ""},
    {GET, "/v1/models/", TG_ENDPOINT_NONE, false, ""},
    {GET, "/v1models", TG_ENDPOINT_NONE, false, ""},
    {GET, "/v2/models", TG_ENDPOINT_NONE, false, ""},
    {GET, "/v1/v1/models", TG_ENDPOINT_NONE, false, ""},
    {GET, "models", TG_ENDPOINT_NONE, false, ""},
    {GET, "/model", TG_ENDPOINT_NONE, false, ""},
    {GET, "/keys", TG_ENDPOINT_NONE, false, ""},
    {POST, "/v1/chat/completions/", TG_ENDPOINT_NONE, false, ""},
    {POST, "/v1/chat/completionsx", TG_ENDPOINT_NONE, false, ""},
    {POST, "/beta/v1/completions", TG_ENDPOINT_NONE, false, ""},
    {POST, "/anthropic/messages", TG_ENDPOINT_NONE, false, ""},
    {POST, "/v1/messages/count_tokens", TG_ENDPOINT_NONE, false, ""},
    {GET, "/v1/responses/resp_1", TG_ENDPOINT_NONE, false, ""},
    {GET, "/v1/messages", TG_ENDPOINT_NONE, true, ""},
};

#define COUNT(rows) (sizeof(rows) / sizeof(rows[0]))

static void
test_routes(void)
{
    for (size_t i = 0; i < COUNT(routes); i++) {
        struct tg_str path = {routes[i].path, strlen(routes[i].path)};
        struct tg_str argument;
        bool has_path;
        const struct tg_route *route =
            tg_route_find(routes[i].method, path, &argument, &has_path);

        is_int(route ? route->endpoint : TG_ENDPOINT_NONE, routes[i].endpoint,
               "method %d, \"%s\"", routes[i].method, routes[i].path);
        if (route == NULL)
            is_int(has_path, routes[i].has_path, "under another method");
        else
            ok(tg_str_eq(argument, (struct tg_str){routes[i].argument,
                                                   strlen(routes[i].argument)}),
               "its argument");
    }
}

/* What each endpoint needs, by whom it is served, and its path upstream. */
static const struct {
    enum tg_endpoint endpoint;
    enum tg_scope scope;
    enum tg_served served;
    const char *name;
} endpoints[] = {
    {TG_ENDPOINT_CHAT, TG_SCOPE_CHAT, TG_SERVED_UPSTREAM,
     "POST /v1/chat/completions"},
    {TG_ENDPOINT_COMPLETIONS, TG_SCOPE_CODE, TG_SERVED_UPSTREAM,
     "POST /v1/completions"},
    {TG_ENDPOINT_FIM, TG_SCOPE_CODE, TG_SERVED_UPSTREAM,
     "POST /v1/beta/completions"},
    {TG_ENDPOINT_EMBEDDINGS, TG_SCOPE_EMBEDDINGS, TG_SERVED_UPSTREAM,
     "POST /v1/embeddings"},
    {TG_ENDPOINT_RESPONSES, TG_SCOPE_CHAT, TG_SERVED_UPSTREAM,
     "POST /v1/responses"},
    {TG_ENDPOINT_MESSAGES, TG_SCOPE_CHAT, TG_SERVED_UPSTREAM,
     "POST /v1/messages"},
    {TG_ENDPOINT_IMAGES, TG_SCOPE_IMAGE, TG_SERVED_UPSTREAM,
     "POST /v1/images/generations"},
    {TG_ENDPOINT_IMAGE_EDITS, TG_SCOPE_IMAGE, TG_SERVED_UPSTREAM,
     "POST /v1/images/edits"},
    {TG_ENDPOINT_IMAGE_VARIATIONS, TG_SCOPE_IMAGE, TG_SERVED_UPSTREAM,
     "POST /v1/images/variations"},
    {TG_ENDPOINT_SPEECH, TG_SCOPE_AUDIO, TG_SERVED_UPSTREAM,
     "POST /v1/audio/speech"},
    {TG_ENDPOINT_TRANSCRIPTIONS, TG_SCOPE_AUDIO, TG_SERVED_UPSTREAM,
     "POST /v1/audio/transcriptions"},
    {TG_ENDPOINT_TRANSLATIONS, TG_SCOPE_AUDIO, TG_SERVED_UPSTREAM,
     "POST /v1/audio/translations"},
    {TG_ENDPOINT_FILE_DELETE, TG_SCOPE_FILES, TG_SERVED_UPSTREAM,
     "DELETE /v1/files/{id}"},
    {TG_ENDPOINT_UPLOADS, TG_SCOPE_FILES, TG_SERVED_UPSTREAM,
     "POST /v1/uploads"},
    {TG_ENDPOINT_BATCHES, TG_SCOPE_FILES, TG_SERVED_UPSTREAM,
     "POST /v1/batches"},
    {TG_ENDPOINT_JOB_CHECKPOINTS, TG_SCOPE_FINE_TUNING, TG_SERVED_UPSTREAM,
     "GET /v1/fine_tuning/jobs/{id}/checkpoints"},
    {TG_ENDPOINT_MODELS, TG_SCOPE_NONE, TG_SERVED_LOCALLY, "GET /v1/models"},
    {TG_ENDPOINT_MODEL, TG_SCOPE_NONE, TG_SERVED_LOCALLY,
     "GET /v1/models/{id}"},
    {TG_ENDPOINT_BALANCE, TG_SCOPE_NONE, TG_SERVED_LOCALLY,
     "GET /v1/user/balance"},
    {TG_ENDPOINT_KEY, TG_SCOPE_NONE, TG_SERVED_LOCALLY, "GET /v1/key"},
};

static void
test_endpoints(void)
{
    for (size_t i = 0; i < COUNT(endpoints); i++) {
        const struct tg_route *route = tg_route_of(endpoints[i].endpoint);

        is_str(route->name, endpoints[i].name, "the route of endpoint %d",
               endpoints[i].endpoint);
        is_int(route->scope, endpoints[i].scope, "its scope");
        is_int(route->served, endpoints[i].served, "who serves it");
    }
    ok(tg_route_of(TG_ENDPOINT_NONE) == NULL, "no endpoint has no route");
}

/* They are bits of a key's policy, and stand in journals. */
static void
test_numbers(void)
{
    is_int(TG_ENDPOINT_KEY, 8, "the gate's own end at 8");
    is_int(TG_ENDPOINT_RESPONSES, 9, "responses are 9");
    is_int(TG_ENDPOINT_MESSAGES, 10, "messages 10");
    is_int(TG_ENDPOINT_IMAGES, 11, "images begin at 11");
    is_int(TG_ENDPOINT_SPEECH, 14, "audio at 14");
    is_int(TG_ENDPOINT_FILES, 17, "files at 17");
    is_int(TG_ENDPOINT_UPLOADS, 22, "uploads at 22");
    is_int(TG_ENDPOINT_BATCHES, 26, "batches at 26");
    is_int(TG_ENDPOINT_JOBS, 30, "jobs at 30");
    is_int(TG_ENDPOINT_JOB_CHECKPOINTS, 37, "and end at 37");
}

/* Rows of one method that both match: the later one would be dead. */
static void
test_apart(void)
{
    for (size_t i = 0; tg_route_at(i) != NULL; i++) {
        const struct tg_route *row = tg_route_at(i), *found;
        struct tg_str argument;
        char path[128];
        bool has_path;

        snprintf(path, sizeof(path), "%s%s", row->path.data,
                 row->takes_argument ? "x" : "");
        for (char *p = path; *p != '\0'; p++) {
            if (*p == '{' || *p == '}')
                *p = '-';
        }
        found = tg_route_find(row->method, (struct tg_str){path, strlen(path)},
                              &argument, &has_path);
        ok(found == row, "%s is found by its path", row->name);
        ok(row->endpoint < 64, "and fits a key's policy");
    }
}

/* Errors are said in the manner of whose clients a path has. */
static const struct {
    const char *path;
    enum tg_manner manner;
} manners[] = {
    {"/v1/chat/completions", TG_MANNER_OPENAI},
    {"/models/claude-sonnet", TG_MANNER_OPENAI},
    {"/v1/responses", TG_MANNER_OPENAI},
    {"/v1/messages", TG_MANNER_ANTHROPIC},
    {"/messages", TG_MANNER_ANTHROPIC},
    {"/messages/x", TG_MANNER_OPENAI},
    {"/anthropic/v1/messages", TG_MANNER_ANTHROPIC},
    {"/anthropic/v1/nothing", TG_MANNER_ANTHROPIC},
    {"/v1/anthropic/", TG_MANNER_ANTHROPIC},
    {"/anthropic", TG_MANNER_OPENAI},
    {"/anthropics/v1", TG_MANNER_OPENAI},
    {"/admin/v1/anthropic/", TG_MANNER_OPENAI},
    {"", TG_MANNER_OPENAI},
};

static void
test_manners(void)
{
    for (size_t i = 0; i < COUNT(manners); i++) {
        struct tg_str path = {manners[i].path, strlen(manners[i].path)};

        is_int(tg_route_manner(path), manners[i].manner, "the manner of \"%s\"",
               manners[i].path);
    }
    is_int(tg_route_manner((struct tg_str){NULL, 0}), TG_MANNER_OPENAI,
           "and of a request line without any");
    ok(tg_route_at(0)->endpoint == TG_ENDPOINT_CHAT &&
           tg_route_at(1000) == NULL,
       "rows are counted, and end");
}

static const struct {
    const char *path, *allow;
} allows[] = {
    {"/v1/chat/completions", "POST"},
    {"/models", "GET"},
    {"/v1/models/org/qwen", "GET"},
    {"/v1/files", "GET, POST"},
    {"/v1/files/x", "GET, DELETE"},
    {"/v1/files/x/content", "GET"},
    {"/v1/files/x.y", ""},
    {"/v1/fine_tuning/jobs/j/cancel", "POST"},
    {"/v1/nothing", ""},
};

static void
test_allow(void)
{
    for (size_t i = 0; i < COUNT(allows); i++) {
        struct tg_str path = {allows[i].path, strlen(allows[i].path)};

        is_str(tg_route_allow(path), allows[i].allow, "the methods of \"%s\"",
               allows[i].path);
    }
}

static const struct {
    const char *name;
    enum tg_endpoint endpoint;
} named[] = {
    {"POST /v1/chat/completions", TG_ENDPOINT_CHAT},
    {"POST /chat/completions", TG_ENDPOINT_CHAT},
    {"GET /v1/models", TG_ENDPOINT_MODELS},
    {"GET /v1/models/{id}", TG_ENDPOINT_MODEL},
    {"DELETE /v1/files/{id}", TG_ENDPOINT_FILE_DELETE},
    {"DELETE /files/{id}", TG_ENDPOINT_FILE_DELETE},
    {"DELETE /v1/files/x", TG_ENDPOINT_NONE},
    {"GET /v1/models/gpt-4o", TG_ENDPOINT_NONE},
    {"GET /v1/chat/completions", TG_ENDPOINT_NONE},
    {"PUT /v1/chat/completions", TG_ENDPOINT_NONE},
    {"post /v1/chat/completions", TG_ENDPOINT_NONE},
    {"POST  /v1/chat/completions", TG_ENDPOINT_NONE},
    {"/v1/chat/completions", TG_ENDPOINT_NONE},
    {"POST ", TG_ENDPOINT_NONE},
    {"", TG_ENDPOINT_NONE},
};

static void
test_names(void)
{
    for (size_t i = 0; i < COUNT(named); i++) {
        struct tg_str name = {named[i].name, strlen(named[i].name)};
        const struct tg_route *route = tg_route_named(name);

        is_int(route ? route->endpoint : TG_ENDPOINT_NONE, named[i].endpoint,
               "\"%s\" by its name", named[i].name);
    }
    for (size_t i = 0; tg_route_at(i) != NULL; i++) {
        const char *name = tg_route_at(i)->name;

        ok(tg_route_named((struct tg_str){name, strlen(name)})->endpoint ==
               tg_route_at(i)->endpoint,
           "%s names itself", name);
    }
}

static void
test_scopes(void)
{
    static const char *const names[] = {
        "chat", "code", "image", "audio", "embeddings", "files", "fine_tuning"};

    for (unsigned i = 0; i < COUNT(names); i++) {
        is_str(tg_scope_name((enum tg_scope)(1 << i)), names[i],
               "the scope of bit %u", i);
        is_int(tg_scope_of((struct tg_str){names[i], strlen(names[i])}), 1 << i,
               "and back");
    }
    ok(tg_scope_name(TG_SCOPE_NONE) == NULL, "none has no name");
    ok(tg_scope_name((enum tg_scope)3) == NULL, "nor have two");
    is_int(tg_scope_of(TG_STR("")), TG_SCOPE_NONE, "no name is no scope");
    is_int(tg_scope_of(TG_STR("Chat")), TG_SCOPE_NONE, "nor are capitals");
    is_int(tg_scope_of(TG_STR("chats")), TG_SCOPE_NONE, "nor more letters");
}

/* They stand in journals: none changes its number. */
static const struct {
    int code, status;
    const char *type, *name;
} codes[] = {
    {0, 200, "", ""},
    {1, 401, "authentication_error", "missing_api_key"},
    {2, 401, "authentication_error", "malformed_api_key"},
    {3, 401, "authentication_error", "invalid_api_key"},
    {4, 401, "authentication_error", "key_expired"},
    {5, 401, "authentication_error", "key_disabled"},
    {6, 401, "authentication_error", "key_inactive"},
    {7, 401, "authentication_error", "key_rotated"},
    {8, 403, "permission_error", "account_unverified"},
    {9, 403, "permission_error", "account_suspended"},
    {10, 403, "permission_error", "ip_not_allowed"},
    {11, 403, "permission_error", "referrer_not_allowed"},
    {12, 403, "permission_error", "permission_denied"},
    {13, 404, "invalid_request_error", "model_not_found"},
    {14, 400, "invalid_request_error", "invalid_request"},
    {15, 400, "invalid_request_error", "duplicate_field"},
    {16, 413, "invalid_request_error", "request_too_large"},
    {17, 415, "invalid_request_error", "unsupported_media_type"},
    {18, 429, "rate_limit_error", "rate_limit_exceeded"},
    {19, 402, "billing_error", "insufficient_balance"},
    {20, 402, "billing_error", "budget_exceeded"},
    {21, 400, "invalid_request_error", "model_not_priced"},
    {22, 502, "api_error", "upstream_error"},
    {23, 503, "api_error", "upstream_unavailable"},
    {24, 504, "api_error", "upstream_timeout"},
    {25, 404, "invalid_request_error", "not_found"},
    {26, 405, "invalid_request_error", "method_not_allowed"},
    {27, 500, "api_error", "internal_error"},
    {28, 503, "api_error", "gate_unavailable"},
    {29, 499, "invalid_request_error", "client_closed_request"},
};

static void
test_codes(void)
{
    is_int(COUNT(codes), TG_CODE_COUNT, "every code has a row here");
    for (size_t i = 0; i < COUNT(codes); i++) {
        const struct tg_code_row *row = tg_code_row((enum tg_code)i);

        is_str(row->name, codes[i].name, "code %zu", i);
        is_str(row->type, codes[i].type, "its type");
        is_int(row->status, codes[i].status, "its status");
        ok((row->should_retry != NULL) == (codes[i].status == 402),
           "only who cannot pay is told not to try again");
    }
    ok(tg_code_row(TG_CODE_COUNT) == tg_code_row(TG_CODE_INTERNAL_ERROR) &&
           tg_code_row((enum tg_code) - 1) ==
               tg_code_row(TG_CODE_INTERNAL_ERROR),
       "a code that is none is an internal error");
}

static int
fill(void *buf, size_t len)
{
    memset(buf, 61, len);
    return 0;
}

static int
fail(void *buf, size_t len)
{
    (void)buf;
    (void)len;
    return -1;
}

static void
test_ids(void)
{
    struct tg_call_id id = tg_call_id_make(0x0123456789abcdef, 0xfedcba98);
    char text[64] = "", call[TG_CALL_ID_TEXT_SIZE];
    char request[TG_REQUEST_ID_TEXT_SIZE];

    is_int(tg_id_mint(text, "key_", fill), 0, "an id is made");
    is_str(text, "key_zzzzzzzzzzzzzzzzzzzz", "of 24 characters");
    ok(tg_id_is(text, "key_"), "and is one");
    ok(!tg_id_is(text, "acct_"), "of its sort only");
    ok(tg_id_mint(text, "key_", fail) != 0, "no randomness, no id");
    ok(!tg_id_is("key_zzzzzzzzzzzzzzzzzzz", "key_"), "one too short");
    ok(!tg_id_is("key_zzzzzzzzzzzzzzzzzzzzz", "key_"), "one too long");
    ok(!tg_id_is("key_zzzzzzzzzz-zzzzzzzzz", "key_"), "not base62");
    ok(!tg_id_is("", "key_") && !tg_id_is("key_", "key_"), "nothing");

    tg_call_id_text(&id, call);
    is_str(call, "call_0123456789abcdef00000000fedcba98", "a call's id");
    tg_request_id_text(&id, request);
    is_str(request, "req_0123456789abcdef00000000fedcba98", "a request's");
}

int
main(void)
{
    test_routes();
    test_endpoints();
    test_numbers();
    test_apart();
    test_manners();
    test_allow();
    test_names();
    test_scopes();
    test_codes();
    test_ids();
    return done();
}
