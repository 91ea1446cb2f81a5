#include <string.h>

#include "admin.h"
#include "book.h"
#include "civil.h"
#include "clock.h"
#include "err.h"
#include "own.h"
#include "shapes.h"
#include "usage_spans.h"
#include "usage_sums.h"

#define DEFAULT_DAYS 30

/* How rows are grouped; days and hours are folded from quarter-hours. */
static const struct grouping {
    const char *name;
    enum tg_usage_by by;
    int64_t span_ms; /* 0: not by time */
    const char *member;
} groupings[] = {
    {"day", TG_BY_QUARTER, TG_MS_PER_DAY, "day"},
    {"hour", TG_BY_QUARTER, TG_HOUR_MS, "hour"},
    {"key", TG_BY_KEY, 0, "key_id"},
    {"model", TG_BY_MODEL, 0, "model"},
    {"account", TG_BY_ACCOUNT, 0, "account_id"},
};

struct query {
    struct tg_store *store;
    const struct grouping *grouping;
    struct tg_store_filter filter;
    char account_id[TG_ID_TEXT_SIZE];
    const char *timezone;
    struct tg_zone zone;
    json_t *rows;
};

static void
take_span(void *arg, const char *at, const struct tg_store_usage *sums)
{
    struct query *query = arg;
    json_t *row = json_pack("{s:s}", query->grouping->member, at);

    tg_usage_sums_set(row, sums);
    json_array_append_new(query->rows, row);
}

static int
take_key_name(void *arg, const struct tg_store_key *row)
{
    json_object_set_new(arg, "key_name", json_string(row->name));
    return 0;
}

static int
take_account_name(void *arg, const struct tg_store_account *row)
{
    json_object_set_new(arg, "account_name", json_string(row->name));
    return 0;
}

static int
take_group(void *arg, const struct tg_store_usage *row)
{
    struct query *query = arg;
    struct tg_store *store = query->store;
    json_t *object = json_pack("{s:s}", query->grouping->member, row->group);

    if (query->grouping->by == TG_BY_KEY)
        store->ops->key_get(store, row->group, take_key_name, object);
    else if (query->grouping->by == TG_BY_ACCOUNT)
        store->ops->account_get(store, row->group, take_account_name, object);
    tg_usage_sums_set(object, row);
    json_array_append_new(query->rows, object);
    return 0;
}

static int
take_total(void *arg, const struct tg_store_usage *row)
{
    tg_usage_sums_set(arg, row);
    return 0;
}

static bool
read_grouping(struct query *query, const struct tg_request *request,
              struct tg_reply *reply)
{
    const char *by = tg_request_argument(request, "by");

    query->grouping = &groupings[0];
    if (by == NULL)
        return true;
    for (size_t i = 0; i < sizeof(groupings) / sizeof(groupings[0]); i++) {
        if (strcmp(groupings[i].name, by) == 0) {
            query->grouping = &groupings[i];
            return true;
        }
    }
    return tg_reply_invalid(reply, "by",
                            "by is one of: day hour key model account");
}

static bool
read_query(struct query *query, const struct tg_request *request,
           struct tg_reply *reply)
{
    struct tg_store_filter *filter = &query->filter;
    int64_t now_ms = tg_clock_ms();

    filter->key_id = tg_request_argument(request, "key");
    filter->model = tg_request_argument(request, "model");
    filter->until = now_ms;
    query->timezone = tg_request_argument(request, "timezone");
    if (query->timezone == NULL)
        query->timezone = "UTC";
    if (!read_grouping(query, request, reply) ||
        !tg_request_instant(request, reply, "until", &filter->until))
        return false;
    filter->since = filter->until - DEFAULT_DAYS * TG_MS_PER_DAY;
    if (!tg_request_instant(request, reply, "since", &filter->since))
        return false;
    if (filter->since >= filter->until)
        return tg_reply_invalid(reply, "since", "since is not before until");
    if (!tg_own_filter(request, query->store, reply, query->account_id,
                       &filter->account_id))
        return false;
    if (tg_zone_open(&query->zone, query->timezone) != 0)
        return tg_reply_invalid(reply, "timezone",
                                "there is no time zone '%s'; write a name "
                                "such as Asia/Shanghai",
                                query->timezone);
    return true;
}

static void
answer(struct query *query, struct tg_reply *reply)
{
    struct tg_store *store = query->store;
    struct tg_usage_spans spans = {.zone = &query->zone,
                                   .span_ms = query->grouping->span_ms,
                                   .visit = take_span,
                                   .arg = query};
    json_t *total = json_object();
    int err;

    query->rows = json_array();
    err = store->ops->begin_reading(store);
    if (err == 0)
        err = spans.span_ms != 0
                  ? store->ops->usage(store, &query->filter, TG_BY_QUARTER,
                                      tg_usage_spans_take, &spans)
                  : store->ops->usage(store, &query->filter,
                                      query->grouping->by, take_group, query);
    tg_usage_spans_end(&spans);
    if (err == 0)
        err = store->ops->usage(store, &query->filter, TG_BY_TOTAL, take_total,
                                total);
    store->ops->rollback(store);
    if (err != 0) {
        json_decref(query->rows);
        json_decref(total);
        tg_reply_store(reply, store, err, "usage");
        return;
    }
    tg_reply_json(reply, 200,
                  json_pack("{s:s,s:o,s:o,s:s,s:s,s:o,s:o}", "object", "usage",
                            "from", tg_reply_instant(query->filter.since), "to",
                            tg_reply_instant(query->filter.until), "timezone",
                            query->timezone, "currency", TG_BOOK_CURRENCY,
                            "rows", query->rows, "total", total));
}

void
tg_admin_usage(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_daemon *daemon = request->daemon;
    struct query query = {.store = daemon->reports};

    tg_daemon_catch_up(daemon);
    pthread_mutex_lock(&daemon->reports_lock);
    if (read_query(&query, request, reply))
        answer(&query, reply);
    pthread_mutex_unlock(&daemon->reports_lock);
    tg_zone_close(&query.zone);
}
