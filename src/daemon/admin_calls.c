#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "admin.h"
#include "code.h"
#include "err.h"
#include "route.h"
#include "own.h"
#include "shapes.h"
#include "unit.h"

struct walk {
    struct tg_store *store;
    struct tg_page_list list;
};

static const char *const bases[] = {
    [TG_BASIS_HELD] = "held",
    [TG_BASIS_COUNTED] = "counted",
    [TG_BASIS_REPORTED] = "reported",
    [TG_BASIS_NONE] = "none",
};

static int
take_name(void *arg, const struct tg_store_upstream *row)
{
    *(json_t **)arg = json_string(row->name);
    return 0;
}

static json_t *
upstream_name(struct tg_store *store, const char *id)
{
    json_t *name = NULL;

    if (id[0] == '\0' ||
        store->ops->upstream_get(store, id, take_name, &name) != 0)
        return json_null();
    return name;
}

static json_t *
code_name(int64_t code)
{
    if (code == TG_CODE_NONE)
        return json_null();
    return json_string(tg_code_row((enum tg_code)code)->name);
}

static json_t *
endpoint_name(int64_t endpoint)
{
    const struct tg_route *route = tg_route_of((enum tg_endpoint)endpoint);

    return route ? json_string(route->name) : json_null();
}

/* A decimal string, seconds for audio; null when all was tokens. */
static json_t *
amount(const struct tg_store_call *row)
{
    char text[TG_UNIT_AMOUNT_SIZE];

    if (tg_unit_name((enum tg_unit)row->unit) == NULL)
        return json_null();
    tg_unit_amount((enum tg_unit)row->unit, row->units, text);
    return json_string(text);
}

static json_t *
call_object(struct tg_store *store, const struct tg_store_call *row,
            const char *id)
{
    char request_id[TG_REQUEST_ID_TEXT_SIZE];
    size_t basis = (size_t)row->basis;

    tg_request_id_text(&row->id, request_id);
    return json_pack(
        "{s:s,s:s,s:s,s:o,s:s,s:s,s:o,s:o,s:b,s:I,s:o,s:I,s:I,s:I,s:I,s:I,"
        "s:s?,s:o,s:o,s:s,s:I,s:o,s:o,s:o,s:o,s:o,s:b}",
        "object", "call", "id", id, "request_id", request_id, "at",
        tg_reply_instant(row->at), "key_id", row->key_id, "account_id",
        row->account_id, "endpoint", endpoint_name(row->endpoint), "model",
        tg_reply_text(row->model), "stream", (row->flags & TG_CALL_STREAM) != 0,
        "status", (json_int_t)row->status, "code", code_name(row->code),
        "prompt_tokens", (json_int_t)row->prompt_tokens,
        "prompt_cache_hit_tokens", (json_int_t)row->prompt_cache_hit_tokens,
        "completion_tokens", (json_int_t)row->completion_tokens,
        "reasoning_tokens", (json_int_t)row->reasoning_tokens, "total_tokens",
        (json_int_t)(row->prompt_tokens + row->completion_tokens), "unit",
        tg_unit_name((enum tg_unit)row->unit), "units", amount(row), "cost",
        tg_reply_money(row->cost_nanos), "basis",
        bases[basis < sizeof(bases) / sizeof(bases[0]) ? basis : 0],
        "latency_ms", (json_int_t)row->latency_ms, "ttft_ms",
        row->ttft_ms < 0 ? json_null() : json_integer(row->ttft_ms), "ip",
        tg_reply_text(row->ip), "user_agent", tg_reply_text(row->user_agent),
        "upstream", upstream_name(store, row->upstream_id), "trace_id",
        tg_reply_text(row->trace_id), "recovered",
        (row->flags & TG_CALL_RECOVERED) != 0);
}

static int
list_call(void *arg, const struct tg_store_call *row)
{
    struct walk *walk = arg;
    char id[TG_CALL_ID_TEXT_SIZE];

    tg_call_id_text(&row->id, id);
    tg_page_list_add(&walk->list, id, call_object(walk->store, row, id));
    return 0;
}

/* Takes "call_…" off the arguments, so that the page check is for others. */
static bool
read_after(const struct tg_request *request, struct tg_reply *reply,
           struct tg_call_id *id, bool *has_after)
{
    const char *after = tg_request_argument(request, "after");
    size_t len;

    *has_after = after != NULL;
    if (after == NULL)
        return true;
    if (strncmp(after, "call_", 5) == 0 && strlen(after) == 37 &&
        sodium_hex2bin(id->bytes, sizeof(id->bytes), after + 5, 32, NULL, &len,
                       NULL) == 0 &&
        len == sizeof(id->bytes))
        return true;
    return tg_reply_invalid(reply, "after",
                            "after is the id of the last call seen, 'next' "
                            "of the page before");
}

static bool
read_filter(const struct tg_request *request, struct tg_reply *reply,
            struct tg_store_filter *filter)
{
    const char *status = tg_request_argument(request, "status");
    const char *not_ok = tg_request_argument(request, "not_ok");
    char *end;

    filter->key_id = tg_request_argument(request, "key");
    filter->model = tg_request_argument(request, "model");
    if (not_ok != NULL && strcmp(not_ok, "true") != 0 &&
        strcmp(not_ok, "false") != 0)
        return tg_reply_invalid(reply, "not_ok", "not_ok is true or false");
    filter->is_not_ok = not_ok != NULL && not_ok[0] == 't';
    if (status != NULL) {
        filter->status = strtol(status, &end, 10);
        if (*end != '\0' || filter->status < 100 || filter->status > 599)
            return tg_reply_invalid(reply, "status",
                                    "status is an HTTP status, 100 to 599");
    }
    return tg_request_instant(request, reply, "since", &filter->since) &&
           tg_request_instant(request, reply, "until", &filter->until);
}

static void
list(const struct tg_request *request, struct tg_reply *reply,
     struct tg_store_filter *filter, const struct tg_call_id *after,
     uint32_t limit)
{
    struct tg_store *store = request->daemon->reports;
    struct walk walk = {.store = store};
    char account_id[TG_ID_TEXT_SIZE];
    int err;

    if (!tg_own_filter(request, store, reply, account_id, &filter->account_id))
        return;
    walk.list.limit = limit;
    walk.list.data = json_array();
    err = store->ops->call_each(store, filter, after, limit + 1, list_call,
                                &walk);
    tg_page_list_reply(&walk.list, reply, store, err);
}

void
tg_admin_call_list(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_store_filter filter = {0};
    struct tg_call_id after;
    uint32_t limit;
    bool has_after;

    if (!read_after(request, reply, &after, &has_after) ||
        !tg_request_limit(request, reply, &limit) ||
        !read_filter(request, reply, &filter))
        return;
    tg_daemon_catch_up(request->daemon);
    pthread_mutex_lock(&request->daemon->reports_lock);
    list(request, reply, &filter, has_after ? &after : NULL, limit);
    pthread_mutex_unlock(&request->daemon->reports_lock);
}
