/* Whose head passes, whose does not, and the whole answer that says why. */
#include "admit_judge.h"

#define NO_ROUTE                                                               \
    INVALID("null", "not_found",                                               \
            "There is no such path here. Use /v1/chat/completions, "           \
            "/v1/responses, /v1/messages, /v1/completions, "                   \
            "/v1/beta/completions, /v1/embeddings, those of /v1/images/, "     \
            "/v1/audio/, /v1/files, /v1/uploads, /v1/batches and "             \
            "/v1/fine_tuning/jobs, /v1/models, /v1/user/balance or /v1/key.")
#define TWO_WAYS                                                               \
    INVALID("null", "not_found",                                               \
            "The path has an escape, a dot segment, a doubled slash or "       \
            "another byte that programs read in different ways. Send the "     \
            "plain path.")
#define NOT_JSON                                                               \
    INVALID("null", "unsupported_media_type",                                  \
            "The request must be uncompressed JSON in UTF-8: send "            \
            "Content-Type: application/json and no Content-Encoding.")
#define IN_URL                                                                 \
    KEY_ERROR("malformed_api_key",                                             \
              "An API key was sent in the URL, where logs keep it. Send it "   \
              "in the header \\\"Authorization: Bearer sk-tg...\\\" and "      \
              "replace this key.")
#define EXPIRED(when)                                                          \
    KEY_ERROR("key_expired", "This API key expired" when                       \
                             ". Ask your operator for a new one.")
#define TWO_HOSTS                                                              \
    INVALID("null", "invalid_request",                                         \
            "The request does not name its host once. Send one Host header.")

static const struct tg_framing two_hosts = {
    .line = TG_STR_INIT("POST /v1/chat/completions HTTP/1.1"),
    .hosts = 2,
};

static void
test_not_ready(void)
{
    struct head_case row = {"", CHAT, .authorization = BEARER};
    struct tg_credential credential;
    struct tg_admission a;

    publish_policy(&row.key);
    judge_head(&row, &credential, &a);
    is_str(refusal(&a, credential.key),
           ERROR("api_error", "null", "gate_unavailable",
                 "This gate is starting or short of room and admits no "
                 "calls. Try again shortly."),
           "before the daemon has published it all, nobody passes");
    tg_publish_ready(publisher, 1);
}

static const struct head_case passing[] = {
    {"a sound request", CHAT, BEARER},
    {"without /v1", "POST", "/chat/completions", BEARER},
    {"a key in x-api-key", CHAT, NULL, .x_api_key = OLD_SECRET},
    {"a key in api-key", CHAT, NULL, .api_key = OLD_SECRET},
    {"the same key in two headers", CHAT, BEARER, .x_api_key = OLD_SECRET},
    {"the newer secret",
     CHAT,
     "Bearer " NEW_SECRET,
     {.old_until = "2026-11-17T11:00:00Z"}},
    {"the older secret, before its end",
     CHAT,
     BEARER,
     {.old_until = "2026-11-17T12:00:00.001Z"}},
    {"a key that expires later",
     CHAT,
     BEARER,
     {.expires_at = "2026-11-17T12:00:00.001Z"}},
    {"JSON with a parameter", CHAT, BEARER,
     .type = "Application/JSON; charset=utf-8"},
    {"JSON, then a blank", CHAT, BEARER, .type = "application/json "},
    {"identity is no encoding", CHAT, BEARER, .encoding = "Identity"},
    {"an endpoint on the list",
     CHAT,
     BEARER,
     {.endpoints = 1 << TG_ENDPOINT_CHAT}},
    {"a query that is no key", CHAT, BEARER, .query = "api-version=1"},
    {"a list of models needs no scope",
     "GET",
     "/v1/models",
     BEARER,
     {.scopes = TG_SCOPE_FILES, .endpoints = 1 << TG_ENDPOINT_CHAT}},
    {"nor does a model, its name with a slash",
     "GET",
     "/v1/models/org/qwen",
     BEARER,
     {.scopes = TG_SCOPE_FILES}},
    {"nor the balance",
     "GET",
     "/user/balance",
     BEARER,
     {.scopes = TG_SCOPE_FILES}},
    {"nor the key itself", "GET", "/key", BEARER, {.scopes = TG_SCOPE_FILES}},
};

static const struct head_case refused[] = {
    {"no credential",
     CHAT,
     NULL,
     {0},
     KEY_ERROR("missing_api_key",
               "No API key was sent. Send it in the header "
               "\\\"Authorization: Bearer sk-tg...\\\", or in x-api-key or "
               "api-key.")},
    {"an empty one",
     CHAT,
     "Bearer ",
     {0},
     KEY_ERROR("missing_api_key",
               "The header for the API key is empty. Set the variable or "
               "setting that your program reads its key from.")},
    {"no Bearer",
     CHAT,
     OLD_SECRET,
     {0},
     KEY_ERROR("malformed_api_key",
               "The Authorization header lacks the word \\\"Bearer\\\". It "
               "must read \\\"Authorization: Bearer sk-tg...\\\", with one "
               "blank and no colon.")},
    {"another scheme",
     CHAT,
     "Basic dXNlcjpwYXNz",
     {0},
     KEY_ERROR("malformed_api_key",
               "The Authorization header uses another scheme than "
               "\\\"Bearer\\\". It must read \\\"Authorization: Bearer "
               "sk-tg...\\\".")},
    {"two that differ",
     CHAT,
     BEARER,
     {0},
     KEY_ERROR("malformed_api_key",
               "Two different API keys were sent in one request. Send one, "
               "in one of the headers Authorization, x-api-key and api-key."),
     .x_api_key = NEW_SECRET},
    {"a key in the query",
     CHAT,
     BEARER,
     {0},
     IN_URL,
     .query = "key=" OLD_SECRET},
    {"a key in the path of a model",
     "GET",
     "/v1/models/" OLD_SECRET,
     BEARER,
     {0},
     IN_URL},
    {"a key in a path that does not exist",
     "POST",
     "/" OLD_SECRET "/x",
     BEARER,
     {0},
     IN_URL},
    {"a mistyped key",
     CHAT,
     "Bearer " OLD_SECRET "x",
     {0},
     KEY_ERROR(
         "malformed_api_key",
         "The key is too long: it has more than 43 characters. Something "
         "stands behind it, or it was pasted twice. What was sent looks like "
         "sk-tgp_...WgTx.")},
    {"a placeholder",
     CHAT,
     "Bearer ${KEY}",
     {0},
     KEY_ERROR(
         "malformed_api_key",
         "This is the name of a variable, not its value. See that it is set, "
         "and expanded by whatever reads it.")},
    {"a key that is not known",
     CHAT,
     "Bearer " UNKNOWN_SECRET,
     {0},
     KEY_ERROR("invalid_api_key",
               "This API key is well formed but not known here. It may "
               "belong to another Tollgate, or it was deleted. Check the "
               "base URL, or ask your operator for a new key.")},
    {"a deleted key reads as unknown",
     CHAT,
     BEARER,
     {.status = TG_KEY_DELETED},
     KEY_ERROR("invalid_api_key",
               "This API key is well formed but not known here. It may "
               "belong to another Tollgate, or it was deleted. Check the "
               "base URL, or ask your operator for a new key.")},
    {"a paused key",
     CHAT,
     BEARER,
     {.status = TG_KEY_INACTIVE},
     KEY_ERROR("key_inactive",
               "This API key is paused. Ask your operator to resume it.")},
    {"a disabled key",
     CHAT,
     BEARER,
     {.status = TG_KEY_DISABLED, .ended_at = "2026-11-01T10:20:30Z"},
     DISABLED(" at 2026-11-01T10:20:30.000Z")},
    {"a disabled key, nobody knows when",
     CHAT,
     BEARER,
     {.status = TG_KEY_DISABLED},
     DISABLED("")},
    {"a key at the instant of its end",
     CHAT,
     BEARER,
     {.expires_at = NOON},
     EXPIRED(" at 2026-11-17T12:00:00.000Z")},
    {"a key whose status is expired",
     CHAT,
     BEARER,
     {.status = TG_KEY_EXPIRED},
     EXPIRED("")},
    {"a status of tomorrow's daemon",
     CHAT,
     BEARER,
     {.status = 77},
     EXPIRED("")},
    {"disabled wins over expired",
     CHAT,
     BEARER,
     {.status = TG_KEY_DISABLED, .expires_at = "2026-11-01T00:00:00Z"},
     DISABLED("")},
    {"the older secret at its end",
     CHAT,
     BEARER,
     {.old_until = NOON},
     KEY_ERROR("key_rotated",
               "This secret was replaced by a rotation; it was valid until "
               "2026-11-17T12:00:00.000Z. Use the key's new secret, which "
               "ends in KLpj.")},
    {"a suspended account",
     CHAT,
     BEARER,
     {.account = 1},
     ERROR("permission_error", "null", "account_suspended",
           "The account of this API key is suspended. Ask your operator.")},
    {"an account that is not there",
     CHAT,
     BEARER,
     {.account = 9},
     ERROR("api_error", "null", "gate_unavailable",
           "This gate is starting or short of room and admits no calls. Try "
           "again shortly.")},
    {"an account beyond the table",
     CHAT,
     BEARER,
     {.account = UINT32_MAX},
     ERROR("api_error", "null", "gate_unavailable",
           "This gate is starting or short of room and admits no calls. Try "
           "again shortly.")},
    {"a scope that lacks",
     CHAT,
     BEARER,
     {.scopes = ALL_BUT_CHAT},
     DENIED("This API key lacks the scope `chat` that POST "
            "/v1/chat/completions needs. Ask your operator to add it, or use "
            "another key.")},
    {"the scope of FIM",
     "POST",
     "/beta/completions",
     BEARER,
     {.scopes = TG_SCOPE_CHAT},
     DENIED("This API key lacks the scope `code` that POST "
            "/v1/beta/completions needs. Ask your operator to add it, or use "
            "another key.")},
    {"an endpoint that is not on the list",
     "POST",
     "/v1/completions",
     BEARER,
     {.endpoints = 1 << TG_ENDPOINT_CHAT},
     DENIED("This API key is limited to certain endpoints, and POST "
            "/v1/completions is not one of them. Ask your operator to add "
            "it.")},
    {"HTTP that can be read in two ways",
     CHAT,
     BEARER,
     {0},
     TWO_HOSTS,
     .framing = &two_hosts},
    {"which nobody's key mends",
     CHAT,
     NULL,
     {0},
     TWO_HOSTS,
     .framing = &two_hosts},
    {"nor a path that is none",
     "POST",
     "/x",
     BEARER,
     {0},
     TWO_HOSTS,
     .framing = &two_hosts},
    {"nor is a key in the URL worse",
     CHAT,
     BEARER,
     {0},
     TWO_HOSTS,
     .query = "key=" OLD_SECRET,
     .framing = &two_hosts},
    {"no such path", "POST", "/v1/images", BEARER, {0}, NO_ROUTE},
    {"a path cut short", "POST", "/v1/chat", BEARER, {0}, NO_ROUTE},
    {"a slash too many",
     "POST",
     "/v1/chat/completions/",
     BEARER,
     {0},
     NO_ROUTE},
    {"/v1 twice", "POST", "/v1/v1/chat/completions", BEARER, {0}, NO_ROUTE},
    {"in capitals", "POST", "/v1/Chat/completions", BEARER, {0}, NO_ROUTE},
    {"no path at all", "POST", "", BEARER, {0}, NO_ROUTE},
    {"another method",
     "GET",
     "/v1/chat/completions",
     BEARER,
     {0},
     INVALID("null", "method_not_allowed",
             "This path exists, but not under this method. It has POST.")},
    {"a method that nothing has",
     "DELETE",
     "/v1/models/gpt-4o",
     BEARER,
     {0},
     INVALID("null", "method_not_allowed",
             "This path exists, but not under this method. It has GET.")},
    {"%2f", "POST", "/v1/chat%2fcompletions", BEARER, {0}, TWO_WAYS},
    {"%2F", "GET", "/v1/models/org%2Fqwen", BEARER, {0}, TWO_WAYS},
    {"an escape of a letter",
     "POST",
     "/v1/ch%61t/completions",
     BEARER,
     {0},
     TWO_WAYS},
    {"a doubled slash", "POST", "/v1//chat/completions", BEARER, {0}, TWO_WAYS},
    {"a doubled slash in front",
     "POST",
     "//v1/chat/completions",
     BEARER,
     {0},
     TWO_WAYS},
    {"/./", "POST", "/v1/./chat/completions", BEARER, {0}, TWO_WAYS},
    {"/../", "POST", "/v1/chat/../chat/completions", BEARER, {0}, TWO_WAYS},
    {"a dot at the end", "GET", "/v1/models/.", BEARER, {0}, TWO_WAYS},
    {"a backslash", "POST", "/v1\\chat/completions", BEARER, {0}, TWO_WAYS},
    {"a semicolon", "POST", "/v1/chat;x=1/completions", BEARER, {0}, TWO_WAYS},
    {"a control character",
     "POST",
     "/v1/chat/completions\t",
     BEARER,
     {0},
     TWO_WAYS},
    {"a byte above ASCII", "GET", "/v1/models/\xc3\xa9", BEARER, {0}, TWO_WAYS},
    {"a form",
     CHAT,
     BEARER,
     {0},
     NOT_JSON,
     .type = "application/x-www-form-urlencoded"},
    {"a type that only begins like JSON",
     CHAT,
     BEARER,
     {0},
     NOT_JSON,
     .type = "application/json-seq"},
    {"a type cut short",
     CHAT,
     BEARER,
     {0},
     NOT_JSON,
     .type = "application/jso"},
    {"a charset",
     CHAT,
     BEARER,
     {0},
     NOT_JSON,
     .type = "application/json; charset=utf-16"},
    {"gzip", CHAT, BEARER, {0}, NOT_JSON, .encoding = "gzip"},
    {"identity and more",
     CHAT,
     BEARER,
     {0},
     NOT_JSON,
     .encoding = "identity, gzip"},
};

static void
test_heads(void)
{
    struct tg_credential credential;
    struct tg_admission a;

    for (size_t i = 0; i < COUNT(passing); i++) {
        uint32_t slot = publish_policy(&passing[i].key);

        judge_head(&passing[i], &credential, &a);
        is_int(a.action,
               passing[i].method[0] == 'P' ? TG_ACTION_READ_BODY
                                           : TG_ACTION_ANSWER,
               "passes: %s", passing[i].what);
        if (a.action == TG_ACTION_REFUSE)
            printf("# %s\n", refusal(&a, credential.key));
        ok(a.has_key && a.head.key_slot == slot && a.head.ip[12] == 127 &&
               a.head.ip[15] == 1,
           "and the head keeps the key and the address");
    }
    for (size_t i = 0; i < COUNT(refused); i++) {
        publish_policy(&refused[i].key);
        judge_head(&refused[i], &credential, &a);
        is_str(refusal(&a, credential.key), refused[i].want, "refused: %s",
               refused[i].what);
        ok(a.must_close == (refused[i].framing != NULL),
           "and what follows is a request, or not");
        ok(strstr(answer, &OLD_SECRET[8]) == NULL,
           "and the answer has no key in it");
    }
}

#define SUSPENDED "The account of this API key is suspended. Ask your operator."
#define UNVERIFIED                                                             \
    "The account of this API key is not verified, and calls here need one "    \
    "that is. Ask your operator to verify it; the key works from then on."
#define PENDING                                                                \
    "The verification of the account of this API key is pending. Ask your "    \
    "operator to complete it; the key works from then on."

/* By row of test_accounts: where accounts must be verified, and where not. */
static const struct {
    const char *what, *must, *need_not;
} verifications[] = {
    {"unverified", UNVERIFIED, NULL}, {"suspended", SUSPENDED, SUSPENDED},
    {"pending", PENDING, NULL},       {"verified", NULL, NULL},
    {"both", SUSPENDED, SUSPENDED},
};

static void
test_verification(bool must)
{
    struct tg_credential credential;
    struct tg_admission a;

    publish_settings((struct tg_settings){.requires_verification = must});
    for (uint32_t i = 0; i < COUNT(verifications); i++) {
        const char *want =
            must ? verifications[i].must : verifications[i].need_not;
        struct head_case head = {"", CHAT, BEARER, {.account = i}};
        const char *got;

        publish_policy(&head.key);
        judge_head(&head, &credential, &a);
        got = refusal(&a, credential.key);
        if (want == NULL)
            is_int(a.action, TG_ACTION_READ_BODY, "passes: %s",
                   verifications[i].what);
        else
            ok(strstr(got, want) != NULL && tg_code_row(a.code)->status == 403,
               "refused: %s", verifications[i].what);
    }
}

static const struct tg_framing unseen = {
    .line = TG_STR_INIT("POST /v1/chat/completions HTTP/1.1"),
    .hosts = 1,
    .wire = TG_WIRE_UNSEEN,
};

/* What is not ours to judge further is judged by its framing alone. */
static void
test_framing(void)
{
    struct tg_admission a;

    memset(&a, 0xa5, sizeof(a));
    ok(tg_admit_framing(&sound_framing, &a) && !a.must_close,
       "sound framing passes");
    memset(&a, 0xa5, sizeof(a));
    ok(tg_admit_framing(&unseen, &a) && a.must_close,
       "so does what nobody watched, but nothing behind it");
    memset(&a, 0xa5, sizeof(a));
    ok(!tg_admit_framing(&two_hosts, &a) && a.action == TG_ACTION_REFUSE &&
           a.must_close,
       "framing that is not is refused");
    is_str(refusal(&a, (struct tg_str){NULL, 0}), TWO_HOSTS, "and says why");
}

int
main(void)
{
    static const enum tg_code codes[] = {
        TG_CODE_MISSING_API_KEY,    TG_CODE_MALFORMED_API_KEY,
        TG_CODE_INVALID_API_KEY,    TG_CODE_KEY_EXPIRED,
        TG_CODE_KEY_DISABLED,       TG_CODE_KEY_INACTIVE,
        TG_CODE_KEY_ROTATED,        TG_CODE_ACCOUNT_SUSPENDED,
        TG_CODE_PERMISSION_DENIED,  TG_CODE_NOT_FOUND,
        TG_CODE_METHOD_NOT_ALLOWED, TG_CODE_UNSUPPORTED_MEDIA_TYPE,
        TG_CODE_GATE_UNAVAILABLE,   TG_CODE_ACCOUNT_UNVERIFIED,
        TG_CODE_INVALID_REQUEST,
    };

    admit_test_begin();
    test_not_ready();
    test_heads();
    test_verification(true);
    test_verification(false);
    test_framing();
    test_reached(codes, COUNT(codes));
    admit_test_end();
    return done();
}
