#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin.h"
#include "clock.h"
#include "draft_text.h"
#include "err.h"
#include "members.h"
#include "money.h"
#include "price_text.h"
#include "shapes.h"

#define CONTEXT_TOKENS 131072 /* of a model nobody described */
#define OUTPUT_TOKENS 8192
#define TOKENS_MAX ((int64_t)1 << 32)

struct walk {
    struct tg_store *store;
    const char *wanted; /* NULL: all of them */
    struct tg_page_list list;
    json_t *one;
    struct tg_price prices[64]; /* of one model, oldest first */
    char sources[64][128];
    size_t price_count;
};

static int
take_price(void *arg, const struct tg_store_price *row)
{
    struct walk *walk = arg;
    size_t i = walk->price_count;

    if (i == sizeof(walk->prices) / sizeof(walk->prices[0]))
        return 0;
    walk->prices[i] = row->price;
    snprintf(walk->sources[i], sizeof(walk->sources[i]), "%s", row->source);
    walk->price_count++;
    return 0;
}

/* The price in force now, or null. */
static json_t *
current_price(struct walk *walk, const char *model)
{
    const struct tg_price *price;

    walk->price_count = 0;
    if (walk->store->ops->price_each(walk->store, model, take_price, walk) != 0)
        return json_null();
    price = tg_price_at(walk->prices, walk->price_count, tg_clock_ms());
    if (price == NULL)
        return json_null();
    return tg_price_object(price, model, walk->sources[price - walk->prices]);
}

static int
take_name(void *arg, const struct tg_store_upstream *row)
{
    *(json_t **)arg = json_string(row->name);
    return 0;
}

static json_t *
upstream_name(struct tg_store *store, const char *id)
{
    json_t *name = NULL;

    if (id == NULL ||
        store->ops->upstream_get(store, id, take_name, &name) != 0)
        return json_null();
    return name;
}

static int
add_model(void *arg, const struct tg_store_model *row)
{
    struct walk *walk = arg;
    json_t *object;

    if (walk->wanted != NULL && strcmp(walk->wanted, row->name) != 0)
        return 0;
    object = json_pack(
        "{s:s,s:s,s:o,s:o,s:s?,s:b,s:o,s:o,s:o,s:o,s:o}", "object", "model",
        "id", row->name, "scopes", tg_reply_stored(row->scopes), "upstream",
        upstream_name(walk->store, row->upstream_id), "upstream_id",
        row->upstream_id, "development", row->is_development,
        "max_context_tokens", json_integer(row->max_context_tokens),
        "max_output_tokens", json_integer(row->max_output_tokens),
        "max_fim_tokens", json_integer(row->max_fim_tokens), "price",
        current_price(walk, row->name), "created_at",
        tg_reply_instant(row->created_at));
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

static void
reply_model(struct tg_request *request, struct tg_reply *reply, unsigned status,
            const char *name)
{
    struct tg_store *store = request->daemon->admin;
    struct walk walk = {.store = store, .wanted = name};
    int err = store->ops->model_each(store, add_model, &walk);

    if (err == 0 && walk.one == NULL)
        err = TG_ERR_NOT_FOUND;
    if (err == 0)
        tg_reply_json(reply, status, walk.one);
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

/* A model as it is asked for, over what the store has of it. */
struct change {
    struct tg_store_model row;
    bool is_known;
    bool has_scopes; /* named in the request */
    char name[TG_MODEL_NAME_MAX + 1];
    char *scopes;
    bool has_price;
    struct tg_store_price price;
    const char *upstream;
    char upstream_id[TG_ID_TEXT_SIZE];
};

static int
take_known(void *arg, const struct tg_store_model *row)
{
    struct change *change = arg;

    if (strcmp(row->name, change->name) != 0)
        return 0;
    change->is_known = true;
    change->scopes = strdup(row->scopes);
    change->row = *row;
    change->row.name = change->name;
    change->row.scopes = change->scopes;
    change->row.upstream_id = NULL;
    return 0;
}

static bool
read_name(struct change *change, const json_t *body, struct tg_reply *reply)
{
    const char *name = NULL;

    if (!tg_members_text(reply, body, "id", 1, TG_MODEL_NAME_MAX, &name))
        return false;
    if (strlen(name) > TG_MODEL_NAME_MAX || strpbrk(name, "* ") != NULL)
        return tg_reply_invalid(reply, "id",
                                "a model's id has up to %d bytes and neither "
                                "'*' nor blanks",
                                TG_MODEL_NAME_MAX);
    strcpy(change->name, name);
    return true;
}

static bool
read_scopes(struct change *change, const json_t *body, struct tg_reply *reply)
{
    const json_t *list = NULL;

    if (!tg_members_texts(reply, body, "scopes", 16, tg_draft_scope, &list))
        return false;
    change->has_scopes = list != NULL;
    if (list != NULL) {
        free(change->scopes);
        change->scopes = json_dumps(list, JSON_COMPACT);
        change->row.scopes = change->scopes;
    }
    return true;
}

/* What a new model is for follows from what it is priced by. */
static void
guess_scopes(struct change *change)
{
    static const char *const guesses[] = {
        [TG_UNIT_IMAGE] = "[\"image\"]",
        [TG_UNIT_MILLISECOND] = "[\"audio\"]",
        [TG_UNIT_CHARACTER] = "[\"audio\"]",
        [TG_UNIT_CALL] = NULL,
    };
    uint32_t unit = change->price.price.unit;

    if (!change->is_known && !change->has_scopes && guesses[unit] != NULL)
        change->row.scopes = guesses[unit];
}

static bool
read_rest(struct change *change, const json_t *body, struct tg_reply *reply)
{
    struct tg_store_model *row = &change->row;
    int64_t context = 0, output = 0;
    const json_t *price = NULL;

    if (!tg_members_text(reply, body, "upstream", 0, 64, &change->upstream) ||
        !tg_members_bool(reply, body, "development", &row->is_development) ||
        !tg_members_number(reply, body, "max_context_tokens", 1, TOKENS_MAX,
                           &context) ||
        !tg_members_number(reply, body, "max_output_tokens", 1, TOKENS_MAX,
                           &output) ||
        !read_scopes(change, body, reply) ||
        !tg_members_object(reply, body, "price", &price))
        return false;
    if (context != 0)
        row->max_context_tokens = context;
    if (output != 0)
        row->max_output_tokens = row->max_fim_tokens = output;
    change->has_price = price != NULL;
    change->price.model = change->name;
    change->price.source = "admin API";
    if (price != NULL &&
        !tg_price_read(&change->price.price, price, tg_clock_ms(), reply))
        return false;
    guess_scopes(change);
    return true;
}

static bool
begin_change(struct change *change, struct tg_store *store, const json_t *body,
             struct tg_reply *reply)
{
    int err;

    change->row = (struct tg_store_model){
        .name = change->name,
        .scopes = "[\"chat\",\"code\"]",
        .max_context_tokens = CONTEXT_TOKENS,
        .max_output_tokens = OUTPUT_TOKENS,
        .max_fim_tokens = OUTPUT_TOKENS,
        .created_at = tg_clock_ms(),
    };
    if (!tg_members_only(reply, body, "",
                         "id upstream scopes development max_context_tokens "
                         "max_output_tokens price") ||
        !read_name(change, body, reply))
        return false;
    err = store->ops->model_each(store, take_known, change);
    if (err != 0)
        return tg_reply_store(reply, store, err, "model");
    if (!read_rest(change, body, reply))
        return false;
    if (change->upstream == NULL)
        return true;
    change->row.upstream_id = change->upstream_id;
    return tg_shapes_upstream(store, reply, "upstream", change->upstream,
                              change->upstream_id);
}

static bool
put_model(struct tg_request *request, struct tg_reply *reply,
          const struct change *change)
{
    struct tg_daemon *daemon = request->daemon;
    struct tg_store *store = daemon->admin;
    int err = tg_daemon_begin(daemon, store);

    if (err == 0) {
        err = store->ops->model_put(store, &change->row);
        if (err == 0 && change->has_price)
            err = store->ops->price_put(store, &change->price);
        err = tg_daemon_end(daemon, store, err);
    }
    if (err != 0)
        return tg_reply_store(reply, store, err, "model");
    return tg_shapes_publish_catalog(request, reply);
}

void
tg_admin_model_put(struct tg_request *request, struct tg_reply *reply)
{
    struct change change = {.scopes = NULL};

    pthread_mutex_lock(&request->daemon->admin_lock);
    if (begin_change(&change, request->daemon->admin, request->body, reply) &&
        put_model(request, reply, &change))
        reply_model(request, reply, change.is_known ? 200 : 201, change.name);
    pthread_mutex_unlock(&request->daemon->admin_lock);
    free(change.scopes);
}

static int
list_price(void *arg, const struct tg_store_price *row)
{
    struct walk *walk = arg;

    tg_page_list_add(&walk->list, row->model,
                     tg_price_object(&row->price, row->model, row->source));
    return 0;
}

void
tg_admin_price_list(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_store *store = request->daemon->admin;
    struct walk walk = {.store = store};
    int err;

    walk.list.data = json_array();
    pthread_mutex_lock(&request->daemon->admin_lock);
    err = store->ops->price_each(store, tg_request_argument(request, "model"),
                                 list_price, &walk);
    tg_page_list_reply(&walk.list, reply, store, err);
    pthread_mutex_unlock(&request->daemon->admin_lock);
}
