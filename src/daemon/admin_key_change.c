#include <string.h>

#include "admin.h"
#include "admin_key.h"
#include "agenda.h"
#include "change.h"
#include "clock.h"
#include "draft.h"
#include "err.h"
#include "etag.h"
#include "members.h"
#include "policy.h"
#include "shapes.h"

/* A change of one key: of its status, or of its policy if that is NULL. */
struct change {
    struct tg_request *request;
    struct tg_reply *reply;
    const char *status;
};

static bool
is_end(const char *status)
{
    return strcmp(status, "disabled") == 0 || strcmp(status, "deleted") == 0;
}

/* Whether a key that has ended may still be changed so. */
static bool
may_change(const struct change *change, const struct tg_store_key *row)
{
    if (strcmp(row->status, "deleted") == 0)
        return tg_reply_error(change->reply, 409, "key_deleted", NULL,
                              "the key was deleted; make a new one");
    if (strcmp(row->status, "disabled") == 0 && change->status != NULL &&
        !is_end(change->status))
        return tg_reply_error(change->reply, 409, "key_disabled", NULL,
                              "the key was disabled for good; make a new one");
    return true;
}

static int
set_status(const struct change *change, const struct tg_store_key *row)
{
    struct tg_store *store = change->request->daemon->admin;
    struct tg_store_key changed = *row;
    int64_t ended_at = 0, now_ms = tg_clock_ms();
    int err;

    if (is_end(change->status))
        ended_at = row->ended_at != 0 ? row->ended_at : now_ms;
    changed.status = change->status;
    err = store->ops->key_end(store, row->id, change->status, ended_at);
    return err != 0 ? err : tg_agenda_change(store, row, &changed, now_ms);
}

static int
set_policy(const struct change *change, const struct tg_store_key *row)
{
    struct tg_store *store = change->request->daemon->admin;
    struct tg_draft draft;
    int err = TG_ERR_FORMAT;

    if (tg_draft_change(&draft, row, change->request->body, tg_clock_ms(),
                        change->reply))
        err = store->ops->key_set(store, &draft.row);
    if (err == 0)
        err = tg_agenda_change(store, row, &draft.row, tg_clock_ms());
    tg_draft_release(&draft);
    return err;
}

static int
change_row(void *arg, const struct tg_store_key *row)
{
    const struct change *change = arg;

    /* Who resumes a throttled key lets it go on as before. */
    if (change->status != NULL && strcmp(row->status, change->status) == 0 &&
        row->response[0] == '\0')
        return 0;
    if (!may_change(change, row))
        return TG_ERR_FORMAT;
    return change->status != NULL ? set_status(change, row)
                                  : set_policy(change, row);
}

static bool
apply(struct change *change)
{
    struct tg_daemon *daemon = change->request->daemon;
    struct tg_store *store = daemon->admin;
    const char *id = change->request->subject;
    int err = tg_change_begin(change->request);

    if (err == 0) {
        json_t *before = tg_admin_key_details(daemon, id), *after, *diff;

        err = store->ops->key_get(store, id, change_row, change);
        after = tg_admin_key_details(daemon, id);
        diff = tg_change_diff(before, after, TG_ADMIN_KEY_UNSAID);
        json_decref(before);
        json_decref(after);
        err = tg_change_end(change->request, err, id, diff);
    }
    if (err != 0)
        return change->reply->status == 0 &&
               tg_reply_store(change->reply, store, err, "key");
    return tg_policy_key(daemon, store, id) == 0 ||
           tg_shapes_not_in_force(change->reply);
}

/* Whether the key is still the one that the request has seen. */
static bool
is_meant(struct tg_request *request, struct tg_reply *reply)
{
    json_t *key;

    if (request->if_match == NULL)
        return true;
    key = tg_admin_key_read(request, reply, request->subject);
    json_decref(key);
    return key != NULL && tg_etag_matches(request, reply);
}

static void
change_key(struct tg_request *request, struct tg_reply *reply,
           const char *status)
{
    struct change change = {request, reply, status};
    json_t *object = NULL;

    if (status != NULL && !tg_members_only(reply, request->body, "", ""))
        return;
    pthread_mutex_lock(&request->daemon->admin_lock);
    if (is_meant(request, reply) && apply(&change))
        object = tg_admin_key_read(request, reply, request->subject);
    if (object != NULL)
        tg_reply_json(reply, 200, object);
    pthread_mutex_unlock(&request->daemon->admin_lock);
}

void
tg_admin_key_update(struct tg_request *request, struct tg_reply *reply)
{
    change_key(request, reply, NULL);
}

void
tg_admin_key_pause(struct tg_request *request, struct tg_reply *reply)
{
    change_key(request, reply, "inactive");
}

void
tg_admin_key_resume(struct tg_request *request, struct tg_reply *reply)
{
    change_key(request, reply, "active");
}

void
tg_admin_key_disable(struct tg_request *request, struct tg_reply *reply)
{
    change_key(request, reply, "disabled");
}

void
tg_admin_key_delete(struct tg_request *request, struct tg_reply *reply)
{
    change_key(request, reply, "deleted");
}
