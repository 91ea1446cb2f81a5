#include <string.h>

#include "admin.h"
#include "err.h"
#include "own.h"
#include "shapes.h"

static json_t *
event_object(const struct tg_store_event *row)
{
    return json_pack("{s:s,s:s,s:o,s:s,s:s,s:o,s:o,s:o,s:o,s:s,s:o}", "object",
                     "event", "id", row->id, "at", tg_reply_instant(row->at),
                     "type", row->type, "severity", row->severity, "key_id",
                     tg_reply_text(row->key_id), "account_id",
                     tg_reply_text(row->account_id), "upstream_id",
                     tg_reply_text(row->upstream_id), "credential_id",
                     tg_reply_text(row->credential_id), "message", row->message,
                     "evidence", tg_reply_stored(row->evidence));
}

static int
list_event(void *arg, const struct tg_store_event *row)
{
    tg_page_list_add(arg, row->id, event_object(row));
    return 0;
}

static bool
read_severity(const struct tg_request *request, struct tg_reply *reply,
              const char **severity)
{
    const char *given = tg_request_argument(request, "severity");

    *severity = given;
    return given == NULL || strcmp(given, "info") == 0 ||
           strcmp(given, "warning") == 0 || strcmp(given, "critical") == 0 ||
           tg_reply_invalid(reply, "severity",
                            "severity is one of: info warning critical");
}

static bool
read_filter(const struct tg_request *request, struct tg_reply *reply,
            struct tg_store_event_filter *filter, uint32_t *limit)
{
    struct tg_store_page page;

    if (!tg_request_page(request, reply, "evt_", &page) ||
        !read_severity(request, reply, &filter->severity) ||
        !tg_request_instant(request, reply, "since", &filter->since) ||
        !tg_request_instant(request, reply, "until", &filter->until))
        return false;
    filter->type = tg_request_argument(request, "type");
    filter->key_id = tg_request_argument(request, "key");
    filter->after = page.after;
    filter->limit = page.limit + 1;
    *limit = page.limit;
    return true;
}

void
tg_admin_event_list(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_store *store = request->daemon->reports;
    struct tg_store_event_filter filter = {.type = NULL};
    struct tg_page_list list = {.data = NULL};
    char account_id[TG_ID_TEXT_SIZE];
    int err;

    if (!read_filter(request, reply, &filter, &list.limit))
        return;
    pthread_mutex_lock(&request->daemon->reports_lock);
    if (tg_own_filter(request, store, reply, account_id, &filter.account_id)) {
        list.data = json_array();
        err = store->ops->event_each(store, &filter, list_event, &list);
        tg_page_list_reply(&list, reply, store, err);
    }
    pthread_mutex_unlock(&request->daemon->reports_lock);
}

/* What one may see of it. */
struct showing {
    const struct tg_request *request;
    struct tg_reply *reply;
};

static int
show_event(void *arg, const struct tg_store_event *row)
{
    const struct showing *showing = arg;

    if (tg_own_account(showing->request, row->account_id))
        tg_reply_json(showing->reply, 200, event_object(row));
    return 0;
}

void
tg_admin_event_show(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_store *store = request->daemon->reports;
    struct tg_store_event_filter filter = {.id = request->subject, .limit = 1};
    struct showing showing = {request, reply};
    int err;

    pthread_mutex_lock(&request->daemon->reports_lock);
    err = store->ops->event_each(store, &filter, show_event, &showing);
    if (err != 0 || reply->status == 0)
        tg_reply_store(reply, store, err != 0 ? err : TG_ERR_NOT_FOUND,
                       "event");
    pthread_mutex_unlock(&request->daemon->reports_lock);
}
