#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin.h"
#include "alert_rule.h"
#include "alerts.h"
#include "change.h"
#include "clock.h"
#include "err.h"
#include "members.h"
#include "shapes.h"

/* Rules of alerts. */

#define MEMBERS "name on severity scope channels recovery params"
#define RULES_MAX 200

static json_t *
alert_object(const struct tg_store_rule *row)
{
    struct tg_alert_rule rule;

    tg_alert_rule_read(&rule, row);
    return json_pack(
        "{s:s,s:s,s:s,s:s,s:b,s:s,s:s,s:o,s:b,s:o,s:o,s:o}", "object", "alert",
        "id", row->id, "name", row->name, "kind", row->kind, "on", row->is_on,
        "severity", row->severity, "scope", row->scope, "channels",
        tg_reply_stored(row->channels), "recovery", row->tells_recovery,
        "params", tg_alert_params_object(&rule.params, rule.kind), "created_at",
        tg_reply_instant(row->created_at), "updated_at",
        tg_reply_instant(row->updated_at));
}

static int
list_alert(void *arg, const struct tg_store_rule *row)
{
    tg_page_list_add(arg, row->id, alert_object(row));
    return 0;
}

static int
one_alert(void *arg, const struct tg_store_rule *row)
{
    *(json_t **)arg = alert_object(row);
    return 0;
}

void
tg_admin_alert_list(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_store *store = request->daemon->reports;
    struct tg_page_list list = {.data = json_array()};
    int err;

    pthread_mutex_lock(&request->daemon->reports_lock);
    err = store->ops->rule_each(store, list_alert, &list);
    tg_page_list_reply(&list, reply, store, err);
    pthread_mutex_unlock(&request->daemon->reports_lock);
}

static json_t *
get(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_store *store = request->daemon->admin;
    json_t *object = NULL;
    int err = store->ops->rule_get(store, request->subject, one_alert, &object);

    if (err == TG_ERR_NOT_FOUND)
        tg_reply_unknown(reply, "alert", request->subject);
    else if (err != 0)
        tg_reply_store(reply, store, err, "alert");
    return object;
}

void
tg_admin_alert_show(struct tg_request *request, struct tg_reply *reply)
{
    json_t *object;

    pthread_mutex_lock(&request->daemon->admin_lock);
    object = get(request, reply);
    pthread_mutex_unlock(&request->daemon->admin_lock);
    if (object != NULL)
        tg_reply_json(reply, 200, object);
}

/* A rule as it is to be: its texts point into the draft, or the body. */
struct draft {
    struct tg_store_rule row;
    char id[TG_ID_TEXT_SIZE], name[TG_ALERT_NAME_SIZE], severity[16];
    char scope[TG_ALERT_SCOPE_SIZE + 16];
    char *params, *channels; /* JSON, owned */
    enum tg_alert_kind kind;
};

static int
no_key(void *arg, const struct tg_store_key *row)
{
    (void)arg, (void)row;
    return 0;
}

static bool
refuse_scope(struct tg_reply *reply)
{
    return tg_reply_invalid(reply, "scope",
                            "scope is all, account:ID, key:ID or "
                            "label:NAME=VALUE");
}

/* Under the admin lock, because it names what must exist. */
static bool
read_scope(struct tg_request *request, struct draft *draft,
           struct tg_reply *reply)
{
    struct tg_store *store = request->daemon->admin;
    const char *text = NULL;
    char id[TG_ID_TEXT_SIZE];

    if (!tg_members_text(reply, request->body, "scope", 0, 200, &text))
        return false;
    if (text == NULL)
        return true;
    if (strncmp(text, "account:", 8) == 0) {
        if (!tg_shapes_account(store, reply, "scope", text + 8, id))
            return false;
        snprintf(draft->scope, sizeof(draft->scope), "account:%s", id);
        return true;
    }
    if (draft->kind == TG_ALERT_BALANCE && strcmp(text, "all") != 0)
        return tg_reply_invalid(reply, "scope",
                                "a balance is an account's: scope is all or "
                                "account:ID");
    if (strncmp(text, "key:", 4) == 0) {
        if (!tg_id_is(text + 4, "key_") ||
            store->ops->key_get(store, text + 4, no_key, NULL) != 0)
            return tg_reply_unknown_member(reply, "scope", "key", text + 4);
    } else if (strncmp(text, "label:", 6) == 0) {
        if (strchr(text + 6, '=') == NULL || text[6] == '=')
            return refuse_scope(reply);
    } else if (strcmp(text, "all") != 0) {
        return refuse_scope(reply);
    }
    snprintf(draft->scope, sizeof(draft->scope), "%s", text);
    return true;
}

static int
take_id(void *arg, const struct tg_store_channel *row)
{
    snprintf(arg, TG_ID_TEXT_SIZE, "%s", row->id);
    return 0;
}

/* By ids or names; they become ids. */
static bool
read_channels(struct tg_request *request, struct draft *draft,
              struct tg_reply *reply)
{
    struct tg_store *store = request->daemon->admin;
    const json_t *list = NULL;
    json_t *ids, *one;
    size_t i;

    if (!tg_members_texts(reply, request->body, "channels", TG_ALERT_CHANNELS,
                          NULL, &list))
        return false;
    if (list == NULL)
        return true;
    ids = json_array();
    json_array_foreach((json_t *)list, i, one)
    {
        char id[TG_ID_TEXT_SIZE];

        if (store->ops->channel_get(store, json_string_value(one), take_id,
                                    id) != 0) {
            json_decref(ids);
            return tg_reply_unknown_member(reply, "channels", "channel",
                                           json_string_value(one));
        }
        json_array_append_new(ids, json_string(id));
    }
    free(draft->channels);
    draft->channels = json_dumps(ids, JSON_COMPACT);
    json_decref(ids);
    return true;
}

static bool
read_params(struct tg_request *request, struct draft *draft,
            struct tg_reply *reply)
{
    struct tg_alert_params params;
    json_t *stored =
        json_loads(draft->params != NULL ? draft->params : "{}", 0, NULL);
    const json_t *object = NULL;
    bool is_fine;

    tg_alert_params_init(&params, draft->kind);
    is_fine = tg_alert_params_read(&params, draft->kind, stored, reply);
    json_decref(stored);
    if (!is_fine ||
        !tg_members_object(reply, request->body, "params", &object) ||
        !tg_alert_params_read(&params, draft->kind, object, reply))
        return false;
    stored = tg_alert_params_object(&params, draft->kind);
    free(draft->params);
    draft->params = json_dumps(stored, JSON_COMPACT);
    json_decref(stored);
    return true;
}

static bool
read_draft(struct tg_request *request, struct draft *draft,
           struct tg_reply *reply)
{
    const json_t *body = request->body;
    const char *name = NULL, *severity = NULL;

    if (!tg_members_text(reply, body, "name", draft->name[0] == '\0' ? 1 : 0,
                         100, &name) ||
        !tg_members_bool(reply, body, "on", &draft->row.is_on) ||
        !tg_members_choice(reply, body, "severity", "info warning critical",
                           &severity) ||
        !tg_members_bool(reply, body, "recovery", &draft->row.tells_recovery) ||
        !read_scope(request, draft, reply) ||
        !read_channels(request, draft, reply) ||
        !read_params(request, draft, reply))
        return false;
    if (name != NULL && (name[0] == '\0' || strncmp(name, "alr_", 4) == 0))
        return tg_reply_invalid(reply, "name",
                                "a name is not empty, and does not begin like "
                                "an id");
    if (name != NULL)
        snprintf(draft->name, sizeof(draft->name), "%s", name);
    if (severity != NULL)
        snprintf(draft->severity, sizeof(draft->severity), "%s", severity);
    if (draft->params == NULL || draft->channels == NULL)
        return tg_reply_error(reply, 500, "internal_error", NULL,
                              "there is no memory");
    draft->row.id = draft->id;
    draft->row.name = draft->name;
    draft->row.kind = tg_alert_kind_name(draft->kind);
    draft->row.severity = draft->severity;
    draft->row.scope = draft->scope;
    draft->row.params = draft->params;
    draft->row.channels = draft->channels;
    draft->row.updated_at = tg_clock_ms();
    return true;
}

/* Stores it as a new one, or as what before has become. */
static void
store_draft(struct tg_request *request, struct tg_reply *reply,
            struct draft *draft, const json_t *before)
{
    struct tg_store *store = request->daemon->admin;
    json_t *after = alert_object(&draft->row);
    int err = tg_change_begin(request);

    if (err == 0) {
        err = before == NULL ? store->ops->rule_add(store, &draft->row)
                             : store->ops->rule_set(store, &draft->row);
        err = tg_change_end(request, err, draft->id,
                            tg_change_diff(before, after, "updated_at"));
    }
    if (err == 0) {
        tg_alerts_changed(request->daemon);
        tg_reply_json(reply, before == NULL ? 201 : 200, after);
        return;
    }
    json_decref(after);
    if (err == TG_ERR_DUPLICATE)
        tg_reply_error(reply, 409, "already_exists", "name",
                       "there is an alert '%s' already", draft->name);
    else
        tg_reply_store(reply, store, err, "alert");
}

static bool
count_is_fine(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_store *store = request->daemon->admin;
    struct tg_page_list list = {.data = json_array()};
    int err = store->ops->rule_each(store, list_alert, &list);
    size_t n = json_array_size(list.data);

    json_decref(list.data);
    if (err != 0)
        return tg_reply_store(reply, store, err, "alert");
    return n < RULES_MAX ||
           tg_reply_error(reply, 409, "limit_reached", NULL,
                          "there are %d alerts already; that is all there can "
                          "be",
                          RULES_MAX);
}

void
tg_admin_alert_create(struct tg_request *request, struct tg_reply *reply)
{
    struct draft draft = {.row = {.is_on = true, .tells_recovery = true},
                          .severity = "warning",
                          .scope = "all"};
    const char *kind = NULL;

    if (!tg_members_only(reply, request->body, "", "kind " MEMBERS) ||
        !tg_members_choice(reply, request->body, "kind", tg_alert_kinds, &kind))
        return;
    if (kind == NULL) {
        tg_reply_invalid(reply, "kind", "kind is missing; it is one of: %s",
                         tg_alert_kinds);
        return;
    }
    if (tg_id_mint(draft.id, "alr_", tg_random) != 0) {
        tg_reply_error(reply, 500, "internal_error", NULL,
                       "the kernel gives no random bytes");
        return;
    }
    draft.kind = tg_alert_kind_of(kind);
    draft.channels = strdup("[]");
    draft.row.created_at = tg_clock_ms();
    pthread_mutex_lock(&request->daemon->admin_lock);
    if (count_is_fine(request, reply) && read_draft(request, &draft, reply))
        store_draft(request, reply, &draft, NULL);
    pthread_mutex_unlock(&request->daemon->admin_lock);
    free(draft.params);
    free(draft.channels);
}

static int
load(void *arg, const struct tg_store_rule *row)
{
    struct draft *draft = arg;

    draft->row.is_on = row->is_on;
    draft->row.tells_recovery = row->tells_recovery;
    draft->row.created_at = row->created_at;
    draft->kind = tg_alert_kind_of(row->kind);
    draft->params = strdup(row->params);
    draft->channels = strdup(row->channels);
    snprintf(draft->id, sizeof(draft->id), "%s", row->id);
    snprintf(draft->name, sizeof(draft->name), "%s", row->name);
    snprintf(draft->severity, sizeof(draft->severity), "%s", row->severity);
    snprintf(draft->scope, sizeof(draft->scope), "%s", row->scope);
    return 0;
}

void
tg_admin_alert_update(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_store *store = request->daemon->admin;
    struct draft draft = {.params = NULL};
    json_t *before;

    if (!tg_members_only(reply, request->body, "", MEMBERS))
        return;
    pthread_mutex_lock(&request->daemon->admin_lock);
    before = get(request, reply);
    if (before != NULL &&
        store->ops->rule_get(store, request->subject, load, &draft) == 0 &&
        read_draft(request, &draft, reply))
        store_draft(request, reply, &draft, before);
    pthread_mutex_unlock(&request->daemon->admin_lock);
    json_decref(before);
    free(draft.params);
    free(draft.channels);
}

void
tg_admin_alert_delete(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_store *store = request->daemon->admin;
    json_t *before;
    int err;

    pthread_mutex_lock(&request->daemon->admin_lock);
    before = get(request, reply);
    if (before != NULL) {
        char id[TG_ID_TEXT_SIZE];

        snprintf(id, sizeof(id), "%s",
                 json_string_value(json_object_get(before, "id")));
        err = tg_change_begin(request);
        if (err == 0)
            err = tg_change_end(request, store->ops->rule_delete(store, id), id,
                                tg_change_diff(before, NULL, ""));
        if (err == 0) {
            tg_alerts_changed(request->daemon);
            tg_reply_json(reply, 200,
                          json_pack("{s:s,s:s,s:b}", "object", "alert", "id",
                                    id, "deleted", 1));
        } else {
            tg_reply_store(reply, store, err, "alert");
        }
    }
    pthread_mutex_unlock(&request->daemon->admin_lock);
    json_decref(before);
}
