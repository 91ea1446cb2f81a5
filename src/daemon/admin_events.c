#include <string.h>

#include "admin.h"
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

void
tg_admin_event_list(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_store *store = request->daemon->reports;
    struct tg_store_event_filter filter = {
        .type = tg_request_argument(request, "type"),
        .key_id = tg_request_argument(request, "key")};
    struct tg_page_list list = {.data = NULL};
    char account_id[TG_ID_TEXT_SIZE];
    struct tg_store_page page;
    int err;

    if (!tg_request_page(request, reply, "evt_", &page) ||
        !tg_request_instant(request, reply, "since", &filter.since))
        return;
    filter.after = page.after;
    filter.limit = page.limit + 1;
    list.limit = page.limit;
    pthread_mutex_lock(&request->daemon->reports_lock);
    if (tg_own_filter(request, store, reply, account_id, &filter.account_id)) {
        list.data = json_array();
        err = store->ops->event_each(store, &filter, list_event, &list);
        tg_page_list_reply(&list, reply, store, err);
    }
    pthread_mutex_unlock(&request->daemon->reports_lock);
}
