#include "service_draft.h"

#include <string.h>

#include "service.h"
#include "serving.h"
#include "shapes.h"

static struct tg_str
str_of(const char *text)
{
    return (struct tg_str){text, strlen(text)};
}

bool
tg_service_draft_name(struct tg_store *store, struct tg_reply *reply,
                      char name[TG_MODEL_NAME_MAX + 1])
{
    char account[TG_MODEL_NAME_MAX + 1], id[TG_ID_TEXT_SIZE];
    struct tg_str owner;
    size_t at;

    if (!tg_service_is(str_of(name), &owner) || strchr(name, '@') == NULL)
        return true;
    memcpy(account, owner.data, owner.len);
    account[owner.len] = '\0';
    if (!tg_shapes_account(store, reply, "id", account, id))
        return false;
    at = (size_t)(owner.data - name);
    /* A service's name is short. */
    memcpy(name + at, id, strlen(id) + 1);
    return true;
}

struct walk {
    const char *upstream_id, *owner;
    char first[TG_ID_TEXT_SIZE];       /* the first account's id */
    char other[TG_MODEL_NAME_MAX + 1]; /* a row of another's */
};

static int
take_first(void *arg, const struct tg_store_account *row)
{
    struct walk *walk = arg;

    strncpy(walk->first, row->id, sizeof(walk->first) - 1);
    return 0;
}

/* The id in the name, or the first account's. */
static bool
is_owner(const struct walk *walk, struct tg_str in_name)
{
    struct tg_str owner = str_of(walk->owner);

    if (in_name.len == 0)
        in_name = str_of(walk->first);
    return tg_str_eq(owner, in_name);
}

static int
look_at_other(void *arg, const struct tg_store_model *row)
{
    struct walk *walk = arg;
    struct tg_str owner;

    if (tg_service_is(str_of(row->name), &owner) && !is_owner(walk, owner) &&
        tg_serving_has(row->upstream_ids, walk->upstream_id))
        strncpy(walk->other, row->name, sizeof(walk->other) - 1);
    return 0;
}

static bool
is_free(struct tg_store *store, struct tg_reply *reply, const char *name,
        struct walk *walk)
{
    struct tg_store_page first = {.limit = 1};
    struct tg_str owner;
    int err = store->ops->account_each(store, &first, take_first, walk);

    tg_service_is(str_of(name), &owner);
    walk->owner = owner.len == 0 ? walk->first : owner.data;
    if (err == 0)
        err = store->ops->model_each(store, look_at_other, walk);
    if (err != 0)
        return tg_reply_store(reply, store, err, "model");
    if (walk->other[0] == '\0')
        return true;
    return tg_reply_error(reply, 409, "in_use", "upstream",
                          "that upstream serves '%s', which is another "
                          "account's: it would show each the other's files. "
                          "Add an upstream with an account of its own at the "
                          "provider",
                          walk->other);
}

bool
tg_service_draft_serves(struct tg_store *store, struct tg_reply *reply,
                        const char *name, const char *upstream_ids)
{
    struct walk walk = {.other = ""};
    struct tg_str owner;
    json_t *list;
    bool is_fine = true;

    if (upstream_ids == NULL || !tg_service_is(str_of(name), &owner))
        return true;
    list = tg_reply_stored(upstream_ids);
    if (json_array_size(list) > 1) {
        is_fine = tg_reply_invalid(reply, "upstreams",
                                   "files and the like are kept by one "
                                   "upstream: say one");
    } else if (json_array_size(list) == 1) {
        walk.upstream_id = json_string_value(json_array_get(list, 0));
        is_fine = is_free(store, reply, name, &walk);
    }
    json_decref(list);
    return is_fine;
}
