#include "shapes.h"

#include <stdio.h>
#include <string.h>

#include "catalog.h"
#include "err.h"

void
tg_page_list_add(struct tg_page_list *list, const char *id, json_t *object)
{
    if (list->limit != 0 && json_array_size(list->data) >= list->limit) {
        list->has_more = true;
        json_decref(object);
        return;
    }
    snprintf(list->next, sizeof(list->next), "%s", id);
    json_array_append_new(list->data, object);
}

void
tg_page_list_reply(struct tg_page_list *list, struct tg_reply *reply,
                   const struct tg_store *store, int err)
{
    if (err == 0) {
        tg_reply_json(reply, 200,
                      tg_reply_list(list->data, list->has_more, list->next));
        return;
    }
    json_decref(list->data);
    tg_reply_store(reply, store, err, "object");
}

static int
take_account(void *arg, const struct tg_store_account *row)
{
    snprintf(arg, TG_ID_TEXT_SIZE, "%s", row->id);
    return 0;
}

bool
tg_shapes_no_account(struct tg_reply *reply, const char *id_or_name)
{
    return tg_reply_unknown(reply, "account", id_or_name);
}

bool
tg_shapes_unknown_account(struct tg_reply *reply, const char *param,
                          const char *id_or_name)
{
    return tg_reply_invalid(reply, param,
                            "there is no account '%s'; make it: tollgate "
                            "accounts create --name NAME",
                            id_or_name);
}

bool
tg_shapes_account(struct tg_store *store, struct tg_reply *reply,
                  const char *param, const char *id_or_name,
                  char id[TG_ID_TEXT_SIZE])
{
    int err = store->ops->account_get(store, id_or_name, take_account, id);

    if (err == TG_ERR_NOT_FOUND)
        return tg_shapes_unknown_account(reply, param, id_or_name);
    return err == 0 || tg_reply_store(reply, store, err, "account");
}

static int
take_upstream(void *arg, const struct tg_store_upstream *row)
{
    snprintf(arg, TG_ID_TEXT_SIZE, "%s", row->id);
    return 0;
}

bool
tg_shapes_upstream(struct tg_store *store, struct tg_reply *reply,
                   const char *param, const char *id_or_name,
                   char id[TG_ID_TEXT_SIZE])
{
    int err = store->ops->upstream_get(store, id_or_name, take_upstream, id);

    if (err == TG_ERR_NOT_FOUND)
        return tg_reply_invalid(reply, param,
                                "there is no upstream '%s'; add it: tollgate "
                                "upstreams add --name NAME --base-url URL",
                                id_or_name);
    return err == 0 || tg_reply_store(reply, store, err, "upstream");
}

bool
tg_shapes_not_in_force(struct tg_reply *reply)
{
    return tg_reply_error(reply, 503, "not_in_force", NULL,
                          "the change is stored, but the gate could not be "
                          "told; it will be at the daemon's next start, and "
                          "its log says why");
}

bool
tg_shapes_publish_catalog(struct tg_request *request, struct tg_reply *reply)
{
    return tg_catalog_publish(request->daemon, request->daemon->admin) == 0 ||
           tg_shapes_not_in_force(reply);
}
