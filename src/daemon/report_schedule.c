#include "report_schedule.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "err.h"

#define DAY_MS (INT64_C(24) * 3600 * 1000)
#define DIGEST_SIZE 1600

static void
copy(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from);
}

#define COPY(to, from) copy(to, sizeof(to), from)

void
tg_report_schedule_read(struct tg_report_schedule *schedule,
                        const struct tg_store_schedule *row)
{
    memset(schedule, 0, sizeof(*schedule));
    COPY(schedule->id, row->id);
    COPY(schedule->name, row->name);
    COPY(schedule->timezone, row->timezone);
    COPY(schedule->channel_id, row->channel_id);
    COPY(schedule->account_id, row->account_id);
    COPY(schedule->key_id, row->key_id);
    COPY(schedule->last_period, row->last_period);
    COPY(schedule->last_notice_id, row->last_notice_id);
    tg_report_kind_of(row->period, &schedule->kind);
    tg_report_form_of(row->format, &schedule->form);
    schedule->is_on = row->is_on;
    schedule->is_chinese = strcmp(row->lang, "zh") == 0;
    schedule->at_minutes = row->at_minutes;
    schedule->next_day = row->next_day;
    schedule->last_at = row->last_at;
    schedule->created_at = row->created_at;
    schedule->updated_at = row->updated_at;
}

void
tg_report_schedule_row(const struct tg_report_schedule *schedule,
                       struct tg_store_schedule *row)
{
    *row = (struct tg_store_schedule){
        .id = schedule->id,
        .name = schedule->name,
        .is_on = schedule->is_on,
        .period = tg_report_kind_name(schedule->kind),
        .at_minutes = schedule->at_minutes,
        .timezone = schedule->timezone,
        .channel_id = schedule->channel_id,
        .account_id = schedule->account_id,
        .key_id = schedule->key_id,
        .format = tg_report_form_name(schedule->form),
        .lang = schedule->is_chinese ? "zh" : "en",
        .next_day = schedule->next_day,
        .last_at = schedule->last_at,
        .last_period = schedule->last_period,
        .last_notice_id = schedule->last_notice_id,
        .created_at = schedule->created_at,
        .updated_at = schedule->updated_at,
    };
}

bool
tg_report_time_parse(const char *text, int64_t *minutes)
{
    int64_t hour, minute;

    if (strlen(text) != 5 || text[2] != ':' ||
        !isdigit((unsigned char)text[0]) || !isdigit((unsigned char)text[1]) ||
        !isdigit((unsigned char)text[3]) || !isdigit((unsigned char)text[4]))
        return false;
    hour = (text[0] - '0') * 10 + text[1] - '0';
    minute = (text[3] - '0') * 10 + text[4] - '0';
    if (hour > 23 || minute > 59)
        return false;
    *minutes = hour * 60 + minute;
    return true;
}

static int64_t
due_on(const struct tg_report_schedule *schedule, const struct tg_zone *zone,
       int64_t day)
{
    int64_t at = tg_report_time_at(zone, day, schedule->at_minutes);
    int64_t settled = tg_report_day_at(zone, day) + TG_REPORT_SETTLE_MS;

    return at > settled ? at : settled;
}

int64_t
tg_report_schedule_due(const struct tg_report_schedule *schedule,
                       const struct tg_zone *zone)
{
    return due_on(schedule, zone, schedule->next_day);
}

int64_t
tg_report_schedule_next(const struct tg_report_schedule *schedule,
                        const struct tg_zone *zone, int64_t now_ms)
{
    struct tg_report_period period;

    tg_report_period_of(&period, schedule->kind, zone,
                        tg_report_day_of(zone, now_ms));
    return due_on(schedule, zone, period.first_day) > now_ms ? period.first_day
                                                             : period.end_day;
}

int64_t
tg_report_schedule_late_ms(const struct tg_report_schedule *schedule)
{
    return (schedule->kind == TG_REPORT_DAILY ? 7 : 31) * DAY_MS;
}

static const char *
or_null(const char *text)
{
    return text[0] != '\0' ? text : NULL;
}

int
tg_report_notice(struct tg_store *store,
                 const struct tg_report_schedule *schedule,
                 const struct tg_zone *zone,
                 const struct tg_report_period *period, int64_t now_ms,
                 json_t **notice)
{
    struct tg_report_question question = {
        .period = *period,
        .zone = zone,
        .timezone = schedule->timezone,
        .account_id = or_null(schedule->account_id),
        .key_id = or_null(schedule->key_id),
        .now_ms = now_ms,
    };
    char digest[DIGEST_SIZE];
    json_t *report, *sheet;
    int err = tg_report_make(store, &question, &report);

    if (err != 0)
        return err;
    sheet = tg_report_sheet(report, schedule->is_chinese);
    tg_report_digest(report, schedule->is_chinese, digest, sizeof(digest));
    *notice =
        json_pack("{s:s,s:o,s:s,s:O,s:s,s:{s:s,s:s},s:s,s:s,s:o}", "type",
                  "report", "at", tg_reply_instant(now_ms), "severity", "info",
                  "title", json_object_get(sheet, "title"), "message", digest,
                  "schedule", "id", schedule->id, "name", schedule->name,
                  "format", tg_report_form_name(schedule->form), "lang",
                  schedule->is_chinese ? "zh" : "en", "report", report);
    json_decref(sheet);
    return *notice != NULL ? 0 : TG_ERR_SYSTEM;
}

bool
tg_report_is(const json_t *notice)
{
    const char *type = json_string_value(json_object_get(notice, "type"));

    return type != NULL && strcmp(type, "report") == 0;
}
