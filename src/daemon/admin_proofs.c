#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "admin.h"
#include "change.h"
#include "clock.h"
#include "err.h"
#include "members.h"
#include "proof.h"
#include "qr.h"
#include "totp.h"

/* A narrow token must not become a wide one by way of a login. */
static bool
may_for_oneself(const struct tg_request *request, struct tg_reply *reply)
{
    return !request->operator.is_narrow ||
            tg_reply_error(reply, 403, "permission_denied", NULL,
                           "this takes a session, or a token that is for all "
                           "that you may");
}

/* The subject, which whoever asks may act for; with only_self, himself. */
static bool
read_subject(struct tg_request *request, struct tg_reply *reply, bool only_self,
             struct tg_operator_row *row)
{
    bool is_self;

    if (!tg_operator_read(request, reply, request->subject, row))
        return false;
    is_self = strcmp(row->id, request->operator.id) == 0;
    if (is_self)
        return may_for_oneself(request, reply);
    if (only_self)
        return tg_reply_error(reply, 403, "permission_denied", NULL,
                              "everybody does this for himself");
    return row->is_disabled
               ? tg_reply_error(reply, 409, "operator_disabled", NULL,
                                "'%s' was disabled for good", row->name)
               : tg_operator_may_act(request, reply, row);
}

static void
reply_operator(struct tg_request *request, struct tg_reply *reply,
               const char *id)
{
    struct tg_operator_row row;

    if (tg_operator_read(request, reply, id, &row))
        tg_reply_json(reply, 200, json_incref(row.object));
    tg_operator_release(&row);
}

/* Whoever knew the old one is out. */
static int
store_password(struct tg_request *request, const char *id, const char *text)
{
    struct tg_store *store = request->daemon->admin;
    int err = tg_change_begin(request);

    if (err != 0)
        return err;
    err = store->operators->set_password(store, id, text);
    if (err == 0)
        err = store->operators->end_all(store, id, false, tg_clock_ms());
    return tg_change_end(request, err, id, NULL);
}

static void
set_password(struct tg_request *request, struct tg_reply *reply,
             const char *text)
{
    struct tg_operator_row row;
    int err;

    pthread_mutex_lock(&request->daemon->admin_lock);
    if (read_subject(request, reply, false, &row)) {
        err = store_password(request, row.id, text);
        if (err != 0)
            tg_reply_store(reply, request->daemon->admin, err, "operator");
        else
            reply_operator(request, reply, row.id);
    }
    tg_operator_release(&row);
    pthread_mutex_unlock(&request->daemon->admin_lock);
}

void
tg_admin_operator_password(struct tg_request *request, struct tg_reply *reply)
{
    char text[TG_PASSWORD_TEXT_SIZE] = "";
    const char *password = NULL;
    int err;

    if (!tg_members_only(reply, request->body, "", "password") ||
        !tg_members_text(reply, request->body, "password", TG_PASSWORD_LEAST,
                         TG_PASSWORD_MOST, &password))
        return;
    if (!tg_password_enter()) {
        tg_proof_busy(reply);
        return;
    }
    err = tg_password_hash((struct tg_str){password, strlen(password)}, text);
    tg_password_leave();
    if (err != 0)
        tg_reply_error(reply, 503, "no_memory", NULL,
                       "there is no memory to look at a password");
    else
        set_password(request, reply, text);
    sodium_memzero(text, sizeof(text));
}

/* What an application reads, in four spellings. */
static void
reply_enrolment(struct tg_reply *reply, const char *secret, const char *uri)
{
    char *svg = tg_qr_svg(uri), *text = tg_qr_text(uri);

    if (svg == NULL || text == NULL)
        tg_reply_error(reply, 503, "no_memory", NULL,
                       "there is no memory to draw");
    else
        tg_reply_json(reply, 200,
                      json_pack("{s:s,s:s,s:s,s:s,s:s}", "object",
                                "totp_enrolment", "secret", secret, "uri", uri,
                                "qr_svg", svg, "qr_text", text));
    if (svg != NULL)
        sodium_memzero(svg, strlen(svg));
    if (text != NULL)
        sodium_memzero(text, strlen(text));
    free(svg);
    free(text);
}

struct enrolment {
    struct tg_request *request;
    const char *operator_id;
    struct tg_str pending;
};

/* The one in force stays until the new one has proved itself. */
static int
set_pending(void *arg, const struct tg_store_proof *row)
{
    struct enrolment *enrolment = arg;
    struct tg_store *store = enrolment->request->daemon->admin;

    return store->operators->set_totp(store, enrolment->operator_id, row->totp,
                                      enrolment->pending, row->totp_next);
}

static int
store_pending(struct tg_request *request, const char *id,
              const uint8_t seed[TG_TOTP_SEED_LEN])
{
    struct tg_store *store = request->daemon->admin;
    uint8_t sealed[TG_PROOF_SEALED_SIZE];
    long len = tg_proof_seal(request->daemon, id, seed, sealed);
    struct enrolment enrolment = {
        request, id, {(const char *)sealed, len > 0 ? (size_t)len : 0}};
    int err = len > 0 ? tg_change_begin(request) : (int)len;

    if (err != 0)
        return err;
    err = store->operators->proof(store, id, set_pending, &enrolment);
    return tg_change_end(request, err, id, NULL);
}

void
tg_admin_totp_begin(struct tg_request *request, struct tg_reply *reply)
{
    uint8_t seed[TG_TOTP_SEED_LEN];
    char secret[40], uri[TG_TOTP_URI_SIZE];
    struct tg_operator_row row;
    int err;

    if (!tg_members_only(reply, request->body, "", ""))
        return;
    pthread_mutex_lock(&request->daemon->admin_lock);
    if (read_subject(request, reply, true, &row)) {
        err = tg_totp_seed(seed);
        if (err == 0)
            err = tg_totp_uri(seed, row.name, secret, uri);
        if (err == 0)
            err = store_pending(request, row.id, seed);
        if (err != 0)
            tg_reply_store(reply, request->daemon->admin, err, "operator");
        else
            reply_enrolment(reply, secret, uri);
    }
    tg_operator_release(&row);
    pthread_mutex_unlock(&request->daemon->admin_lock);
    sodium_memzero(seed, sizeof(seed));
    sodium_memzero(secret, sizeof(secret));
    sodium_memzero(uri, sizeof(uri));
}

/* Ten codes, of which the store gets digests. */
static int
store_recovery(struct tg_store *store, const char *id, json_t *codes)
{
    struct tg_digest digests[TG_RECOVERY_CODES];
    char code[TG_RECOVERY_SIZE];
    int err = 0;

    for (size_t i = 0; i < TG_RECOVERY_CODES && err == 0; i++) {
        err = tg_recovery_mint(code, &digests[i]);
        json_array_append_new(codes, json_string(code));
    }
    sodium_memzero(code, sizeof(code));
    return err != 0 ? err
                    : store->operators->set_recovery(store, id, digests,
                                                     TG_RECOVERY_CODES);
}

struct confirmation {
    struct tg_request *request;
    struct tg_reply *reply;
    const char *operator_id, *code;
    json_t *codes;
};

/* The code that confirms is used up by it. */
static int
confirm(void *arg, const struct tg_store_proof *row)
{
    struct confirmation *confirmation = arg;
    struct tg_daemon *daemon = confirmation->request->daemon;
    struct tg_store *store = daemon->admin;
    uint8_t seed[TG_TOTP_SEED_LEN];
    int64_t step = 0;
    bool is_right;
    int err;

    if (row->totp_pending.len == 0) {
        tg_reply_error(confirmation->reply, 409, "no_enrolment", NULL,
                       "no enrolment was begun; begin one: tollgate operators "
                       "totp");
        return TG_ERR_FORMAT;
    }
    err = tg_proof_unseal(daemon, confirmation->operator_id, row->totp_pending,
                          seed);
    if (err != 0)
        return err;
    is_right =
        tg_totp_step(seed, confirmation->code, tg_clock_wall_ms(), &step);
    sodium_memzero(seed, sizeof(seed));
    if (!is_right) {
        tg_reply_invalid(confirmation->reply, "code",
                         "this is not the code of now; is the clock of the "
                         "telephone right?");
        return TG_ERR_FORMAT;
    }
    err = store->operators->set_totp(store, confirmation->operator_id,
                                     row->totp_pending, (struct tg_str){"", 0},
                                     step + 1);
    return err != 0 ? err
                    : store_recovery(store, confirmation->operator_id,
                                     confirmation->codes);
}

static json_t *
codes_object(json_t *codes)
{
    return json_pack("{s:s,s:O}", "object", "recovery_codes", "codes", codes);
}

void
tg_admin_totp_confirm(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_store *store = request->daemon->admin;
    struct confirmation confirmation = {.request = request, .reply = reply};
    struct tg_operator_row row;
    int err;

    if (!tg_members_only(reply, request->body, "", "code") ||
        !tg_members_text(reply, request->body, "code", 1, 64,
                         &confirmation.code))
        return;
    confirmation.codes = json_array();
    pthread_mutex_lock(&request->daemon->admin_lock);
    if (read_subject(request, reply, true, &row)) {
        confirmation.operator_id = row.id;
        err = tg_change_begin(request);
        if (err == 0)
            err = tg_change_end(
                request,
                store->operators->proof(store, row.id, confirm, &confirmation),
                row.id, NULL);
        if (err == 0)
            tg_reply_json(reply, 200, codes_object(confirmation.codes));
        else if (reply->status == 0)
            tg_reply_store(reply, store, err, "operator");
    }
    tg_operator_release(&row);
    pthread_mutex_unlock(&request->daemon->admin_lock);
    json_decref(confirmation.codes);
}

static int
remove_totp(struct tg_request *request, const char *id)
{
    static const struct tg_str none = {"", 0};
    struct tg_store *store = request->daemon->admin;
    int err = tg_change_begin(request);

    if (err != 0)
        return err;
    err = store->operators->set_totp(store, id, none, none, 0);
    if (err == 0)
        err = store->operators->set_recovery(store, id, NULL, 0);
    if (err == 0)
        err = store->operators->end_all(store, id, false, tg_clock_ms());
    return tg_change_end(request, err, id, NULL);
}

void
tg_admin_totp_remove(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_operator_row row;
    int err;

    if (!tg_members_only(reply, request->body, "", ""))
        return;
    pthread_mutex_lock(&request->daemon->admin_lock);
    if (read_subject(request, reply, false, &row)) {
        err = remove_totp(request, row.id);
        if (err != 0)
            tg_reply_store(reply, request->daemon->admin, err, "operator");
        else
            reply_operator(request, reply, row.id);
    }
    tg_operator_release(&row);
    pthread_mutex_unlock(&request->daemon->admin_lock);
}

void
tg_admin_recovery_codes(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_store *store = request->daemon->admin;
    json_t *codes;
    struct tg_operator_row row;
    int err;

    if (!tg_members_only(reply, request->body, "", ""))
        return;
    codes = json_array();
    pthread_mutex_lock(&request->daemon->admin_lock);
    if (read_subject(request, reply, true, &row) && !row.has_totp)
        tg_reply_error(reply, 409, "no_totp", NULL,
                       "there is no TOTP that they would stand in for");
    if (reply->status == 0) {
        err = tg_change_begin(request);
        if (err == 0)
            err = tg_change_end(request, store_recovery(store, row.id, codes),
                                row.id, NULL);
        if (err == 0)
            tg_reply_json(reply, 200, codes_object(codes));
        else
            tg_reply_store(reply, store, err, "operator");
    }
    tg_operator_release(&row);
    pthread_mutex_unlock(&request->daemon->admin_lock);
    json_decref(codes);
}
