#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "admin.h"
#include "change.h"
#include "channel.h"
#include "clock.h"
#include "err.h"
#include "hours.h"
#include "members.h"
#include "shapes.h"

#define MEMBERS                                                                \
    "name on min_severity quiet_hours url secret from to user password plain"

/* Never what is sealed; where it goes only as far as a host's name. */
static json_t *
channel_object(const struct tg_store_channel *row)
{
    return json_pack("{s:s,s:s,s:s,s:s,s:b,s:s,s:s,s:o,s:o,s:o}", "object",
                     "channel", "id", row->id, "name", row->name, "kind",
                     row->kind, "on", row->is_on, "address", row->shown,
                     "min_severity", row->min_severity, "quiet_hours",
                     tg_reply_text(row->quiet_hours), "created_at",
                     tg_reply_instant(row->created_at), "updated_at",
                     tg_reply_instant(row->updated_at));
}

static int
list_channel(void *arg, const struct tg_store_channel *row)
{
    tg_page_list_add(arg, row->id, channel_object(row));
    return 0;
}

static int
one_channel(void *arg, const struct tg_store_channel *row)
{
    *(json_t **)arg = channel_object(row);
    return 0;
}

void
tg_admin_channel_list(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_store *store = request->daemon->reports;
    struct tg_page_list list = {.data = json_array()};
    int err;

    pthread_mutex_lock(&request->daemon->reports_lock);
    err = store->ops->channel_each(store, list_channel, &list);
    tg_page_list_reply(&list, reply, store, err);
    pthread_mutex_unlock(&request->daemon->reports_lock);
}

static bool
refuse(struct tg_reply *reply, const struct tg_store *store, int err,
       const char *id_or_name)
{
    if (err != TG_ERR_NOT_FOUND)
        return tg_reply_store(reply, store, err, "channel");
    return tg_reply_unknown(reply, "channel", id_or_name);
}

static json_t *
get(struct tg_request *request, struct tg_reply *reply, const char *id_or_name)
{
    struct tg_store *store = request->daemon->admin;
    json_t *object = NULL;
    int err = store->ops->channel_get(store, id_or_name, one_channel, &object);

    if (err != 0)
        refuse(reply, store, err, id_or_name);
    return object;
}

void
tg_admin_channel_show(struct tg_request *request, struct tg_reply *reply)
{
    json_t *object;

    pthread_mutex_lock(&request->daemon->admin_lock);
    object = get(request, reply, request->subject);
    pthread_mutex_unlock(&request->daemon->admin_lock);
    if (object != NULL)
        tg_reply_json(reply, 200, object);
}

/* A channel as it is to be: its texts point into the draft. */
struct draft {
    struct tg_store_channel row;
    char id[TG_ID_TEXT_SIZE], name[TG_ALERT_NAME_SIZE], kind[16];
    char min_severity[16], quiet_hours[TG_CALENDAR_TEXT_MAX + 1];
    char shown[TG_CHANNEL_SHOWN_SIZE];
    uint8_t sealed[TG_CHANNEL_SEALED_MAX];
    json_t *target;
};

static bool
read_quiet(struct draft *draft, const json_t *body, struct tg_reply *reply)
{
    const char *text = NULL;

    if (json_is_null(json_object_get(body, "quiet_hours")))
        draft->quiet_hours[0] = '\0';
    if (!tg_members_text(reply, body, "quiet_hours", 0, TG_CALENDAR_TEXT_MAX,
                         &text))
        return false;
    if (text == NULL)
        return true;
    if (text[0] != '\0' &&
        (strlen(text) > TG_CALENDAR_TEXT_MAX || !tg_hours_is_valid(text)))
        return tg_reply_invalid(reply, "quiet_hours",
                                "quiet_hours are hours such as 'daily "
                                "22:00-07:00 Asia/Shanghai', at quarter-hours");
    snprintf(draft->quiet_hours, sizeof(draft->quiet_hours), "%s", text);
    return true;
}

static bool
read_draft(struct draft *draft, const json_t *body, struct tg_reply *reply)
{
    const char *name = NULL, *severity = draft->min_severity;

    if (!tg_members_text(reply, body, "name", draft->name[0] == '\0' ? 1 : 0,
                         100, &name) ||
        !tg_members_bool(reply, body, "on", &draft->row.is_on) ||
        !tg_members_choice(reply, body, "min_severity", "info warning critical",
                           &severity) ||
        !read_quiet(draft, body, reply) ||
        !tg_channel_target_read(draft->target, tg_channel_kind_of(draft->kind),
                                body, reply))
        return false;
    if (name != NULL && (name[0] == '\0' || strncmp(name, "chn_", 4) == 0))
        return tg_reply_invalid(reply, "name",
                                "a name is not empty, and does not begin like "
                                "an id");
    if (name != NULL)
        snprintf(draft->name, sizeof(draft->name), "%s", name);
    if (severity != draft->min_severity)
        snprintf(draft->min_severity, sizeof(draft->min_severity), "%s",
                 severity);
    return true;
}

/* Seals it, and fills in the row. */
static bool
finish(struct draft *draft, const struct tg_daemon *daemon,
       struct tg_reply *reply)
{
    long n = tg_channel_seal(&daemon->master_key, draft->id, draft->target,
                             draft->sealed);

    if (n < 0)
        return tg_reply_invalid(reply, "url",
                                "all that is kept of it is longer than %d "
                                "bytes",
                                TG_CHANNEL_SEALED_MAX);
    tg_channel_shown(draft->target, draft->shown);
    draft->row.id = draft->id;
    draft->row.name = draft->name;
    draft->row.kind = draft->kind;
    draft->row.min_severity = draft->min_severity;
    draft->row.quiet_hours = draft->quiet_hours;
    draft->row.shown = draft->shown;
    draft->row.sealed = (struct tg_str){(const char *)draft->sealed, (size_t)n};
    draft->row.updated_at = tg_clock_ms();
    return true;
}

/* In the entry of a change; that a secret changed, and not which. */
static json_t *
details_of(const json_t *before, const json_t *after, const json_t *body)
{
    json_t *diff = tg_change_diff(before, after, "updated_at");

    if (json_object_get(body, "secret") != NULL ||
        json_object_get(body, "password") != NULL)
        json_object_set_new(diff, "secret", json_string("replaced"));
    if (json_object_get(body, "url") != NULL)
        json_object_set_new(diff, "url", json_string("replaced"));
    return diff;
}

static bool
count_is_fine(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_store *store = request->daemon->admin;
    struct tg_page_list list = {.data = json_array()};
    int err = store->ops->channel_each(store, list_channel, &list);
    size_t n = json_array_size(list.data);

    json_decref(list.data);
    if (err != 0)
        return tg_reply_store(reply, store, err, "channel");
    return n < TG_CHANNELS_MAX ||
           tg_reply_error(reply, 409, "limit_reached", NULL,
                          "there are %d channels already; that is all there "
                          "can be",
                          TG_CHANNELS_MAX);
}

static void
store_new(struct tg_request *request, struct tg_reply *reply,
          struct draft *draft)
{
    struct tg_store *store = request->daemon->admin;
    json_t *after = NULL;
    int err;

    if (!count_is_fine(request, reply) ||
        !finish(draft, request->daemon, reply))
        return;
    draft->row.created_at = draft->row.updated_at;
    err = tg_change_begin(request);
    if (err == 0) {
        err = store->ops->channel_add(store, &draft->row);
        after = channel_object(&draft->row);
        err = tg_change_end(request, err, draft->id,
                            details_of(NULL, after, NULL));
    }
    if (err == 0) {
        tg_reply_json(reply, 201, after);
        return;
    }
    json_decref(after);
    if (err == TG_ERR_DUPLICATE)
        tg_reply_error(reply, 409, "already_exists", "name",
                       "there is a channel '%s' already", draft->name);
    else
        tg_reply_store(reply, store, err, "channel");
}

void
tg_admin_channel_create(struct tg_request *request, struct tg_reply *reply)
{
    struct draft draft = {.row.is_on = true, .min_severity = "info"};
    const char *kind = NULL;

    draft.target = json_object();
    if (tg_members_only(reply, request->body, "", "kind " MEMBERS) &&
        tg_members_choice(reply, request->body, "kind", tg_channel_kinds,
                          &kind)) {
        if (kind == NULL) {
            tg_reply_invalid(reply, "kind", "kind is missing; it is one of: %s",
                             tg_channel_kinds);
        } else if (tg_id_mint(draft.id, "chn_", tg_random) != 0) {
            tg_reply_error(reply, 500, "internal_error", NULL,
                           "the kernel gives no random bytes");
        } else {
            snprintf(draft.kind, sizeof(draft.kind), "%s", kind);
            if (read_draft(&draft, request->body, reply)) {
                pthread_mutex_lock(&request->daemon->admin_lock);
                store_new(request, reply, &draft);
                pthread_mutex_unlock(&request->daemon->admin_lock);
            }
        }
    }
    json_decref(draft.target);
    sodium_memzero(&draft, sizeof(draft));
}

struct loading {
    const struct tg_daemon *daemon;
    struct draft *draft;
};

static int
load(void *arg, const struct tg_store_channel *row)
{
    struct loading *loading = arg;
    struct draft *draft = loading->draft;
    struct tg_channel channel;
    int err = tg_channel_open(&channel, &loading->daemon->master_key, row);

    if (err != 0)
        return err;
    draft->target = channel.target;
    draft->row.is_on = row->is_on;
    draft->row.created_at = row->created_at;
    snprintf(draft->id, sizeof(draft->id), "%s", row->id);
    snprintf(draft->name, sizeof(draft->name), "%s", row->name);
    snprintf(draft->kind, sizeof(draft->kind), "%s", row->kind);
    snprintf(draft->min_severity, sizeof(draft->min_severity), "%s",
             row->min_severity);
    snprintf(draft->quiet_hours, sizeof(draft->quiet_hours), "%s",
             row->quiet_hours);
    return 0;
}

static void
store_changed(struct tg_request *request, struct tg_reply *reply,
              struct draft *draft, const json_t *before)
{
    struct tg_store *store = request->daemon->admin;
    json_t *after = NULL;
    int err;

    if (!read_draft(draft, request->body, reply) ||
        !finish(draft, request->daemon, reply))
        return;
    err = tg_change_begin(request);
    if (err == 0) {
        err = store->ops->channel_set(store, &draft->row);
        after = channel_object(&draft->row);
        err = tg_change_end(request, err, draft->id,
                            details_of(before, after, request->body));
    }
    if (err == 0) {
        tg_reply_json(reply, 200, after);
        return;
    }
    json_decref(after);
    if (err == TG_ERR_DUPLICATE)
        tg_reply_error(reply, 409, "already_exists", "name",
                       "there is a channel '%s' already", draft->name);
    else
        tg_reply_store(reply, store, err, "channel");
}

void
tg_admin_channel_update(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_store *store = request->daemon->admin;
    struct draft draft = {.row.is_on = false};
    struct loading loading = {request->daemon, &draft};
    json_t *before;
    int err;

    if (!tg_members_only(reply, request->body, "", MEMBERS))
        return;
    pthread_mutex_lock(&request->daemon->admin_lock);
    before = get(request, reply, request->subject);
    if (before != NULL) {
        err = store->ops->channel_get(store, request->subject, load, &loading);
        if (err == 0)
            store_changed(request, reply, &draft, before);
        else
            tg_reply_error(reply, 500, "internal_error", NULL,
                           "what is kept of it does not open with this master "
                           "key");
    }
    pthread_mutex_unlock(&request->daemon->admin_lock);
    json_decref(before);
    json_decref(draft.target);
    sodium_memzero(&draft, sizeof(draft));
}

struct naming {
    const char *channel_id;
    char rule[TG_ALERT_NAME_SIZE];     /* that names it; "": none does */
    char schedule[TG_ALERT_NAME_SIZE]; /* the same */
};

static int
look_for_name(void *arg, const struct tg_store_rule *row)
{
    struct naming *naming = arg;
    json_t *list = json_loads(row->channels, 0, NULL), *one;
    size_t i;

    json_array_foreach(list, i, one)
    {
        if (strcmp(json_string_value(one), naming->channel_id) == 0)
            snprintf(naming->rule, sizeof(naming->rule), "%s", row->name);
    }
    json_decref(list);
    return 0;
}

static int
look_for_schedule(void *arg, const struct tg_store_schedule *row)
{
    struct naming *naming = arg;

    if (strcmp(row->channel_id, naming->channel_id) == 0)
        snprintf(naming->schedule, sizeof(naming->schedule), "%s", row->name);
    return 0;
}

/* Without its only channel a rule would tell nobody, and nobody would know. */
static bool
is_free(struct tg_request *request, struct tg_reply *reply, const char *id)
{
    struct tg_store *store = request->daemon->admin;
    struct naming naming = {.channel_id = id};
    int err = store->ops->rule_each(store, look_for_name, &naming);

    if (err == 0)
        err = store->reports->schedule_each(store, look_for_schedule, &naming);
    if (err != 0)
        return tg_reply_store(reply, store, err, "alert");
    if (naming.schedule[0] != '\0')
        return tg_reply_error(reply, 409, "in_use", NULL,
                              "the schedule of reports '%s' sends to this "
                              "channel; change that one first",
                              naming.schedule);
    return naming.rule[0] == '\0' ||
           tg_reply_error(reply, 409, "in_use", NULL,
                          "the alert '%s' names this channel; change that "
                          "one first",
                          naming.rule);
}

static void
take_away(struct tg_request *request, struct tg_reply *reply, const char *id,
          const json_t *before)
{
    struct tg_store *store = request->daemon->admin;
    int err = tg_change_begin(request);

    if (err == 0)
        err = tg_change_end(request, store->ops->channel_delete(store, id), id,
                            tg_change_diff(before, NULL, ""));
    if (err == 0)
        tg_reply_json(reply, 200,
                      json_pack("{s:s,s:s,s:b}", "object", "channel", "id", id,
                                "deleted", 1));
    else
        tg_reply_store(reply, store, err, "channel");
}

void
tg_admin_channel_delete(struct tg_request *request, struct tg_reply *reply)
{
    const char *id;
    json_t *before;

    pthread_mutex_lock(&request->daemon->admin_lock);
    before = get(request, reply, request->subject);
    if (before != NULL) {
        id = json_string_value(json_object_get(before, "id"));
        if (is_free(request, reply, id))
            take_away(request, reply, id, before);
    }
    pthread_mutex_unlock(&request->daemon->admin_lock);
    json_decref(before);
}
