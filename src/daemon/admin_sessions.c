#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "admin.h"
#include "attempts.h"
#include "change.h"
#include "clock.h"
#include "err.h"
#include "members.h"
#include "proof.h"
#include "session.h"
#include "shapes.h"

static const struct tg_attempts_limit of_proof = {5, 60000};

struct walk {
    struct tg_page_list list;
    const char *via; /* the one that is asked with */
};

static int
list_session(void *arg, const struct tg_store_access *row,
             const struct tg_store_operator *who)
{
    struct walk *walk = arg;
    bool is_current = strcmp(row->id, walk->via) == 0;

    tg_page_list_add(
        &walk->list, row->id,
        json_pack("{s:s,s:s,s:s,s:s,s:s,s:b,s:o,s:o,s:o,s:o,s:o,s:o}", "object",
                  "session", "id", row->id, "operator_id", row->operator_id,
                  "operator", who->name, "kind", row->kind, "current",
                  is_current, "created_at", tg_reply_instant(row->created_at),
                  "expires_at", tg_reply_instant(row->expires_at),
                  "fresh_until", tg_reply_instant(row->fresh_until),
                  "last_used_at", tg_reply_instant(row->last_used_at),
                  "last_used_ip", tg_reply_text(row->last_used_ip),
                  "last_used_agent", tg_reply_text(row->last_used_agent)));
    return 0;
}

void
tg_admin_session_list(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_store *store = request->daemon->admin;
    struct walk walk = {.via = request->operator.via };
    int64_t now_ms = tg_clock_ms();
    struct tg_store_access_filter filter = {
        .is_session = true,
        .alive_at = now_ms,
        .used_since = {now_ms - tg_session_kind("bearer")->idle_ms,
                       now_ms - tg_session_kind("cookie")->idle_ms},
    };
    char id[TG_ID_TEXT_SIZE];
    struct tg_store_page page;
    int err;

    if (!tg_request_page(request, reply, "ses_", &page))
        return;
    pthread_mutex_lock(&request->daemon->admin_lock);
    if (tg_admin_access_of(request, reply, id, &filter.operator_id)) {
        walk.list.limit = page.limit;
        walk.list.data = json_array();
        filter.after = page.after;
        filter.limit = page.limit + 1;
        err =
            store->operators->access_each(store, &filter, list_session, &walk);
        tg_page_list_reply(&walk.list, reply, store, err);
    }
    pthread_mutex_unlock(&request->daemon->admin_lock);
}

void
tg_admin_session_end(struct tg_request *request, struct tg_reply *reply)
{
    const char *id = request->subject;

    if (!tg_members_only(reply, request->body, "", ""))
        return;
    if (strcmp(id, "current") == 0)
        id = request->operator.via;
    pthread_mutex_lock(&request->daemon->admin_lock);
    if (strncmp(id, "ses_", 4) != 0)
        tg_reply_store(reply, request->daemon->admin, TG_ERR_NOT_FOUND,
                       "session");
    else if (tg_admin_access_end(request, reply, id, "session"))
        tg_reply_json(reply, 200,
                      json_pack("{s:s,s:s,s:b}", "object", "session", "id", id,
                                "ended", 1));
    if (reply->status == 200 && strcmp(id, request->operator.via) == 0)
        snprintf(reply->set_cookie, sizeof(reply->set_cookie),
                 TG_SESSION_COOKIE
                 "=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0");
    pthread_mutex_unlock(&request->daemon->admin_lock);
}

/* What is sent to prove oneself, and what it is compared with. */
struct step {
    struct tg_request *request;
    struct tg_reply *reply;
    struct tg_proof_sent sent;
    struct tg_proof proof;
    int64_t now_ms;
    char bucket[TG_ATTEMPTS_NAME_SIZE];
};

static bool
read_step(struct step *step)
{
    const struct tg_proof_sent *sent = &step->sent;

    if (!tg_members_only(step->reply, step->request->body, "",
                         "password code recovery_code") ||
        !tg_proof_read(step->request, step->reply, &step->sent))
        return false;
    if ((sent->password != NULL) + (sent->code != NULL) +
            (sent->recovery_code != NULL) ==
        1)
        return true;
    return tg_reply_invalid(step->reply, NULL,
                            "send one of password, code, recovery_code");
}

/* Somebody has what is asked with, and not the password. */
static int
tell(const struct step *step)
{
    const struct tg_request *request = step->request;
    char message[TG_OPERATOR_NAME_SIZE + 160];

    snprintf(message, sizeof(message),
             "Proofs of %s fail so often that they are slowed down; they come "
             "by %s from %s",
             request->operator.name, request->operator.via,
             request->ip[0] != '\0' ? request->ip : "this machine");
    return tg_attempts_tell(
        request->daemon->admin, step->bucket, step->now_ms,
        json_pack("{s:s,s:s,s:o}", "operator_id", request->operator.id, "via",
                  request->operator.via, "ip", tg_reply_text(request->ip)),
        message);
}

/* By what it is asked with: a stranger's guesses hold up nobody else. */
static bool
take_attempt(struct step *step)
{
    struct tg_daemon *daemon = step->request->daemon;
    struct tg_store *store = daemon->admin;
    int64_t wait_ms = 0;
    int err = tg_daemon_begin(daemon, store);

    tg_attempts_name(step->bucket, "proof", step->request->operator.via);
    if (err == 0) {
        err = tg_attempts_take(store, step->bucket, &of_proof, step->now_ms,
                               &wait_ms);
        if (err == 0 && wait_ms > 0)
            err = tell(step);
        err = tg_daemon_end(daemon, store, err);
    }
    if (err != 0)
        return tg_reply_store(step->reply, store, err, "proof");
    if (wait_ms == 0)
        return true;
    step->reply->retry_after_s = (uint32_t)((wait_ms + 999) / 1000);
    return tg_reply_error(step->reply, 429, "too_many_attempts", NULL,
                          "too many proofs failed; the next may be tried in "
                          "%u s",
                          step->reply->retry_after_s);
}

static bool
begin(struct step *step)
{
    struct tg_daemon *daemon = step->request->daemon;
    int err;

    pthread_mutex_lock(&daemon->admin_lock);
    err = tg_proof_load(daemon, step->request->operator.id, &step->proof);
    if (err != 0)
        tg_reply_store(step->reply, daemon->admin, err, "operator");
    else if (step->proof.password[0] == '\0' && !step->proof.has_totp)
        tg_reply_error(step->reply, 409, "no_proof_set", NULL,
                       "you have neither a password nor TOTP; set one: "
                       "tollgate operators password");
    else
        take_attempt(step);
    pthread_mutex_unlock(&daemon->admin_lock);
    return step->reply->status == 0;
}

static void
finish(struct step *step, bool is_right)
{
    struct tg_request *request = step->request;
    struct tg_store *store = request->daemon->admin;
    int64_t until = step->now_ms + TG_PROOF_FRESH_MS;
    int err = tg_change_begin(request);

    if (err != 0) {
        tg_reply_store(step->reply, store, err, "proof");
        return;
    }
    if (!is_right)
        err = tg_proof_use_code(store, &step->proof, &step->sent, step->now_ms,
                                &is_right);
    if (err == 0 && !is_right) {
        tg_daemon_end(request->daemon, store, TG_ERR_FORMAT);
        tg_reply_error(step->reply, 403, "proof_failed", NULL,
                       "this is not your password or code; a code works once");
        return;
    }
    if (err == 0)
        err =
            store->operators->access_fresh(store, request->operator.via, until);
    if (err == 0)
        err =
            tg_attempts_give_back(store, step->bucket, &of_proof, step->now_ms);
    err = tg_change_end(request, err, request->operator.via, NULL);
    if (err != 0)
        tg_reply_store(step->reply, store, err, "proof");
    else
        tg_reply_json(step->reply, 200,
                      json_pack("{s:s,s:s,s:o}", "object", "proof", "id",
                                request->operator.via, "fresh_until",
                                tg_reply_instant(until)));
}

void
tg_admin_step_up(struct tg_request *request, struct tg_reply *reply)
{
    struct step step = {
        .request = request, .reply = reply, .now_ms = tg_clock_ms()};
    const char *password;
    bool is_right = false;

    if (!read_step(&step))
        return;
    password = step.sent.password;
    if (password != NULL && !tg_password_enter()) {
        tg_proof_busy(reply);
        return;
    }
    if (begin(&step)) {
        if (password != NULL)
            is_right =
                tg_password_is(step.proof.password,
                               (struct tg_str){password, strlen(password)});
        pthread_mutex_lock(&request->daemon->admin_lock);
        finish(&step, is_right);
        pthread_mutex_unlock(&request->daemon->admin_lock);
    }
    if (password != NULL)
        tg_password_leave();
    sodium_memzero(&step, sizeof(step));
}
