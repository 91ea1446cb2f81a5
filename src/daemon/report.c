#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "book.h"
#include "civil.h"
#include "err.h"
#include "report_part.h"
#include "reply.h"

struct tg_usage_question
tg_report_usage(const struct tg_report_making *making, int64_t since,
                int64_t until)
{
    return (struct tg_usage_question){
        .key_id = making->question->key_id,
        .account_id = making->question->account_id,
        .since = since,
        .until = until,
    };
}

static int64_t
quarter_itself(void *arg, int64_t quarter)
{
    (void)arg;
    return quarter;
}

static int
take_quarter(void *arg, const struct tg_store_usage *row)
{
    struct tg_report_making *making = arg;
    int64_t at = row->span - making->now.period.from / TG_QUARTER_MS;

    if (at < 0 || (size_t)at >= making->quarter_count)
        return 0;
    return tg_sums_add(&making->quarters[at], &row->sums);
}

/* What a period's calls add up to, up to an instant. */
static int
sum_up(struct tg_report_making *making, struct tg_report_sums *sums)
{
    struct tg_store *store = making->store;
    struct tg_usage_question question =
        tg_report_usage(making, sums->period.from, sums->until);
    int err;

    question.has_latency = true;
    err = store->ops->usage(store, &question, &sums->total, NULL, NULL);
    sums->covered_from = question.since;
    return err;
}

static int
divide(struct tg_report_making *making)
{
    struct tg_store *store = making->store;
    const struct tg_report_sums *now = &making->now;
    struct tg_usage_question question =
        tg_report_usage(making, now->period.from, now->until);

    making->quarter_count =
        (size_t)((now->period.to - now->period.from) / TG_QUARTER_MS);
    making->quarters =
        calloc(making->quarter_count + 1, sizeof(*making->quarters));
    if (making->quarters == NULL)
        return TG_ERR_SYSTEM;
    question.span_of = quarter_itself;
    return store->ops->usage(store, &question, NULL, take_quarter, making);
}

int
tg_report_stretches(const struct tg_report_making *making,
                    const struct tg_usage_span *span,
                    int (*visit)(void *, const struct tg_report_stretch *),
                    void *arg)
{
    int64_t first = making->now.period.from / TG_QUARTER_MS;
    struct tg_report_stretch stretch = {.span = INT64_MIN};
    int err = 0;

    for (size_t i = 0; i < making->quarter_count && err == 0; i++) {
        int64_t quarter = first + (int64_t)i;
        int64_t number = span->of(making->question->zone, quarter);

        if (quarter * TG_QUARTER_MS >= making->now.until)
            break;
        if (number != stretch.span && stretch.span != INT64_MIN)
            err = visit(arg, &stretch);
        if (number != stretch.span)
            stretch = (struct tg_report_stretch){.span = number,
                                                 .at = quarter * TG_QUARTER_MS};
        if (err == 0)
            err = tg_sums_add(&stretch.sums, &making->quarters[i]);
    }
    return err == 0 && stretch.span != INT64_MIN ? visit(arg, &stretch) : err;
}

static int
take_key(void *arg, const struct tg_store_key *row)
{
    struct tg_report_making *making = arg;

    snprintf(making->key_name, sizeof(making->key_name), "%s", row->name);
    snprintf(making->key_account, sizeof(making->key_account), "%s",
             row->account_id);
    return 0;
}

static int
find_key(struct tg_report_making *making)
{
    const struct tg_report_question *question = making->question;
    int err;

    if (question->key_id == NULL)
        return 0;
    err = making->store->ops->key_get(making->store, question->key_id, take_key,
                                      making);
    if (err == 0 && question->account_id != NULL &&
        strcmp(making->key_account, question->account_id) != 0)
        err = TG_ERR_NOT_FOUND;
    return err;
}

static int
take_account(void *arg, const struct tg_store_account *row)
{
    json_object_set_new(arg, "account_name", tg_reply_text(row->name));
    return 0;
}

static void
set_day(json_t *object, const char *member, int64_t day)
{
    char text[TG_CIVIL_DATE_SIZE] = "";

    tg_civil_format_date((int32_t)day, text);
    json_object_set_new(object, member, json_string(text));
}

/* Which period it is of, and up to when. */
static void
set_span(json_t *object, const struct tg_report_sums *sums)
{
    char name[TG_REPORT_NAME_SIZE];

    tg_report_period_name(&sums->period, name);
    json_object_set_new(object, "name", json_string(name));
    json_object_set_new(object, "from", tg_reply_instant(sums->period.from));
    json_object_set_new(object, "to", tg_reply_instant(sums->until));
    set_day(object, "first_day", sums->period.first_day);
    set_day(object, "last_day", sums->period.end_day - 1);
    json_object_set_new(
        object, "days",
        json_integer(sums->period.end_day - sums->period.first_day));
    json_object_set_new(object, "covered_from",
                        tg_reply_instant(sums->covered_from > sums->period.from
                                             ? sums->covered_from
                                             : 0));
}

static json_t *
head_of(const struct tg_report_making *making)
{
    const struct tg_report_question *question = making->question;
    const struct tg_report_sums *now = &making->now;
    const char *account_id = question->account_id;
    json_t *object = json_pack("{s:s,s:s}", "object", "report", "period",
                               tg_report_kind_name(now->period.kind));

    if (question->key_id != NULL)
        account_id = making->key_account;
    set_span(object, now);
    json_object_set_new(object, "complete",
                        json_boolean(now->until == now->period.to));
    json_object_set_new(object, "made_at", tg_reply_instant(question->now_ms));
    json_object_set_new(object, "timezone", json_string(question->timezone));
    json_object_set_new(object, "currency", json_string(TG_BOOK_CURRENCY));
    json_object_set_new(object, "account_id", tg_reply_text(account_id));
    json_object_set_new(object, "account_name", json_null());
    if (account_id != NULL)
        making->store->ops->account_get(making->store, account_id, take_account,
                                        object);
    json_object_set_new(object, "key_id", tg_reply_text(question->key_id));
    json_object_set_new(object, "key_name", tg_reply_text(making->key_name));
    return object;
}

/* Nothing of what is gone is compared with anything. */
static void
set_before(json_t *object, const struct tg_report_making *making)
{
    const struct tg_report_sums *before = &making->before;
    json_t *other;

    if (before->covered_from > before->period.from ||
        making->now.covered_from > making->now.period.from) {
        json_object_set_new(object, "before", json_null());
        json_object_set_new(object, "change", json_null());
        return;
    }
    other = json_object();
    set_span(other, before);
    json_object_set_new(other, "total", tg_report_total(before));
    json_object_set_new(other, "average", tg_report_average(before));
    json_object_set_new(object, "before", other);
    json_object_set_new(object, "change",
                        tg_report_change(&making->now, before));
}

static int
put_parts(json_t *object, const struct tg_report_making *making)
{
    static const char *const notes[] = {"refusals", "events", "alerts",
                                        "budgets"};
    int err = 0;

    json_object_set_new(object, "total", tg_report_total(&making->now));
    json_object_set_new(object, "average", tg_report_average(&making->now));
    set_before(object, making);
    json_object_set_new(object, "peaks", tg_report_peaks(making, &err));
    json_object_set_new(object, "series", tg_report_series(making));
    json_object_set_new(object, "models",
                        tg_report_top(making, TG_BY_MODEL, &err));
    if (making->question->key_id == NULL) {
        json_object_set_new(object, "keys",
                            tg_report_top(making, TG_BY_KEY, &err));
        json_object_set_new(object, "accounts",
                            tg_report_top(making, TG_BY_ACCOUNT, &err));
    }
    json_object_set_new(object, "statuses", tg_report_statuses(making, &err));
    for (size_t i = 0; i < sizeof(notes) / sizeof(notes[0]) && err == 0; i++)
        json_object_set_new(object, notes[i],
                            tg_report_notes(making, notes[i], &err));
    return err;
}

/* Of a period that runs, what is over of it, and as much of the one before. */
static void
set_ends(struct tg_report_making *making)
{
    const struct tg_report_question *question = making->question;
    struct tg_report_sums *now = &making->now, *before = &making->before;

    now->period = question->period;
    now->until = now->period.to;
    tg_report_period_before(&before->period, &now->period, question->zone);
    before->until = before->period.to;
    if (question->now_ms >= now->period.to)
        return;
    now->until = question->now_ms > now->period.from ? question->now_ms
                                                     : now->period.from + 1;
    before->until = before->period.from + (now->until - now->period.from);
    if (before->until > before->period.to)
        before->until = before->period.to;
}

static int
make(struct tg_report_making *making, json_t **report)
{
    json_t *object;
    int err = find_key(making);

    if (err == 0)
        err = sum_up(making, &making->now);
    if (err == 0)
        err = sum_up(making, &making->before);
    if (err == 0)
        err = divide(making);
    if (err != 0)
        return err;
    object = head_of(making);
    err = put_parts(object, making);
    if (err == 0)
        *report = object;
    else
        json_decref(object);
    return err;
}

int
tg_report_make(struct tg_store *store,
               const struct tg_report_question *question, json_t **report)
{
    struct tg_report_making making = {.store = store, .question = question};
    int err;

    set_ends(&making);
    err = store->ops->begin_reading(store);
    if (err == 0)
        err = make(&making, report);
    store->ops->rollback(store);
    free(making.quarters);
    return err;
}
