#include <string.h>

#include "admin.h"
#include "err.h"
#include "own.h"
#include "shapes.h"

/* What rules have found, and how the telling went. */

static json_t *
episode_object(const struct tg_store_episode *row)
{
    return json_pack(
        "{s:s,s:s,s:s,s:s,s:s,s:s,s:b,s:o,s:o,s:o,s:o,s:o,s:o,s:I,s:o,s:o,s:o,"
        "s:o}",
        "object", "episode", "id", row->id, "alert_id", row->rule_id, "alert",
        row->rule, "kind", row->kind, "severity", row->severity, "open",
        row->closed_at == 0, "key_id", tg_reply_text(row->key_id), "account_id",
        tg_reply_text(row->account_id), "upstream_id",
        tg_reply_text(row->upstream_id), "credential_id",
        tg_reply_text(row->credential_id), "message",
        tg_reply_text(row->message), "evidence", tg_reply_stored(row->evidence),
        "count", (json_int_t)row->count, "opened_at",
        tg_reply_instant(row->opened_at), "last_at",
        tg_reply_instant(row->last_at), "closed_at",
        tg_reply_instant(row->closed_at), "closed_by",
        tg_reply_text(row->closed_by));
}

static int
list_episode(void *arg, const struct tg_store_episode *row)
{
    tg_page_list_add(arg, row->id, episode_object(row));
    return 0;
}

/* A switch of a query: absent, or true. */
static bool
read_switch(const struct tg_request *request, struct tg_reply *reply,
            const char *name, bool *is_on)
{
    const char *text = tg_request_argument(request, name);

    *is_on = text != NULL && strcmp(text, "true") == 0;
    if (text == NULL || *is_on || strcmp(text, "false") == 0)
        return true;
    return tg_reply_invalid(reply, name, "%s is true or false", name);
}

void
tg_admin_episode_list(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_store *store = request->daemon->reports;
    struct tg_store_episode_filter filter = {
        .rule_id = tg_request_argument(request, "alert")};
    struct tg_page_list list = {.data = NULL};
    struct tg_store_page page;
    int err;

    if (!tg_request_page(request, reply, "eps_", &page) ||
        !read_switch(request, reply, "open", &filter.is_open))
        return;
    filter.after = page.after;
    filter.limit = page.limit + 1;
    list.limit = page.limit;
    pthread_mutex_lock(&request->daemon->reports_lock);
    if (tg_own_key(request, store, reply, &filter.key_id)) {
        list.data = json_array();
        err = store->ops->episode_each(store, &filter, list_episode, &list);
        tg_page_list_reply(&list, reply, store, err);
    }
    pthread_mutex_unlock(&request->daemon->reports_lock);
}

static json_t *
delivery_object(const struct tg_store_notice *row)
{
    bool waits = strcmp(row->status, "pending") == 0;

    return json_pack(
        "{s:s,s:s,s:s,s:s,s:o,s:s,s:s,s:s,s:I,s:o,s:o,s:o,s:o,s:o,s:o}",
        "object", "alert_delivery", "id", row->id, "channel_id",
        row->channel_id, "channel", row->channel, "episode_id",
        tg_reply_text(row->episode_id), "what", row->what, "severity",
        row->severity, "status", row->status, "attempts",
        (json_int_t)row->attempts, "next_at",
        tg_reply_instant(waits ? row->next_at : 0), "last_status",
        row->last_status != 0 ? json_integer(row->last_status) : json_null(),
        "last_error", tg_reply_text(row->last_error), "created_at",
        tg_reply_instant(row->created_at), "ended_at",
        tg_reply_instant(row->ended_at), "notice", tg_reply_stored(row->body));
}

static int
list_delivery(void *arg, const struct tg_store_notice *row)
{
    tg_page_list_add(arg, row->id, delivery_object(row));
    return 0;
}

void
tg_admin_delivery_list(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_store *store = request->daemon->reports;
    struct tg_store_notice_filter filter = {
        .channel_id = tg_request_argument(request, "channel"),
        .status = tg_request_argument(request, "status")};
    struct tg_page_list list = {.data = NULL};
    struct tg_store_page page;
    int err;

    if (!tg_request_page(request, reply, "ntf_", &page))
        return;
    filter.after = page.after;
    filter.limit = page.limit + 1;
    list.limit = page.limit;
    list.data = json_array();
    pthread_mutex_lock(&request->daemon->reports_lock);
    err = store->ops->notice_each(store, &filter, list_delivery, &list);
    tg_page_list_reply(&list, reply, store, err);
    pthread_mutex_unlock(&request->daemon->reports_lock);
}
