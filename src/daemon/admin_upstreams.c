#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin.h"
#include "book.h"
#include "catalog.h"
#include "change.h"
#include "clock.h"
#include "draft_text.h"
#include "err.h"
#include "members.h"
#include "model_draft.h"
#include "resolve.h"
#include "serving.h"
#include "service.h"
#include "shapes.h"
#include "url.h"

struct walk {
    struct tg_store *store;
    struct tg_page_list list;
    json_t *one;
};

/* What other tables say about an upstream. */
struct around {
    const char *id;
    json_t *models;
    json_t *credentials; /* ids of its pool */
    json_t *last4;       /* what their secrets end in */
};

static int
add_model_name(void *arg, const struct tg_store_model *row)
{
    struct around *around = arg;

    if (tg_serving_has(row->upstream_ids, around->id))
        json_array_append_new(around->models, json_string(row->name));
    return 0;
}

static int
take_credential(void *arg, const struct tg_store_credential *row)
{
    struct around *around = arg;

    if (strcmp(row->upstream_id, around->id) != 0 ||
        strcmp(row->status, "active") != 0)
        return 0;
    json_array_append_new(around->credentials, json_string(row->id));
    json_array_append_new(around->last4, tg_reply_text(row->last4));
    return 0;
}

static json_t *
upstream_object(struct tg_store *store, const struct tg_store_upstream *row)
{
    struct around around = {row->id, json_array(), json_array(), json_array()};

    store->ops->model_each(store, add_model_name, &around);
    store->ops->credential_each(store, take_credential, &around);
    return json_pack("{s:s,s:s,s:s,s:s,s:s,s:o,s:o,s:o,s:o,s:o}", "object",
                     "upstream", "id", row->id, "name", row->name, "dialect",
                     row->dialect, "base_url", row->base_url, "addresses",
                     tg_reply_stored(row->addresses), "models", around.models,
                     "credentials", around.credentials, "last4", around.last4,
                     "created_at", tg_reply_instant(row->created_at));
}

static int
list_upstream(void *arg, const struct tg_store_upstream *row)
{
    struct walk *walk = arg;

    tg_page_list_add(&walk->list, row->id, upstream_object(walk->store, row));
    return 0;
}

static int
one_upstream(void *arg, const struct tg_store_upstream *row)
{
    struct walk *walk = arg;

    walk->one = upstream_object(walk->store, row);
    return 0;
}

void
tg_admin_upstream_list(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_store *store = request->daemon->admin;
    struct walk walk = {.store = store};
    int err;

    walk.list.data = json_array();
    pthread_mutex_lock(&request->daemon->admin_lock);
    err = store->ops->upstream_each(store, list_upstream, &walk);
    tg_page_list_reply(&walk.list, reply, store, err);
    pthread_mutex_unlock(&request->daemon->admin_lock);
}

static void
reply_upstream(struct tg_request *request, struct tg_reply *reply,
               unsigned status, const char *id_or_name)
{
    struct tg_store *store = request->daemon->admin;
    struct walk walk = {.store = store};
    int err = store->ops->upstream_get(store, id_or_name, one_upstream, &walk);

    if (err == 0)
        tg_reply_json(reply, status, walk.one);
    else
        tg_reply_store(reply, store, err, "upstream");
}

void
tg_admin_upstream_show(struct tg_request *request, struct tg_reply *reply)
{
    pthread_mutex_lock(&request->daemon->admin_lock);
    reply_upstream(request, reply, 200, request->subject);
    pthread_mutex_unlock(&request->daemon->admin_lock);
}

/* An upstream as it is asked for. */
struct change {
    struct tg_store_upstream row;
    char id[TG_ID_TEXT_SIZE];
    char known_dialect[16];
    bool is_known;
    bool may_replace;
    bool joins; /* its models' other upstreams */
    const char *dialect;
    const json_t *models;
    char *addresses;
    uint64_t positions; /* taken ones */
};

static bool
check_name(struct tg_reply *reply, const char *name)
{
    if (strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                     "0123456789._-") == strlen(name) &&
        strncmp(name, "up_", 3) != 0)
        return true;
    return tg_reply_invalid(reply, "name",
                            "an upstream's name has letters, digits, '.', "
                            "'_' or '-', and does not begin with up_");
}

static bool
check_model(struct tg_reply *reply, const char *param, const char *text)
{
    struct tg_str owner;

    if (tg_service_is((struct tg_str){text, strlen(text)}, &owner))
        return tg_reply_invalid(reply, param,
                                "'%s' is not served by being named here: "
                                "tollgate models add %s --upstream NAME "
                                "--unit call --unit-price 0",
                                text, text);
    if (strchr(text, '*') == NULL)
        return tg_draft_model(reply, param, text);
    return tg_reply_invalid(reply, param,
                            "'%s': an upstream's models are exact names", text);
}

static bool
read_change(struct change *change, const json_t *body, struct tg_reply *reply)
{
    struct tg_error error;
    struct tg_url url;
    int err;

    if (!tg_members_only(reply, body, "",
                         "name base_url dialect models replace join") ||
        !tg_members_text(reply, body, "name", 1, 31, &change->row.name) ||
        !check_name(reply, change->row.name) ||
        !tg_members_text(reply, body, "base_url", 1, 250,
                         &change->row.base_url) ||
        !tg_members_choice(reply, body, "dialect", tg_catalog_dialects,
                           &change->dialect) ||
        !tg_members_texts(reply, body, "models", TG_CATALOG_MODELS, check_model,
                          &change->models) ||
        !tg_members_bool(reply, body, "join", &change->joins) ||
        !tg_members_bool(reply, body, "replace", &change->may_replace))
        return false;
    if (tg_url_parse(&url, change->row.base_url, &error) != 0)
        return tg_reply_invalid(reply, "base_url", "%s", error.text);
    err = tg_resolve_host(url.host, &change->addresses, &error);
    if (err != 0)
        return tg_reply_invalid(reply, "base_url", "%s", error.text);
    change->row.addresses = change->addresses;
    change->row.dialect = change->dialect;
    if (change->dialect == NULL)
        change->row.dialect =
            strstr(url.host, "deepseek") != NULL ? "deepseek" : "openai";
    return true;
}

static int
look_at_other(void *arg, const struct tg_store_upstream *row)
{
    struct change *change = arg;

    change->positions |= (uint64_t)1 << row->position;
    if (strcmp(row->name, change->row.name) != 0)
        return 0;
    change->is_known = true;
    snprintf(change->id, sizeof(change->id), "%s", row->id);
    snprintf(change->known_dialect, sizeof(change->known_dialect), "%s",
             row->dialect);
    return 0;
}

static bool
find_place(struct change *change, struct tg_store *store,
           struct tg_reply *reply)
{
    int err = store->ops->upstream_each(store, look_at_other, change);

    if (err != 0)
        return tg_reply_store(reply, store, err, "upstream");
    if (change->is_known && !change->may_replace)
        return tg_reply_error(reply, 409, "already_exists", "name",
                              "there is an upstream '%s' already; send "
                              "\"replace\": true to change it",
                              change->row.name);
    change->row.id = change->id;
    if (change->is_known) {
        if (change->dialect == NULL)
            change->row.dialect = change->known_dialect;
        return true;
    }
    if (~change->positions == 0)
        return tg_reply_error(reply, 409, "limit_reached", NULL,
                              "there are %d upstreams already; that is all "
                              "there can be",
                              TG_CATALOG_UPSTREAMS);
    change->row.position = __builtin_ctzll(~change->positions);
    change->row.created_at = tg_clock_ms();
    return tg_id_mint(change->id, "up_", tg_random) == 0 ||
           tg_reply_error(reply, 500, "internal_error", NULL,
                          "the kernel gives no random bytes");
}

static bool
has_dialect(const struct tg_book_model *model, const char *dialect)
{
    if (strcmp(model->provider, "simulator") == 0)
        return strcmp(dialect, "deepseek") == 0;
    return strcmp(model->provider, dialect) == 0;
}

static int
serve_all(struct tg_store *store, const struct change *change)
{
    const json_t *item;
    int err = 0;
    size_t i, n;

    if (change->models != NULL) {
        json_array_foreach((json_t *)change->models, i, item)
        {
            if (err == 0)
                err = tg_serving_add(store, json_string_value(item),
                                     change->row.id, change->joins, true);
        }
        return err;
    }
    if (change->is_known)
        return 0;
    const struct tg_book_model *book = tg_book_models(&n);

    for (i = 0; i < n && err == 0; i++) {
        if (has_dialect(&book[i], change->row.dialect))
            err = tg_serving_add(store, book[i].name, change->row.id,
                                 change->joins, false);
    }
    return err;
}

static bool
store_change(struct tg_request *request, struct tg_reply *reply,
             const struct change *change)
{
    struct tg_store *store = request->daemon->admin;
    struct walk before = {.store = store}, after = {.store = store};
    int err = tg_change_begin(request);

    if (err == 0) {
        (void)store->ops->upstream_get(store, change->id, one_upstream,
                                       &before);
        err = change->is_known ? store->ops->upstream_set(store, &change->row)
                               : store->ops->upstream_add(store, &change->row);
        if (err == 0)
            err = serve_all(store, change);
        if (err == 0 && !tg_model_draft_fits(store, 0, reply))
            err = TG_ERR_FULL;
        if (err == 0)
            err = store->ops->upstream_get(store, change->id, one_upstream,
                                           &after);
        err = tg_change_end(request, err, change->id,
                            tg_change_diff(before.one, after.one, "object id"));
        json_decref(before.one);
        json_decref(after.one);
    }
    if (err == TG_ERR_FULL)
        return tg_reply_error(reply, 409, "limit_reached", "models",
                              "a model has %d upstreams already; that is all "
                              "it can have",
                              TG_MODEL_UPSTREAMS);
    if (err != 0)
        return reply->status == 0 &&
               tg_reply_store(reply, store, err, "upstream");
    return tg_shapes_publish_catalog(request, reply);
}

void
tg_admin_upstream_put(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_daemon *daemon = request->daemon;
    struct change change = {.addresses = NULL};

    if (read_change(&change, request->body, reply)) {
        pthread_mutex_lock(&daemon->admin_lock);
        if (find_place(&change, daemon->admin, reply) &&
            store_change(request, reply, &change))
            reply_upstream(request, reply, change.is_known ? 200 : 201,
                           change.id);
        pthread_mutex_unlock(&daemon->admin_lock);
    }
    free(change.addresses);
}
