/*
 * The answer to a leak, as one flow: the key is shut first, in a transaction
 * of its own; then it is looked what it was used for, which may take seconds;
 * then the new key, and all that goes with it, in another.  Who is
 * interrupted in between begins again: a key that is shut stays so.
 */
#include <stdlib.h>
#include <string.h>

#include "admin.h"
#include "admin_key.h"
#include "change.h"
#include "civil.h"
#include "clock.h"
#include "agenda.h"
#include "draft.h"
#include "err.h"
#include "event.h"
#include "idempotency.h"
#include "leak.h"
#include "leak_ends.h"
#include "leak_plan.h"
#include "members.h"
#include "mint.h"
#include "policy.h"
#include "shapes.h"
#include "sinks.h"

struct response {
    struct tg_request *request;
    struct tg_reply *reply;
    const char *key_id;
    bool is_dry, ends_sessions, is_again;
    bool was_open;
    int64_t leaked_at;
    json_t *key;   /* the old one, as it was before */
    json_t *plan;  /* the new one, as POST /keys takes it */
    json_t *made;  /* the new one, with its secret */
    json_t *ended; /* operators and tokens */
    json_t *notes;
    uint32_t deliveries; /* of the new secret, on their way */
    struct tg_leak_usage *usage;
};

/* A place that gets the new secret instead of the old one. */
struct move {
    struct tg_store *store;
    const char *key_id; /* the new one */
    int64_t now_ms;
};

static bool
read_request(struct response *response)
{
    struct tg_request *request = response->request;
    struct tg_reply *reply = response->reply;
    const char *dry = tg_request_argument(request, "dry_run");
    const char *leaked = NULL;

    response->is_dry = dry != NULL && strcmp(dry, "true") == 0;
    if (dry != NULL && !response->is_dry && strcmp(dry, "false") != 0)
        return tg_reply_invalid(reply, "dry_run", "dry_run is true or false");
    if (!tg_members_only(reply, request->body, "",
                         "leaked_at end_sessions again") ||
        !tg_members_bool(reply, request->body, "end_sessions",
                         &response->ends_sessions) ||
        !tg_members_bool(reply, request->body, "again", &response->is_again) ||
        !tg_members_text(reply, request->body, "leaked_at", 0, 64, &leaked))
        return false;
    if (leaked == NULL)
        return true;
    if (tg_civil_parse((struct tg_str){leaked, strlen(leaked)},
                       &response->leaked_at) == 0 &&
        response->leaked_at <= tg_clock_ms())
        return true;
    return tg_reply_invalid(reply, "leaked_at",
                            "leaked_at is an instant that has been, such as "
                            "2026-11-21T08:00:00Z");
}

static int
take_replacement(void *arg, const struct tg_store_leak *row)
{
    if (((char *)arg)[0] == '\0')
        strncpy(arg, row->replaced_by, TG_ID_TEXT_SIZE - 1);
    return 0;
}

/* The key as it was, and whether it was not answered before. */
static bool
look(struct response *response)
{
    struct tg_store *store = response->request->daemon->admin;
    char replaced_by[TG_ID_TEXT_SIZE] = "";
    int err;

    response->key =
        tg_admin_key_read(response->request, response->reply, response->key_id);
    if (response->key == NULL)
        return false;
    response->reply->etag[0] = '\0';
    err = store->leaks->each(store, response->key_id, NULL, 1000,
                             take_replacement, replaced_by);
    if (err != 0)
        return tg_reply_store(response->reply, store, err, "leak");
    if (replaced_by[0] == '\0' || response->is_again)
        return true;
    return tg_reply_error(response->reply, 409, "already_replaced", NULL,
                          "the leak of this key was answered before: %s is in "
                          "its place. To make another one, send \"again\": "
                          "true",
                          replaced_by);
}

static bool
shut(struct response *response)
{
    struct tg_daemon *daemon = response->request->daemon;
    const json_t *status = json_object_get(response->key, "status");
    int err = tg_change_begin(response->request);

    if (err == 0)
        err = tg_leak_shut(daemon->admin, response->key_id, tg_clock_ms(),
                           &response->was_open);
    if (err == 0 && !response->was_open) {
        tg_change_end(response->request, TG_ERR_FORMAT, "", NULL);
        return true;
    }
    err = tg_change_end(response->request, err, response->key_id,
                        json_pack("{s:[O,s]}", "status", status, "disabled"));
    if (err != 0)
        return tg_reply_store(response->reply, daemon->admin, err, "key");
    return tg_policy_key(daemon, daemon->admin, response->key_id) == 0 ||
           tg_shapes_not_in_force(response->reply);
}

static bool
begin(struct response *response)
{
    bool is_done;

    pthread_mutex_lock(&response->request->daemon->admin_lock);
    is_done = look(response) && (response->is_dry || shut(response));
    pthread_mutex_unlock(&response->request->daemon->admin_lock);
    return is_done;
}

static int64_t
instant_of(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));
    int64_t at_ms = 0;

    if (text != NULL)
        (void)tg_civil_parse((struct tg_str){text, strlen(text)}, &at_ms);
    return at_ms;
}

/* What it was used for, and so what the new one may. */
static bool
plan(struct response *response)
{
    struct tg_daemon *daemon = response->request->daemon;
    int err;

    response->usage->span = tg_leak_span(tg_clock_ms(), response->leaked_at);
    tg_daemon_catch_up(daemon);
    pthread_mutex_lock(&daemon->reports_lock);
    err =
        tg_leak_usage_read(response->usage, daemon->reports, response->key_id);
    if (err != 0)
        tg_reply_store(response->reply, daemon->reports, err, "usage");
    pthread_mutex_unlock(&daemon->reports_lock);
    if (err != 0)
        return false;
    response->plan =
        tg_leak_plan(response->key, response->usage,
                     instant_of(response->key, "created_at"), response->notes);
    return true;
}

static json_t *
report(struct response *response)
{
    struct tg_daemon *daemon = response->request->daemon;
    json_t *networks = json_object_get(response->key, "allowed_ips"), *object;
    char *text = json_dumps(networks, JSON_COMPACT);

    pthread_mutex_lock(&daemon->reports_lock);
    object = tg_leak_usage_object(response->usage, daemon->reports,
                                  response->key_id, text != NULL ? text : "[]");
    pthread_mutex_unlock(&daemon->reports_lock);
    free(text);
    return object;
}

/* What an event says of it. */
struct answered {
    const struct response *response;
    const struct tg_store_leak *leak;
};

static int
add_event(void *arg, const struct tg_store_key *row)
{
    const struct answered *answered = arg;
    const struct tg_request *request = answered->response->request;
    const struct tg_store_leak *leak = answered->leak;
    struct tg_event event = {
        .key_id = row->id,
        .account_id = row->account_id,
        .type = "leak_reported",
        .severity = "critical",
        .once = leak->id,
        .evidence = json_pack("{s:s,s:s,s:s,s:b,s:b}", "leak_id", leak->id,
                              "source", leak->source, "replaced_by",
                              leak->replaced_by, "was_in_force",
                              leak->was_in_force, "disabled", leak->is_shut),
    };

    return tg_event_tell(request->daemon->admin, &event, leak->at,
                         "the key %s (%.100s) leaked, says %.100s: it is "
                         "disabled, and %s is in its place",
                         row->id, row->name, request->operator.name,
                         leak->replaced_by);
}

static int
add_leak(const struct response *response, const char *made_id)
{
    struct tg_store *store = response->request->daemon->admin;
    char id[TG_ID_TEXT_SIZE];
    struct tg_store_leak row = {
        .id = id,
        .at = tg_clock_ms(),
        .key_id = response->key_id,
        .secret_id = "",
        .source = "response",
        .place = made_id,
        .url = "",
        .was_in_force = response->was_open,
        .is_shut = true,
        .replaced_by = made_id,
    };
    struct answered answered = {response, &row};
    bool is_new = false;
    int err = tg_id_mint(id, "leak_", tg_random);

    if (err == 0)
        err = store->leaks->add(store, &row, &is_new);
    return err != 0 || !is_new ? err
                               : store->ops->key_get(store, response->key_id,
                                                     add_event, &answered);
}

/* What still waits to bring the old secret there would come too late. */
static int
move_sink(void *arg, const struct tg_store_key_sink *row)
{
    const struct move *move = arg;
    struct tg_store_key_sink moved = *row;
    int err = move->store->sinks->delivery_drop(move->store, row->key_id,
                                                row->sink_id, row->place,
                                                row->name, move->now_ms);

    moved.key_id = move->key_id;
    return err != 0 ? err : move->store->sinks->key_add(move->store, &moved);
}

/* To where programs read the old one. */
static int
deliver(struct response *response, const struct tg_minted *minted)
{
    struct tg_daemon *daemon = response->request->daemon;
    struct tg_store *store = daemon->admin;
    struct move move = {store, minted->row.key_id, tg_clock_ms()};
    int err =
        store->sinks->key_each(store, response->key_id, NULL, move_sink, &move);

    return err != 0 ? err
                    : tg_sinks_enqueue(daemon, store, minted->row.key_id,
                                       minted->row.id, &minted->secret,
                                       &response->deliveries);
}

/* The second transaction. */
static int
store_all(struct response *response, const struct tg_store_key *row,
          const struct tg_minted *minted)
{
    struct tg_request *request = response->request;
    struct tg_store *store = request->daemon->admin;
    json_t *details = NULL;
    int err = tg_change_begin(request);

    if (err != 0)
        return err;
    err = store->ops->key_add(store, row);
    if (err == 0)
        err = store->ops->secret_add(store, &minted->row);
    if (err == 0)
        err = tg_agenda_change(store, NULL, row, row->created_at);
    if (err == 0)
        err = deliver(response, minted);
    if (err == 0)
        err = add_leak(response, row->id);
    if (err == 0 && response->ends_sessions)
        err = tg_leak_end_sessions(request, row->account_id, response->ended);
    if (err == 0)
        details = json_pack("{s:s,s:O,s:O,s:I}", "replaced_by", row->id,
                            "policy", response->plan, "ended", response->ended,
                            "deliveries", (json_int_t)response->deliveries);
    return tg_change_end(request, err, response->key_id, details);
}

static bool
make(struct response *response, struct tg_draft *draft,
     struct tg_minted *minted)
{
    struct tg_daemon *daemon = response->request->daemon;
    struct tg_reply *reply = response->reply;
    char id[TG_ID_TEXT_SIZE];
    int64_t now_ms = tg_clock_ms();
    int err;

    if (tg_id_mint(id, "key_", tg_random) != 0 ||
        tg_mint(minted, draft->kind, id, now_ms) != 0)
        return tg_reply_error(reply, 500, "internal_error", NULL,
                              "the kernel gives no random bytes");
    draft->row.id = id;
    draft->row.account_id = draft->account;
    draft->row.created_at = draft->row.rotated_at = now_ms;
    tg_idempotency_tell(response->request, "key",
                        tg_secret_str(&minted->secret));
    err = store_all(response, &draft->row, minted);
    if (err != 0)
        return tg_reply_store(reply, daemon->admin, err, "key");
    if (tg_policy_key(daemon, daemon->admin, id) != 0)
        return tg_shapes_not_in_force(reply);
    response->made = tg_admin_key_read(response->request, reply, id);
    if (response->made == NULL)
        return false;
    reply->etag[0] = '\0';
    json_object_set_new(response->made, "key",
                        json_stringn(minted->secret.data, minted->secret.len));
    return true;
}

static bool
replace(struct response *response)
{
    struct tg_minted minted;
    struct tg_draft draft;
    bool is_made =
        tg_draft_read(&draft, response->plan, tg_clock_ms(), response->reply);

    if (is_made && !response->is_dry) {
        pthread_mutex_lock(&response->request->daemon->admin_lock);
        is_made = make(response, &draft, &minted);
        pthread_mutex_unlock(&response->request->daemon->admin_lock);
        tg_minted_wipe(&minted);
    }
    tg_draft_release(&draft);
    return is_made;
}

static void
answer(struct response *response)
{
    bool is_dry = response->is_dry;
    const char *status =
        json_string_value(json_object_get(response->key, "status"));

    tg_reply_json(
        response->reply, is_dry ? 200 : 201,
        json_pack("{s:s,s:b,s:s,s:O,s:s,s:b,s:O,s:O?,s:I,s:O,s:O,s:o}",
                  "object", "leak.response", "dry_run", is_dry, "key_id",
                  response->key_id, "account_id",
                  json_object_get(response->key, "account_id"), "status_before",
                  status, "disabled", !is_dry, "policy", response->plan,
                  "replacement", response->made, "deliveries",
                  (json_int_t)response->deliveries, "ended", response->ended,
                  "notes", response->notes, "usage", report(response)));
}

void
tg_admin_leak_respond(struct tg_request *request, struct tg_reply *reply)
{
    struct response response = {
        .request = request,
        .reply = reply,
        .key_id = request->subject,
        .notes = json_array(),
        .ended = json_pack("{s:[],s:[]}", "operators", "tokens"),
        .usage = calloc(1, sizeof(*response.usage)),
    };

    if (response.usage == NULL)
        tg_reply_error(reply, 500, "internal_error", NULL, "out of memory");
    else if (read_request(&response) && begin(&response) && plan(&response) &&
             replace(&response))
        answer(&response);
    json_decref(response.key);
    json_decref(response.plan);
    json_decref(response.made);
    json_decref(response.ended);
    json_decref(response.notes);
    free(response.usage);
}

void
tg_admin_leak_usage(struct tg_request *request, struct tg_reply *reply)
{
    struct response response = {
        .request = request,
        .reply = reply,
        .key_id = request->subject,
        .is_dry = true,
        .is_again = true,
        .notes = json_array(),
        .usage = calloc(1, sizeof(*response.usage)),
    };

    if (response.usage == NULL)
        tg_reply_error(reply, 500, "internal_error", NULL, "out of memory");
    else if (tg_request_instant(request, reply, "leaked_at",
                                &response.leaked_at) &&
             begin(&response) && plan(&response))
        tg_reply_json(reply, 200, report(&response));
    json_decref(response.key);
    json_decref(response.plan);
    json_decref(response.notes);
    free(response.usage);
}
