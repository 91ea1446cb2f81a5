#include "serving.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "err.h"
#include "members.h"
#include "shapes.h"

#define NEW_CONTEXT_TOKENS 131072
#define NEW_OUTPUT_TOKENS 8192

bool
tg_serving_has(const char *upstream_ids, const char *id)
{
    json_t *list = tg_reply_stored(upstream_ids), *item;
    bool is_there = false;
    size_t i;

    json_array_foreach(list, i, item)
    {
        if (strcmp(json_string_value(item), id) == 0)
            is_there = true;
    }
    json_decref(list);
    return is_there;
}

/* A model's servers, and where one more is put among them. */
struct servers {
    const char *model, *upstream_id;
    bool joins; /* behind the others, not in their place */
    bool is_known;
    json_t *ids;
};

static int
take_servers(void *arg, const struct tg_store_model *row)
{
    struct servers *servers = arg;

    if (strcmp(row->name, servers->model) != 0)
        return 0;
    servers->is_known = true;
    if (servers->joins) {
        json_decref(servers->ids);
        servers->ids = tg_reply_stored(row->upstream_ids);
    }
    if (!servers->joins ||
        !tg_serving_has(row->upstream_ids, servers->upstream_id))
        json_array_append_new(servers->ids, json_string(servers->upstream_id));
    return 0;
}

static int
make_model(struct tg_store *store, struct servers *servers)
{
    struct tg_store_model row = {
        .name = servers->model,
        .scopes = "[\"chat\",\"code\"]",
        .max_context_tokens = NEW_CONTEXT_TOKENS,
        .max_output_tokens = NEW_OUTPUT_TOKENS,
        .max_fim_tokens = NEW_OUTPUT_TOKENS,
        .created_at = tg_clock_ms(),
    };

    json_array_append_new(servers->ids, json_string(servers->upstream_id));
    return store->ops->model_put(store, &row);
}

int
tg_serving_add(struct tg_store *store, const char *model,
               const char *upstream_id, bool joins, bool may_make)
{
    struct servers servers = {.model = model,
                              .upstream_id = upstream_id,
                              .joins = joins,
                              .ids = json_array()};
    int err = store->ops->model_each(store, take_servers, &servers);
    char *ids;

    if (err == 0 && !servers.is_known && may_make)
        err = make_model(store, &servers);
    if (err == 0 && json_array_size(servers.ids) > TG_MODEL_UPSTREAMS)
        err = TG_ERR_FULL;
    if (err == 0 && json_array_size(servers.ids) > 0) {
        ids = json_dumps(servers.ids, JSON_COMPACT);
        err = store->ops->model_serve(store, model, ids);
        free(ids);
    }
    json_decref(servers.ids);
    return err;
}

static bool
any_name(struct tg_reply *reply, const char *param, const char *text)
{
    (void)reply, (void)param, (void)text;
    return true;
}

/* Who serves it: one name, or several, the first choice first. */
static bool
read_names(const json_t *body, struct tg_reply *reply, const char **one,
           const json_t **several)
{
    if (!tg_members_text(reply, body, "upstream", 0, 64, one) ||
        !tg_members_texts(reply, body, "upstreams", TG_MODEL_UPSTREAMS,
                          any_name, several))
        return false;
    return *one == NULL || *several == NULL ||
           tg_reply_invalid(reply, "upstreams",
                            "say upstream or upstreams, not both");
}

/* Adds an upstream's id to those that will serve. */
static bool
add_server(struct tg_store *store, struct tg_reply *reply, json_t *ids,
           const char *param, const char *name)
{
    char id[TG_ID_TEXT_SIZE] = "";
    json_t *item;
    size_t i;

    if (!tg_shapes_upstream(store, reply, param, name, id))
        return false;
    json_array_foreach(ids, i, item)
    {
        if (strcmp(json_string_value(item), id) == 0)
            return tg_reply_invalid(reply, param, "'%s' stands twice", name);
    }
    json_array_append_new(ids, json_string(id));
    return true;
}

bool
tg_serving_read(struct tg_store *store, const json_t *body,
                struct tg_reply *reply, char **upstream_ids)
{
    const char *one = NULL;
    const json_t *several = NULL, *item;
    bool is_fine = true;
    json_t *ids;
    size_t i;

    if (!read_names(body, reply, &one, &several))
        return false;
    if (one == NULL && several == NULL)
        return true;
    ids = json_array();
    if (one != NULL)
        is_fine = add_server(store, reply, ids, "upstream", one);
    json_array_foreach((json_t *)several, i, item)
    {
        is_fine = is_fine && add_server(store, reply, ids, "upstreams",
                                        json_string_value(item));
    }
    *upstream_ids = json_dumps(ids, JSON_COMPACT);
    json_decref(ids);
    return is_fine;
}
