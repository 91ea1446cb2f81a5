#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin.h"
#include "err.h"
#include "export.h"
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
            struct tg_store_event_filter *filter)
{
    if (!read_severity(request, reply, &filter->severity) ||
        !tg_request_instant(request, reply, "since", &filter->since) ||
        !tg_request_instant(request, reply, "until", &filter->until))
        return false;
    filter->type = tg_request_argument(request, "type");
    return true;
}

void
tg_admin_event_list(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_store *store = request->daemon->reports;
    struct tg_store_event_filter filter = {.type = NULL};
    struct tg_page_list list = {.data = NULL};
    char account_id[TG_ID_TEXT_SIZE];
    struct tg_store_page page;
    int err;

    if (!tg_request_page(request, reply, "evt_", &page) ||
        !read_filter(request, reply, &filter))
        return;
    filter.after = page.after;
    filter.limit = page.limit + 1;
    list.limit = page.limit;
    pthread_mutex_lock(&request->daemon->reports_lock);
    if (tg_own_filter(request, store, reply, account_id, &filter.account_id) &&
        tg_own_key(request, store, reply, &filter.key_id)) {
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

#define EXPORT_ROWS 256

struct exporting {
    struct tg_store_event_filter filter;
    char account_id[TG_ID_TEXT_SIZE];
    char after[TG_ID_TEXT_SIZE];
    char *type, *key_id, *severity;
    struct tg_rows *rows;
    uint32_t count; /* of the slice */
};

/* As the object "event". */
static void
put_event(struct tg_rows *rows, const struct tg_store_event *event)
{
    tg_row_begin(rows);
    tg_row_object(rows, "event");
    tg_row_instant(rows, "at", event->at);
    tg_row_text(rows, "id", event->id);
    tg_row_text(rows, "severity", event->severity);
    tg_row_text(rows, "type", event->type);
    tg_row_text(rows, "message", event->message);
    tg_row_text(rows, "key_id", event->key_id);
    tg_row_text(rows, "account_id", event->account_id);
    tg_row_text(rows, "upstream_id", event->upstream_id);
    tg_row_text(rows, "credential_id", event->credential_id);
    tg_row_json(rows, "evidence", event->evidence);
    tg_row_end(rows);
}

static void
export_head(struct tg_rows *rows)
{
    static const struct tg_store_event none;

    put_event(rows, &none);
}

static int
export_event(void *arg, const struct tg_store_event *event)
{
    struct exporting *exporting = arg;

    put_event(exporting->rows, event);
    snprintf(exporting->after, sizeof(exporting->after), "%s", event->id);
    exporting->count++;
    return 0;
}

static int
export_slice(void *arg, struct tg_store *store, struct tg_rows *rows,
             bool *is_over)
{
    struct exporting *exporting = arg;
    int err;

    exporting->rows = rows;
    exporting->count = 0;
    exporting->filter.limit = EXPORT_ROWS;
    exporting->filter.after =
        exporting->after[0] != '\0' ? exporting->after : NULL;
    err = store->ops->event_each(store, &exporting->filter, export_event,
                                 exporting);
    *is_over = exporting->count < EXPORT_ROWS;
    return err;
}

static void
export_release(void *arg)
{
    struct exporting *exporting = arg;

    free(exporting->type);
    free(exporting->key_id);
    free(exporting->severity);
    free(exporting);
}

static bool
keep_texts(struct exporting *exporting, struct tg_reply *reply)
{
    struct tg_store_event_filter *filter = &exporting->filter;

    return (tg_export_keep(&filter->type, &exporting->type) &&
            tg_export_keep(&filter->key_id, &exporting->key_id) &&
            tg_export_keep(&filter->severity, &exporting->severity)) ||
           tg_export_no_memory(reply);
}

void
tg_admin_event_export(struct tg_request *request, struct tg_reply *reply)
{
    static const struct tg_export_kind kind = {"events", export_head,
                                               export_slice, export_release};
    struct tg_daemon *daemon = request->daemon;
    struct exporting *exporting = calloc(1, sizeof(*exporting));
    bool is_read;

    if (exporting == NULL) {
        tg_export_no_memory(reply);
        return;
    }
    pthread_mutex_lock(&daemon->exports_lock);
    is_read =
        read_filter(request, reply, &exporting->filter) &&
        tg_own_filter(request, daemon->exports, reply, exporting->account_id,
                      &exporting->filter.account_id) &&
        tg_own_key(request, daemon->exports, reply,
                   &exporting->filter.key_id) &&
        keep_texts(exporting, reply);
    pthread_mutex_unlock(&daemon->exports_lock);
    if (is_read)
        tg_export_reply(request, reply, &kind, exporting, -1);
    else
        export_release(exporting);
}
