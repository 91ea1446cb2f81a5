#include "admin.h"
#include "admin_credential.h"
#include "change.h"
#include "clock.h"
#include "credential_check.h"
#include "members.h"
#include "pool.h"
#include "shapes.h"

#define CHECK_MS 8000

struct walk {
    struct tg_daemon *daemon;
    struct tg_page_list list;
};

static int
list_credential(void *arg, const struct tg_store_credential *row)
{
    struct walk *walk = arg;

    tg_page_list_add(&walk->list, row->id,
                     tg_admin_credential_object(walk->daemon, row));
    return 0;
}

void
tg_admin_credential_list(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_store *store = request->daemon->admin;
    struct walk walk = {.daemon = request->daemon};
    int err;

    walk.list.data = json_array();
    pthread_mutex_lock(&request->daemon->admin_lock);
    err = store->ops->credential_each(store, list_credential, &walk);
    tg_page_list_reply(&walk.list, reply, store, err);
    pthread_mutex_unlock(&request->daemon->admin_lock);
}

void
tg_admin_credential_show(struct tg_request *request, struct tg_reply *reply)
{
    pthread_mutex_lock(&request->daemon->admin_lock);
    tg_admin_credential_reply(request, reply, 200, request->subject);
    pthread_mutex_unlock(&request->daemon->admin_lock);
}

/* What is done to one credential; an error of the store's. */
typedef int work(struct tg_store *store,
                 const struct tg_admin_credential *credential);

static int
disable(struct tg_store *store, const struct tg_admin_credential *credential)
{
    return store->ops->credential_end(store, credential->id, "disabled",
                                      tg_clock_ms());
}

static int
set(struct tg_store *store, const struct tg_admin_credential *credential)
{
    struct tg_store_credential row = {.id = credential->id,
                                      .concurrency = credential->concurrency,
                                      .expires_at = credential->expires_at,
                                      .balance_alert_nanos =
                                          credential->balance_alert_nanos};

    return store->ops->credential_set(store, &row);
}

/* What a change may set. */
static bool
read_change(struct tg_reply *reply, const json_t *body,
            struct tg_admin_credential *credential)
{
    struct tg_store_credential row = {.expires_at = credential->expires_at,
                                      .balance_alert_nanos =
                                          credential->balance_alert_nanos};

    if (!tg_members_number(reply, body, "concurrency", 1, TG_CONCURRENCY_MAX,
                           &credential->concurrency) ||
        !tg_admin_credential_life(reply, body, &row))
        return false;
    credential->expires_at = row.expires_at;
    credential->balance_alert_nanos = row.balance_alert_nanos;
    return true;
}

static void
change(struct tg_request *request, struct tg_reply *reply, work *do_it)
{
    struct tg_daemon *daemon = request->daemon;
    struct tg_admin_credential credential = {.number = 0};
    int err;

    if (!tg_admin_credential_find(request, reply, &credential) ||
        !read_change(reply, request->body, &credential))
        return;
    err = tg_change_begin(request);
    if (err == 0)
        err = tg_change_end(
            request, do_it(daemon->admin, &credential), credential.id,
            json_pack("{s:s,s:I,s:o,s:o}", "upstream_id",
                      credential.upstream_id, "concurrency",
                      (json_int_t)credential.concurrency, "expires_at",
                      tg_reply_instant(credential.expires_at), "balance_alert",
                      tg_reply_money_or_null(credential.balance_alert_nanos)));
    if (err != 0)
        tg_reply_store(reply, daemon->admin, err, "credential");
    else if (tg_shapes_publish_catalog(request, reply))
        tg_admin_credential_reply(request, reply, 200, credential.id);
}

void
tg_admin_credential_update(struct tg_request *request, struct tg_reply *reply)
{
    if (!tg_members_only(reply, request->body, "",
                         "concurrency expires_at balance_alert"))
        return;
    pthread_mutex_lock(&request->daemon->admin_lock);
    change(request, reply, set);
    pthread_mutex_unlock(&request->daemon->admin_lock);
}

void
tg_admin_credential_disable(struct tg_request *request, struct tg_reply *reply)
{
    if (!tg_members_only(reply, request->body, "", ""))
        return;
    pthread_mutex_lock(&request->daemon->admin_lock);
    change(request, reply, disable);
    pthread_mutex_unlock(&request->daemon->admin_lock);
}

void
tg_admin_credential_reopen(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_daemon *daemon = request->daemon;
    struct tg_admin_credential found = {.number = 0};

    if (!tg_members_only(reply, request->body, "", "") ||
        !tg_change_note(request, reply, request->subject))
        return;
    pthread_mutex_lock(&daemon->admin_lock);
    if (tg_admin_credential_find(request, reply, &found)) {
        tg_pool_reopen(&daemon->state, (uint32_t)found.position,
                       (uint32_t)found.number);
        tg_admin_credential_reply(request, reply, 200, found.id);
    }
    pthread_mutex_unlock(&daemon->admin_lock);
}

/* Its upstream is waited for without a lock. */
void
tg_admin_credential_check(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_daemon *daemon = request->daemon;
    struct tg_admin_credential found = {.number = 0};
    struct tg_check check = {.is_found = false};
    int err = 0;

    if (!tg_members_only(reply, request->body, "", "") ||
        !tg_change_note(request, reply, request->subject))
        return;
    pthread_mutex_lock(&daemon->admin_lock);
    if (tg_admin_credential_find(request, reply, &found))
        err = tg_check_begin(&check, daemon, daemon->admin, found.id);
    pthread_mutex_unlock(&daemon->admin_lock);
    if (reply->status == 0 && err == 0)
        tg_check_ask(&check, CHECK_MS);
    pthread_mutex_lock(&daemon->admin_lock);
    if (reply->status == 0 && err == 0)
        err = tg_check_keep(&check, daemon, daemon->admin);
    if (reply->status == 0 && err != 0)
        tg_reply_store(reply, daemon->admin, err, "credential");
    if (reply->status == 0)
        tg_admin_credential_reply(request, reply, 200, found.id);
    pthread_mutex_unlock(&daemon->admin_lock);
    tg_check_end(&check);
}
