#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin.h"
#include "code.h"
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
            struct tg_store_denial_filter *filter, uint32_t *limit)
{
    struct tg_store_page page;

    if (!tg_request_page(request, reply, ID_PREFIX, &page) ||
        !read_code(request, reply, &filter->code) ||
        !tg_request_instant(request, reply, "since", &filter->since) ||
        !tg_request_instant(request, reply, "until", &filter->until))
        return false;
    if (page.after != NULL && !read_after(page.after, reply, &filter->after))
        return false;
    filter->key_id = tg_request_argument(request, "key");
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

    if (!tg_own_filter(request, store, reply, account_id, &filter->account_id))
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

    if (!read_filter(request, reply, &filter, &limit))
        return;
    tg_daemon_catch_up(request->daemon);
    pthread_mutex_lock(&request->daemon->reports_lock);
    list(request, reply, &filter, limit);
    pthread_mutex_unlock(&request->daemon->reports_lock);
}
