#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin.h"
#include "audit_check.h"
#include "audit_file.h"
#include "err.h"
#include "shapes.h"

#define HEX_SIZE (2 * sizeof(struct tg_digest) + 1)

static json_t *
entry_object(const struct tg_store_audit *row)
{
    char digest[HEX_SIZE];

    tg_audit_hex(row->digest.bytes, sizeof(row->digest.bytes), digest);
    return json_pack("{s:s,s:s,s:I,s:o,s:o,s:s,s:o,s:o,s:o,s:s,s:o,s:o,s:s}",
                     "object", "audit_entry", "id", row->id, "number",
                     (json_int_t)row->number, "at", tg_reply_instant(row->at),
                     "operator_id", tg_reply_text(row->operator_id), "operator",
                     row->operator, "via", tg_reply_text(row->via), "ip",
                     tg_reply_text(row->ip), "request_id",
                     tg_reply_text(row->request_id), "action", row->action,
                     "subject", tg_reply_text(row->subject), "details",
                     tg_reply_stored(row->details), "digest", digest);
}

static int
list_entry(void *arg, const struct tg_store_audit *row)
{
    tg_page_list_add(arg, row->id, entry_object(row));
    return 0;
}

void
tg_admin_audit_list(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_store *store = request->daemon->reports;
    struct tg_store_audit_filter filter = {
        .operator= tg_request_argument(request, "operator"),
        .action = tg_request_argument(request, "action"),
        .subject = tg_request_argument(request, "subject"),
    };
    struct tg_page_list list = {.data = NULL};
    struct tg_store_page page;
    int err;

    if (!tg_request_page(request, reply, "aud_", &page) ||
        !tg_request_instant(request, reply, "since", &filter.since) ||
        !tg_request_instant(request, reply, "until", &filter.until))
        return;
    filter.after = page.after;
    filter.limit = page.limit + 1;
    list.limit = page.limit;
    list.data = json_array();
    pthread_mutex_lock(&request->daemon->reports_lock);
    err = store->ops->audit_list(store, &filter, list_entry, &list);
    tg_page_list_reply(&list, reply, store, err);
    pthread_mutex_unlock(&request->daemon->reports_lock);
}

/* The end of the log and its checkpoint, of one moment. */
static int
read_head(struct tg_store *store, struct tg_audit_check *check, int64_t *number,
          struct tg_digest *digest)
{
    int err = store->ops->begin_reading(store);

    if (err == 0)
        err = store->ops->audit_last(store, number, digest);
    if (err == 0)
        err = tg_audit_check_open(check, store);
    store->ops->rollback(store);
    check->key_from = TG_AUDIT_KEY_MASTER;
    (void)tg_audit_key_own(&check->key);
    return err;
}

void
tg_admin_audit_head(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_store *store = request->daemon->reports;
    struct tg_audit_check check = {.has_checkpoint = false};
    struct tg_digest digest;
    char hex[HEX_SIZE];
    int64_t number;
    int err;

    pthread_mutex_lock(&request->daemon->reports_lock);
    err = read_head(store, &check, &number, &digest);
    if (err != 0)
        tg_reply_store(reply, store, err, "entry");
    pthread_mutex_unlock(&request->daemon->reports_lock);
    if (err != 0)
        return;
    tg_audit_hex(digest.bytes, sizeof(digest.bytes), hex);
    tg_reply_json(reply, 200,
                  json_pack("{s:s,s:I,s:s?,s:o}", "object", "audit_head",
                            "number", (json_int_t)number, "digest",
                            number != 0 ? hex : NULL, "checkpoint",
                            tg_audit_file_checkpoint(
                                check.has_checkpoint ? &check.checkpoint : NULL,
                                &check.key)));
}

/* Others' reports may be read between its parts. */
static int
check_all(struct tg_daemon *daemon, struct tg_audit_check *check)
{
    struct tg_store *store = daemon->reports;
    struct tg_digest digest;
    int64_t last = 0;
    bool is_over = false;
    int err;

    pthread_mutex_lock(&daemon->reports_lock);
    err = read_head(store, check, &last, &digest);
    pthread_mutex_unlock(&daemon->reports_lock);
    while (err == 0 && !is_over) {
        pthread_mutex_lock(&daemon->reports_lock);
        err = tg_audit_check_some(check, store, last, &is_over);
        pthread_mutex_unlock(&daemon->reports_lock);
    }
    return err;
}

void
tg_admin_audit_verify(struct tg_request *request, struct tg_reply *reply)
{
    const char *head = tg_request_argument(request, "head");
    struct tg_audit_check check = {.has_noted = head != NULL};
    bool is_intact;
    json_t *object;
    int err;

    if (head != NULL &&
        !tg_audit_unhex(head, check.noted.bytes, sizeof(check.noted.bytes))) {
        tg_reply_invalid(reply, "head",
                         "head is a digest that you noted: 64 hex digits");
        return;
    }
    tg_audit_check_begin(&check);
    err = check_all(request->daemon, &check);
    object = tg_audit_check_end(&check, &is_intact);
    if (err == 0) {
        tg_reply_json(reply, 200, object);
        return;
    }
    json_decref(object);
    tg_reply_store(reply, request->daemon->reports, err, "entry");
}

static int
export_entry(void *arg, const struct tg_store_audit *row)
{
    char number[24];

    snprintf(number, sizeof(number), "%" PRId64, row->number);
    tg_page_list_add(arg, number, tg_audit_file_entry(row));
    return 0;
}

static bool
read_after(const struct tg_request *request, struct tg_reply *reply,
           int64_t *after)
{
    const char *text = tg_request_argument(request, "after");
    char *end;

    *after = 0;
    if (text == NULL)
        return true;
    *after = strtoll(text, &end, 10);
    return (text[0] >= '0' && text[0] <= '9' && *end == '\0') ||
           tg_reply_invalid(reply, "after",
                            "after is the number of the last entry seen");
}

void
tg_admin_audit_export(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_store *store = request->daemon->reports;
    struct tg_page_list list = {.data = NULL};
    int64_t after;
    int err;

    if (!read_after(request, reply, &after) ||
        !tg_request_limit(request, reply, &list.limit))
        return;
    list.data = json_array();
    pthread_mutex_lock(&request->daemon->reports_lock);
    err = store->ops->audit_each(store, after, list.limit + 1, export_entry,
                                 &list);
    tg_page_list_reply(&list, reply, store, err);
    pthread_mutex_unlock(&request->daemon->reports_lock);
}
