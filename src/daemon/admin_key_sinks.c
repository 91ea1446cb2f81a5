#include <string.h>

#include "admin.h"
#include "change.h"
#include "clock.h"
#include "err.h"
#include "members.h"
#include "own.h"
#include "shapes.h"
#include "sinks.h"
#include "sinks_draft.h"

#define PLACES_MAX 16

static json_t *
place_object(const struct tg_store_key_sink *row)
{
    return json_pack("{s:s,s:s,s:s,s:s,s:o}", "object", "key_sink", "sink",
                     row->sink, "sink_id", row->sink_id, "place", row->place,
                     "name", tg_reply_text(row->name));
}

static int
add_place(void *arg, const struct tg_store_key_sink *row)
{
    json_array_append_new(arg, place_object(row));
    return 0;
}

/* The places of the key that is the subject; NULL with the reply made. */
static json_t *
read_places(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_store *store = request->daemon->admin;
    json_t *list = json_array();
    int err =
        store->sinks->key_each(store, request->subject, NULL, add_place, list);

    if (err == 0)
        return list;
    json_decref(list);
    tg_reply_store(reply, store, err, "key");
    return NULL;
}

static int
see_key(void *arg, const struct tg_store_key *row)
{
    *(bool *)arg = strcmp(row->status, "deleted") != 0;
    return 0;
}

static bool
has_key(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_store *store = request->daemon->admin;
    bool is_there = false;
    int err = store->ops->key_get(store, request->subject, see_key, &is_there);

    if (err != 0)
        return tg_reply_store(reply, store, err, "key");
    return is_there || tg_reply_error(reply, 409, "key_deleted", NULL,
                                      "the key was deleted; make a new one");
}

void
tg_admin_key_sink_list(struct tg_request *request, struct tg_reply *reply)
{
    json_t *list;

    pthread_mutex_lock(&request->daemon->admin_lock);
    list = read_places(request, reply);
    if (list != NULL)
        tg_reply_json(reply, 200, tg_reply_list(list, false, NULL));
    pthread_mutex_unlock(&request->daemon->admin_lock);
}

/* One place as it is asked for: {"sink", "place", "name"}. */
struct place {
    struct tg_sinks_loaded loaded;
    const char *sink, *place, *name;
};

static bool
read_place(struct tg_request *request, struct tg_reply *reply,
           const json_t *item, struct place *place)
{
    struct tg_store *store = request->daemon->admin;
    int err;

    place->sink = place->place = place->name = "";
    if (!json_is_object(item))
        return tg_reply_invalid(reply, "sinks",
                                "sinks is a list of objects with sink, place "
                                "and name");
    if (!tg_members_only(reply, item, "sinks.", "sink place name") ||
        !tg_members_text(reply, item, "sinks.sink", 1, 64, &place->sink) ||
        !tg_members_text(reply, item, "sinks.place", 1, 512, &place->place) ||
        !tg_members_text(reply, item, "sinks.name", 0, 128, &place->name))
        return false;
    err = tg_sinks_load(request->daemon, store, place->sink, &place->loaded);
    if (err == TG_ERR_NOT_FOUND)
        return tg_reply_invalid(reply, "sinks.sink",
                                "there is no sink '%s'; add it: tollgate sinks "
                                "add %s",
                                place->sink, place->sink);
    if (err != 0 && err != TG_ERR_CRYPTO)
        return tg_reply_store(reply, store, err, "sink");
    return tg_sinks_draft_place(reply, place->loaded.kind, place->place,
                                place->name);
}

static int
put_place(struct tg_request *request, struct tg_reply *reply,
          const json_t *item)
{
    struct tg_store *store = request->daemon->admin;
    struct place place = {.loaded.kind = NULL};
    int err = TG_ERR_FORMAT;

    if (read_place(request, reply, item, &place)) {
        struct tg_store_key_sink row = {
            .key_id = request->subject,
            .sink_id = place.loaded.id,
            .place = place.place,
            .name = place.name,
        };

        err = store->sinks->key_add(store, &row);
    }
    tg_sinks_release(&place.loaded);
    if (err == TG_ERR_DUPLICATE)
        tg_reply_invalid(reply, "sinks", "a place stands twice");
    return err;
}

static int
put_all(struct tg_request *request, struct tg_reply *reply, const json_t *items)
{
    struct tg_store *store = request->daemon->admin;
    int err = store->sinks->key_clear(store, request->subject);
    const json_t *item;
    size_t i;

    json_array_foreach((json_t *)items, i, item)
    {
        if (err == 0)
            err = put_place(request, reply, item);
    }
    return err;
}

static bool
put(struct tg_request *request, struct tg_reply *reply, const json_t *items)
{
    struct tg_store *store = request->daemon->admin;
    json_t *before = read_places(request, reply), *after = NULL;
    int err;

    if (before == NULL)
        return false;
    err = tg_change_begin(request);
    if (err == 0) {
        err = put_all(request, reply, items);
        if (err == 0)
            after = read_places(request, reply);
        err = tg_change_end(
            request, err, request->subject,
            json_pack("{s:[O,o]}", "sinks", before,
                      after != NULL ? json_incref(after) : json_null()));
    }
    json_decref(before);
    if (err == 0)
        tg_reply_json(reply, 200, tg_reply_list(after, false, NULL));
    else
        json_decref(after);
    return err == 0 || reply->status != 0 ||
           tg_reply_store(reply, store, err, "key");
}

void
tg_admin_key_sink_put(struct tg_request *request, struct tg_reply *reply)
{
    const json_t *items = json_object_get(request->body, "sinks");

    if (!tg_members_only(reply, request->body, "", "sinks"))
        return;
    if (!json_is_array(items) || json_array_size(items) > PLACES_MAX) {
        tg_reply_invalid(reply, "sinks",
                         "sinks is the list of all places that the key's "
                         "secret goes to, %d at most; an empty one is none",
                         PLACES_MAX);
        return;
    }
    pthread_mutex_lock(&request->daemon->admin_lock);
    if (has_key(request, reply))
        put(request, reply, items);
    pthread_mutex_unlock(&request->daemon->admin_lock);
}

/* A secret of the key by its digest. */
struct wanted {
    struct tg_digest digest;
    int64_t now_ms;
    char id[TG_ID_TEXT_SIZE];
};

static int
look_for(void *arg, const struct tg_store_secret *row)
{
    struct wanted *wanted = arg;

    if (tg_digest_is_equal(&row->digest, &wanted->digest) &&
        (row->valid_until == 0 || row->valid_until > wanted->now_ms))
        memcpy(wanted->id, row->id, strlen(row->id) + 1);
    return 0;
}

/* The id of the key's secret that was sent; false with the reply made. */
static bool
find_secret(struct tg_request *request, struct tg_reply *reply,
            const struct tg_secret *secret, char id[TG_ID_TEXT_SIZE])
{
    struct tg_store *store = request->daemon->admin;
    struct wanted wanted = {.now_ms = tg_clock_ms()};
    int err;

    tg_digest_of(tg_secret_str(secret), &wanted.digest);
    err = store->ops->secret_each(store, request->subject, look_for, &wanted);
    if (err != 0)
        return tg_reply_store(reply, store, err, "key");
    if (wanted.id[0] == '\0')
        return tg_reply_invalid(reply, "secret",
                                "this is no secret of the key, or it is no "
                                "longer valid");
    memcpy(id, wanted.id, sizeof(wanted.id));
    return true;
}

/* What is sent is put on its way; without, what waits is tried at once. */
static int
enqueue(struct tg_request *request, const struct tg_secret *secret,
        const char *secret_id, int64_t *count)
{
    struct tg_store *store = request->daemon->admin;
    uint32_t places = 0;
    int err;

    if (secret->len == 0)
        return store->sinks->delivery_hasten(store, request->subject, NULL,
                                             tg_clock_ms(), count);
    err = tg_sinks_enqueue(request->daemon, store, request->subject, secret_id,
                           secret, &places);
    *count = places;
    return err;
}

static void
deliver(struct tg_request *request, struct tg_reply *reply,
        const struct tg_secret *secret)
{
    struct tg_store *store = request->daemon->admin;
    char id[TG_ID_TEXT_SIZE] = "";
    int64_t count = 0;
    int err;

    if (!has_key(request, reply) ||
        (secret->len != 0 && !find_secret(request, reply, secret, id)))
        return;
    err = tg_change_begin(request);
    if (err == 0) {
        err = enqueue(request, secret, id, &count);
        err = tg_change_end(request, err, request->subject,
                            json_pack("{s:s*,s:I}", "secret",
                                      id[0] != '\0' ? id : NULL, "deliveries",
                                      (json_int_t)count));
    }
    if (err != 0)
        tg_reply_store(reply, store, err, "key");
    else if (count == 0 && secret->len != 0)
        tg_reply_error(reply, 409, "no_sinks", NULL,
                       "the key delivers nowhere; say where: tollgate keys "
                       "deliver %s --sink NAME --place PLACE --name NAME",
                       request->subject);
    else
        tg_reply_json(reply, 202,
                      json_pack("{s:s,s:s,s:I}", "object", "key_delivery",
                                "key_id", request->subject, "deliveries",
                                (json_int_t)count));
}

void
tg_admin_key_deliver(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_secret secret = {0};
    const json_t *value = json_object_get(request->body, "secret");
    const char *text = json_string_value(value);

    if (!tg_members_only(reply, request->body, "", "secret"))
        return;
    if (value != NULL &&
        (text == NULL || *text == '\0' ||
         tg_secret_set(&secret, (struct tg_str){text, strlen(text)}) != 0)) {
        tg_reply_invalid(reply, "secret", "secret is a secret of the key");
        return;
    }
    pthread_mutex_lock(&request->daemon->admin_lock);
    deliver(request, reply, &secret);
    pthread_mutex_unlock(&request->daemon->admin_lock);
    tg_secret_wipe(&secret);
}

static json_t *
delivery_object(const struct tg_store_delivery *row)
{
    bool waits = strcmp(row->state, "waiting") == 0;

    return json_pack(
        "{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:o,s:s,s:I,s:o,s:o,s:o,s:o}", "object",
        "delivery", "id", row->id, "key_id", row->key_id, "secret_id",
        row->secret_id, "sink", row->sink, "sink_id", row->sink_id, "place",
        row->place, "name", tg_reply_text(row->name), "state", row->state,
        "attempts", (json_int_t)row->attempts, "next_at",
        tg_reply_instant(waits ? row->next_at : 0), "error",
        tg_reply_text(row->error), "created_at",
        tg_reply_instant(row->created_at), "ended_at",
        tg_reply_instant(row->ended_at));
}

static int
list_delivery(void *arg, const struct tg_store_delivery *row)
{
    tg_page_list_add(arg, row->id, delivery_object(row));
    return 0;
}

static bool
read_filter(const struct tg_request *request, struct tg_reply *reply,
            struct tg_store_delivery_filter *filter)
{
    struct tg_store_page page;

    filter->sink_id = tg_request_argument(request, "sink");
    filter->state = tg_request_argument(request, "state");
    if (!tg_request_page(request, reply, "dlv_", &page))
        return false;
    if (filter->sink_id != NULL && !tg_id_is(filter->sink_id, "sink_"))
        return tg_reply_invalid(reply, "sink", "sink is a sink's id");
    if (filter->state != NULL && strcmp(filter->state, "waiting") != 0 &&
        strcmp(filter->state, "done") != 0 &&
        strcmp(filter->state, "failed") != 0 &&
        strcmp(filter->state, "dropped") != 0)
        return tg_reply_invalid(reply, "state",
                                "state is waiting, done, failed or dropped");
    filter->after = page.after;
    filter->limit = page.limit;
    return true;
}

void
tg_admin_sink_delivery_list(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_store_delivery_filter filter = {.key_id = NULL};
    struct tg_store *store = request->daemon->admin;
    struct tg_page_list list = {.data = NULL};
    int err;

    if (!read_filter(request, reply, &filter))
        return;
    list.limit = filter.limit++;
    pthread_mutex_lock(&request->daemon->admin_lock);
    if (tg_own_key(request, store, reply, &filter.key_id)) {
        list.data = json_array();
        err = store->sinks->delivery_each(store, &filter, list_delivery, &list);
        tg_page_list_reply(&list, reply, store, err);
    }
    pthread_mutex_unlock(&request->daemon->admin_lock);
}
