#include "admin.h"
#include "err.h"
#include "usage_query.h"
#include "usage_sums.h"

#define DEFAULT_DAYS 30

struct answer {
    struct tg_usage_query query;
    struct tg_store *store;
    json_t *rows;
};

static int
take_row(void *arg, const struct tg_store_usage *row)
{
    struct answer *answer = arg;
    json_t *object = tg_usage_query_row(&answer->query, answer->store, row);

    tg_usage_sums_set(object, &row->sums);
    return json_array_append_new(answer->rows, object) == 0 ? 0 : TG_ERR_SYSTEM;
}

static void
give(struct answer *answer, struct tg_reply *reply)
{
    struct tg_store *store = answer->store;
    struct tg_store_usage total;
    json_t *object, *all;
    int err;

    answer->rows = json_array();
    err = store->ops->begin_reading(store);
    if (err == 0)
        err = store->ops->usage(store, &answer->query.question, &total,
                                take_row, answer);
    store->ops->rollback(store);
    if (err != 0) {
        json_decref(answer->rows);
        tg_reply_store(reply, store, err, "usage");
        return;
    }
    all = json_object();
    tg_usage_sums_set(all, &total.sums);
    object = tg_usage_query_object(&answer->query);
    json_object_set_new(object, "rows", answer->rows);
    json_object_set_new(object, "total", all);
    tg_reply_json(reply, 200, object);
}

void
tg_admin_usage(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_daemon *daemon = request->daemon;
    struct answer answer = {.store = daemon->reports};

    tg_daemon_catch_up(daemon);
    pthread_mutex_lock(&daemon->reports_lock);
    if (tg_usage_query_read(&answer.query, request, answer.store, reply, "day",
                            DEFAULT_DAYS))
        give(&answer, reply);
    pthread_mutex_unlock(&daemon->reports_lock);
    tg_usage_query_close(&answer.query);
}
