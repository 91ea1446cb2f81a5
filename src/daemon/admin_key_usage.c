#include <string.h>

#include "admin.h"
#include "civil.h"
#include "clock.h"
#include "err.h"
#include "key_report.h"
#include "usage_sums.h"

#define DAY_MS TG_MS_PER_DAY
#define AVERAGE_DAYS 28

/*
 * What is usual for a period of this length: the mean over the four weeks
 * before, or since the key was made.  Of a key that has lived through none,
 * what it is now, so that nothing seems to be more than usual.
 */
static int
average(struct tg_store *store, const struct tg_key_report *report,
        int64_t now_requests, json_t **requests)
{
    struct tg_usage_question before = tg_key_report_question(report);
    struct tg_store_usage usual = {.group = ""};
    int64_t period = report->filter.until - report->filter.since;
    int err;

    before.until = report->filter.since;
    before.since = before.until - AVERAGE_DAYS * DAY_MS;
    if (before.since < report->created_at)
        before.since = report->created_at;
    if (before.until - before.since < period) {
        *requests = json_integer(now_requests);
        return 0;
    }
    err = store->ops->usage(store, &before, &usual, NULL, NULL);
    /* 366 days and what a gate can serve in them are below 2^63. */
    *requests = tg_usage_ratio(usual.sums.requests * (period / 1000),
                               (before.until - before.since) / 1000, 2);
    return err;
}

static json_t *
usage_object(const struct tg_key_report *report,
             const struct tg_store_usage *usage, json_t *average_requests)
{
    json_t *object = tg_key_report_object(report, "key_usage");
    char period[TG_PERIOD_TEXT_SIZE];

    tg_period_text(report->period_ms, period);
    json_object_set_new(object, "period", json_string(period));
    tg_usage_figures_set(object, usage);
    json_object_set_new(object, "average_requests", average_requests);
    json_object_set_new(object, "daily_budget",
                        tg_reply_money_or_null(report->daily_nanos));
    json_object_set_new(object, "monthly_budget",
                        tg_reply_money_or_null(report->monthly_nanos));
    return object;
}

/* Everything of one moment. */
static int
read_usage(struct tg_store *store, struct tg_key_report *report,
           struct tg_store_usage *usage, json_t **average_requests)
{
    struct tg_usage_question now = tg_key_report_question(report);
    int err = store->ops->begin_reading(store);

    now.has_latency = true;
    if (err == 0)
        err = store->ops->usage(store, &now, usage, NULL, NULL);
    report->filter.since = now.since;
    report->filter.until = now.until;
    if (err == 0)
        err = average(store, report, usage->sums.requests, average_requests);
    store->ops->rollback(store);
    return err;
}

static void
answer_usage(struct tg_request *request, struct tg_reply *reply,
             struct tg_key_report *report)
{
    struct tg_store *store = request->daemon->reports;
    struct tg_store_usage usage = {.group = ""};
    json_t *average_requests = NULL;
    int err;

    if (!tg_key_report_find(report, store, request, reply))
        return;
    err = read_usage(store, report, &usage, &average_requests);
    if (err == 0) {
        tg_reply_json(reply, 200,
                      usage_object(report, &usage, average_requests));
        return;
    }
    json_decref(average_requests);
    tg_reply_store(reply, store, err, "usage");
}

void
tg_admin_key_usage(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_key_report report = {0};

    if (!tg_key_report_period(&report, request, reply, DAY_MS))
        return;
    tg_daemon_catch_up(request->daemon);
    pthread_mutex_lock(&request->daemon->reports_lock);
    answer_usage(request, reply, &report);
    pthread_mutex_unlock(&request->daemon->reports_lock);
}

static int
take_model(void *arg, const struct tg_store_usage *row)
{
    const struct tg_sums *sums = &row->sums;
    int64_t tokens = sums->prompt_tokens + sums->completion_tokens;
    json_t *object = json_pack("{s:s,s:o}", "object", "model_usage", "model",
                               tg_reply_text(row->group));

    tg_usage_figures_set(object, row);
    json_object_set_new(object, "average_tokens_per_request",
                        tg_usage_ratio(tokens, sums->requests, 2));
    return json_array_append_new(arg, object) == 0 ? 0 : TG_ERR_SYSTEM;
}

static void
answer_models(struct tg_request *request, struct tg_reply *reply,
              struct tg_key_report *report)
{
    struct tg_store *store = request->daemon->reports;
    struct tg_usage_question question;
    json_t *rows, *object;
    int err;

    if (!tg_key_report_find(report, store, request, reply))
        return;
    rows = json_array();
    question = tg_key_report_question(report);
    question.by = TG_BY_MODEL;
    question.has_latency = true;
    err = store->ops->usage(store, &question, NULL, take_model, rows);
    if (err != 0) {
        json_decref(rows);
        tg_reply_store(reply, store, err, "usage");
        return;
    }
    object = tg_reply_list(rows, false, NULL);
    tg_reply_json(reply, 200, object);
}

void
tg_admin_key_models(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_key_report report = {0};

    if (!tg_key_report_period(&report, request, reply, 30 * DAY_MS))
        return;
    tg_daemon_catch_up(request->daemon);
    pthread_mutex_lock(&request->daemon->reports_lock);
    answer_models(request, reply, &report);
    pthread_mutex_unlock(&request->daemon->reports_lock);
}
