#include "admit.h"

#include "admit_part.h"
#include "calendar.h"
#include "diagnose.h"
#include "key.h"
#include "media.h"
#include "multipart.h"
#include "throttle.h"
#include "wanted.h"
#include "where.h"

bool
tg_admit_refuse(struct tg_admission *a, enum tg_code code,
                enum tg_reason reason)
{
    a->action = TG_ACTION_REFUSE;
    a->code = code;
    a->reason = reason;
    return false;
}

/* Each of these judges one row of the table: true lets the call go on. */

/* A path that nginx, an upstream or a person could read as another one. */
static bool
is_ambiguous(struct tg_str path)
{
    for (size_t i = 0; i < path.len; i++) {
        char c = path.data[i];

        if (c == '%' || c == '\\' || c == ';' || (c & 0x80) || c <= ' ')
            return true;
        if (c == '/' && i + 1 < path.len &&
            (path.data[i + 1] == '/' || path.data[i + 1] == '.'))
            return true;
    }
    return false;
}

/* Asked first of all: such a URL is shown nowhere, whatever its path is. */
static bool
has_clean_url(const struct tg_request *request, bool is_plain,
              struct tg_admission *a)
{
    if (is_plain || !tg_credential_in_url(request->path, request->query, NULL))
        return true;
    a->credential = TG_CREDENTIAL_IN_URL;
    return tg_admit_refuse(a, TG_CODE_MALFORMED_API_KEY, TG_REASON_CREDENTIAL);
}

/* Before anything is believed: of two readings, which would be right? */
static bool
has_sound_framing(const struct tg_framing *framing, struct tg_admission *a)
{
    a->framing = tg_framing_judge(framing);
    a->must_close =
        a->framing != TG_FRAMING_FINE || framing->wire == TG_WIRE_UNSEEN;
    if (a->framing == TG_FRAMING_FINE)
        return true;
    return tg_admit_refuse(a, TG_CODE_INVALID_REQUEST, TG_REASON_FRAMING);
}

static bool
is_ready(const struct tg_state *state, struct tg_admission *a)
{
    if (atomic_load_explicit(&state->header->is_ready, memory_order_acquire) ==
        0)
        return tg_admit_refuse(a, TG_CODE_GATE_UNAVAILABLE, TG_REASON_CODE);
    return true;
}

/* What is found out before it is its turn. */
struct foresight {
    bool has_digest; /* head.digest is the credential's */
    bool is_plain;   /* the URL is a route's path as it stands, without more:
                        it can be read in one way, and hides no key */
    bool has_path;   /* of some method */
    const struct tg_route *route; /* or NULL */
    struct tg_str argument;
};

/*
 * Nothing of a decision takes as long as two trips to memory, to the place in
 * the index and to the key: they are begun while the head is judged.
 */
static struct foresight
look_ahead(const struct tg_state *state, const struct tg_request *request,
           struct tg_admission *a)
{
    struct tg_str key = request->credential->key;
    struct foresight ahead = {.has_digest = false};

    if (tg_credential_verdict(request->credential) == TG_CREDENTIAL_FOUND &&
        key.len == TG_KEY_LEN) {
        tg_digest_of(key, &a->head.digest);
        ahead.has_digest = true;
        tg_state_expect(state, &a->head.digest);
    }
    ahead.route = tg_route_find(request->method, request->path, &ahead.argument,
                                &ahead.has_path);
    ahead.is_plain = ahead.route != NULL && !ahead.route->takes_argument &&
                     ahead.route->id_at == 0 && request->query.len == 0;
    return ahead;
}

static bool
has_credential(const struct tg_request *request, struct tg_admission *a)
{
    a->credential = tg_credential_verdict(request->credential);
    if (a->credential == TG_CREDENTIAL_MISSING ||
        a->credential == TG_CREDENTIAL_EMPTY)
        return tg_admit_refuse(a, TG_CODE_MISSING_API_KEY,
                               TG_REASON_CREDENTIAL);
    if (a->credential != TG_CREDENTIAL_FOUND)
        return tg_admit_refuse(a, TG_CODE_MALFORMED_API_KEY,
                               TG_REASON_CREDENTIAL);
    return true;
}

/*
 * Reads the policy that a known slot has now; mostly it is the publication
 * that was read before, as calls are judged twice.
 */
static bool
has_policy(const struct tg_state *state, struct tg_admission *a)
{
    uint32_t slot = a->head.key_slot;

    if (a->key_seq != 0 && a->key_slot == slot &&
        tg_state_key_is_current(state, slot, a->key_seq))
        return true;
    a->key_slot = slot;
    a->key_seq = 0;
    return tg_state_key(state, slot, &a->key, &a->key_seq) == 0;
}

static bool
is_known(const struct tg_state *state, struct tg_admission *a)
{
    if (!has_policy(state, a) ||
        tg_key_secret_of(&a->key, &a->head.digest) < 0 ||
        a->key.status == TG_KEY_NONE || a->key.status == TG_KEY_DELETED)
        return tg_admit_refuse(a, TG_CODE_INVALID_API_KEY, TG_REASON_CODE);
    a->has_key = true;
    return true;
}

bool
tg_admit_has_status(struct tg_admission *a)
{
    switch (a->key.status) {
    case TG_KEY_ACTIVE:
        return true;
    case TG_KEY_INACTIVE:
        return tg_admit_refuse(a, TG_CODE_KEY_INACTIVE, TG_REASON_CODE);
    case TG_KEY_DISABLED:
        return tg_admit_refuse(a, TG_CODE_KEY_DISABLED, TG_REASON_CODE);
    default:
        return tg_admit_refuse(a, TG_CODE_KEY_EXPIRED, TG_REASON_CODE);
    }
}

bool
tg_admit_is_unexpired(int64_t now_ms, struct tg_admission *a)
{
    const struct tg_key_policy *key = &a->key;
    int secret = tg_key_secret_of(key, &a->head.digest);
    int64_t until = key->secrets[secret].valid_until_ms;

    if (key->expires_at_ms != 0 && now_ms >= key->expires_at_ms)
        return tg_admit_refuse(a, TG_CODE_KEY_EXPIRED, TG_REASON_CODE);
    if (until != 0 && now_ms >= until)
        return tg_admit_refuse(a, TG_CODE_KEY_ROTATED, TG_REASON_CODE);
    return true;
}

static bool
is_verified(const struct tg_state *state,
            const struct tg_account_policy *account)
{
    struct tg_settings settings;

    if (account->verification == TG_VERIFICATION_VERIFIED)
        return true;
    tg_state_settings(state, &settings);
    return settings.requires_verification == 0;
}

bool
tg_admit_has_account(const struct tg_state *state, struct tg_admission *a)
{
    if (tg_state_account(state, a->key.account, &a->account) != 0)
        return tg_admit_refuse(a, TG_CODE_GATE_UNAVAILABLE, TG_REASON_CODE);
    if (a->account.status != TG_ACCOUNT_ACTIVE)
        return tg_admit_refuse(a, TG_CODE_ACCOUNT_SUSPENDED, TG_REASON_CODE);
    if (!is_verified(state, &a->account))
        return tg_admit_refuse(a, TG_CODE_ACCOUNT_UNVERIFIED, TG_REASON_CODE);
    return true;
}

/* A list that is named and cannot be read admits nobody. */
bool
tg_admit_may_from_network(const struct tg_state *state, struct tg_admission *a)
{
    struct tg_str networks = tg_state_blob(state, a->key.networks);

    if (a->key.networks != 0 &&
        (networks.len == 0 || !tg_where_network(networks, a->head.ip)))
        return tg_admit_refuse(a, TG_CODE_IP_NOT_ALLOWED, TG_REASON_CODE);
    return true;
}

bool
tg_admit_may_from_page(const struct tg_state *state, struct tg_admission *a)
{
    struct tg_str pages = tg_state_blob(state, a->key.referrers);

    if (a->key.referrers != 0 &&
        (pages.len == 0 ||
         !tg_where_referrer(pages, a->head.origin, a->head.referer)))
        return tg_admit_refuse(a, TG_CODE_REFERRER_NOT_ALLOWED, TG_REASON_CODE);
    return true;
}

/*
 * Where a call comes from does not change: it is asked once of a publication,
 * though most calls are judged twice, before their body and behind it.  The
 * number alone tells publications apart: a record's only goes up, whichever
 * keys stand there in turn; a request's record is found by tg_admit_head, which
 * forgets the number; and a state file that is made anew is another file, which
 * a worker that has one open never comes to.
 */
static bool
may_from_there(const struct tg_state *state, struct tg_admission *a)
{
    if (a->head.place_seq == a->key_seq)
        return true;
    if (!tg_admit_may_from_network(state, a) ||
        !tg_admit_may_from_page(state, a))
        return false;
    a->head.place_seq = a->key_seq;
    return true;
}

bool
tg_admit_may_now(const struct tg_state *state, int64_t now_ms,
                 struct tg_admission *a)
{
    struct tg_str hours = tg_state_blob(state, a->key.hours);

    if (a->key.hours == 0 ||
        (hours.len != 0 && tg_calendar_is_open(hours, now_ms)))
        return true;
    a->opens_at_ms = hours.len == 0 ? TG_CALENDAR_NEVER
                                    : tg_calendar_opens_at_ms(hours, now_ms);
    return tg_admit_refuse(a, TG_CODE_PERMISSION_DENIED, TG_REASON_HOURS);
}

static bool
has_route(const struct tg_request *request, const struct foresight *ahead,
          struct tg_admission *a)
{
    a->head.path = tg_route_path(request->path);
    a->allow = "";
    if (!ahead->is_plain && is_ambiguous(request->path))
        return tg_admit_refuse(a, TG_CODE_NOT_FOUND, TG_REASON_PATH);
    a->head.route = ahead->route;
    a->head.argument = ahead->argument;
    if (a->head.route != NULL)
        return true;
    if (!ahead->has_path)
        return tg_admit_refuse(a, TG_CODE_NOT_FOUND, TG_REASON_CODE);
    a->allow = tg_route_allow(request->path);
    return tg_admit_refuse(a, TG_CODE_METHOD_NOT_ALLOWED, TG_REASON_CODE);
}

bool
tg_admit_has_endpoint(struct tg_admission *a)
{
    if (a->key.endpoints != 0 &&
        !(a->key.endpoints & (uint64_t)1 << a->head.route->endpoint) &&
        a->head.route->scope != TG_SCOPE_NONE)
        return tg_admit_refuse(a, TG_CODE_PERMISSION_DENIED,
                               TG_REASON_KEY_ENDPOINT);
    return true;
}

bool
tg_admit_has_scope(struct tg_admission *a)
{
    if ((a->key.scopes & a->head.route->scope) !=
        (uint32_t)a->head.route->scope)
        return tg_admit_refuse(a, TG_CODE_PERMISSION_DENIED, TG_REASON_CODE);
    return true;
}

/* Of the route's kind, and not encoded: what is judged is what is sent. */
static bool
has_type(const struct tg_request *request, struct tg_admission *a)
{
    enum tg_payload_kind kind = a->head.route->payload;
    bool is_form = kind == TG_PAYLOAD_FORM;
    enum tg_reason reason = is_form ? TG_REASON_FORM_TYPE : TG_REASON_CODE;

    a->head.boundary = (struct tg_str){NULL, 0};
    if (!tg_media_is_plain(request->content_encoding))
        return tg_admit_refuse(a, TG_CODE_UNSUPPORTED_MEDIA_TYPE, reason);
    if (kind == TG_PAYLOAD_NONE)
        return true;
    if (is_form ? tg_multipart_boundary(request->content_type,
                                        &a->head.boundary) != 0
                : !tg_media_is_json(request->content_type))
        return tg_admit_refuse(a, TG_CODE_UNSUPPORTED_MEDIA_TYPE, reason);
    return true;
}

#define QUERY_MAX 512

/* Filters and pages of lists; what other calls have in one is dropped. */
static bool
has_plain_query(const struct tg_request *request, struct tg_admission *a)
{
    struct tg_str query = request->query;

    a->head.query = (struct tg_str){NULL, 0};
    if (a->head.route->method != TG_METHOD_GET)
        return true;
    for (size_t i = 0; i < query.len; i++) {
        char c = query.data[i];

        if (!(c >= '0' && c <= '9') && !(c >= 'A' && c <= 'Z') &&
            !(c >= 'a' && c <= 'z') && (c == '\0' || !strchr("_.,=&-", c)))
            return tg_admit_refuse(a, TG_CODE_INVALID_REQUEST, TG_REASON_QUERY);
    }
    if (query.len > QUERY_MAX)
        return tg_admit_refuse(a, TG_CODE_INVALID_REQUEST, TG_REASON_QUERY);
    a->head.query = query;
    return true;
}

bool
tg_admit_again(const struct tg_state *state, int64_t now_ms,
               struct tg_admission *a)
{
    bool may;

    /* What a policy names goes with it: it is read again when it changed. */
    do {
        a->has_key = false;
        may = is_known(state, a) && tg_admit_has_status(a) &&
              tg_admit_is_unexpired(now_ms, a) &&
              tg_admit_has_account(state, a) && may_from_there(state, a) &&
              tg_admit_may_now(state, now_ms, a) && tg_admit_has_endpoint(a) &&
              tg_admit_has_scope(a);
    } while (a->has_key &&
             !tg_state_key_is_current(state, a->head.key_slot, a->key_seq));
    return may;
}

/* It may be a key that is not in the state file yet. */
static bool
await_key(const struct tg_state *state, const struct tg_request *request,
          struct tg_admission *a)
{
    int64_t waited_ms =
        request->since_ms != 0 ? request->now_ms - request->since_ms : 0;

    if (!tg_wanted_ask(state, &a->head.digest))
        return tg_admit_refuse(a, TG_CODE_INVALID_API_KEY, TG_REASON_CODE);
    if (waited_ms < 0 || waited_ms >= TG_WANTED_PATIENCE_MS)
        return tg_admit_refuse(a, TG_CODE_GATE_UNAVAILABLE, TG_REASON_CODE);
    a->action = TG_ACTION_WAIT;
    a->wait_ms = tg_wanted_look_ms(waited_ms);
    return false;
}

/* A key that is known has the form of one; what is not may have none. */
static bool
leads_to_key(const struct tg_state *state, const struct tg_request *request,
             bool has_digest, struct tg_admission *a)
{
    bool is_filling = tg_wanted_is_filling(state);
    enum tg_key_kind kind;

    if (has_digest &&
        tg_state_lookup(state, &a->head.digest, &a->head.key_slot) == 0)
        return tg_admit_again(state, request->now_ms, a);
    if (tg_key_parse(request->credential->key, &kind) != 0) {
        a->diagnosis = (int)tg_key_diagnose(request->credential->key);
        return tg_admit_refuse(a, TG_CODE_MALFORMED_API_KEY,
                               TG_REASON_DIAGNOSIS);
    }
    if (is_filling)
        return await_key(state, request, a);
    return tg_admit_refuse(a, TG_CODE_INVALID_API_KEY, TG_REASON_CODE);
}

/*
 * A wrong credential counts against its address, and beyond what is allowed
 * there gets 429.  A good one never comes here.
 */
static void
throttle(const struct tg_state *state, int64_t now_ms, struct tg_admission *a)
{
    struct tg_settings settings;
    int64_t wait_ms;

    if (a->action != TG_ACTION_REFUSE)
        return;
    if (a->code != TG_CODE_MISSING_API_KEY &&
        a->code != TG_CODE_MALFORMED_API_KEY &&
        a->code != TG_CODE_INVALID_API_KEY)
        return;
    tg_state_settings(state, &settings);
    if (settings.wrong_keys_per_minute == 0)
        return;
    wait_ms = tg_throttle_take(state, a->head.ip,
                               settings.wrong_keys_per_minute, now_ms);
    if (wait_ms == 0)
        return;
    a->wrong_key.code = a->code;
    a->wrong_key.reason = a->reason;
    a->rate = (struct tg_rate_verdict){.size = settings.wrong_keys_per_minute,
                                       .wait_ms = wait_ms};
    tg_admit_refuse(a, TG_CODE_RATE_LIMIT_EXCEEDED, TG_REASON_WRONG_KEYS);
}

static void
begin(struct tg_admission *a)
{
    a->action = TG_ACTION_REFUSE;
    a->reason = TG_REASON_CODE;
    a->credential = TG_CREDENTIAL_MISSING;
    a->has_key = false;
    a->key_seq = 0;
    a->head.route = NULL;
    a->head.place_seq = 0;
    a->head.chunks = TG_WIRE_FINE;
    a->call.model[0] = '\0';
}

bool
tg_admit_framing(const struct tg_framing *framing, struct tg_admission *a)
{
    begin(a);
    return has_sound_framing(framing, a);
}

void
tg_admit_head(const struct tg_state *state, const struct tg_request *request,
              struct tg_admission *a)
{
    struct foresight ahead;
    bool is_clean, is_sound;

    begin(a);
    ahead = look_ahead(state, request, a);
    a->head.origin = request->origin;
    a->head.referer = request->referer;
    memcpy(a->head.ip, request->ip, sizeof(a->head.ip));
    is_clean = has_clean_url(request, ahead.is_plain, a);
    is_sound = has_sound_framing(&request->framing, a);
    if (ahead.has_digest)
        tg_state_expect_key(state, &a->head.digest);
    if (!is_sound || !is_clean || !is_ready(state, a) ||
        !has_route(request, &ahead, a) || !has_credential(request, a) ||
        !leads_to_key(state, request, ahead.has_digest, a)) {
        throttle(state, request->now_ms, a);
        return;
    }
    if (a->head.route->served == TG_SERVED_LOCALLY) {
        a->action = TG_ACTION_ANSWER;
        return;
    }
    if (has_type(request, a) && has_plain_query(request, a))
        a->action = TG_ACTION_READ_BODY;
}
