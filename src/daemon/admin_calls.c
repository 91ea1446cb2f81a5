#include <string.h>

#include "admin.h"
#include "call_filter.h"
#include "call_text.h"
#include "err.h"
#include "own.h"
#include "shapes.h"

/*
 * Calls that a page looks at, wanted or not: a tenth of a second of one
 * processor.  Others' reports wait meanwhile.
 */
#define LOOK_MAX 65536

struct walk {
    struct tg_upstream_names names;
    struct tg_page_list list;
};

static int
list_call(void *arg, const struct tg_store_call *row)
{
    struct walk *walk = arg;
    char id[TG_CALL_ID_TEXT_SIZE];

    tg_call_id_text(&row->id, id);
    tg_page_list_add(&walk->list, id, tg_call_object(&walk->names, row));
    return 0;
}

/* Where the page begins: behind the call that after names. */
static bool
read_after(const struct tg_request *request, struct tg_store *store,
           struct tg_reply *reply, struct tg_store_call_slice *slice)
{
    const char *after = tg_request_argument(request, "after");
    int err;

    slice->place = TG_CALLS_FROM_NEWEST;
    if (after == NULL)
        return true;
    if (!tg_call_filter_id(after, &slice->id))
        return tg_reply_invalid(reply, "after",
                                "after is the id of the last call seen, 'next' "
                                "of the page before");
    err = store->ops->call_where(store, &slice->id, &slice->place);
    return err == 0 || tg_reply_store(reply, store, err, "object");
}

/* What was not looked at is for the next page, be this one full or not. */
static void
end_page(struct walk *walk, const struct tg_store_call_slice *slice)
{
    if (walk->list.has_more || slice->is_over)
        return;
    walk->list.has_more = true;
    tg_call_id_text(&slice->id, walk->list.next);
}

static void
list(const struct tg_request *request, struct tg_reply *reply, uint32_t limit)
{
    struct tg_store *store = request->daemon->reports;
    struct tg_store_call_slice slice = {.look = LOOK_MAX, .limit = limit + 1};
    struct tg_call_query query = {.account_id = ""};
    struct walk walk = {.list = {.limit = limit}};
    int err;

    if (!tg_call_filter_read(request, store, reply, &query) ||
        !read_after(request, store, reply, &slice))
        return;
    walk.list.data = json_array();
    err = tg_upstream_names_read(&walk.names, store);
    if (err == 0)
        err = store->ops->call_slice(store, &query.filter, &slice, list_call,
                                     &walk);
    end_page(&walk, &slice);
    tg_page_list_reply(&walk.list, reply, store, err);
    tg_upstream_names_release(&walk.names);
}

void
tg_admin_call_list(struct tg_request *request, struct tg_reply *reply)
{
    uint32_t limit;

    if (!tg_request_limit(request, reply, &limit))
        return;
    tg_daemon_catch_up(request->daemon);
    pthread_mutex_lock(&request->daemon->reports_lock);
    list(request, reply, limit);
    pthread_mutex_unlock(&request->daemon->reports_lock);
}

/* One call, with what only its own page has. */
struct showing {
    const struct tg_request *request;
    struct tg_store *store;
    struct tg_upstream_names names;
    json_t *object;
};

static int
show_call(void *arg, const struct tg_store_call *row)
{
    struct showing *showing = arg;
    struct tg_call call;
    int64_t seq;
    int err =
        showing->store->ops->call_get(showing->store, &row->id, &seq, &call);

    if (err != 0 || !tg_own_account(showing->request, row->account_id))
        return err;
    showing->object = tg_call_object(&showing->names, row);
    json_object_update_new(
        showing->object,
        json_pack("{s:I,s:o,s:b,s:b,s:o}", "prompt_cache_write_tokens",
                  (json_int_t)call.written_tokens, "held",
                  tg_reply_money(call.held_nanos), "peak",
                  (call.flags & TG_CALL_PEAK) != 0, "client_left",
                  (call.flags & TG_CALL_CLIENT_LEFT) != 0, "cost_lines",
                  tg_call_cost_lines(&call)));
    return 0;
}

static int
find_call(struct showing *showing, const struct tg_call_id *id)
{
    struct tg_store_call_filter filter = {.id = id};
    struct tg_store_call_slice slice = {
        .look = 1, .limit = 1, .place = TG_CALLS_FROM_NEWEST};
    int err = tg_upstream_names_read(&showing->names, showing->store);

    if (err == 0)
        err = showing->store->ops->call_slice(showing->store, &filter, &slice,
                                              show_call, showing);
    return err == 0 && showing->object == NULL ? TG_ERR_NOT_FOUND : err;
}

void
tg_admin_call_show(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_store *store = request->daemon->reports;
    struct showing showing = {.request = request, .store = store};
    struct tg_call_id id;
    int err;

    if (!tg_call_filter_id(request->subject, &id)) {
        tg_reply_invalid(reply, NULL,
                         "a call is named by its id, call_ and 32 hex digits, "
                         "or by its request id, req_ and the same");
        return;
    }
    tg_daemon_catch_up(request->daemon);
    pthread_mutex_lock(&request->daemon->reports_lock);
    err = find_call(&showing, &id);
    if (err != 0)
        tg_reply_store(reply, store, err, "call");
    else
        tg_reply_json(reply, 200, showing.object);
    pthread_mutex_unlock(&request->daemon->reports_lock);
    tg_upstream_names_release(&showing.names);
}
