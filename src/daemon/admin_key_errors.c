/*
 * What went wrong with a key of late: calls that failed, and requests that
 * were refused and are counted, in one list, newest first.
 */
#include <stdlib.h>

#include "admin.h"
#include "clock.h"
#include "code.h"
#include "err.h"
#include "key_report.h"
#include "route.h"
#include "shapes.h"

#define HOUR_MS INT64_C(3600000)
#define DEFAULT_HOURS 24
#define HOURS_MAX (366 * 24)

/* One of both lists, while they are put together. */
struct found {
    int64_t at;
    json_t *object;
};

struct errors {
    struct found *rows; /* room for twice the limit, and one more of each */
    size_t count;
};

static json_t *
code_name(int64_t code)
{
    return code == TG_CODE_NONE
               ? json_null()
               : json_string(tg_code_row((enum tg_code)code)->name);
}

static json_t *
endpoint_name(int64_t endpoint)
{
    const struct tg_route *route = tg_route_of((enum tg_endpoint)endpoint);

    return route ? json_string(route->name) : json_null();
}

static void
add(struct errors *errors, int64_t at, json_t *object)
{
    errors->rows[errors->count++] = (struct found){at, object};
}

static int
take_call(void *arg, const struct tg_store_call *row)
{
    char request_id[TG_REQUEST_ID_TEXT_SIZE];

    tg_request_id_text(&row->id, request_id);
    add(arg, row->at,
        json_pack("{s:s,s:o,s:s,s:I,s:o,s:i,s:s,s:o,s:o,s:o,s:o}", "object",
                  "error", "at", tg_reply_instant(row->at), "source", "call",
                  "status", (json_int_t)row->status, "code",
                  code_name(row->code), "count", 1, "request_id", request_id,
                  "endpoint", endpoint_name(row->endpoint), "model",
                  tg_reply_text(row->model), "ip", tg_reply_text(row->ip),
                  "user_agent", tg_reply_text(row->user_agent)));
    return 0;
}

static int
take_denial(void *arg, const struct tg_store_denial *row)
{
    const struct tg_code_row *code = tg_code_row((enum tg_code)row->code);
    char request_id[TG_REQUEST_ID_TEXT_SIZE];

    tg_request_id_text(&row->request_id, request_id);
    add(arg, row->last_at,
        json_pack("{s:s,s:o,s:s,s:i,s:s,s:I,s:s,s:o,s:o,s:o,s:o}", "object",
                  "error", "at", tg_reply_instant(row->last_at), "source",
                  "denial", "status", (int)code->status, "code", code->name,
                  "count", (json_int_t)row->count, "request_id", request_id,
                  "endpoint", endpoint_name(row->endpoint), "model",
                  tg_reply_text(row->model), "ip", tg_reply_text(row->ip),
                  "user_agent", tg_reply_text(row->user_agent)));
    return 0;
}

static int
newest_first(const void *a, const void *b)
{
    const struct found *x = a, *y = b;

    return (x->at < y->at) - (x->at > y->at);
}

static bool
read_hours(const struct tg_request *request, struct tg_reply *reply,
           int64_t *hours)
{
    const char *text = tg_request_argument(request, "hours");
    char *end;

    *hours = DEFAULT_HOURS;
    if (text == NULL)
        return true;
    *hours = strtoll(text, &end, 10);
    return (text[0] >= '0' && text[0] <= '9' && *end == '\0' && *hours > 0 &&
            *hours <= HOURS_MAX) ||
           tg_reply_invalid(reply, "hours", "hours is a number from 1 to %d",
                            HOURS_MAX);
}

static int
gather(struct tg_store *store, const struct tg_key_report *report,
       uint32_t limit, struct errors *errors)
{
    struct tg_store_filter calls = report->filter;
    struct tg_store_denial_filter denials = {.key_id = report->key_id,
                                             .since = report->filter.since,
                                             .limit = limit};
    int err;

    calls.is_not_ok = true;
    calls.until = 0;
    errors->rows = calloc(2 * (size_t)limit, sizeof(errors->rows[0]));
    if (errors->rows == NULL)
        return TG_ERR_SYSTEM;
    err = store->ops->call_each(store, &calls, NULL, limit, take_call, errors);
    if (err == 0)
        err = store->ops->denial_each(store, &denials, take_denial, errors);
    return err;
}

/* The rows are taken over: those that are shown, and the others. */
static void
reply_with(struct tg_reply *reply, struct errors *errors, uint32_t limit)
{
    json_t *data = json_array();

    qsort(errors->rows, errors->count, sizeof(errors->rows[0]), newest_first);
    for (size_t i = 0; i < errors->count; i++) {
        if (i < limit)
            json_array_append_new(data, errors->rows[i].object);
        else
            json_decref(errors->rows[i].object);
    }
    tg_reply_json(reply, 200,
                  json_pack("{s:s,s:o,s:b,s:n}", "object", "list", "data", data,
                            "has_more", errors->count > limit, "next"));
}

static void
answer(struct tg_request *request, struct tg_reply *reply,
       struct tg_key_report *report, uint32_t limit)
{
    struct tg_store *store = request->daemon->reports;
    struct errors errors = {0};
    int err;

    if (!tg_key_report_find(report, store, request, reply))
        return;
    err = gather(store, report, limit + 1, &errors);
    if (err == 0) {
        reply_with(reply, &errors, limit);
    } else {
        for (size_t i = 0; i < errors.count; i++)
            json_decref(errors.rows[i].object);
        tg_reply_store(reply, store, err, "error");
    }
    free(errors.rows);
}

void
tg_admin_key_errors(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_key_report report = {0};
    uint32_t limit;
    int64_t hours;

    if (!read_hours(request, reply, &hours) ||
        !tg_request_limit(request, reply, &limit))
        return;
    report.filter.since = tg_clock_ms() - hours * HOUR_MS;
    tg_daemon_catch_up(request->daemon);
    pthread_mutex_lock(&request->daemon->reports_lock);
    answer(request, reply, &report, limit);
    pthread_mutex_unlock(&request->daemon->reports_lock);
}
