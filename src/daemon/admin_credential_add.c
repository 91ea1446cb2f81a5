#include <string.h>

#include "admin.h"
#include "admin_credential.h"
#include "change.h"
#include "clock.h"
#include "credential_check.h"
#include "err.h"
#include "members.h"
#include "secret.h"
#include "shapes.h"

#define SECRET_MIN 8
#define MINUTE_MS INT64_C(60000)
#define OVERLAP_MINUTES 10
#define OVERLAP_MAX 10080
#define TEST_MS 8000
#define SHOWS_LAST4 16 /* a shorter secret shows nothing of itself */

/* It will stand in a header: visible ASCII only.  Never repeated here. */
static bool
read_secret(struct tg_reply *reply, const json_t *body, const char **secret)
{
    const json_t *value = json_object_get(body, "secret");
    const char *text = json_string_value(value);

    if (value == NULL)
        return tg_reply_invalid(reply, "secret", "secret is missing");
    if (text == NULL)
        return tg_reply_invalid(reply, "secret", "secret must be a string");
    if (strlen(text) < SECRET_MIN || strlen(text) > TG_SECRET_MAX)
        return tg_reply_invalid(reply, "secret",
                                "a secret has %d to %d characters", SECRET_MIN,
                                TG_SECRET_MAX);
    for (const char *p = text; *p != '\0'; p++) {
        if (*p <= ' ' || (unsigned char)*p >= 0x7f)
            return tg_reply_invalid(reply, "secret",
                                    "the secret has blanks, newlines or "
                                    "characters that are not ASCII");
    }
    *secret = text;
    return true;
}

/* A change of a pool, and what it finds there. */
struct change {
    struct tg_request *request;
    struct tg_reply *reply;
    const char *secret;
    bool may_replace;
    bool is_tested;          /* a new secret is, before it replaces one */
    int64_t overlap_minutes; /* the old one stays so long */
    struct tg_store_credential row; /* the one to add */
    char id[TG_ID_TEXT_SIZE], upstream_id[TG_ID_TEXT_SIZE];
    char same[TG_ID_TEXT_SIZE]; /* has this secret already; "": none */
    char others[TG_UPSTREAM_CREDENTIALS][TG_ID_TEXT_SIZE];
    size_t other_count;
    uint64_t taken[TG_CATALOG_CREDENTIALS / 64]; /* positions */
    struct tg_admin_credential subject;          /* to be rotated */
    int64_t retire_to;                           /* its place until it ends */
};

/* Whether a stored credential's secret is the one that was sent. */
static bool
has_secret(const struct change *change, const struct tg_store_credential *row)
{
    struct tg_secret stored = {0}, sent = {0};
    long n = tg_seal_open(&change->request->daemon->master_key,
                          (struct tg_str){row->id, strlen(row->id)},
                          (const uint8_t *)row->sealed.data, row->sealed.len,
                          stored.data, sizeof(stored.data));
    bool is_same = false;

    if (n >= 0 &&
        tg_secret_set(&sent, (struct tg_str){change->secret,
                                             strlen(change->secret)}) == 0) {
        stored.len = (size_t)n;
        is_same = tg_secret_is_equal(&stored, &sent);
    }
    tg_secret_wipe(&stored);
    tg_secret_wipe(&sent);
    return is_same;
}

static int
look_at_other(void *arg, const struct tg_store_credential *row)
{
    struct change *change = arg;

    if (strcmp(row->status, "active") != 0)
        return 0;
    if (row->position >= 0 && row->position < TG_CATALOG_CREDENTIALS)
        change->taken[row->position / 64] |= (uint64_t)1
                                             << (row->position % 64);
    if (strcmp(row->upstream_id, change->upstream_id) != 0 ||
        change->other_count == TG_UPSTREAM_CREDENTIALS)
        return 0;
    if (has_secret(change, row)) {
        memcpy(change->same, row->id, TG_ID_LEN);
        if (change->subject.id[0] == '\0') {
            change->subject.concurrency = row->concurrency;
            change->subject.expires_at = row->expires_at;
            change->subject.balance_alert_nanos = row->balance_alert_nanos;
        }
    } else
        memcpy(change->others[change->other_count++], row->id, TG_ID_LEN);
    return 0;
}

static bool
find_position(struct change *change)
{
    for (int i = 0; i < TG_CATALOG_CREDENTIALS / 64; i++) {
        if (~change->taken[i] != 0) {
            change->row.position = i * 64 + __builtin_ctzll(~change->taken[i]);
            return true;
        }
    }
    return tg_reply_error(change->reply, 409, "limit_reached", NULL,
                          "there are %d credentials already; that is all there "
                          "can be",
                          TG_CATALOG_CREDENTIALS);
}

/* Where in the pool it goes. */
static bool
find_place(struct change *change)
{
    struct tg_store *store = change->request->daemon->admin;
    int err = store->ops->credential_each(store, look_at_other, change);

    if (err != 0)
        return tg_reply_store(change->reply, store, err, "credential");
    if (change->same[0] != '\0')
        return true;
    if (change->other_count == TG_UPSTREAM_CREDENTIALS && !change->may_replace)
        return tg_reply_error(change->reply, 409, "limit_reached", NULL,
                              "this upstream has %d credentials already; that "
                              "is all it can have",
                              TG_UPSTREAM_CREDENTIALS);
    return find_position(change);
}

/* Ends those that shall not stay beside it. */
static int
end_others(struct change *change)
{
    struct tg_store *store = change->request->daemon->admin;
    int err = 0;

    if (!change->may_replace)
        return 0;
    for (size_t i = 0; i < change->other_count && err == 0; i++)
        err = store->ops->credential_end(store, change->others[i], "replaced",
                                         tg_clock_ms());
    return err;
}

static int
keep_same(const struct change *change)
{
    struct tg_store *store = change->request->daemon->admin;

    struct tg_store_credential row = change->row;
    const struct tg_admin_credential *kept = &change->subject;

    row.id = change->same;
    if (json_object_get(change->request->body, "concurrency") == NULL)
        row.concurrency = kept->concurrency;
    if (json_object_get(change->request->body, "expires_at") == NULL)
        row.expires_at = kept->expires_at;
    if (json_object_get(change->request->body, "balance_alert") == NULL)
        row.balance_alert_nanos = kept->balance_alert_nanos;
    return store->ops->credential_set(store, &row);
}

/* Mints an id and seals the secret to it, in sealed. */
static bool
seal(struct change *change, uint8_t sealed[TG_SEALED_MAX])
{
    struct tg_store_credential *row = &change->row;
    size_t len = strlen(change->secret);
    long n;

    if (tg_id_mint(change->id, "cred_", tg_random) != 0)
        return tg_reply_error(change->reply, 500, "internal_error", NULL,
                              "the kernel gives no random bytes");
    n = tg_seal(&change->request->daemon->master_key,
                (struct tg_str){change->id, strlen(change->id)},
                (struct tg_str){change->secret, len}, sealed, TG_SEALED_MAX);
    if (n < 0)
        return tg_reply_error(change->reply, 500, "internal_error", NULL,
                              "the secret could not be sealed");
    row->id = change->id;
    row->upstream_id = change->upstream_id;
    row->last4 = len >= SHOWS_LAST4 ? change->secret + len - 4 : "";
    row->sealed = (struct tg_str){(const char *)sealed, (size_t)n};
    row->created_at = tg_clock_ms();
    return true;
}

/* For the audit log; never the secret. */
static json_t *
details_of(const struct change *change)
{
    json_t *ended = json_array();

    if (change->subject.id[0] != '\0')
        json_array_append_new(ended, json_string(change->subject.id));
    for (size_t i = 0; change->may_replace && i < change->other_count; i++)
        json_array_append_new(ended, json_string(change->others[i]));
    return json_pack("{s:s,s:s,s:I,s:o}", "upstream_id", change->upstream_id,
                     "last4", change->row.last4, "concurrency",
                     (json_int_t)change->row.concurrency, "replaced", ended);
}

/* Makes a change of the store, then of the gate. */
static bool
commit(struct change *change, int (*work)(struct change *))
{
    struct tg_daemon *daemon = change->request->daemon;
    int err = tg_change_begin(change->request);

    if (err == 0)
        err = tg_change_end(change->request, work(change),
                            change->same[0] != '\0' ? change->same : change->id,
                            details_of(change));
    if (err != 0)
        return tg_reply_store(change->reply, daemon->admin, err, "credential");
    return tg_shapes_publish_catalog(change->request, change->reply);
}

static int
store_added(struct change *change)
{
    struct tg_store *store = change->request->daemon->admin;
    int err = end_others(change);

    if (err != 0)
        return err;
    return change->same[0] != '\0'
               ? keep_same(change)
               : store->ops->credential_add(store, &change->row);
}

static void
add(struct change *change, const char *upstream)
{
    struct tg_store *store = change->request->daemon->admin;
    uint8_t sealed[TG_SEALED_MAX];
    bool is_same;

    if (!tg_shapes_upstream(store, change->reply, "upstream", upstream,
                            change->upstream_id) ||
        !find_place(change) || !seal(change, sealed) ||
        !commit(change, store_added))
        return;
    is_same = change->same[0] != '\0';
    tg_admin_credential_reply(change->request, change->reply,
                              is_same ? 200 : 201,
                              is_same ? change->same : change->id);
}

void
tg_admin_credential_add(struct tg_request *request, struct tg_reply *reply)
{
    struct change change = {.request = request, .reply = reply};
    const char *upstream = NULL;

    if (!tg_members_only(reply, request->body, "",
                         "upstream secret concurrency expires_at "
                         "balance_alert replace") ||
        !tg_members_text(reply, request->body, "upstream", 1, 64, &upstream) ||
        !read_secret(reply, request->body, &change.secret) ||
        !tg_members_number(reply, request->body, "concurrency", 1,
                           TG_CONCURRENCY_MAX, &change.row.concurrency) ||
        !tg_admin_credential_life(reply, request->body, &change.row) ||
        !tg_members_bool(reply, request->body, "replace", &change.may_replace))
        return;
    pthread_mutex_lock(&request->daemon->admin_lock);
    add(&change, upstream);
    pthread_mutex_unlock(&request->daemon->admin_lock);
}

/* At once, or beside the new one for a while: from a place of its own. */
static int
store_rotated(struct change *change)
{
    struct tg_store *store = change->request->daemon->admin;
    const char *id = change->subject.id;
    int64_t now_ms = change->row.created_at;
    int err;

    if (change->overlap_minutes == 0)
        err = store->ops->credential_end(store, id, "replaced", now_ms);
    else
        err = store->ops->credential_retire(store, id, change->retire_to,
                                            now_ms + change->overlap_minutes *
                                                         MINUTE_MS);
    return err != 0 ? err : store->ops->credential_add(store, &change->row);
}

static bool
find_retreat(struct change *change)
{
    if (change->overlap_minutes == 0)
        return true;
    /* The one that is rotated is among the others. */
    if (change->other_count == TG_UPSTREAM_CREDENTIALS)
        return tg_reply_error(change->reply, 409, "limit_reached", NULL,
                              "this upstream has %d credentials already, so "
                              "both cannot be in its pool for a while: rotate "
                              "at once, with overlap_minutes 0",
                              TG_UPSTREAM_CREDENTIALS);
    if (!find_position(change))
        return false;
    change->retire_to = change->row.position;
    return true;
}

static bool
is_rotatable(struct change *change)
{
    struct tg_store *store = change->request->daemon->admin;
    int err;

    if (!tg_admin_credential_find(change->request, change->reply,
                                  &change->subject))
        return false;
    if (change->subject.retire_at != 0)
        return tg_reply_error(change->reply, 409, "credential_ended", NULL,
                              "this credential is being replaced or disabled "
                              "already: rotate the one that replaces it");
    memcpy(change->upstream_id, change->subject.upstream_id, TG_ID_LEN);
    change->other_count = 0;
    change->same[0] = '\0';
    memset(change->taken, 0, sizeof(change->taken));
    err = store->ops->credential_each(store, look_at_other, change);
    if (err != 0)
        return tg_reply_store(change->reply, store, err, "credential");
    if (change->same[0] != '\0')
        return tg_reply_invalid(change->reply, "secret",
                                "this secret is in the pool already, as %s; "
                                "rotating needs another one",
                                change->same);
    return find_retreat(change);
}

static void
rotate(struct change *change)
{
    const struct tg_admin_credential *subject = &change->subject;
    uint8_t sealed[TG_SEALED_MAX];

    if (!is_rotatable(change))
        return;
    change->row.position = subject->position;
    change->row.concurrency = subject->concurrency;
    if (json_object_get(change->request->body, "balance_alert") == NULL)
        change->row.balance_alert_nanos = subject->balance_alert_nanos;
    change->row.replaces = subject->id;
    if (seal(change, sealed) && commit(change, store_rotated))
        tg_admin_credential_reply(change->request, change->reply, 201,
                                  change->id);
}

/* Reads what is asked under the lock, and asks without it. */
static bool
is_accepted(struct change *change)
{
    struct tg_daemon *daemon = change->request->daemon;
    struct tg_str secret = {change->secret, strlen(change->secret)};
    struct tg_check check = {.is_found = false};
    bool is_fine = true;
    int err;

    pthread_mutex_lock(&daemon->admin_lock);
    is_fine = is_rotatable(change);
    if (is_fine) {
        err = tg_check_begin_with(&check, daemon->admin, change->upstream_id,
                                  secret);
        if (err != 0)
            is_fine =
                tg_reply_store(change->reply, daemon->admin, err, "upstream");
    }
    pthread_mutex_unlock(&daemon->admin_lock);
    if (is_fine) {
        tg_check_ask(&check, TEST_MS);
        if (check.probe.result == TG_PROBE_REJECTED)
            is_fine = tg_reply_error(
                change->reply, 409, "credential_refused", "secret",
                "%s; nothing was changed. Rotate without a test if it is to "
                "be used all the same",
                check.probe.message);
    }
    tg_check_end(&check);
    return is_fine;
}

void
tg_admin_credential_rotate(struct tg_request *request, struct tg_reply *reply)
{
    struct change change = {.request = request,
                            .reply = reply,
                            .is_tested = true,
                            .overlap_minutes = OVERLAP_MINUTES};

    if (!tg_members_only(reply, request->body, "",
                         "secret expires_at balance_alert overlap_minutes "
                         "test") ||
        !read_secret(reply, request->body, &change.secret) ||
        !tg_admin_credential_life(reply, request->body, &change.row) ||
        !tg_members_number(reply, request->body, "overlap_minutes", 0,
                           OVERLAP_MAX, &change.overlap_minutes) ||
        !tg_members_bool(reply, request->body, "test", &change.is_tested))
        return;
    if (change.is_tested && !is_accepted(&change))
        return;
    pthread_mutex_lock(&request->daemon->admin_lock);
    rotate(&change);
    pthread_mutex_unlock(&request->daemon->admin_lock);
}
