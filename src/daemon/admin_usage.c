#include <stdio.h>
#include <string.h>

#include "admin.h"
#include "book.h"
#include "civil.h"
#include "clock.h"
#include "err.h"
#include "shapes.h"
#include "unit.h"
#include "zone.h"

#define QUARTER_MS INT64_C(900000)
#define HOUR_MS INT64_C(3600000)
#define DEFAULT_DAYS 30

/* How rows are grouped; days and hours are folded from quarter-hours. */
static const struct grouping {
    const char *name;
    enum tg_usage_by by;
    int64_t span_ms; /* 0: not by time */
    const char *member;
} groupings[] = {
    {"day", TG_BY_QUARTER, TG_MS_PER_DAY, "day"},
    {"hour", TG_BY_QUARTER, HOUR_MS, "hour"},
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
    bool has_open; /* a span that is still being summed up */
    int64_t open_at;
    struct tg_store_usage open;
};

static void
set_sums(json_t *row, const struct tg_store_usage *sums)
{
    char seconds[TG_UNIT_AMOUNT_SIZE];

    json_object_set_new(row, "requests", json_integer(sums->requests));
    json_object_set_new(row, "errors", json_integer(sums->errors));
    json_object_set_new(row, "prompt_tokens",
                        json_integer(sums->prompt_tokens));
    json_object_set_new(row, "prompt_cache_hit_tokens",
                        json_integer(sums->prompt_cache_hit_tokens));
    json_object_set_new(row, "completion_tokens",
                        json_integer(sums->completion_tokens));
    json_object_set_new(row, "reasoning_tokens",
                        json_integer(sums->reasoning_tokens));
    json_object_set_new(
        row, "total_tokens",
        json_integer(sums->prompt_tokens + sums->completion_tokens));
    json_object_set_new(row, "images", json_integer(sums->images));
    tg_unit_amount(TG_UNIT_MILLISECOND, sums->audio_ms, seconds);
    json_object_set_new(row, "audio_seconds", json_string(seconds));
    json_object_set_new(row, "characters", json_integer(sums->characters));
    json_object_set_new(row, "cost", tg_reply_money(sums->cost_nanos));
}

static void
add_sums(struct tg_store_usage *to, const struct tg_store_usage *from)
{
    to->requests += from->requests;
    to->errors += from->errors;
    to->prompt_tokens += from->prompt_tokens;
    to->prompt_cache_hit_tokens += from->prompt_cache_hit_tokens;
    to->completion_tokens += from->completion_tokens;
    to->reasoning_tokens += from->reasoning_tokens;
    to->cost_nanos += from->cost_nanos;
    to->images += from->images;
    to->audio_ms += from->audio_ms;
    to->characters += from->characters;
}

static void
close_span(struct query *query)
{
    char date[TG_CIVIL_DATE_SIZE] = "";
    json_t *row = json_object();

    if (!query->has_open) {
        json_decref(row);
        return;
    }
    if (query->grouping->span_ms == HOUR_MS) {
        json_object_set_new(row, "hour", tg_reply_instant(query->open_at));
    } else {
        tg_civil_format_date((int32_t)query->open_at, date);
        json_object_set_new(row, "day", json_string(date));
    }
    set_sums(row, &query->open);
    json_array_append_new(query->rows, row);
    query->has_open = false;
}

static int64_t
floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* Quarter-hours come in order, so one span is open at a time. */
static int
take_quarter(void *arg, const struct tg_store_usage *row)
{
    struct query *query = arg;
    int64_t at_ms = row->quarter * QUARTER_MS;
    int64_t offset_ms = tg_zone_offset_s(&query->zone, at_ms) * INT64_C(1000);
    int64_t span_ms = query->grouping->span_ms;
    int64_t at = floor_div(at_ms + offset_ms, span_ms);

    if (span_ms == HOUR_MS)
        at = at * HOUR_MS - offset_ms;
    if (!query->has_open || at != query->open_at) {
        close_span(query);
        query->has_open = true;
        query->open_at = at;
        query->open = (struct tg_store_usage){0};
    }
    add_sums(&query->open, row);
    return 0;
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
    set_sums(object, row);
    json_array_append_new(query->rows, object);
    return 0;
}

static int
take_total(void *arg, const struct tg_store_usage *row)
{
    set_sums(arg, row);
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
    const char *account = tg_request_argument(request, "account");

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
    if (account != NULL && !tg_shapes_account(query->store, reply, "account",
                                              account, query->account_id))
        return false;
    filter->account_id = account != NULL ? query->account_id : NULL;
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
    json_t *total = json_object();
    int err;

    query->rows = json_array();
    err = store->ops->begin_reading(store);
    if (err == 0)
        err = store->ops->usage(
            store, &query->filter, query->grouping->by,
            query->grouping->span_ms ? take_quarter : take_group, query);
    close_span(query);
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
