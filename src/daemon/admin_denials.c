#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin.h"
#include "code.h"
#include "err.h"
#include "export.h"
#include "route.h"
#include "own.h"
#include "shapes.h"

/* An id says the row's number, so it is an id like all others. */
#define ID_PREFIX "den_"

static void
denial_id(int64_t number, char id[TG_ID_TEXT_SIZE])
{
    snprintf(id, TG_ID_TEXT_SIZE, ID_PREFIX "%020lld", (long long)number);
}

static json_t *
endpoint_name(int64_t endpoint)
{
    const struct tg_route *route = tg_route_of((enum tg_endpoint)endpoint);

    return route ? json_string(route->name) : json_null();
}

static json_t *
denial_object(const struct tg_store_denial *row, const char *id)
{
    const struct tg_code_row *code = tg_code_row((enum tg_code)row->code);
    char request_id[TG_REQUEST_ID_TEXT_SIZE];

    tg_request_id_text(&row->request_id, request_id);
    return json_pack(
        "{s:s,s:s,s:I,s:s,s:i,s:o,s:o,s:o,s:b,s:o,s:o,s:o,s:s,s:o,s:o,s:o}",
        "object", "denial", "id", id, "count", (json_int_t)row->count, "code",
        code->name, "status", (int)code->status, "key_id",
        tg_reply_text(row->key_id), "account_id",
        tg_reply_text(row->account_id), "ip", tg_reply_text(row->ip), "rest",
        row->ip[0] == '\0', "first_at", tg_reply_instant(row->first_at),
        "last_at", tg_reply_instant(row->last_at), "sample_at",
        tg_reply_instant(row->sample_at), "request_id", request_id, "endpoint",
        endpoint_name(row->endpoint), "model", tg_reply_text(row->model),
        "user_agent", tg_reply_text(row->user_agent));
}

static int
list_denial(void *arg, const struct tg_store_denial *row)
{
    char id[TG_ID_TEXT_SIZE];

    denial_id(row->number, id);
    tg_page_list_add(arg, id, denial_object(row, id));
    return 0;
}

static bool
read_code(const struct tg_request *request, struct tg_reply *reply,
          int64_t *code)
{
    const char *name = tg_request_argument(request, "code");

    if (name == NULL)
        return true;
    for (int i = 1; i < TG_CODE_COUNT; i++) {
        if (strcmp(tg_code_row((enum tg_code)i)->name, name) == 0) {
            *code = i;
            return true;
        }
    }
    return tg_reply_invalid(reply, "code",
                            "there is no code '%s'; it is what a refusal says "
                            "as its code, such as invalid_api_key",
                            name);
}

/* The number of the last row seen. */
static bool
read_after(const char *id, struct tg_reply *reply, int64_t *number)
{
    const char *digits = id + strlen(ID_PREFIX);
    char *end;

    *number = strtoll(digits, &end, 10);
    if (digits[0] >= '0' && digits[0] <= '9' && *end == '\0' && *number > 0)
        return true;
    return tg_reply_invalid(reply, "after", "there is no denial '%s'", id);
}

static bool
read_filter(const struct tg_request *request, struct tg_reply *reply,
            struct tg_store_denial_filter *filter)
{
    if (!read_code(request, reply, &filter->code) ||
        !tg_request_instant(request, reply, "since", &filter->since) ||
        !tg_request_instant(request, reply, "until", &filter->until))
        return false;
    return true;
}

static bool
read_page(const struct tg_request *request, struct tg_reply *reply,
          struct tg_store_denial_filter *filter, uint32_t *limit)
{
    struct tg_store_page page;

    if (!tg_request_page(request, reply, ID_PREFIX, &page) ||
        (page.after != NULL && !read_after(page.after, reply, &filter->after)))
        return false;
    filter->limit = page.limit + 1;
    *limit = page.limit;
    return true;
}

static void
list(const struct tg_request *request, struct tg_reply *reply,
     struct tg_store_denial_filter *filter, uint32_t limit)
{
    struct tg_store *store = request->daemon->reports;
    struct tg_page_list page = {.limit = limit};
    char account_id[TG_ID_TEXT_SIZE];
    int err;

    if (!tg_own_filter(request, store, reply, account_id,
                       &filter->account_id) ||
        !tg_own_key(request, store, reply, &filter->key_id))
        return;
    page.data = json_array();
    err = store->ops->denial_each(store, filter, list_denial, &page);
    tg_page_list_reply(&page, reply, store, err);
}

void
tg_admin_denial_list(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_store_denial_filter filter = {0};
    uint32_t limit;

    if (!read_page(request, reply, &filter, &limit) ||
        !read_filter(request, reply, &filter))
        return;
    tg_daemon_catch_up(request->daemon);
    pthread_mutex_lock(&request->daemon->reports_lock);
    list(request, reply, &filter, limit);
    pthread_mutex_unlock(&request->daemon->reports_lock);
}

#define EXPORT_ROWS 512

struct exporting {
    struct tg_store_denial_filter filter;
    char account_id[TG_ID_TEXT_SIZE];
    char *key_id;
    struct tg_rows *rows;
    uint32_t count; /* of the slice */
};

/* As the object "denial". */
static void
put_denial(struct tg_rows *rows, const struct tg_store_denial *denial)
{
    const struct tg_code_row *code = tg_code_row((enum tg_code)denial->code);
    const struct tg_route *route =
        tg_route_of((enum tg_endpoint)denial->endpoint);
    char id[TG_ID_TEXT_SIZE];

    denial_id(denial->number, id);
    tg_row_begin(rows);
    tg_row_object(rows, "denial");
    tg_row_instant(rows, "last_at", denial->last_at);
    tg_row_instant(rows, "first_at", denial->first_at);
    tg_row_text(rows, "id", id);
    tg_row_int(rows, "count", denial->count);
    tg_row_int(rows, "status", code->status);
    tg_row_text(rows, "code", code->name);
    tg_row_text(rows, "key_id", denial->key_id);
    tg_row_text(rows, "account_id", denial->account_id);
    tg_row_text(rows, "ip", denial->ip);
    tg_row_bool(rows, "rest", denial->ip == NULL || denial->ip[0] == '\0');
    tg_row_instant(rows, "sample_at", denial->sample_at);
    tg_row_hex(rows, "request_id", "req_", denial->request_id.bytes,
               sizeof(denial->request_id.bytes));
    tg_row_text(rows, "endpoint", route != NULL ? route->name : NULL);
    tg_row_text(rows, "model", denial->model);
    tg_row_text(rows, "user_agent", denial->user_agent);
    tg_row_end(rows);
}

static void
export_head(struct tg_rows *rows)
{
    static const struct tg_store_denial none;

    put_denial(rows, &none);
}

static int
export_denial(void *arg, const struct tg_store_denial *denial)
{
    struct exporting *exporting = arg;

    put_denial(exporting->rows, denial);
    exporting->filter.after = denial->number;
    exporting->count++;
    return 0;
}

/* Where the last one that was sent has gone by age, all behind it have. */
static int
export_slice(void *arg, struct tg_store *store, struct tg_rows *rows,
             bool *is_over)
{
    struct exporting *exporting = arg;
    struct tg_store_denial_filter filter = exporting->filter;
    int err;

    exporting->rows = rows;
    exporting->count = 0;
    filter.limit = EXPORT_ROWS;
    err = store->ops->denial_each(store, &filter, export_denial, exporting);
    *is_over = exporting->count < EXPORT_ROWS;
    return err == TG_ERR_NOT_FOUND ? 0 : err;
}

static void
export_release(void *arg)
{
    struct exporting *exporting = arg;

    free(exporting->key_id);
    free(exporting);
}

void
tg_admin_denial_export(struct tg_request *request, struct tg_reply *reply)
{
    static const struct tg_export_kind kind = {"denials", export_head,
                                               export_slice, export_release};
    struct tg_daemon *daemon = request->daemon;
    struct exporting *exporting = calloc(1, sizeof(*exporting));
    bool is_read;

    if (exporting == NULL) {
        tg_export_no_memory(reply);
        return;
    }
    tg_daemon_catch_up(daemon);
    pthread_mutex_lock(&daemon->exports_lock);
    is_read =
        read_filter(request, reply, &exporting->filter) &&
        tg_own_filter(request, daemon->exports, reply, exporting->account_id,
                      &exporting->filter.account_id) &&
        tg_own_key(request, daemon->exports, reply,
                   &exporting->filter.key_id) &&
        (tg_export_keep(&exporting->filter.key_id, &exporting->key_id) ||
         tg_export_no_memory(reply));
    pthread_mutex_unlock(&daemon->exports_lock);
    if (is_read)
        tg_export_reply(request, reply, &kind, exporting, -1);
    else
        export_release(exporting);
}
