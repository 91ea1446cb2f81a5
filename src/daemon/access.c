#include "access.h"

#include <stdio.h>
#include <string.h>

#include "base62.h"
#include "clock.h"
#include "err.h"
#include "roles.h"
#include "session.h"

/* A use is noted once in so long: each note is a write to the disk. */
#define NOTE_MS 60000

struct known {
    struct tg_request *request;
    int64_t now_ms, last_used_at;
    const char *kind; /* what it has to be */
    bool is_over, is_active;
};

int
tg_access_mint(char text[TG_TOKEN_SIZE], const char *prefix,
               struct tg_digest *digest)
{
    size_t n = strlen(prefix);
    int err;

    memcpy(text, prefix, n);
    err = tg_base62_random(text + n, TG_TOKEN_LEN - n, tg_random);
    text[TG_TOKEN_LEN] = '\0';
    if (err != 0)
        return TG_ERR_CRYPTO;
    tg_digest_of((struct tg_str){text, TG_TOKEN_LEN}, digest);
    return 0;
}

/* Its role's permissions, or those of them that its token is for. */
static unsigned
permissions_of(enum tg_role role, const char *scopes)
{
    unsigned all = tg_role_permissions(role), some = 0;
    json_t *list = json_loads(scopes, 0, NULL), *item;
    size_t i;

    json_array_foreach(list, i, item)
    {
        const char *name = json_string_value(item);

        if (name != NULL)
            some |= TG_BIT(tg_permission_named(name));
    }
    if (json_is_array(list) && json_array_size(list) == 0)
        some = all;
    json_decref(list);
    return all & some;
}

/* The operator's own accounts, and of them the token's if it has one. */
static void
bind(struct tg_operator *operator, const char * accounts, const char *only)
{
    json_t *list = json_loads(accounts, 0, NULL), *item;
    size_t i, count = json_array_size(list);

    operator->is_bound = count> 0 || * only != '\0' || list == NULL;
    if (count == 0 && *only != '\0' && list != NULL)
        snprintf(operator->accounts[operator->account_count++], TG_ID_TEXT_SIZE,
                                    "%s", only);
    json_array_foreach(list, i, item)
    {
        const char *id = json_string_value(item);

        if (id != NULL && operator->account_count<TG_OPERATOR_ACCOUNTS &&(
                              *only == '\0' || strcmp(only, id) == 0))
            snprintf(operator->accounts[operator->account_count++],
                                        TG_ID_TEXT_SIZE, "%s", id);
    }
    json_decref(list);
}

static int
take(void *arg, const struct tg_store_access *row,
     const struct tg_store_operator *who)
{
    struct known *known = arg;
    struct tg_operator *operator= & known->request->operator;

    snprintf(operator->id, sizeof(operator->id), "%s", who->id);
    snprintf(operator->name, sizeof(operator->name), "%s", who->name);
    snprintf(operator->via, sizeof(operator->via), "%s", row->id);
    operator->role = tg_role_named(who->role);
    operator->permissions = permissions_of(operator->role, row->scopes);
    operator->is_narrow = strcmp(row->scopes, "[]") != 0 ||
        row->account_id[0] != '\0';
    bind(operator, who->accounts, row->account_id);
    operator->has_proof = who->has_password || who->has_totp;
    operator->fresh_until = row->fresh_until;
    known->is_active = strcmp(who->status, "active") == 0 &&
                       strcmp(row->kind, known->kind) == 0;
    if (strcmp(row->kind, "token") == 0)
        known->is_over =
            row->expires_at != 0 && row->expires_at <= known->now_ms;
    else
        known->is_over = tg_session_is_over(row, known->now_ms);
    known->last_used_at = row->last_used_at;
    return 0;
}

/* Nobody is kept from asking because this cannot be written. */
static void
note_use(struct known *known)
{
    const struct tg_request *request = known->request;
    struct tg_store *store = request->daemon->admin;

    if (known->now_ms - known->last_used_at < NOTE_MS ||
        tg_daemon_begin(request->daemon, store) != 0)
        return;
    tg_daemon_end(request->daemon, store,
                  store->operators->access_used(
                      store, request->operator.via, known->now_ms, request->ip,
                      request->user_agent != NULL ? request->user_agent : ""));
}

static bool
refuse(struct tg_reply *reply, const struct known *known)
{
    if (known->is_over && strcmp(known->kind, "token") == 0)
        return tg_reply_error(reply, 401, "token_expired", NULL,
                              "this token has expired; ask for a new one");
    if (strcmp(known->kind, "token") != 0)
        return tg_reply_error(reply, 401, "session_ended", NULL,
                              "there is no such session, or it has ended: log "
                              "in again");
    return tg_reply_error(reply, 401, "invalid_token", NULL,
                          "this is no operator's token, or it was revoked");
}

/* Looks it up, as a token or a session of that kind. */
static bool
look_up(struct tg_request *request, struct tg_str secret, const char *kind,
        struct tg_reply *reply)
{
    struct tg_daemon *daemon = request->daemon;
    struct tg_store *store = daemon->admin;
    struct known known = {
        .request = request, .now_ms = tg_clock_ms(), .kind = kind};
    struct tg_digest digest;
    bool is_known;
    int err;

    tg_digest_of(secret, &digest);
    pthread_mutex_lock(&daemon->admin_lock);
    if (strcmp(kind, "token") == 0)
        err = store->operators->token_known(store, &digest, take, &known);
    else
        err = store->operators->session_known(store, &digest, take, &known);
    is_known = err == 0 && known.is_active && !known.is_over;
    if (is_known)
        note_use(&known);
    else if (err != 0 && err != TG_ERR_NOT_FOUND)
        tg_reply_store(reply, store, err, "token");
    else
        refuse(reply, &known);
    pthread_mutex_unlock(&daemon->admin_lock);
    return is_known;
}

/* A cookie comes by itself, so it has to be our own page that asks. */
static bool
know_cookie(struct tg_request *request, struct tg_str token,
            struct tg_reply *reply)
{
    return look_up(request, token, "cookie", reply) &&
           (strcmp(request->method, "GET") == 0 ||
            tg_session_is_own_page(request, reply, token));
}

bool
tg_access_know(struct tg_request *request, struct tg_reply *reply)
{
    static const char scheme[] = "Bearer ";
    const char *value = request->authorization;
    struct tg_str token = {"", 0};

    if (value == NULL && request->cookie != NULL)
        token = tg_session_of_cookie(request->cookie);
    if (token.len != 0)
        return know_cookie(request, token, reply);
    if (value == NULL)
        return tg_reply_error(reply, 401, "missing_token", NULL,
                              "send an operator's token: Authorization: "
                              "Bearer tgo_…; the owner's is in admin.token "
                              "in the gate's home");
    if (strncasecmp(value, scheme, sizeof(scheme) - 1) != 0)
        return tg_reply_error(reply, 401, "malformed_token", NULL,
                              "the Authorization header is not 'Bearer' and "
                              "an operator's token");
    value += sizeof(scheme) - 1;
    value += strspn(value, " ");
    return look_up(
        request, (struct tg_str){value, strlen(value)},
        strncmp(value, TG_SESSION_PREFIX, 4) == 0 ? "bearer" : "token", reply);
}
