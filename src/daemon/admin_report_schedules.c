#include <stdio.h>
#include <string.h>

#include "admin.h"
#include "admin_report_schedule.h"
#include "change.h"
#include "clock.h"
#include "err.h"
#include "members.h"
#include "roles.h"
#include "routes.h"
#include "shapes.h"

/* Schedules by which reports are sent. */

#define MEMBERS "name on period at timezone channel account key format lang"
#define FORMATS "text markdown html" /* of mail */

static json_t *
last_object(const struct tg_report_schedule *schedule)
{
    if (schedule->last_at == 0)
        return json_null();
    return json_pack("{s:o,s:s,s:s}", "at", tg_reply_instant(schedule->last_at),
                     "period", schedule->last_period, "notice_id",
                     schedule->last_notice_id);
}

/* When, and of which period; null while it is off. */
static json_t *
next_object(const struct tg_report_schedule *schedule)
{
    char name[TG_REPORT_NAME_SIZE];
    struct tg_report_period period;
    struct tg_zone zone = {0};
    json_t *object;

    if (!schedule->is_on || tg_zone_open(&zone, schedule->timezone) != 0) {
        tg_zone_close(&zone);
        return json_null();
    }
    tg_report_period_of(&period, schedule->kind, &zone, schedule->next_day - 1);
    tg_report_period_name(&period, name);
    object =
        json_pack("{s:o,s:s}", "at",
                  tg_reply_instant(tg_report_schedule_due(schedule, &zone)),
                  "period", name);
    tg_zone_close(&zone);
    return object;
}

static json_t *
schedule_object(const struct tg_report_schedule *schedule)
{
    char at[24];

    snprintf(at, sizeof(at), "%02d:%02d", (int)(schedule->at_minutes / 60),
             (int)(schedule->at_minutes % 60));
    return json_pack(
        "{s:s,s:s,s:s,s:b,s:s,s:s,s:s,s:s,s:o,s:o,s:s,s:s,s:o,s:o,s:o,s:o}",
        "object", "report_schedule", "id", schedule->id, "name", schedule->name,
        "on", schedule->is_on, "period", tg_report_kind_name(schedule->kind),
        "at", at, "timezone", schedule->timezone, "channel_id",
        schedule->channel_id, "account_id", tg_reply_text(schedule->account_id),
        "key_id", tg_reply_text(schedule->key_id), "format",
        tg_report_form_name(schedule->form), "lang",
        schedule->is_chinese ? "zh" : "en", "next", next_object(schedule),
        "last", last_object(schedule), "created_at",
        tg_reply_instant(schedule->created_at), "updated_at",
        tg_reply_instant(schedule->updated_at));
}

static int
list_schedule(void *arg, const struct tg_store_schedule *row)
{
    struct tg_report_schedule schedule;

    tg_report_schedule_read(&schedule, row);
    tg_page_list_add(arg, row->id, schedule_object(&schedule));
    return 0;
}

void
tg_admin_report_schedule_list(struct tg_request *request,
                              struct tg_reply *reply)
{
    struct tg_store *store = request->daemon->reports;
    struct tg_page_list list = {.data = json_array()};
    int err;

    pthread_mutex_lock(&request->daemon->reports_lock);
    err = store->reports->schedule_each(store, list_schedule, &list);
    tg_page_list_reply(&list, reply, store, err);
    pthread_mutex_unlock(&request->daemon->reports_lock);
}

static int
take_schedule(void *arg, const struct tg_store_schedule *row)
{
    tg_report_schedule_read(arg, row);
    return 0;
}

bool
tg_report_schedule_find(const struct tg_request *request,
                        struct tg_reply *reply,
                        struct tg_report_schedule *schedule)
{
    struct tg_store *store = request->daemon->admin;
    int err = store->reports->schedule_get(store, request->subject,
                                           take_schedule, schedule);

    if (err == TG_ERR_NOT_FOUND)
        return tg_reply_unknown(reply, "schedule", request->subject);
    return err == 0 || tg_reply_store(reply, store, err, "schedule");
}

bool
tg_report_schedule_may(const struct tg_request *request, struct tg_reply *reply)
{
    return (request->operator.permissions & TG_BIT(TG_MAY_READ_USAGE)) != 0 ||
           tg_reply_error(reply, 403, "permission_denied", NULL,
                          "reports tell usage, which this token may not read");
}

void
tg_admin_report_schedule_show(struct tg_request *request,
                              struct tg_reply *reply)
{
    struct tg_report_schedule schedule;
    bool is_there;

    pthread_mutex_lock(&request->daemon->admin_lock);
    is_there = tg_report_schedule_find(request, reply, &schedule);
    pthread_mutex_unlock(&request->daemon->admin_lock);
    if (is_there)
        tg_reply_json(reply, 200, schedule_object(&schedule));
}

static int
take_id(void *arg, const struct tg_store_channel *row)
{
    snprintf(arg, TG_ID_TEXT_SIZE, "%s", row->id);
    return 0;
}

static int
no_key(void *arg, const struct tg_store_key *row)
{
    (void)arg, (void)row;
    return 0;
}

/* A member that may be taken away with null; *text stays when it is absent. */
static bool
read_text(const json_t *body, struct tg_reply *reply, const char *name,
          const char **text)
{
    if (json_is_null(json_object_get(body, name)))
        *text = "";
    return tg_members_text(reply, body, name, 0, 400, text);
}

/* Whose calls: all, or those of an account or a key. */
static bool
read_subject(const struct tg_request *request,
             struct tg_report_schedule *schedule, struct tg_reply *reply)
{
    struct tg_store *store = request->daemon->admin;
    const char *account = NULL, *key = NULL;

    if (!read_text(request->body, reply, "account", &account) ||
        !read_text(request->body, reply, "key", &key))
        return false;
    if (account != NULL && account[0] == '\0')
        schedule->account_id[0] = '\0';
    else if (account != NULL &&
             !tg_shapes_account(store, reply, "account", account,
                                schedule->account_id))
        return false;
    if (key != NULL && key[0] != '\0' &&
        (!tg_id_is(key, "key_") ||
         store->ops->key_get(store, key, no_key, NULL) != 0))
        return tg_reply_unknown_member(reply, "key", "key", key);
    if (key != NULL)
        snprintf(schedule->key_id, sizeof(schedule->key_id), "%s", key);
    return schedule->account_id[0] == '\0' || schedule->key_id[0] == '\0' ||
           tg_reply_invalid(reply, "key",
                            "a report is of one account or of one key: take "
                            "the other away with null");
}

static bool
read_channel(const struct tg_request *request,
             struct tg_report_schedule *schedule, struct tg_reply *reply)
{
    struct tg_store *store = request->daemon->admin;
    const char *channel = NULL;
    int err;

    if (!tg_members_text(reply, request->body, "channel",
                         schedule->channel_id[0] == '\0' ? 1 : 0, 400,
                         &channel))
        return false;
    if (channel == NULL)
        return true;
    err =
        store->ops->channel_get(store, channel, take_id, schedule->channel_id);
    if (err == TG_ERR_NOT_FOUND)
        return tg_reply_unknown_member(reply, "channel", "channel", channel);
    return err == 0 || tg_reply_store(reply, store, err, "channel");
}

/* The next one from now on, and none of a period that was sent. */
static int64_t
next_day(const struct tg_report_schedule *schedule, const struct tg_zone *zone)
{
    int64_t day = tg_report_schedule_next(schedule, zone, tg_clock_ms());
    char name[TG_REPORT_NAME_SIZE];
    struct tg_report_period period;

    tg_report_period_of(&period, schedule->kind, zone, day - 1);
    tg_report_period_name(&period, name);
    if (strcmp(name, schedule->last_period) != 0)
        return day;
    tg_report_period_of(&period, schedule->kind, zone, day);
    return period.end_day;
}

/* When: which periods end, by whose clocks, and at what time of the day. */
static bool
read_when(const json_t *body, struct tg_report_schedule *schedule,
          struct tg_reply *reply)
{
    const char *period = NULL, *at = NULL, *name = NULL;
    struct tg_zone zone = {0};
    bool is_zone;

    if (!tg_members_choice(reply, body, "period", tg_report_kinds, &period) ||
        !tg_members_text(reply, body, "at", 0, 5, &at) ||
        !tg_members_text(reply, body, "timezone", 0, 64, &name))
        return false;
    if (period != NULL)
        tg_report_kind_of(period, &schedule->kind);
    if (at != NULL && !tg_report_time_parse(at, &schedule->at_minutes))
        return tg_reply_invalid(reply, "at",
                                "at is a time of the day, such as 08:00");
    if (name != NULL)
        snprintf(schedule->timezone, sizeof(schedule->timezone), "%s", name);
    is_zone = tg_zone_open(&zone, schedule->timezone) == 0;
    if (is_zone)
        schedule->next_day = next_day(schedule, &zone);
    tg_zone_close(&zone);
    return is_zone || tg_reply_invalid(reply, "timezone",
                                       "there is no time zone '%s'; write a "
                                       "name such as Asia/Shanghai",
                                       schedule->timezone);
}

static bool
read_draft(const struct tg_request *request,
           struct tg_report_schedule *schedule, struct tg_reply *reply)
{
    const json_t *body = request->body;
    const char *name = NULL, *form = NULL, *lang = NULL;

    if (!tg_members_text(reply, body, "name", schedule->name[0] == '\0' ? 1 : 0,
                         100, &name) ||
        !tg_members_bool(reply, body, "on", &schedule->is_on) ||
        !tg_members_choice(reply, body, "format", FORMATS, &form) ||
        !tg_members_choice(reply, body, "lang", "en zh", &lang) ||
        !read_when(body, schedule, reply) ||
        !read_channel(request, schedule, reply) ||
        !read_subject(request, schedule, reply))
        return false;
    if (name != NULL && (name[0] == '\0' || strncmp(name, "rps_", 4) == 0))
        return tg_reply_invalid(reply, "name",
                                "a name is not empty, and does not begin like "
                                "an id");
    if (name != NULL)
        snprintf(schedule->name, sizeof(schedule->name), "%s", name);
    if (form != NULL)
        tg_report_form_of(form, &schedule->form);
    if (lang != NULL)
        schedule->is_chinese = strcmp(lang, "zh") == 0;
    schedule->updated_at = tg_clock_ms();
    return true;
}

/* Stores it as a new one, or as what before has become. */
static void
store_draft(struct tg_request *request, struct tg_reply *reply,
            struct tg_report_schedule *schedule,
            const struct tg_report_schedule *before)
{
    struct tg_store *store = request->daemon->admin;
    json_t *old = before != NULL ? schedule_object(before) : NULL;
    bool is_other =
        before != NULL && (before->kind != schedule->kind ||
                           before->at_minutes != schedule->at_minutes ||
                           strcmp(before->timezone, schedule->timezone) != 0 ||
                           before->is_on != schedule->is_on);
    struct tg_store_schedule row;
    json_t *after;
    int err = tg_change_begin(request);

    if (before != NULL && !is_other)
        schedule->next_day = before->next_day;
    tg_report_schedule_row(schedule, &row);
    after = schedule_object(schedule);
    if (err == 0) {
        err = before == NULL
                  ? store->reports->schedule_add(store, &row)
                  : store->reports->schedule_set(store, &row, is_other);
        err = tg_change_end(request, err, schedule->id,
                            tg_change_diff(old, after, "updated_at next last"));
    }
    json_decref(old);
    if (err == 0) {
        tg_reply_json(reply, before == NULL ? 201 : 200, after);
        return;
    }
    json_decref(after);
    if (err == TG_ERR_DUPLICATE)
        tg_reply_error(reply, 409, "already_exists", "name",
                       "there is a schedule '%s' already", schedule->name);
    else if (err == TG_ERR_NOT_FOUND)
        tg_reply_error(reply, 409, "conflict", NULL,
                       "a report of it was sent at this moment; try again");
    else
        tg_reply_store(reply, store, err, "schedule");
}

static int
count_schedule(void *arg, const struct tg_store_schedule *row)
{
    (void)row;
    ++*(int *)arg;
    return 0;
}

static bool
count_is_fine(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_store *store = request->daemon->admin;
    int count = 0;
    int err = store->reports->schedule_each(store, count_schedule, &count);

    if (err != 0)
        return tg_reply_store(reply, store, err, "schedule");
    return count < TG_REPORT_SCHEDULES_MAX ||
           tg_reply_error(reply, 409, "limit_reached", NULL,
                          "there are %d schedules already; that is all there "
                          "can be",
                          TG_REPORT_SCHEDULES_MAX);
}

void
tg_admin_report_schedule_create(struct tg_request *request,
                                struct tg_reply *reply)
{
    struct tg_report_schedule schedule = {.is_on = true,
                                          .kind = TG_REPORT_WEEKLY,
                                          .form = TG_REPORT_HTML,
                                          .at_minutes = 8 * 60,
                                          .timezone = "UTC"};

    if (!tg_report_schedule_may(request, reply) ||
        !tg_members_only(reply, request->body, "", MEMBERS))
        return;
    if (tg_id_mint(schedule.id, "rps_", tg_random) != 0) {
        tg_reply_error(reply, 500, "internal_error", NULL,
                       "the kernel gives no random bytes");
        return;
    }
    schedule.created_at = tg_clock_ms();
    pthread_mutex_lock(&request->daemon->admin_lock);
    if (count_is_fine(request, reply) && read_draft(request, &schedule, reply))
        store_draft(request, reply, &schedule, NULL);
    pthread_mutex_unlock(&request->daemon->admin_lock);
}

void
tg_admin_report_schedule_update(struct tg_request *request,
                                struct tg_reply *reply)
{
    struct tg_report_schedule before, schedule;

    if (!tg_report_schedule_may(request, reply) ||
        !tg_members_only(reply, request->body, "", MEMBERS))
        return;
    pthread_mutex_lock(&request->daemon->admin_lock);
    if (tg_report_schedule_find(request, reply, &before)) {
        schedule = before;
        if (read_draft(request, &schedule, reply))
            store_draft(request, reply, &schedule, &before);
    }
    pthread_mutex_unlock(&request->daemon->admin_lock);
}

static void
take_away(struct tg_request *request, struct tg_reply *reply,
          const struct tg_report_schedule *schedule)
{
    struct tg_store *store = request->daemon->admin;
    json_t *before = schedule_object(schedule);
    int err = tg_change_begin(request);

    if (err == 0)
        err = tg_change_end(
            request, store->reports->schedule_delete(store, schedule->id),
            schedule->id, tg_change_diff(before, NULL, "next last"));
    json_decref(before);
    if (err == 0)
        tg_reply_json(reply, 200,
                      json_pack("{s:s,s:s,s:b}", "object", "report_schedule",
                                "id", schedule->id, "deleted", 1));
    else
        tg_reply_store(reply, store, err, "schedule");
}

void
tg_admin_report_schedule_delete(struct tg_request *request,
                                struct tg_reply *reply)
{
    struct tg_report_schedule schedule;

    pthread_mutex_lock(&request->daemon->admin_lock);
    if (tg_report_schedule_find(request, reply, &schedule))
        take_away(request, reply, &schedule);
    pthread_mutex_unlock(&request->daemon->admin_lock);
}
