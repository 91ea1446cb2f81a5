#include <string.h>

#include "admin.h"
#include "clock.h"
#include "err.h"
#include "members.h"
#include "secret.h"
#include "shapes.h"

#define SECRET_MIN 8
#define SHOWS_LAST4 16 /* a shorter secret shows nothing of itself */

struct walk {
    struct tg_store *store;
    const char *wanted; /* NULL: all of them */
    struct tg_page_list list;
    json_t *one;
};

static int
add_credential(void *arg, const struct tg_store_credential *row)
{
    struct walk *walk = arg;
    json_t *object;

    if (walk->wanted != NULL && strcmp(walk->wanted, row->id) != 0)
        return 0;
    object = json_pack("{s:s,s:s,s:s,s:o,s:s,s:o,s:o}", "object", "credential",
                       "id", row->id, "upstream_id", row->upstream_id, "last4",
                       tg_reply_text(row->last4), "status", row->status,
                       "created_at", tg_reply_instant(row->created_at),
                       "ended_at", tg_reply_instant(row->ended_at));
    if (walk->wanted != NULL)
        walk->one = object;
    else
        tg_page_list_add(&walk->list, row->id, object);
    return 0;
}

void
tg_admin_credential_list(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_store *store = request->daemon->admin;
    struct walk walk = {.store = store};
    int err;

    walk.list.data = json_array();
    pthread_mutex_lock(&request->daemon->admin_lock);
    err = store->ops->credential_each(store, add_credential, &walk);
    tg_page_list_reply(&walk.list, reply, store, err);
    pthread_mutex_unlock(&request->daemon->admin_lock);
}

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

static bool
seal_and_store(struct tg_request *request, struct tg_reply *reply,
               struct tg_store_credential *row, const char *secret)
{
    uint8_t sealed[TG_SEALED_MAX];
    struct tg_daemon *daemon = request->daemon;
    struct tg_store *store = daemon->admin;
    long n = tg_seal(
        &daemon->master_key, (struct tg_str){row->id, strlen(row->id)},
        (struct tg_str){secret, strlen(secret)}, sealed, sizeof(sealed));
    int err;

    if (n < 0)
        return tg_reply_error(reply, 500, "internal_error", NULL,
                              "the secret could not be sealed");
    row->sealed = (struct tg_str){(const char *)sealed, (size_t)n};
    err = tg_daemon_begin(daemon, store);
    if (err == 0)
        err = tg_daemon_end(daemon, store,
                            store->ops->credential_add(store, row));
    if (err != 0)
        return tg_reply_store(reply, store, err, "credential");
    return tg_shapes_publish_catalog(request, reply);
}

static void
add(struct tg_request *request, struct tg_reply *reply, const char *upstream,
    const char *secret)
{
    char id[TG_ID_TEXT_SIZE], upstream_id[TG_ID_TEXT_SIZE];
    struct tg_store *store = request->daemon->admin;
    size_t len = strlen(secret);
    struct tg_store_credential row = {
        .id = id,
        .upstream_id = upstream_id,
        .last4 = len >= SHOWS_LAST4 ? secret + len - 4 : "",
        .created_at = tg_clock_ms(),
    };
    struct walk walk = {.store = store, .wanted = id};

    if (!tg_shapes_upstream(store, reply, "upstream", upstream, upstream_id))
        return;
    if (tg_id_mint(id, "cred_", tg_random) != 0) {
        tg_reply_error(reply, 500, "internal_error", NULL,
                       "the kernel gives no random bytes");
        return;
    }
    if (!seal_and_store(request, reply, &row, secret))
        return;
    if (store->ops->credential_each(store, add_credential, &walk) == 0 &&
        walk.one != NULL)
        tg_reply_json(reply, 201, walk.one);
    else
        tg_reply_store(reply, store, TG_ERR_SYSTEM, "credential");
}

void
tg_admin_credential_add(struct tg_request *request, struct tg_reply *reply)
{
    const char *upstream = NULL, *secret = NULL;

    if (!tg_members_only(reply, request->body, "", "upstream secret") ||
        !tg_members_text(reply, request->body, "upstream", 1, 64, &upstream) ||
        !read_secret(reply, request->body, &secret))
        return;
    pthread_mutex_lock(&request->daemon->admin_lock);
    add(request, reply, upstream, secret);
    pthread_mutex_unlock(&request->daemon->admin_lock);
}
