#include <string.h>

#include "admin.h"
#include "admin_credential.h"
#include "change.h"
#include "clock.h"
#include "err.h"
#include "members.h"
#include "secret.h"
#include "shapes.h"

#define SECRET_MIN 8
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
    struct tg_store_credential row; /* the one to add */
    char id[TG_ID_TEXT_SIZE], upstream_id[TG_ID_TEXT_SIZE];
    char same[TG_ID_TEXT_SIZE]; /* has this secret already; "": none */
    char others[TG_UPSTREAM_CREDENTIALS][TG_ID_TEXT_SIZE];
    size_t other_count;
    uint64_t taken[TG_CATALOG_CREDENTIALS / 64]; /* positions */
    struct tg_admin_credential subject;          /* to be rotated */
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
    if (has_secret(change, row))
        memcpy(change->same, row->id, TG_ID_LEN);
    else
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

    if (json_object_get(change->request->body, "concurrency") == NULL)
        return 0;
    return store->ops->credential_set(store, change->same,
                                      change->row.concurrency);
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
                         "upstream secret concurrency replace") ||
        !tg_members_text(reply, request->body, "upstream", 1, 64, &upstream) ||
        !read_secret(reply, request->body, &change.secret) ||
        !tg_members_number(reply, request->body, "concurrency", 1,
                           TG_CONCURRENCY_MAX, &change.row.concurrency) ||
        !tg_members_bool(reply, request->body, "replace", &change.may_replace))
        return;
    pthread_mutex_lock(&request->daemon->admin_lock);
    add(&change, upstream);
    pthread_mutex_unlock(&request->daemon->admin_lock);
}

static int
store_rotated(struct change *change)
{
    struct tg_store *store = change->request->daemon->admin;
    int err = store->ops->credential_end(store, change->subject.id, "replaced",
                                         change->row.created_at);

    return err != 0 ? err : store->ops->credential_add(store, &change->row);
}

static void
rotate(struct change *change)
{
    struct tg_store *store = change->request->daemon->admin;
    uint8_t sealed[TG_SEALED_MAX];
    int err;

    if (!tg_admin_credential_find(change->request, change->reply,
                                  &change->subject))
        return;
    memcpy(change->upstream_id, change->subject.upstream_id, TG_ID_LEN);
    err = store->ops->credential_each(store, look_at_other, change);
    if (err != 0) {
        tg_reply_store(change->reply, store, err, "credential");
        return;
    }
    change->row.position = change->subject.position;
    change->row.concurrency = change->subject.concurrency;
    if (change->same[0] != '\0') {
        tg_reply_invalid(change->reply, "secret",
                         "this secret is in the pool already, as %s; rotating "
                         "needs another one",
                         change->same);
        return;
    }
    if (seal(change, sealed) && commit(change, store_rotated))
        tg_admin_credential_reply(change->request, change->reply, 201,
                                  change->id);
}

void
tg_admin_credential_rotate(struct tg_request *request, struct tg_reply *reply)
{
    struct change change = {.request = request, .reply = reply};

    if (!tg_members_only(reply, request->body, "", "secret") ||
        !read_secret(reply, request->body, &change.secret))
        return;
    pthread_mutex_lock(&request->daemon->admin_lock);
    rotate(&change);
    pthread_mutex_unlock(&request->daemon->admin_lock);
}
