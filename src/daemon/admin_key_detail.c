#include <string.h>

#include "admin.h"
#include "civil.h"
#include "clock.h"
#include "err.h"
#include "key_report.h"
#include "usage_rows.h"
#include "usage_sums.h"

#define DEFAULT_DAYS 30

/* What one row is of; the words of both kinds of clients. */
static const struct granularity {
    const char *name, *other_name;
} granularities[] = {
    {"day", "daily"},
    {"hour", "hourly"},
};

struct detail {
    struct tg_key_report report;
    const struct granularity *granularity;
    struct tg_zone zone;
    struct tg_usage_spans spans;
    json_t *rows;
};

static bool
read_granularity(struct detail *detail, const struct tg_request *request,
                 struct tg_reply *reply)
{
    const char *name = tg_request_argument(request, "granularity");
    size_t count = sizeof(granularities) / sizeof(granularities[0]);

    detail->granularity = &granularities[0];
    for (size_t i = 0; name != NULL && i < count; i++) {
        if (strcmp(granularities[i].name, name) == 0 ||
            strcmp(granularities[i].other_name, name) == 0) {
            detail->granularity = &granularities[i];
            return true;
        }
    }
    return name == NULL ||
           tg_reply_invalid(reply, "granularity", "granularity is day or hour");
}

/* A date is a whole day of the zone: as an end, with that day. */
static bool
read_span(struct detail *detail, const struct tg_request *request,
          struct tg_reply *reply)
{
    struct tg_store_filter *filter = &detail->report.filter;

    filter->until = tg_clock_ms();
    if (!tg_usage_instant_read(&detail->zone, request, reply, "end", true,
                               &filter->until))
        return false;
    filter->since = filter->until - DEFAULT_DAYS * TG_MS_PER_DAY;
    if (!tg_usage_instant_read(&detail->zone, request, reply, "start", false,
                               &filter->since))
        return false;
    return filter->since < filter->until ||
           tg_reply_invalid(reply, "start", "start is not before end");
}

static int
take_span(void *arg, const struct tg_store_usage *row)
{
    struct detail *detail = arg;
    const struct tg_sums *sums = &row->sums;
    char at[TG_SPAN_TEXT_SIZE];
    json_t *object;

    detail->spans.span->text(row->span, at);
    object = json_pack("{s:s,s:s}", "object", "detailed_usage", "date", at);
    tg_usage_figures_set(object, row);
    json_object_set_new(
        object, "tokens",
        json_integer(sums->prompt_tokens + sums->completion_tokens));
    return json_array_append_new(detail->rows, object) == 0 ? 0 : TG_ERR_SYSTEM;
}

static void
answer(struct tg_request *request, struct tg_reply *reply,
       struct detail *detail)
{
    struct tg_store *store = request->daemon->reports;
    struct tg_usage_question question;
    int err;

    if (!tg_key_report_find(&detail->report, store, request, reply))
        return;
    question = tg_key_report_question(&detail->report);
    question.span_of = tg_usage_span_of;
    question.span_arg = &detail->spans;
    question.has_latency = true;
    question.rows_max = TG_USAGE_ROWS_MAX;
    detail->spans = (struct tg_usage_spans){
        tg_usage_span_named(detail->granularity->name), &detail->zone};
    detail->rows = json_array();
    err = store->ops->usage(store, &question, NULL, take_span, detail);
    if (err == 0) {
        tg_reply_json(reply, 200, tg_reply_list(detail->rows, false, NULL));
        return;
    }
    json_decref(detail->rows);
    if (err == TG_ERR_LIMIT)
        tg_reply_invalid(reply, "granularity",
                         "there are more than %d rows; ask of less time "
                         "(start, end), or by day",
                         TG_USAGE_ROWS_MAX);
    else
        tg_reply_store(reply, store, err, "usage");
}

void
tg_admin_key_detail(struct tg_request *request, struct tg_reply *reply)
{
    struct detail detail = {.granularity = NULL};
    const char *zone_name;

    if (tg_usage_zone_read(&detail.zone, request, reply, &zone_name) &&
        read_granularity(&detail, request, reply) &&
        read_span(&detail, request, reply)) {
        tg_daemon_catch_up(request->daemon);
        pthread_mutex_lock(&request->daemon->reports_lock);
        answer(request, reply, &detail);
        pthread_mutex_unlock(&request->daemon->reports_lock);
    }
    tg_zone_close(&detail.zone);
}
