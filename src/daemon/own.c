#include "own.h"

#include <stdio.h>
#include <string.h>

#include "err.h"
#include "routes.h"
#include "shapes.h"

bool
tg_own_account(const struct tg_request *request, const char *account_id)
{
    const struct tg_operator *operator= & request->operator;

    for (size_t i = 0; i < operator->account_count; i++) {
        if (strcmp(operator->accounts[i], account_id) == 0)
            return true;
    }
    return !operator->is_bound;
}

static int
take_account(void *arg, const struct tg_store_account *row)
{
    snprintf(arg, TG_ID_TEXT_SIZE, "%s", row->id);
    return 0;
}

static int
take_key_account(void *arg, const struct tg_store_key *row)
{
    snprintf(arg, TG_ID_TEXT_SIZE, "%s", row->account_id);
    return 0;
}

/* A key never changes its account, so this holds while the handler runs. */
static bool
check_key(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_store *store = request->daemon->admin;
    char account[TG_ID_TEXT_SIZE];
    int err =
        store->ops->key_get(store, request->subject, take_key_account, account);

    if (err == 0 && !tg_own_account(request, account))
        err = TG_ERR_NOT_FOUND;
    return err == 0 || tg_reply_store(reply, store, err, "key");
}

static bool
check_account(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_store *store = request->daemon->admin;
    int err = store->ops->account_get(store, request->subject, take_account,
                                      request->own_account);

    if (err == 0 && !tg_own_account(request, request->own_account))
        err = TG_ERR_NOT_FOUND;
    if (err == TG_ERR_NOT_FOUND)
        return tg_shapes_no_account(reply, request->subject);
    if (err != 0)
        return tg_reply_store(reply, store, err, "account");
    request->subject = request->own_account;
    return true;
}

/* The only one, or nobody knows which is meant. */
static bool
the_own(const struct tg_request *request, struct tg_reply *reply,
        char id[TG_ID_TEXT_SIZE])
{
    const struct tg_operator *operator= & request->operator;

    if (operator->account_count != 1)
        return tg_reply_invalid(reply, "account",
                                "you have %zu accounts: name one of them as "
                                "account",
                                operator->account_count);
    snprintf(id, TG_ID_TEXT_SIZE, "%s", operator->accounts[0]);
    return true;
}

static bool
resolve(const struct tg_request *request, struct tg_store *store,
        struct tg_reply *reply, const char *given, char id[TG_ID_TEXT_SIZE])
{
    if (given == NULL)
        return the_own(request, reply, id);
    if (!tg_shapes_account(store, reply, "account", given, id))
        return false;
    return tg_own_account(request, id) ||
           tg_shapes_unknown_account(reply, "account", given);
}

static bool
check_member(struct tg_request *request, struct tg_reply *reply)
{
    const json_t *given = json_object_get(request->body, "account");
    char id[TG_ID_TEXT_SIZE];

    if (given != NULL && !json_is_string(given))
        return tg_reply_invalid(reply, "account", "account must be a string");
    if (!resolve(request, request->daemon->admin, reply,
                 json_string_value(given), id))
        return false;
    json_object_set_new(request->body, "account", json_string(id));
    return true;
}

static bool
check_self(struct tg_request *request, struct tg_reply *reply)
{
    const struct tg_operator *operator= & request->operator;

    if (strcmp(request->subject, "me") == 0 ||
        strcmp(request->subject, operator->id) == 0 ||
        strcmp(request->subject, operator->name) == 0)
        return true;
    return tg_reply_store(reply, request->daemon->admin, TG_ERR_NOT_FOUND,
                          "operator");
}

static bool
check_locked(struct tg_request *request, struct tg_reply *reply)
{
    switch (request->route->reach) {
    case TG_REACH_OWN_LIST:
    case TG_REACH_COMMON:
        return true;
    case TG_REACH_KEY:
        return check_key(request, reply);
    case TG_REACH_ACCOUNT:
        return check_account(request, reply);
    case TG_REACH_MEMBER:
        return check_member(request, reply);
    case TG_REACH_SELF:
        return check_self(request, reply);
    case TG_REACH_ALL:
        break;
    }
    return tg_reply_error(reply, 403, "permission_denied", NULL,
                          "this is about all accounts, and you are bound to "
                          "your own; ask an owner or admin");
}

bool
tg_own_check(struct tg_request *request, struct tg_reply *reply)
{
    bool may;

    if (!request->operator.is_bound)
        return true;
    pthread_mutex_lock(&request->daemon->admin_lock);
    may = check_locked(request, reply);
    pthread_mutex_unlock(&request->daemon->admin_lock);
    return may;
}

bool
tg_own_filter(const struct tg_request *request, struct tg_store *store,
              struct tg_reply *reply, char buffer[TG_ID_TEXT_SIZE],
              const char **account_id)
{
    const char *given = tg_request_argument(request, "account");

    *account_id = NULL;
    if (given == NULL && !request->operator.is_bound)
        return true;
    if (!resolve(request, store, reply, given, buffer))
        return false;
    *account_id = buffer;
    return true;
}

bool
tg_own_key(const struct tg_request *request, struct tg_store *store,
           struct tg_reply *reply, const char **key_id)
{
    const char *id = tg_request_argument(request, "key");
    char account_id[TG_ID_TEXT_SIZE];
    int err;

    *key_id = id;
    if (id == NULL)
        return true;
    err = store->ops->key_get(store, id, take_key_account, account_id);
    if (err == TG_ERR_NOT_FOUND ||
        (err == 0 && !tg_own_account(request, account_id)))
        return tg_reply_unknown_member(reply, "key", "key", id);
    return err == 0 || tg_reply_store(reply, store, err, "key");
}
