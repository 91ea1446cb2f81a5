#include <stdlib.h>
#include <string.h>

#include "admin.h"
#include "civil.h"
#include "clock.h"
#include "err.h"
#include "log.h"
#include "own.h"
#include "report.h"
#include "report_picture.h"
#include "report_show.h"

/* What is asked for, read. */
struct asked {
    struct tg_report_question question;
    struct tg_zone zone;
    char account_id[TG_ID_TEXT_SIZE];
    enum tg_report_form form;
    bool is_chinese;
};

static bool
read_zone(struct asked *asked, const struct tg_request *request,
          struct tg_reply *reply)
{
    const char *name = tg_request_argument(request, "timezone");

    name = name != NULL ? name : "UTC";
    asked->question.timezone = name;
    asked->question.zone = &asked->zone;
    return tg_zone_open(&asked->zone, name) == 0 ||
           tg_reply_invalid(reply, "timezone",
                            "there is no time zone '%s'; write a name such as "
                            "Asia/Shanghai",
                            name);
}

/* The day that is asked for; without one, the last that is over. */
static bool
read_period(struct asked *asked, const struct tg_request *request,
            struct tg_reply *reply)
{
    const char *kind_name = tg_request_argument(request, "period");
    const char *at = tg_request_argument(request, "at");
    struct tg_report_period *period = &asked->question.period;
    int64_t now_ms = asked->question.now_ms;
    enum tg_report_kind kind = TG_REPORT_DAILY;
    int32_t day;

    if (kind_name != NULL && !tg_report_kind_of(kind_name, &kind))
        return tg_reply_invalid(reply, "period", "period is one of: %s",
                                tg_report_kinds);
    if (at == NULL) {
        tg_report_period_of(period, kind, &asked->zone,
                            tg_report_day_of(&asked->zone, now_ms));
        tg_report_period_before(period, period, &asked->zone);
        return true;
    }
    if (tg_civil_parse_date((struct tg_str){at, strlen(at)}, &day) != 0)
        return tg_reply_invalid(reply, "at",
                                "at is a day of the period, such as "
                                "2026-11-26");
    if (day < 0 || day > tg_report_day_of(&asked->zone, now_ms))
        return tg_reply_invalid(reply, "at",
                                "%s has not begun, or is before 1970", at);
    tg_report_period_of(period, kind, &asked->zone, day);
    return true;
}

static bool
read_form(struct asked *asked, const struct tg_request *request,
          struct tg_reply *reply)
{
    const char *form = tg_request_argument(request, "format");
    const char *lang = tg_request_argument(request, "lang");

    if (form != NULL && !tg_report_form_of(form, &asked->form))
        return tg_reply_invalid(reply, "format", "format is one of: %s",
                                tg_report_forms);
    if (lang != NULL && strcmp(lang, "en") != 0 && strcmp(lang, "zh") != 0)
        return tg_reply_invalid(reply, "lang", "lang is en or zh");
    asked->is_chinese = lang != NULL && strcmp(lang, "zh") == 0;
    return true;
}

static json_t *
make(struct asked *asked, const struct tg_request *request,
     struct tg_store *store, struct tg_reply *reply)
{
    json_t *report = NULL;
    int err;

    if (!tg_own_filter(request, store, reply, asked->account_id,
                       &asked->question.account_id))
        return NULL;
    err = tg_report_make(store, &asked->question, &report);
    if (err == TG_ERR_NOT_FOUND)
        tg_reply_unknown_member(reply, "key", "key", asked->question.key_id);
    else if (err != 0)
        tg_reply_store(reply, store, err, "report");
    return report;
}

/* A page without its picture is better than none. */
static char *
page_of(const struct asked *asked, const json_t *report, const json_t *sheet)
{
    struct tg_chart_picture picture = {.bytes = NULL};
    char *uri = NULL, *page;

    if (tg_report_page_picture(report, sheet, asked->is_chinese, &picture) == 0)
        uri = tg_report_data_uri(&picture);
    page = tg_report_html(sheet, uri, asked->is_chinese);
    free(uri);
    free(picture.bytes);
    return page;
}

static void
draw(const struct asked *asked, const json_t *report, const json_t *sheet,
     struct tg_reply *reply)
{
    static const struct tg_chart_form form = {TG_CHART_PNG, 1600, 1200, 1};
    struct tg_chart_picture picture = {.bytes = NULL};
    char why[256];
    int err = tg_report_picture(report, sheet, asked->is_chinese, &form,
                                &picture, why, sizeof(why));

    if (err == 0) {
        tg_reply_bytes(reply, 200, tg_report_form_type(asked->form),
                       picture.bytes, picture.len);
        return;
    }
    tg_log(TG_LOG_ERROR, "a report cannot be drawn: %s", why);
    tg_reply_error(reply, 503, "plot_unavailable", NULL,
                   "the report cannot be drawn: %s", why);
}

static void
give(const struct asked *asked, json_t *report, struct tg_reply *reply)
{
    json_t *sheet;
    char *text;

    if (asked->form == TG_REPORT_JSON) {
        tg_reply_json(reply, 200, json_incref(report));
        return;
    }
    sheet = tg_report_sheet(report, asked->is_chinese);
    if (asked->form == TG_REPORT_PNG) {
        draw(asked, report, sheet, reply);
    } else {
        text = asked->form == TG_REPORT_TEXT ? tg_report_text(sheet)
               : asked->form == TG_REPORT_MARKDOWN
                   ? tg_report_markdown(sheet)
                   : page_of(asked, report, sheet);
        tg_reply_bytes(reply, 200, tg_report_form_type(asked->form), text,
                       text != NULL ? strlen(text) : 0);
    }
    json_decref(sheet);
}

void
tg_admin_report(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_daemon *daemon = request->daemon;
    struct asked asked = {
        .question = {.key_id = tg_request_argument(request, "key"),
                     .now_ms = tg_clock_ms()}};
    json_t *report = NULL;

    if (read_zone(&asked, request, reply) &&
        read_period(&asked, request, reply) &&
        read_form(&asked, request, reply)) {
        tg_daemon_catch_up(daemon);
        pthread_mutex_lock(&daemon->reports_lock);
        report = make(&asked, request, daemon->reports, reply);
        pthread_mutex_unlock(&daemon->reports_lock);
    }
    if (report != NULL)
        give(&asked, report, reply);
    json_decref(report);
    tg_zone_close(&asked.zone);
}
