#include <string.h>

#include "admin.h"
#include "change.h"
#include "clock.h"
#include "err.h"
#include "model_draft.h"
#include "price_text.h"
#include "shapes.h"

struct walk {
    struct tg_store *store;
    const char *wanted; /* NULL: all of them */
    struct tg_page_list list;
    json_t *one;
    int64_t now_ms;
    json_t *price; /* of the model in hand, in force */
};

/* Rows come oldest first: the last one that has begun is in force. */
static int
take_price(void *arg, const struct tg_store_price *row)
{
    struct walk *walk = arg;

    if (row->price.effective_at_ms > walk->now_ms)
        return 0;
    json_decref(walk->price);
    walk->price = tg_price_object(&row->price, row->model, row->source);
    return 0;
}

/* The price in force now, or null. */
static json_t *
current_price(struct walk *walk, const char *model)
{
    walk->price = json_null();
    walk->now_ms = tg_clock_ms();
    (void)walk->store->ops->price_each(walk->store, model, take_price, walk);
    return walk->price;
}

static int
take_name(void *arg, const struct tg_store_upstream *row)
{
    *(json_t **)arg = json_string(row->name);
    return 0;
}

/* The names of a JSON list of ids. */
static json_t *
upstream_names(struct tg_store *store, const json_t *ids)
{
    json_t *names = json_array(), *name, *id;
    size_t i;

    json_array_foreach((json_t *)ids, i, id)
    {
        name = NULL;
        if (store->ops->upstream_get(store, json_string_value(id), take_name,
                                     &name) == 0)
            json_array_append_new(names, name);
    }
    return names;
}

/* The first of a list, or null. */
static json_t *
first_of(const json_t *list)
{
    json_t *first = json_array_get(list, 0);

    return first != NULL ? json_incref(first) : json_null();
}

static int
add_model(void *arg, const struct tg_store_model *row)
{
    struct walk *walk = arg;
    json_t *object, *ids, *names;

    if (walk->wanted != NULL && strcmp(walk->wanted, row->name) != 0)
        return 0;
    ids = tg_reply_stored(row->upstream_ids);
    names = upstream_names(walk->store, ids);
    object = json_pack(
        "{s:s,s:s,s:o,s:o,s:o,s:o,s:b,s:o,s:o,s:o,s:o,s:o,s:o}", "object",
        "model", "id", row->name, "scopes", tg_reply_stored(row->scopes),
        "upstream", first_of(names), "upstream_id", first_of(ids), "upstreams",
        names, "development", row->is_development, "max_context_tokens",
        json_integer(row->max_context_tokens), "max_output_tokens",
        json_integer(row->max_output_tokens), "max_fim_tokens",
        json_integer(row->max_fim_tokens), "max_image_tokens",
        row->max_image_tokens > 0 ? json_integer(row->max_image_tokens)
                                  : json_null(),
        "price", current_price(walk, row->name), "created_at",
        tg_reply_instant(row->created_at));
    json_decref(ids);
    if (walk->wanted != NULL)
        walk->one = object;
    else
        tg_page_list_add(&walk->list, row->name, object);
    return 0;
}

void
tg_admin_model_list(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_store *store = request->daemon->admin;
    struct walk walk = {.store = store};
    int err;

    walk.list.data = json_array();
    pthread_mutex_lock(&request->daemon->admin_lock);
    err = store->ops->model_each(store, add_model, &walk);
    tg_page_list_reply(&walk.list, reply, store, err);
    pthread_mutex_unlock(&request->daemon->admin_lock);
}

/* NULL when there is none, or when the store fails, as *err says. */
static json_t *
read_model(struct tg_store *store, const char *name, int *err)
{
    struct walk walk = {.store = store, .wanted = name};

    *err = store->ops->model_each(store, add_model, &walk);
    return walk.one;
}

static void
reply_model(struct tg_request *request, struct tg_reply *reply, unsigned status,
            const char *name)
{
    struct tg_store *store = request->daemon->admin;
    int err = 0;
    json_t *model = read_model(store, name, &err);

    if (err == 0 && model == NULL)
        err = TG_ERR_NOT_FOUND;
    if (err == 0)
        tg_reply_json(reply, status, model);
    else if (err == TG_ERR_NOT_FOUND)
        tg_reply_unknown(reply, "model", name);
    else
        tg_reply_store(reply, store, err, "model");
}

void
tg_admin_model_show(struct tg_request *request, struct tg_reply *reply)
{
    pthread_mutex_lock(&request->daemon->admin_lock);
    reply_model(request, reply, 200, request->subject);
    pthread_mutex_unlock(&request->daemon->admin_lock);
}

static bool
put_model(struct tg_request *request, struct tg_reply *reply,
          const struct tg_model_draft *draft)
{
    struct tg_store *store = request->daemon->admin;
    int err;

    if (!draft->is_known && !tg_model_draft_fits(store, 1, reply))
        return false;
    err = tg_change_begin(request);
    if (err == 0) {
        json_t *before = read_model(store, draft->name, &err), *after, *diff;

        if (err == 0)
            err = tg_model_draft_put(draft, store);
        after = err == 0 ? read_model(store, draft->name, &err) : NULL;
        diff = tg_change_diff(before, after, "object id");
        json_decref(before);
        json_decref(after);
        err = tg_change_end(request, err, draft->name, diff);
    }
    if (err != 0)
        return tg_reply_store(reply, store, err, "model");
    return tg_shapes_publish_catalog(request, reply);
}

void
tg_admin_model_put(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_model_draft draft;

    pthread_mutex_lock(&request->daemon->admin_lock);
    if (tg_model_draft_read(&draft, request->daemon->admin, request->body,
                            reply) &&
        put_model(request, reply, &draft))
        reply_model(request, reply, draft.is_known ? 200 : 201, draft.name);
    pthread_mutex_unlock(&request->daemon->admin_lock);
    tg_model_draft_release(&draft);
}
