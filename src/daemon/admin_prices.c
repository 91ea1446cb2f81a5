#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin.h"
#include "change.h"
#include "clock.h"
#include "err.h"
#include "members.h"
#include "model_draft.h"
#include "price_text.h"
#include "shapes.h"

#define ROWS_MAX 5000
#define PREFIX_SIZE 32

struct walk {
    struct tg_page_list list;
    int64_t now_ms;
    bool wants_current; /* those that are over are left out */
    struct tg_store_price last;
    char model[TG_MODEL_NAME_MAX + 1], source[TG_PRICE_SOURCE_MAX + 1];
};

static void
put_last(struct walk *walk)
{
    if (walk->model[0] != '\0')
        tg_page_list_add(
            &walk->list, walk->model,
            tg_price_object(&walk->last.price, walk->model, walk->source));
}

/*
 * A row is over when the next one of its model has begun, so each is put when
 * the next one is seen.
 */
static int
take_row(void *arg, const struct tg_store_price *row)
{
    struct walk *walk = arg;
    bool is_over = walk->wants_current &&
                   strcmp(walk->model, row->model) == 0 &&
                   row->price.effective_at_ms <= walk->now_ms;

    if (!is_over)
        put_last(walk);
    walk->last = *row;
    snprintf(walk->model, sizeof(walk->model), "%s", row->model);
    snprintf(walk->source, sizeof(walk->source), "%s", row->source);
    return 0;
}

void
tg_admin_price_list(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_store *store = request->daemon->admin;
    const char *current = tg_request_argument(request, "current");
    struct walk walk = {.now_ms = tg_clock_ms()};
    int err;

    if (current != NULL && strcmp(current, "true") != 0 &&
        strcmp(current, "false") != 0) {
        tg_reply_invalid(reply, "current", "current is true or false");
        return;
    }
    walk.wants_current = current != NULL && strcmp(current, "true") == 0;
    walk.list.data = json_array();
    pthread_mutex_lock(&request->daemon->admin_lock);
    err = store->ops->price_each(store, tg_request_argument(request, "model"),
                                 take_row, &walk);
    put_last(&walk);
    tg_page_list_reply(&walk.list, reply, store, err);
    pthread_mutex_unlock(&request->daemon->admin_lock);
}

/* Rows that are being added, in one transaction. */
struct change {
    struct tg_store *store;
    struct tg_reply *reply;
    int64_t now_ms, at_ms;
    json_t *done;   /* the rows' objects, as they are now */
    size_t changes; /* of these, those that are not unchanged */
};

/* What the book has of a model around a row. */
struct around {
    const struct tg_price *wanted;
    bool has_before, has_same;
    struct tg_price before, same; /* in force at the instant; at it */
};

static int
look_around(void *arg, const struct tg_store_price *row)
{
    struct around *around = arg;

    if (row->price.effective_at_ms > around->wanted->effective_at_ms)
        return 0;
    around->has_before = true;
    around->before = row->price;
    if (row->price.effective_at_ms == around->wanted->effective_at_ms) {
        around->has_same = true;
        around->same = row->price;
    }
    return 0;
}

/* Whether two rows charge the same, whenever each begins. */
static bool
is_alike(const struct tg_price *a, const struct tg_price *b)
{
    struct tg_price other = *b;

    other.effective_at_ms = a->effective_at_ms;
    return memcmp(a, &other, sizeof(other)) == 0;
}

static void
note(struct change *change, const struct tg_price_row *row, const char *source,
     const char *what)
{
    json_t *object = tg_price_object(&row->price, row->model, source);

    json_object_set_new(object, "change", json_string(what));
    json_array_append_new(change->done, object);
    change->changes += strcmp(what, "unchanged") != 0;
}

/*
 * Rows are added and stay: calls were charged by those that have begun.  One
 * that is still to come has charged nobody and may be put right.
 */
static bool
add_row(struct change *change, const struct tg_price_row *row,
        const char *prefix)
{
    struct tg_store *store = change->store;
    struct around around = {.wanted = &row->price};
    struct tg_store_price stored = {
        .model = row->model,
        .source = row->source != NULL ? row->source : "admin API",
        .price = row->price,
    };
    char param[PREFIX_SIZE + 16];
    int err = store->ops->price_each(store, row->model, look_around, &around);

    snprintf(param, sizeof(param), "%seffective_at", prefix);
    if (err != 0)
        return tg_reply_store(change->reply, store, err, "price");
    if ((around.has_same && is_alike(&around.same, &row->price)) ||
        (!row->has_instant && around.has_before &&
         is_alike(&around.before, &row->price))) {
        note(change, row, stored.source, "unchanged");
        return true;
    }
    if (around.has_same && row->price.effective_at_ms <= change->now_ms)
        return tg_reply_error(change->reply, 409, "price_in_force", param,
                              "there is another price of %s from the same "
                              "instant, which has been in force: a row that "
                              "has begun stays as it is. Add one that begins "
                              "later",
                              row->model);
    err = store->ops->price_put(store, &stored);
    if (err == TG_ERR_NOT_FOUND)
        return tg_reply_error(change->reply, 404, "model_not_found", prefix,
                              "there is no model '%s' here: add it first, for "
                              "example: tollgate models add %s --upstream "
                              "NAME --prompt PRICE --completion PRICE",
                              row->model, row->model);
    if (err != 0)
        return tg_reply_store(change->reply, store, err, "price");
    note(change, row, stored.source, around.has_before ? "changed" : "new");
    return true;
}

static bool
add_one(struct change *change, const json_t *object, const char *prefix)
{
    struct tg_price_row row;

    return tg_price_read_row(&row, object, prefix, change->at_ms,
                             change->reply) &&
           add_row(change, &row, prefix);
}

/* Whether two objects are of one model and one instant that they name. */
static bool
is_same_row(const json_t *a, const json_t *b)
{
    const json_t *at = json_object_get(a, "effective_at");

    return json_equal((json_t *)json_object_get(a, "model"),
                      (json_t *)json_object_get(b, "model")) &&
           (at == NULL || json_equal((json_t *)at, (json_t *)json_object_get(
                                                       b, "effective_at")));
}

static bool
add_all(struct change *change, const json_t *data)
{
    char prefix[PREFIX_SIZE];
    const json_t *item;
    size_t i;

    if (!json_is_array(data) || json_array_size(data) > ROWS_MAX)
        return tg_reply_invalid(change->reply, "data",
                                "data must be a list of up to %d prices",
                                ROWS_MAX);
    json_array_foreach(data, i, item)
    {
        snprintf(prefix, sizeof(prefix), "data[%zu].", i);
        if (!json_is_object(item))
            return tg_reply_invalid(change->reply, "data",
                                    "data[%zu] is no object", i);
        if (i > 0 && is_same_row(item, json_array_get(data, i - 1)))
            return tg_reply_invalid(change->reply, "data",
                                    "data[%zu] is of the same model and "
                                    "instant as the one before it",
                                    i);
        if (!add_one(change, item, prefix))
            return false;
    }
    return true;
}

/* Models that come along: those that are known stay as they are. */
static bool
add_models(struct change *change, const json_t *models)
{
    size_t i, more = 0;
    const json_t *item;
    bool is_done = true;

    if (models != NULL &&
        (!json_is_array(models) || json_array_size(models) > ROWS_MAX))
        return tg_reply_invalid(change->reply, "models",
                                "models must be a list of up to %d models",
                                ROWS_MAX);
    json_array_foreach(models, i, item)
    {
        struct tg_model_draft draft;
        int err = 0;

        is_done =
            tg_model_draft_read(&draft, change->store, item, change->reply);
        if (is_done && !draft.is_known) {
            more++;
            err = tg_model_draft_put(&draft, change->store);
        }
        tg_model_draft_release(&draft);
        if (err != 0)
            return tg_reply_store(change->reply, change->store, err, "model");
        if (!is_done)
            return false;
    }
    return more == 0 || tg_model_draft_fits(change->store, 0, change->reply);
}

/* One row, or a list of them as it is listed. */
static bool
add_body(struct change *change, const json_t *body)
{
    const json_t *data = json_object_get(body, "data");

    change->at_ms = change->now_ms;
    if (data == NULL && json_object_get(body, "models") == NULL)
        return add_one(change, body, "");
    return tg_members_only(change->reply, body, "",
                           "object data models effective_at has_more next") &&
           tg_price_read_instant(body, "effective_at", &change->at_ms,
                                 change->reply) &&
           add_models(change, json_object_get(body, "models")) &&
           add_all(change, data);
}

static bool
read_dry_run(const struct tg_request *request, struct tg_reply *reply,
             bool *is_dry)
{
    const char *text = tg_request_argument(request, "dry_run");

    *is_dry = text != NULL && strcmp(text, "true") == 0;
    return text == NULL || *is_dry || strcmp(text, "false") == 0 ||
           tg_reply_invalid(reply, "dry_run", "dry_run is true or false");
}

/* What was tried only is rolled back, as what failed is. */
static bool
add(struct tg_request *request, struct change *change, bool is_dry)
{
    bool is_added;
    int err = tg_change_begin(request);

    if (err != 0)
        return tg_reply_store(change->reply, change->store, err, "price");
    is_added = add_body(change, request->body);
    err = tg_change_end(request, is_added && !is_dry ? 0 : TG_ERR_FORMAT, "",
                        json_pack("{s:O}", "prices", change->done));
    if (!is_added || is_dry)
        return is_added;
    if (err != 0)
        return tg_reply_store(change->reply, change->store, err, "price");
    return change->changes == 0 ||
           tg_shapes_publish_catalog(request, change->reply);
}

static void
answer(struct tg_reply *reply, struct change *change, bool is_list, bool is_dry)
{
    unsigned status = is_dry || change->changes == 0 ? 200 : 201;

    if (is_list)
        tg_reply_json(reply, status,
                      tg_reply_list(json_incref(change->done), false, NULL));
    else
        tg_reply_json(reply, status,
                      json_incref(json_array_get(change->done, 0)));
}

void
tg_admin_price_add(struct tg_request *request, struct tg_reply *reply)
{
    struct change change = {.store = request->daemon->admin,
                            .reply = reply,
                            .now_ms = tg_clock_ms()};
    bool is_list = json_object_get(request->body, "data") != NULL, is_dry;

    if (!read_dry_run(request, reply, &is_dry))
        return;
    change.done = json_array();
    pthread_mutex_lock(&request->daemon->admin_lock);
    if (add(request, &change, is_dry))
        answer(reply, &change, is_list, is_dry);
    pthread_mutex_unlock(&request->daemon->admin_lock);
    json_decref(change.done);
}
