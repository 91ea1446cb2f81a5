#include "refusal.h"

#include "admit_ask.h"
#include "diagnose.h"
#include "calendar.h"
#include "key.h"
#include "money.h"
#include "plural.h"
#include "refusal_part.h"
#include "throttle.h"

/* Said so often that it gets a short name here. */
#define say tg_refusal_say

/* Today's sentence of a code that needs nothing from the request. */
static const char *
sentence_of(enum tg_code code)
{
    static const char *const sentences[TG_CODE_COUNT] = {
        [TG_CODE_INVALID_API_KEY] =
            "This API key is well formed but not known here. It may belong to "
            "another Tollgate, or it was deleted. Check the base URL, or ask "
            "your operator for a new key.",
        [TG_CODE_KEY_INACTIVE] =
            "This API key is paused. Ask your operator to resume it.",
        [TG_CODE_ACCOUNT_SUSPENDED] =
            "The account of this API key is suspended. Ask your operator.",
        [TG_CODE_MODEL_NOT_PRICED] =
            "This model has no price here, so it cannot be metered and is "
            "not served. Ask your operator to add one to the price book.",
        [TG_CODE_NOT_FOUND] =
            "There is no such path here. Use /v1/chat/completions, "
            "/v1/responses, /v1/messages, /v1/completions, "
            "/v1/beta/completions, /v1/embeddings, those of /v1/images/, "
            "/v1/audio/, /v1/files, /v1/uploads, /v1/batches and "
            "/v1/fine_tuning/jobs, /v1/models, /v1/user/balance or /v1/key.",
        [TG_CODE_METHOD_NOT_ALLOWED] =
            "This path exists, but not under this method.",
        [TG_CODE_UNSUPPORTED_MEDIA_TYPE] =
            "The request must be uncompressed JSON in UTF-8: send "
            "Content-Type: application/json and no Content-Encoding.",
        [TG_CODE_REQUEST_TOO_LARGE] =
            "The request is larger than this gate accepts. Send less, or ask "
            "your operator to raise the limit.",
        [TG_CODE_INVALID_REQUEST] = TG_FRAMING_SENTENCE,
        [TG_CODE_UPSTREAM_ERROR] =
            "The model upstream failed or gave an answer that is none. It is "
            "not a fault of your request or key. Try again.",
        [TG_CODE_UPSTREAM_UNAVAILABLE] =
            "The model upstream cannot be reached. It is not a fault of your "
            "request or key. Try again shortly.",
        [TG_CODE_UPSTREAM_TIMEOUT] =
            "The model upstream did not answer in time. It is not a fault of "
            "your request or key. Try again.",
        [TG_CODE_GATE_UNAVAILABLE] =
            "This gate is starting or short of room and admits no calls. Try "
            "again shortly.",
        [TG_CODE_INTERNAL_ERROR] =
            "This gate failed. Tell your operator the x-request-id of this "
            "answer.",
    };
    const char *sentence =
        (unsigned)code < TG_CODE_COUNT ? sentences[code] : NULL;

    return sentence != NULL ? sentence : sentences[TG_CODE_INTERNAL_ERROR];
}

static void
say_instant(struct tg_text *out, int64_t instant_ms)
{
    char quoted[32];
    struct tg_text text = tg_text_in(quoted, sizeof(quoted));

    tg_text_instant(&text, instant_ms);
    if (text.len > 2)
        tg_text_put(out, (struct tg_str){quoted + 1, text.len - 2});
}

/* "This API key … ended at …": for keys that were in force once. */
static void
say_ended(struct tg_text *out, const struct tg_admission *a)
{
    int secret = tg_key_secret_of(&a->key, &a->head.digest);

    switch (a->code) {
    case TG_CODE_KEY_EXPIRED:
        say(out, "This API key expired");
        if (a->key.expires_at_ms != 0) {
            say(out, " at ");
            say_instant(out, a->key.expires_at_ms);
        }
        say(out, ". Ask your operator for a new one.");
        break;
    case TG_CODE_KEY_DISABLED:
        say(out, "This API key was disabled");
        if (a->key.ended_at_ms != 0) {
            say(out, " at ");
            say_instant(out, a->key.ended_at_ms);
        }
        say(out, " for good. Ask your operator for a new one.");
        break;
    default:
        say(out, "This secret was replaced by a rotation; it was valid until ");
        if (secret >= 0)
            say_instant(out, a->key.secrets[secret].valid_until_ms);
        say(out, ". Use the key's new secret, which ends in ");
        tg_text_json(
            out, (struct tg_str){a->key.last4, tg_field_len(a->key.last4, 4)});
        say(out, ".");
    }
}

static void
say_diagnosis(struct tg_text *out, const struct tg_admission *a,
              struct tg_str key)
{
    char mask[TG_KEY_MASK_SIZE];

    say(out, tg_diagnosis_sentence((enum tg_diagnosis)a->diagnosis));
    tg_key_mask(key, mask);
    if (mask[0] != '\0') {
        say(out, " What was sent looks like ");
        say(out, mask);
        say(out, ".");
    }
}

static void
say_body(struct tg_text *out, const struct tg_body_fault *fault)
{
    static const char *const what[] = {
        [TG_BODY_EMPTY] = "The request has no body; send a JSON object",
        [TG_BODY_NOT_JSON] = "The request body is not JSON",
        [TG_BODY_TRUNCATED] = "The request body's JSON ends too early",
        [TG_BODY_TRAILING] = "Something follows the JSON in the request body",
        [TG_BODY_UTF8] = "The request body has a string that is not UTF-8",
        [TG_BODY_DEPTH] = "The request body's JSON is nested too deep",
        [TG_BODY_NOT_OBJECT] = "The request body is not a JSON object",
        [TG_BODY_DUPLICATE] = "stands twice; send it once",
        [TG_BODY_TYPE] = "has the wrong type",
        [TG_BODY_SPELLING] = "is spelt otherwise here; write it as shown",
        [TG_BODY_RANGE] = "is out of range",
        [TG_BODY_UNEXPECTED] = "The request has a body, and needs none",
        [TG_BODY_FORM] = "The request body is not a form in plain writing: "
                         "multipart/form-data whose lines end in CR LF, with "
                         "nothing around it, no encodings and no folded "
                         "headers",
        [TG_BODY_FORM_NAME] = "A part of the form has no plain name: write "
                              "name=\"…\" once, without escapes",
        [TG_BODY_FORM_LIMIT] = "The form has too many parts, or a part has "
                               "too long a header",
        [TG_BODY_FORM_CUT] = "The form ends before its last boundary",
    };

    if (fault->member != TG_BODY_NONE) {
        say(out, "`");
        say(out, tg_body_member_name(fault->member));
        say(out, "` ");
    }
    if (fault->kind != TG_BODY_FINE)
        say(out, what[fault->kind]);
    if (fault->kind != TG_BODY_EMPTY && fault->kind != TG_BODY_UNEXPECTED) {
        say(out, " (byte ");
        tg_text_int(out, (int64_t)fault->offset);
        say(out, ")");
    }
    say(out, ".");
}

/* The models a key may use: its own list, or where to find them. */
static void
say_models(struct tg_text *out, const struct tg_state *state,
           const struct tg_admission *a)
{
    struct tg_str list = tg_state_blob(state, a->key.models), pattern;
    struct tg_text before = *out;
    size_t shown = 0;

    say(out, " This API key may use ");
    while (shown < 20 && tg_blob_next(&list, &pattern)) {
        say(out, shown++ == 0 ? "`" : ", `");
        tg_text_json(out, pattern);
        say(out, "`");
    }
    say(out, list.len > 0 ? " and more." : ".");
    /* A list that was replaced meanwhile may be another key's by now. */
    if (shown > 0 &&
        tg_state_key_is_current(state, a->head.key_slot, a->key_seq))
        return;
    *out = before;
    say(out, " GET /v1/models lists those that this API key may use.");
}

/* What the provider has for the same scope. */
static void
say_endpoints(struct tg_text *out, const struct tg_admission *a)
{
    enum tg_dialect dialect = (enum tg_dialect)a->upstream.dialect;
    enum tg_endpoint last = TG_ENDPOINT_NONE;
    const struct tg_route *route;

    for (size_t i = 0; (route = tg_route_at(i)) != NULL; i++) {
        if (route->scope != a->head.route->scope || route->endpoint == last ||
            !tg_dialect_serves(dialect, route->endpoint))
            continue;
        say(out, last == TG_ENDPOINT_NONE ? " Use " : " or ");
        say(out, route->name);
        last = route->endpoint;
    }
    say(out, last == TG_ENDPOINT_NONE
                 ? " Choose another one from GET /v1/models."
                 : ", or another model from GET /v1/models.");
}

static void
say_model(struct tg_text *out, const struct tg_state *state,
          const struct tg_admission *a)
{
    struct tg_str model = {a->call.model,
                           tg_field_len(a->call.model, sizeof(a->call.model))};

    switch (a->reason) {
    case TG_REASON_WRONG_USE:
        say(out, "The model `");
        tg_text_json(out, model);
        say(out, "` cannot be used for ");
        say(out, a->head.route->name);
        say(out, ". Choose another one from GET /v1/models.");
        break;
    case TG_REASON_WRONG_DIALECT:
        say(out, "The model `");
        tg_text_json(out, model);
        say(out, "` is of a provider that has no ");
        say(out, a->head.route->name);
        say(out, ".");
        say_endpoints(out, a);
        break;
    case TG_REASON_KEY_MODELS:
        say(out, "This API key may not use the model `");
        tg_text_json(out, model);
        say(out, "`.");
        say_models(out, state, a);
        break;
    default:
        say(out, "There is no model `");
        tg_text_json(out, model);
        say(out, "` here.");
        say_models(out, state, a);
    }
}

static void
say_scope(struct tg_text *out, const struct tg_admission *a)
{
    const char *scope = tg_scope_name(a->head.route->scope);

    if (a->reason == TG_REASON_KEY_ENDPOINT) {
        say(out, "This API key is limited to certain endpoints, and ");
        say(out, a->head.route->name);
        say(out, " is not one of them. Ask your operator to add it.");
        return;
    }
    say(out, "This API key lacks the scope `");
    say(out, scope != NULL ? scope : "");
    say(out, "` that ");
    say(out, a->head.route->name);
    say(out, " needs. Ask your operator to add it, or use another key.");
}

static void
say_hours(struct tg_text *out, const struct tg_admission *a)
{
    say(out, "This API key may not be used at this hour");
    if (a->opens_at_ms != TG_CALENDAR_NEVER) {
        say(out, "; it may be again from ");
        say_instant(out, a->opens_at_ms);
    }
    say(out, ". Ask your operator to change its hours.");
}

/* Shortened: what a client sends is not for filling the answer with. */
static void
say_shown(struct tg_text *out, struct tg_str value)
{
    if (value.len > 200)
        value.len = 200;
    say(out, "`");
    tg_text_json(out, value);
    say(out, "`");
}

static void
say_place(struct tg_text *out, const struct tg_admission *a)
{
    char ip[TG_TEXT_IP_SIZE];

    if (a->code == TG_CODE_IP_NOT_ALLOWED) {
        tg_text_ip(ip, a->head.ip);
        say(out, "This API key may not be used from ");
        say(out, ip);
        say(out, ", the address that was seen. Ask your operator to add it, "
                 "or call from an allowed network.");
        return;
    }
    say(out, "This API key may only be used from certain pages; ");
    if (a->head.origin.len != 0) {
        say(out, "the Origin that was seen is ");
        say_shown(out, a->head.origin);
    } else if (a->head.referer.len != 0) {
        say(out, "the Referer that was seen is ");
        say_shown(out, a->head.referer);
    } else {
        say(out, "neither Origin nor Referer was sent");
    }
    say(out, ". Ask your operator to add the page.");
}

static void
say_unverified(struct tg_text *out, const struct tg_admission *a)
{
    if (a->account.verification == TG_VERIFICATION_PENDING)
        say(out, "The verification of the account of this API key is pending. "
                 "Ask your operator to complete it; the key works from then "
                 "on.");
    else
        say(out, "The account of this API key is not verified, and calls here "
                 "need one that is. Ask your operator to verify it; the key "
                 "works from then on.");
}

static const char *
limit_of(enum tg_rate_limit limit)
{
    switch (limit) {
    case TG_RATE_TOKENS:
        return " token";
    case TG_RATE_MINUTE:
    case TG_RATE_SECOND:
    case TG_RATE_DAY:
        return " request";
    default:
        return " call";
    }
}

static const char *
limit_per(enum tg_rate_limit limit)
{
    switch (limit) {
    case TG_RATE_TOKENS:
    case TG_RATE_MINUTE:
        return " per minute";
    case TG_RATE_SECOND:
        return " per second";
    case TG_RATE_DAY:
        return " per day";
    default:
        return " at once";
    }
}

/* "1000 requests per minute", "1 call at once". */
static void
say_limit(struct tg_text *out, enum tg_rate_limit limit, int64_t size)
{
    tg_text_int(out, size);
    say(out, limit_of(limit));
    say(out, tg_plural(size));
    say(out, limit_per(limit));
}

static void
say_duration(struct tg_text *out, int64_t ms)
{
    char text[TG_RATE_DURATION_SIZE];

    tg_rate_duration(text, ms);
    say(out, text);
}

/* "1000 requests per minute … Try again in 174ms." */
static void
say_rate(struct tg_text *out, const struct tg_admission *a)
{
    if (a->rate.limit == TG_RATE_LINE) {
        say(out, "Calls of this API key wait for their turn");
    } else {
        say(out, "This API key has reached its limit of ");
        say_limit(out, a->rate.limit, a->rate.size);
    }
    if (a->waited_ms > 0) {
        say(out, ", and this one has waited ");
        say_duration(out, a->waited_ms);
    } else if (a->rate.limit == TG_RATE_LINE) {
        say(out, ", and no more of them can");
    }
    switch (a->rate.wait_ms) {
    case TG_RATE_NEVER:
        say(out, ", and this request alone is larger: about ");
        tg_text_int(out, a->tokens_estimate);
        say(out, " token");
        say(out, tg_plural(a->tokens_estimate));
        say(out, ". Send less, or ask your operator for more.");
        return;
    case TG_RATE_UNTIL_DAY:
        say(out, ". It begins anew at ");
        say_instant(out, a->day_ends_at_ms);
        say(out, ".");
        return;
    case TG_RATE_UNTIL_CALL:
        say(out, ". Try again when one of them has ended.");
        return;
    default:
        say(out, ". Try again in ");
        say_duration(out, a->rate.wait_ms);
        say(out, ".");
    }
}

static void
say_amount(struct tg_text *out, int64_t nanos)
{
    char amount[TG_MONEY_TEXT_SIZE];

    tg_money_format(nanos, amount);
    say(out, amount);
}

static void
say_money(struct tg_text *out, const struct tg_admission *a)
{
    const struct tg_budget_verdict *budget = &a->budget;

    if (budget->kind == TG_BUDGET_BALANCE) {
        say(out, "The account of this API key has ");
        say_amount(out, budget->left_nanos);
        say(out, " left, not enough for this request. Ask your operator to "
                 "top it up.");
        return;
    }
    say(out, budget->kind == TG_BUDGET_DAILY ? "The daily budget of this API "
                                               "key is "
                                             : "The monthly budget of this "
                                               "API key is ");
    say_amount(out, budget->size_nanos);
    say(out, ", of which ");
    say_amount(out, budget->used_nanos);
    say(out, " is used or held for calls in flight: not enough is left for "
             "this request. It begins anew at ");
    say_instant(out, budget->kind == TG_BUDGET_DAILY ? a->day_ends_at_ms
                                                     : a->month_ends_at_ms);
    say(out, ".");
}

static void
say_upstream(struct tg_text *out, const struct tg_admission *a)
{
    say(out, "The model `");
    tg_text_json(out, (struct tg_str){
                          a->call.model,
                          tg_field_len(a->call.model, sizeof(a->call.model))});
    switch (a->reason) {
    case TG_REASON_NO_CREDENTIAL:
        say(out, "` has an upstream without a credential. Operator: "
                 "`tollgate credentials add`.");
        break;
    case TG_REASON_NO_ADDRESS:
        say(out, "` has an upstream whose host name does not resolve. "
                 "Operator: `tollgate upstreams list`.");
        break;
    default:
        say(out, "` has no upstream. Operator: `tollgate upstreams add`.");
    }
}

/* Behind what is wrong with the key. */
static void
say_wrong_keys(struct tg_text *out, const struct tg_admission *a)
{
    char from[TG_THROTTLE_TEXT_SIZE];

    tg_throttle_text(from, a->head.ip);
    say(out, " Besides, too many requests without a valid key come from ");
    say(out, from);
    say(out, ": ");
    tg_text_int(out, a->rate.size);
    say(out, " a minute are allowed, and the next in ");
    say_duration(out, a->rate.wait_ms);
    say(out, ". A valid key works from there meanwhile.");
}

/* What the gate's own accounts with providers stand in the way of. */
static void
say_pool(struct tg_text *out, const struct tg_admission *a)
{
    char wait[TG_RATE_DURATION_SIZE];

    say(out, "The model `");
    tg_text_json(out, (struct tg_str){
                          a->call.model,
                          tg_field_len(a->call.model, sizeof(a->call.model))});
    switch (a->reason) {
    case TG_REASON_POOL_OUT:
        say(out, "` cannot be served: its provider refuses every credential "
                 "of this gate, each of which is tried again from time to "
                 "time. It is not a fault of your request or key. Operator: "
                 "`tollgate credentials list`.");
        return;
    case TG_REASON_POOL_BUSY:
        tg_rate_duration(wait, a->pool_wait_ms);
        say(out, "` is not asked for now, because its provider wants this "
                 "gate to wait. It is not a limit of your key. Try again in ");
        say(out, wait);
        say(out, ".");
        return;
    default:
        say(out, "` has as many calls at once as this gate's accounts with "
                 "its provider take. It is not a limit of your key. Try again "
                 "in a second.");
    }
}

/* Whether the request says which model: else the route does. */
static bool
names_model(const struct tg_admission *a)
{
    return a->head.route == NULL || a->head.route->service.len == 0;
}

/* The member of the request a refusal is about, for `param`. */
static const char *
param_of(const struct tg_admission *a)
{
    switch (a->reason) {
    case TG_REASON_BODY:
    case TG_REASON_SIZE:
        return a->body_fault.member == TG_BODY_NONE
                   ? NULL
                   : tg_body_member_name(a->body_fault.member);
    case TG_REASON_ASK:
        return tg_admit_ask_refusal(a->asked).param;
    case TG_REASON_BATCH_ENDPOINT:
        return "endpoint";
    case TG_REASON_NO_MODEL:
    case TG_REASON_WRONG_USE:
    case TG_REASON_KEY_MODELS:
        return "model";
    case TG_REASON_WRONG_DIALECT:
    case TG_REASON_NO_UPSTREAM:
        return names_model(a) ? "model" : NULL;
    default:
        return (a->code == TG_CODE_MODEL_NOT_FOUND ||
                a->code == TG_CODE_MODEL_NOT_PRICED) &&
                       names_model(a)
                   ? "model"
                   : NULL;
    }
}

static void
say_why(struct tg_text *out, const struct tg_state *state,
        const struct tg_admission *a, struct tg_str key)
{
    bool is_throttled = a->reason == TG_REASON_WRONG_KEYS;

    if (!names_model(a) && tg_refusal_say_service(out, a))
        return;
    switch (is_throttled ? a->wrong_key.reason : a->reason) {
    case TG_REASON_CREDENTIAL:
        say(out, tg_credential_sentence(a->credential));
        return;
    case TG_REASON_DIAGNOSIS:
        say_diagnosis(out, a, key);
        return;
    case TG_REASON_BODY:
        say_body(out, &a->body_fault);
        return;
    case TG_REASON_FORM_TYPE:
        say(out, "The request must be an unencoded form: send Content-Type: "
                 "multipart/form-data with its boundary and nothing more, and "
                 "no Content-Encoding.");
        return;
    case TG_REASON_ASK:
        say(out, tg_admit_ask_refusal(a->asked).sentence);
        return;
    case TG_REASON_NO_MODEL:
        say(out, "The request names no model: set `model` to one of "
                 "GET /v1/models.");
        return;
    case TG_REASON_PATH:
        say(out, "The path has an escape, a dot segment, a doubled slash or "
                 "another byte that programs read in different ways. Send "
                 "the plain path.");
        return;
    case TG_REASON_FRAMING:
        say(out, tg_framing_sentence(a->framing));
        return;
    case TG_REASON_SIZE:
    case TG_REASON_WRONG_UNIT:
        tg_refusal_say_measure(out, a);
        return;
    case TG_REASON_QUERY:
        say(out, "The query may have letters, digits and _ . , = & - only, and "
                 "no more than 512 of them.");
        return;
    case TG_REASON_HOURS:
        say_hours(out, a);
        return;
    case TG_REASON_POOL_OUT:
    case TG_REASON_POOL_BUSY:
    case TG_REASON_POOL_FULL:
        say_pool(out, a);
        return;
    default:
        break;
    }
    switch (is_throttled ? a->wrong_key.code : a->code) {
    case TG_CODE_IP_NOT_ALLOWED:
    case TG_CODE_REFERRER_NOT_ALLOWED:
        say_place(out, a);
        break;
    case TG_CODE_ACCOUNT_UNVERIFIED:
        say_unverified(out, a);
        break;
    case TG_CODE_RATE_LIMIT_EXCEEDED:
        say_rate(out, a);
        break;
    case TG_CODE_BUDGET_EXCEEDED:
    case TG_CODE_INSUFFICIENT_BALANCE:
        say_money(out, a);
        break;
    case TG_CODE_KEY_EXPIRED:
    case TG_CODE_KEY_DISABLED:
    case TG_CODE_KEY_ROTATED:
        say_ended(out, a);
        break;
    case TG_CODE_PERMISSION_DENIED:
        say_scope(out, a);
        break;
    case TG_CODE_MODEL_NOT_FOUND:
    case TG_CODE_INVALID_REQUEST:
        say_model(out, state, a);
        break;
    case TG_CODE_UPSTREAM_UNAVAILABLE:
        say_upstream(out, a);
        break;
    case TG_CODE_METHOD_NOT_ALLOWED:
        say(out, "This path exists, but not under this method. It has ");
        say(out, a->allow);
        say(out, ".");
        break;
    default:
        say(out, sentence_of(is_throttled ? a->wrong_key.code : a->code));
    }
}

void
tg_refusal_write(struct tg_text *out, const struct tg_refusal_form *form,
                 const struct tg_state *state, const struct tg_admission *a,
                 struct tg_str key)
{
    tg_refusal_begin(out, form);
    say_why(out, state, a, key);
    if (a->reason == TG_REASON_WRONG_KEYS)
        say_wrong_keys(out, a);
    tg_refusal_end(out, form, a->code, tg_code_row(a->code)->status,
                   param_of(a));
}

void
tg_refusal_write_code(struct tg_text *out, const struct tg_refusal_form *form,
                      enum tg_code code, struct tg_str detail)
{
    tg_refusal_begin(out, form);
    say(out, sentence_of(code));
    if (detail.len != 0) {
        say(out, " ");
        tg_text_json(out, detail);
    }
    tg_refusal_end(out, form, code, tg_code_row(code)->status, NULL);
}
