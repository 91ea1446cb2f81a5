#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "access.h"
#include "admin.h"
#include "attempts.h"
#include "change.h"
#include "clock.h"
#include "err.h"
#include "members.h"
#include "proof.h"
#include "session.h"

/*
 * Of an address, and of an operator from addresses that it has not been
 * seen at: so who fills an operator's bucket keeps out strangers only.
 */
static const struct tg_attempts_limit of_address = {20, 3000};
static const struct tg_attempts_limit of_operator = {10, 30000};

#define SEEN_MS INT64_C(2592000000) /* 30 days */

struct login {
    struct tg_request *request;
    struct tg_reply *reply;
    struct tg_proof_sent sent;
    const char *name;
    const struct tg_session_kind *kind;
    int64_t now_ms;
    char address[TG_ATTEMPTS_NAME_SIZE], account[TG_ATTEMPTS_NAME_SIZE];
    bool is_seen; /* the operator had a session from there */
    struct tg_operator_row who;
    struct tg_proof proof;
    char token[TG_TOKEN_SIZE], csrf[TG_SESSION_CSRF_SIZE];
};

static bool
read_login(struct login *login)
{
    struct tg_request *request = login->request;
    struct tg_reply *reply = login->reply;
    const char *kind = "bearer";

    if (!tg_members_only(reply, request->body, "",
                         "operator password code recovery_code kind") ||
        !tg_members_text(reply, request->body, "operator", 1, 64,
                         &login->name) ||
        !tg_members_choice(reply, request->body, "kind", "bearer cookie",
                           &kind) ||
        !tg_proof_read(request, reply, &login->sent))
        return false;
    if (login->sent.password == NULL)
        return tg_reply_invalid(reply, "password", "password is missing");
    login->kind = tg_session_kind(kind);
    return strcmp(kind, "cookie") != 0 ||
           tg_session_is_own_page(request, reply, (struct tg_str){"", 0});
}

/*
 * Who that is, or nobody, which takes as long.  By name only: there is one
 * bucket for whoever guesses.
 */
static int
find(struct login *login)
{
    struct tg_daemon *daemon = login->request->daemon;
    struct tg_store *store = daemon->admin;
    struct tg_reply dropped = {0};
    int err = 0;

    if (!tg_operator_read(login->request, &dropped, login->name, &login->who) ||
        strncmp(login->name, "op_", 3) == 0) {
        tg_operator_release(&login->who);
        login->who = (struct tg_operator_row){0};
    }
    json_decref(dropped.body);
    if (dropped.status >= 500)
        return TG_ERR_SYSTEM;
    if (login->who.is_active)
        err = tg_proof_load(daemon, login->who.id, &login->proof);
    if (err == TG_ERR_CRYPTO)
        err = 0;
    if (err == 0)
        err = store->operators->was_here(
            store, login->who.id, login->request->ip, login->now_ms - SEEN_MS,
            &login->is_seen);
    return err;
}

static bool
refuse_attempt(struct tg_reply *reply, int64_t wait_ms)
{
    reply->retry_after_s = (uint32_t)((wait_ms + 999) / 1000);
    return tg_reply_error(reply, 429, "too_many_attempts", NULL,
                          "too many logins failed; the next may be tried in "
                          "%u s. Sessions go on meanwhile",
                          reply->retry_after_s);
}

/* The same for a name that is nobody's, which may be a password. */
static int
tell(const struct login *login, const char *bucket)
{
    const char *ip = login->request->ip;
    bool is_somebody = login->who.id[0] != '\0';
    char message[TG_OPERATOR_NAME_SIZE + 160];

    snprintf(message, sizeof(message),
             "Logins as %s%s fail so often that they are slowed down; the last "
             "came from %s",
             is_somebody ? "" : "nobody that there is",
             is_somebody ? login->who.name : "",
             *ip != '\0' ? ip : "this machine");
    return tg_attempts_tell(
        login->request->daemon->admin, bucket, login->now_ms,
        json_pack("{s:o,s:o}", "operator_id", tg_reply_text(login->who.id),
                  "ip", tg_reply_text(ip)),
        message);
}

/* Takes an attempt of the address, and of the name if it is asked for. */
static bool
take_attempt(struct login *login)
{
    struct tg_daemon *daemon = login->request->daemon;
    struct tg_store *store = daemon->admin;
    char folded[TG_OPERATOR_NAME_SIZE];
    const char *bucket = login->address;
    int64_t wait_ms = 0;
    int err;

    tg_operator_fold(login->name, folded);
    tg_attempts_address(login->address, login->request->ip);
    tg_attempts_name(login->account, "login", folded);
    err = tg_daemon_begin(daemon, store);
    if (err != 0)
        return tg_reply_store(login->reply, store, err, "login");
    err = tg_attempts_take(store, login->address, &of_address, login->now_ms,
                           &wait_ms);
    if (err == 0 && wait_ms == 0 && !login->is_seen) {
        bucket = login->account;
        err = tg_attempts_take(store, bucket, &of_operator, login->now_ms,
                               &wait_ms);
    }
    if (err == 0 && wait_ms > 0)
        err = tell(login, bucket);
    err = tg_daemon_end(daemon, store, err);
    if (err != 0)
        return tg_reply_store(login->reply, store, err, "login");
    return wait_ms == 0 || refuse_attempt(login->reply, wait_ms);
}

static bool
begin(struct login *login)
{
    struct tg_daemon *daemon = login->request->daemon;
    bool may;
    int err;

    pthread_mutex_lock(&daemon->admin_lock);
    err = find(login);
    may = err == 0 ? take_attempt(login)
                   : tg_reply_store(login->reply, daemon->admin, err, "login");
    pthread_mutex_unlock(&daemon->admin_lock);
    return may;
}

static int
add_session(struct login *login, const char *id)
{
    struct tg_request *request = login->request;
    struct tg_store *store = request->daemon->admin;
    struct tg_store_access row = {
        .id = id,
        .operator_id = login->who.id,
        .kind = login->kind->name,
        .created_at = login->now_ms,
        .expires_at = login->now_ms + login->kind->whole_ms,
        .last_used_at = login->now_ms,
        .last_used_ip = request->ip,
        .last_used_agent =
            request->user_agent != NULL ? request->user_agent : "",
        .fresh_until = login->now_ms + TG_PROOF_FRESH_MS,
    };
    int err = tg_access_mint(login->token, TG_SESSION_PREFIX, &row.digest);

    return err != 0 ? err : store->operators->session_add(store, &row);
}

/* Nothing of it has changed while the password was looked at. */
static int
is_still(struct login *login, bool *is)
{
    struct tg_daemon *daemon = login->request->daemon;
    struct tg_operator_row who;
    struct tg_proof proof = {0};
    struct tg_reply dropped = {0};
    int err = 0;

    *is = false;
    if (tg_operator_read(login->request, &dropped, login->who.id, &who) &&
        who.is_active) {
        err = tg_proof_load(daemon, who.id, &proof);
        *is = err == 0 && strcmp(proof.password, login->proof.password) == 0 &&
              proof.has_totp == login->proof.has_totp;
    }
    tg_operator_release(&who);
    json_decref(dropped.body);
    sodium_memzero(&proof, sizeof(proof));
    return err == TG_ERR_CRYPTO ? 0 : err;
}

/* Within a transaction; *is_right is false for whatever is wrong. */
static int
judge(struct login *login, bool is_password, bool *is_right)
{
    struct tg_store *store = login->request->daemon->admin;
    bool is_code = false;
    int err = is_still(login, is_right);

    *is_right = *is_right && is_password;
    if (err != 0 || !*is_right || !login->proof.has_totp)
        return err;
    err = tg_proof_use_code(store, &login->proof, &login->sent, login->now_ms,
                            &is_code);
    *is_right = is_code;
    return err;
}

static int
give_back(struct login *login)
{
    struct tg_store *store = login->request->daemon->admin;
    int err = tg_attempts_give_back(store, login->address, &of_address,
                                    login->now_ms);

    if (err == 0 && !login->is_seen)
        err = tg_attempts_give_back(store, login->account, &of_operator,
                                    login->now_ms);
    return err;
}

/* The same sentence, whatever is wrong: it tells who exists to nobody. */
static bool
refuse(struct tg_reply *reply)
{
    return tg_reply_error(reply, 401, "login_failed", NULL,
                          "no operator is known by this name, password and "
                          "code; a code is needed where one was set up, and "
                          "works once");
}

static void
answer(struct login *login, const char *id)
{
    struct tg_reply *reply = login->reply;
    bool is_cookie = strcmp(login->kind->name, "cookie") == 0;
    json_t *object = json_pack(
        "{s:s,s:s,s:s,s:s,s:s,s:o,s:o,s:o}", "object", "session", "id", id,
        "operator_id", login->who.id, "operator", login->who.name, "kind",
        login->kind->name, "created_at", tg_reply_instant(login->now_ms),
        "expires_at", tg_reply_instant(login->now_ms + login->kind->whole_ms),
        "fresh_until", tg_reply_instant(login->now_ms + TG_PROOF_FRESH_MS));

    if (is_cookie) {
        tg_session_csrf((struct tg_str){login->token, TG_TOKEN_LEN},
                        login->csrf);
        json_object_set_new(object, "csrf_token", json_string(login->csrf));
        snprintf(reply->set_cookie, sizeof(reply->set_cookie),
                 TG_SESSION_COOKIE
                 "=%s; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=%lld",
                 login->token, (long long)(login->kind->whole_ms / 1000));
    } else {
        json_object_set_new(object, "token", json_string(login->token));
    }
    tg_reply_json(reply, 201, object);
}

/* Under the admin lock: the session and its entry, or neither. */
static void
finish(struct login *login, bool is_password)
{
    struct tg_request *request = login->request;
    char id[TG_ID_TEXT_SIZE];
    bool is_right = false;
    int err = tg_change_begin(request);

    if (err != 0) {
        tg_reply_store(login->reply, request->daemon->admin, err, "login");
        return;
    }
    err = judge(login, is_password, &is_right);
    if (err == 0 && !is_right) {
        tg_daemon_end(request->daemon, request->daemon->admin, TG_ERR_FORMAT);
        refuse(login->reply);
        return;
    }
    if (err == 0)
        err = tg_id_mint(id, "ses_", tg_random);
    if (err == 0)
        err = add_session(login, id);
    if (err == 0)
        err = give_back(login);
    snprintf(request->operator.id, TG_ID_TEXT_SIZE, "%s", login->who.id);
    snprintf(request->operator.name, TG_OPERATOR_NAME_SIZE, "%s",
             login->who.name);
    snprintf(request->operator.via, TG_ID_TEXT_SIZE, "%s", id);
    err = tg_change_end(request, err, id,
                        json_pack("{s:s}", "kind", login->kind->name));
    if (err != 0)
        tg_reply_store(login->reply, request->daemon->admin, err, "login");
    else
        answer(login, id);
}

void
tg_admin_login(struct tg_request *request, struct tg_reply *reply)
{
    struct login login = {
        .request = request, .reply = reply, .now_ms = tg_clock_ms()};
    bool is_password;

    if (!read_login(&login))
        return;
    if (!tg_password_enter()) {
        tg_proof_busy(reply);
        return;
    }
    if (begin(&login)) {
        is_password = tg_password_is(
            login.proof.password,
            (struct tg_str){login.sent.password, strlen(login.sent.password)});
        pthread_mutex_lock(&request->daemon->admin_lock);
        finish(&login, is_password);
        pthread_mutex_unlock(&request->daemon->admin_lock);
    }
    tg_password_leave();
    tg_operator_release(&login.who);
    sodium_memzero(&login, sizeof(login));
}
