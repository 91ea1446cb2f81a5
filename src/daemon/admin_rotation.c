#include <stdio.h>
#include <string.h>

#include "admin.h"
#include "admin_key.h"
#include "change.h"
#include "civil.h"
#include "clock.h"
#include "draft_text.h"
#include "err.h"
#include "etag.h"
#include "idempotency.h"
#include "members.h"
#include "policy.h"
#include "rotation.h"
#include "shapes.h"
#include "sinks.h"

/* One step in the life of a rotation, as it is asked for. */
struct step {
    struct tg_request *request;
    struct tg_reply *reply;
    int64_t now_ms;
    int64_t grace_ms;                  /* -1: not said, so the key's own */
    bool is_undelivered, must_deliver; /* as deliver says: false, or true */
    struct tg_rotation rotation;
    struct tg_minted *minted; /* the new secret, of one that begins */
    json_t *details;          /* for the audit log */
    int (*take)(struct step *step, const struct tg_store_key *row);
};

static json_t *
instant(int64_t at_ms)
{
    return tg_reply_instant(at_ms);
}

/* "2026-12-01T08:00:00.000Z", for sentences. */
static const char *
text_of(int64_t at_ms, char text[TG_CIVIL_TEXT_SIZE])
{
    if (tg_civil_format(at_ms, text) != 0)
        text[0] = '\0';
    return text;
}

static bool
read_grace(struct step *step)
{
    const json_t *body = step->request->body;
    const char *text = NULL;
    int64_t days = -1;

    step->grace_ms = -1;
    if (!tg_members_number(step->reply, body, "grace_days", 0,
                           TG_GRACE_DAYS_MAX, &days) ||
        !tg_members_text(step->reply, body, "grace", 0, 32, &text))
        return false;
    if (days >= 0 && text != NULL)
        return tg_reply_invalid(step->reply, "grace",
                                "say either grace or grace_days");
    if (days >= 0)
        step->grace_ms = days * TG_MS_PER_DAY;
    if (text == NULL)
        return true;
    if (tg_draft_grace(text, &step->grace_ms) == 0 &&
        step->grace_ms <= TG_GRACE_DAYS_MAX * TG_MS_PER_DAY)
        return true;
    return tg_reply_invalid(step->reply, "grace",
                            "grace is how long the old secret stays valid: 0, "
                            "or hours or days such as 24h or 7d, up to %dd",
                            TG_GRACE_DAYS_MAX);
}

/* A key that will never call again has no use for another secret. */
static bool
may_rotate(const struct step *step, const struct tg_store_key *row)
{
    if (strcmp(row->status, "deleted") == 0)
        return tg_reply_error(step->reply, 409, "key_deleted", NULL,
                              "the key was deleted; make a new one");
    if (strcmp(row->status, "disabled") == 0)
        return tg_reply_error(step->reply, 409, "key_disabled", NULL,
                              "the key was disabled for good; make a new one");
    if (row->expires_at != 0 && row->expires_at <= step->now_ms)
        return tg_reply_error(step->reply, 409, "key_expired", NULL,
                              "the key has expired, and a new secret would "
                              "have, too; give it another expires_at first");
    return true;
}

/* Two secrets there are, never three. */
static bool
has_room(const struct step *step)
{
    const struct tg_rotation *rotation = &step->rotation;
    char until[TG_CIVIL_TEXT_SIZE];

    if (!rotation->is_under_way)
        return true;
    if (rotation->is_awaited)
        return tg_reply_error(step->reply, 409, "rotation_under_way", NULL,
                              "the key's new secret (…%s) is being delivered; "
                              "wait for that, or take it back: tollgate keys "
                              "rotation undo %s",
                              rotation->last4, step->request->subject);
    return tg_reply_error(
        step->reply, 409, "rotation_under_way", NULL,
        "the key has two secrets: the old one (…%s) is valid "
        "until %s. Once nobody uses it, end it: tollgate keys "
        "rotation end %s. If the new one (…%s) was lost, "
        "take it back: tollgate keys rotation undo %s",
        rotation->old_last4, text_of(rotation->old_until, until),
        step->request->subject, rotation->last4, step->request->subject);
}

static bool
is_under_way(const struct step *step)
{
    if (step->rotation.is_under_way)
        return true;
    return tg_reply_error(step->reply, 409, "no_rotation", NULL,
                          "no rotation of this key is under way; begin one: "
                          "tollgate keys rotate %s",
                          step->request->subject);
}

/* The new secret reached nobody yet, so the old one is all there is. */
static bool
is_delivered(const struct step *step)
{
    if (!step->rotation.is_awaited)
        return true;
    return tg_reply_error(step->reply, 409, "not_delivered", NULL,
                          "the key's new secret (…%s) is not delivered yet, so "
                          "the old one has no end; wait for the delivery, or "
                          "take the new one back: tollgate keys rotation undo "
                          "%s",
                          step->rotation.last4, step->request->subject);
}

static bool
read_delivery(struct step *step)
{
    const json_t *body = step->request->body;
    bool delivers = false;

    if (!tg_members_bool(step->reply, body, "deliver", &delivers))
        return false;
    step->must_deliver = delivers;
    step->is_undelivered =
        !delivers && json_object_get(body, "deliver") != NULL;
    return true;
}

/* Puts the new secret on its way to the key's sinks, if it has any. */
static int
deliver(struct step *step, const struct tg_store_key *row, uint32_t *count)
{
    int err = 0;

    *count = 0;
    if (!step->is_undelivered)
        err = tg_sinks_enqueue(step->request->daemon,
                               step->request->daemon->admin, row->id,
                               step->minted->id, &step->minted->secret, count);
    if (err != 0 || *count > 0 || !step->must_deliver)
        return err;
    tg_reply_error(step->reply, 409, "no_sink", NULL,
                   "the key has no sink to deliver a new secret to; add one: "
                   "tollgate keys deliver %s --sink NAME",
                   row->id);
    return TG_ERR_FORMAT;
}

static int
begin(struct step *step, const struct tg_store_key *row)
{
    struct tg_store *store = step->request->daemon->admin;
    int64_t grace_ms =
        step->grace_ms >= 0 ? step->grace_ms : row->grace_days * TG_MS_PER_DAY;
    enum tg_key_kind kind =
        tg_key_kind_of((struct tg_str){row->kind, strlen(row->kind)});
    uint32_t sinks = 0;
    int err;

    if (!may_rotate(step, row) || !has_room(step))
        return TG_ERR_FORMAT;
    if (tg_mint(step->minted, kind, row->id, step->now_ms) != 0) {
        tg_reply_error(step->reply, 500, "internal_error", NULL,
                       "the kernel gives no random bytes");
        return TG_ERR_CRYPTO;
    }
    err = deliver(step, row, &sinks);
    if (err != 0)
        return err;
    tg_idempotency_tell(step->request, "key",
                        tg_secret_str(&step->minted->secret));
    step->details = json_pack(
        "{s:[s,s],s:o,s:I}", "secret", step->rotation.newest, step->minted->id,
        "old_until",
        sinks > 0 ? json_null() : tg_reply_instant(step->now_ms + grace_ms),
        "sinks", (json_int_t)sinks);
    return tg_rotation_begin(store, row, &step->rotation, step->minted,
                             grace_ms, sinks > 0, step->now_ms);
}

static json_t *
of_end(const struct tg_rotation *rotation, int64_t until_ms)
{
    return json_pack("{s:s,s:[o,o]}", "secret", rotation->old, "valid_until",
                     instant(rotation->old_until), instant(until_ms));
}

static int
end(struct step *step, const struct tg_store_key *row)
{
    struct tg_store *store = step->request->daemon->admin;

    (void)row;
    if (!is_under_way(step) || !is_delivered(step))
        return TG_ERR_FORMAT;
    step->details = of_end(&step->rotation, step->now_ms);
    return tg_rotation_finish(store, &step->rotation, step->now_ms);
}

static int
extend(struct step *step, const struct tg_store_key *row)
{
    struct tg_store *store = step->request->daemon->admin;
    int64_t by_ms =
        step->grace_ms >= 0 ? step->grace_ms : row->grace_days * TG_MS_PER_DAY;
    int64_t until_ms;

    if (!is_under_way(step) || !is_delivered(step))
        return TG_ERR_FORMAT;
    until_ms = step->rotation.old_until + by_ms;
    if (by_ms == 0) {
        tg_reply_invalid(step->reply, "grace",
                         "say by how much: grace 24h or 7d, or grace_days");
        return TG_ERR_FORMAT;
    }
    if (until_ms > step->now_ms + TG_GRACE_DAYS_MAX * TG_MS_PER_DAY) {
        tg_reply_invalid(step->reply, "grace",
                         "the old secret would be valid for more than %d days "
                         "from now",
                         TG_GRACE_DAYS_MAX);
        return TG_ERR_FORMAT;
    }
    step->details = of_end(&step->rotation, until_ms);
    return tg_rotation_finish(store, &step->rotation, until_ms);
}

static int
undo(struct step *step, const struct tg_store_key *row)
{
    struct tg_store *store = step->request->daemon->admin;

    if (!is_under_way(step))
        return TG_ERR_FORMAT;
    step->details = json_pack("{s:[s,s]}", "secret", step->rotation.newest,
                              step->rotation.old);
    return tg_rotation_undo(store, row, &step->rotation, step->now_ms);
}

static int
take_row(void *arg, const struct tg_store_key *row)
{
    struct step *step = arg;
    int err = tg_rotation_look(step->request->daemon->admin, row->id,
                               step->now_ms, &step->rotation);

    return err != 0 ? err : step->take(step, row);
}

/* Takes the step in the store, with its entry, and puts it in force. */
static bool
apply(struct step *step)
{
    struct tg_request *request = step->request;
    struct tg_store *store = request->daemon->admin;
    const char *id = request->subject;
    int err = tg_change_begin(request);

    step->now_ms = tg_clock_ms();
    if (err == 0)
        err = tg_change_end(request,
                            store->ops->key_get(store, id, take_row, step), id,
                            step->details);
    if (err != 0)
        return step->reply->status == 0 &&
               tg_reply_store(step->reply, store, err, "key");
    return tg_policy_key(request->daemon, store, id) == 0 ||
           tg_shapes_not_in_force(step->reply);
}

/* Whether the key is still the one that the request has seen. */
static bool
is_meant(struct tg_request *request, struct tg_reply *reply)
{
    json_t *key;

    if (request->if_match == NULL)
        return true;
    key = tg_admin_key_read(request, reply, request->subject);
    json_decref(key);
    return key != NULL && tg_etag_matches(request, reply);
}

static void
answer(struct step *step)
{
    json_t *key =
        tg_admin_key_read(step->request, step->reply, step->request->subject);

    if (key == NULL)
        return;
    if (step->minted != NULL)
        json_object_set_new(
            key, "key",
            json_stringn(step->minted->secret.data, step->minted->secret.len));
    tg_reply_json(step->reply, 200, key);
}

static void
run(struct step *step)
{
    struct tg_daemon *daemon = step->request->daemon;

    pthread_mutex_lock(&daemon->admin_lock);
    if (is_meant(step->request, step->reply) && apply(step))
        answer(step);
    pthread_mutex_unlock(&daemon->admin_lock);
}

void
tg_admin_key_rotate(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_minted minted;
    struct step step = {
        .request = request, .reply = reply, .minted = &minted, .take = begin};

    if (!tg_members_only(reply, request->body, "",
                         "grace grace_days deliver") ||
        !read_grace(&step) || !read_delivery(&step))
        return;
    run(&step);
    tg_minted_wipe(&minted);
}

void
tg_admin_rotation_end(struct tg_request *request, struct tg_reply *reply)
{
    struct step step = {.request = request, .reply = reply, .take = end};

    if (tg_members_only(reply, request->body, "", ""))
        run(&step);
}

void
tg_admin_rotation_extend(struct tg_request *request, struct tg_reply *reply)
{
    struct step step = {.request = request, .reply = reply, .take = extend};

    if (tg_members_only(reply, request->body, "", "grace grace_days") &&
        read_grace(&step))
        run(&step);
}

void
tg_admin_rotation_undo(struct tg_request *request, struct tg_reply *reply)
{
    struct step step = {.request = request, .reply = reply, .take = undo};

    if (tg_members_only(reply, request->body, "", ""))
        run(&step);
}
