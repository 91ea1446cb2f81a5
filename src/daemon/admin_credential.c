#include "admin_credential.h"

#include <string.h>

#include "clock.h"
#include "credential_check.h"
#include "draft_text.h"
#include "err.h"
#include "members.h"
#include "pool.h"

static const char *const standings[] = {
    [TG_POOL_REJECTED] = "rejected", [TG_POOL_WAITING] = "waiting",
    [TG_POOL_RESTING] = "resting",   [TG_POOL_DUE] = "due",
    [TG_POOL_OPEN] = "open",
};

static bool
is_in_use(const struct tg_store_credential *row)
{
    return strcmp(row->status, "active") == 0 && row->position >= 0 &&
           row->position < TG_CATALOG_CREDENTIALS;
}

static struct tg_pool_view
view_of(struct tg_daemon *daemon, const struct tg_store_credential *row)
{
    return tg_pool_look(&daemon->state, (uint32_t)row->position,
                        (uint32_t)row->number, tg_clock_ms());
}

static json_t *
number_or_null(uint32_t n)
{
    return n != 0 ? json_integer(n) : json_null();
}

static json_t *
health_object(struct tg_daemon *daemon, const struct tg_store_credential *row)
{
    struct tg_pool_view view;
    uint32_t calls;

    if (!is_in_use(row))
        return json_null();
    view = view_of(daemon, row);
    calls = tg_pool_calls(&daemon->state, (uint32_t)row->position);
    return json_pack(
        "{s:s,s:o,s:b,s:i,s:o,s:o,s:i,s:o}", "state", standings[view.standing],
        "until", tg_reply_instant(view.until_ms), "probing", view.is_probing,
        "failures", (int)view.failures, "last_status",
        number_or_null(view.status), "last_failed_at",
        tg_reply_instant(view.failed_at_ms), "calls_at_once", (int)calls,
        "concurrency", number_or_null(view.concurrency));
}

static int
take_name(void *arg, const struct tg_store_upstream *row)
{
    *(json_t **)arg = json_string(row->name);
    return 0;
}

bool
tg_admin_credential_life(struct tg_reply *reply, const json_t *body,
                         struct tg_store_credential *row)
{
    const json_t *expires = json_object_get(body, "expires_at");
    int64_t now_ms = tg_clock_ms();
    const char *text = NULL;

    if (!tg_members_money(reply, body, "balance_alert",
                          &row->balance_alert_nanos) ||
        !tg_members_text(reply, body, "expires_at", 0, 64, &text))
        return false;
    if (expires != NULL && json_is_null(expires))
        row->expires_at = 0;
    if (text == NULL)
        return true;
    if (tg_draft_expiry(text, now_ms, &row->expires_at) != 0)
        return tg_reply_invalid(reply, "expires_at",
                                "expires_at is a date such as 2027-01-31, an "
                                "instant such as 2027-01-31T18:00:00Z, or a "
                                "span such as 90d");
    if (row->expires_at <= now_ms)
        return tg_reply_invalid(reply, "expires_at",
                                "expires_at lies in the past");
    return true;
}

/* What its upstream said when it was asked. */
struct checked {
    json_t *check, *error;
    int64_t error_at;
};

static int
take_check(void *arg, const struct tg_store_check *row)
{
    struct checked *checked = arg;

    checked->check = tg_check_object(row);
    checked->error_at = row->error_at;
    if (row->error_at != 0)
        checked->error = json_pack(
            "{s:o,s:s,s:o,s:s}", "at", tg_reply_instant(row->error_at),
            "source", "check", "http_status",
            number_or_null((uint32_t)row->error_status), "message", row->error);
    return 0;
}

/* The newer of what calls and checks met; calls say a status and no more. */
static void
look_at_calls(struct tg_daemon *daemon, const struct tg_store_credential *row,
              struct checked *checked)
{
    struct tg_pool_view view;

    if (!is_in_use(row))
        return;
    view = view_of(daemon, row);
    if (view.failed_at_ms == 0 || view.failed_at_ms < checked->error_at)
        return;
    json_decref(checked->error);
    checked->error = json_pack(
        "{s:o,s:s,s:o,s:s}", "at", tg_reply_instant(view.failed_at_ms),
        "source", "call", "http_status", number_or_null(view.status), "message",
        view.status != 0 ? "the upstream refused a call" : "no answer came");
}

static void
add_life(struct tg_daemon *daemon, const struct tg_store_credential *row,
         json_t *object)
{
    struct tg_store *store = daemon->admin;
    struct checked checked = {.error_at = 0};

    (void)store->ops->check_get(store, row->id, take_check, &checked);
    look_at_calls(daemon, row, &checked);
    json_object_set_new(object, "expires_at",
                        tg_reply_instant(row->expires_at));
    json_object_set_new(object, "balance_alert",
                        tg_reply_money_or_null(row->balance_alert_nanos));
    json_object_set_new(object, "replaces", tg_reply_text(row->replaces));
    json_object_set_new(object, "retires_at",
                        tg_reply_instant(is_in_use(row) ? row->retire_at : 0));
    json_object_set_new(object, "check",
                        checked.check != NULL ? checked.check : json_null());
    json_object_set_new(object, "last_error",
                        checked.error != NULL ? checked.error : json_null());
}

json_t *
tg_admin_credential_object(struct tg_daemon *daemon,
                           const struct tg_store_credential *row)
{
    struct tg_store *store = daemon->admin;
    json_t *name = NULL, *object;

    if (store->ops->upstream_get(store, row->upstream_id, take_name, &name) !=
        0)
        name = json_null();
    object = json_pack(
        "{s:s,s:s,s:o,s:s,s:o,s:s,s:o,s:o,s:o,s:o}", "object", "credential",
        "id", row->id, "upstream", name, "upstream_id", row->upstream_id,
        "last4", tg_reply_text(row->last4), "status", row->status,
        "concurrency", number_or_null((uint32_t)row->concurrency), "health",
        health_object(daemon, row), "created_at",
        tg_reply_instant(row->created_at), "ended_at",
        tg_reply_instant(row->ended_at));
    add_life(daemon, row, object);
    return object;
}

bool
tg_admin_credential_is_out(struct tg_daemon *daemon,
                           const struct tg_store_credential *row)
{
    return is_in_use(row) && view_of(daemon, row).turns % 2 == 1;
}

struct walk {
    struct tg_request *request;
    const char *id;
    json_t *object;
    struct tg_admin_credential *found;
    bool is_known, is_ended;
};

static int
take_object(void *arg, const struct tg_store_credential *row)
{
    struct walk *walk = arg;

    if (strcmp(walk->id, row->id) == 0)
        walk->object = tg_admin_credential_object(walk->request->daemon, row);
    return 0;
}

void
tg_admin_credential_reply(struct tg_request *request, struct tg_reply *reply,
                          unsigned status, const char *id)
{
    struct tg_store *store = request->daemon->admin;
    struct walk walk = {.request = request, .id = id};
    int err = store->ops->credential_each(store, take_object, &walk);

    if (err == 0 && walk.object == NULL)
        err = TG_ERR_NOT_FOUND;
    if (err == 0)
        tg_reply_json(reply, status, walk.object);
    else
        tg_reply_store(reply, store, err, "credential");
}

static int
take_row(void *arg, const struct tg_store_credential *row)
{
    struct walk *walk = arg;

    if (strcmp(walk->id, row->id) != 0)
        return 0;
    memcpy(walk->found->id, row->id, TG_ID_LEN);
    memcpy(walk->found->upstream_id, row->upstream_id, TG_ID_LEN);
    walk->found->number = row->number;
    walk->found->position = row->position;
    walk->found->concurrency = row->concurrency;
    walk->found->expires_at = row->expires_at;
    walk->found->balance_alert_nanos = row->balance_alert_nanos;
    walk->found->retire_at = row->retire_at;
    walk->is_known = true;
    walk->is_ended = !is_in_use(row);
    return 0;
}

bool
tg_admin_credential_find(struct tg_request *request, struct tg_reply *reply,
                         struct tg_admin_credential *found)
{
    struct tg_store *store = request->daemon->admin;
    struct walk walk = {
        .request = request, .id = request->subject, .found = found};
    int err = store->ops->credential_each(store, take_row, &walk);

    if (err == 0 && !walk.is_known)
        err = TG_ERR_NOT_FOUND;
    if (err != 0)
        return tg_reply_store(reply, store, err, "credential");
    if (walk.is_ended)
        return tg_reply_error(reply, 409, "credential_ended", NULL,
                              "this credential was replaced or disabled for "
                              "good; add another one");
    return true;
}
