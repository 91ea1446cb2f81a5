#include "leak_ends.h"

#include <string.h>

#include "clock.h"
#include "err.h"

#define ROWS_MAX 1000

struct ending {
    struct tg_request *request;
    struct tg_store *store;
    const char *account_id;
    json_t *operators, *tokens; /* ids */
};

static bool
has_account(const char *accounts, const char *account_id)
{
    json_t *list = json_loads(accounts, 0, NULL), *item;
    bool is_there = false;
    size_t i;

    json_array_foreach(list, i, item)
    {
        const char *id = json_string_value(item);

        is_there = is_there || (id != NULL && strcmp(id, account_id) == 0);
    }
    json_decref(list);
    return is_there;
}

static int
take_operator(void *arg, const struct tg_store_operator *row)
{
    struct ending *ending = arg;

    if (strcmp(row->id, ending->request->operator.id) != 0 &&
        has_account(row->accounts, ending->account_id))
        json_array_append_new(ending->operators, json_string(row->id));
    return 0;
}

/* Tokens of others: those of the operators above go with them. */
static int
take_token(void *arg, const struct tg_store_access *row,
           const struct tg_store_operator *who)
{
    struct ending *ending = arg;

    if (strcmp(row->account_id, ending->account_id) == 0 &&
        row->ended_at == 0 &&
        strcmp(row->id, ending->request->operator.via) != 0 &&
        !has_account(who->accounts, ending->account_id))
        json_array_append_new(ending->tokens, json_string(row->id));
    return 0;
}

int
tg_leak_end_sessions(struct tg_request *request, const char *account_id,
                     json_t *ended)
{
    struct tg_store *store = request->daemon->admin;
    const struct tg_store_operator_ops *ops = store->operators;
    struct ending ending = {
        .request = request,
        .store = store,
        .account_id = account_id,
        .operators = json_object_get(ended, "operators"),
        .tokens = json_object_get(ended, "tokens"),
    };
    struct tg_store_access_filter filter = {.limit = ROWS_MAX};
    int64_t now_ms = tg_clock_ms();
    json_t *id;
    size_t i;
    int err = ops->each(store, NULL, ROWS_MAX, take_operator, &ending);

    if (err == 0)
        err = ops->access_each(store, &filter, take_token, &ending);
    json_array_foreach(ending.operators, i, id)
    {
        if (err == 0)
            err = ops->end_all(store, json_string_value(id), true, now_ms);
    }
    json_array_foreach(ending.tokens, i, id)
    {
        if (err == 0)
            err = ops->access_end(store, json_string_value(id), now_ms);
    }
    return err;
}
