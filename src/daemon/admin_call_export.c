#include <stdlib.h>

#include "admin.h"
#include "call_filter.h"
#include "call_text.h"
#include "export.h"
#include "route.h"
#include "unit.h"

/*
 * A slice is of so many rows, or of so many calls that are looked at: a
 * millisecond or two.
 */
#define ROWS 512
#define LOOKED_AT 2048

#define TEXTS 4

struct state {
    struct tg_call_query query;
    struct tg_store_call_slice slice;
    struct tg_store *store;
    struct tg_upstream_names names;
    char *texts[TEXTS]; /* copies of what the request says */
    struct tg_rows *rows;
};

static void
put_unit(struct tg_rows *rows, const struct tg_store_call *call)
{
    const char *name = tg_unit_name((enum tg_unit)call->unit);
    char text[TG_UNIT_AMOUNT_SIZE];

    tg_row_plain(rows, "unit", name);
    if (name == NULL) {
        tg_row_null(rows, "units");
        return;
    }
    tg_unit_amount((enum tg_unit)call->unit, call->units, text);
    tg_row_plain(rows, "units", text);
}

static void
put_tokens(struct tg_rows *rows, const struct tg_store_call *call)
{
    tg_row_int(rows, "prompt_tokens", call->prompt_tokens);
    tg_row_int(rows, "prompt_cache_hit_tokens", call->prompt_cache_hit_tokens);
    tg_row_int(rows, "completion_tokens", call->completion_tokens);
    tg_row_int(rows, "reasoning_tokens", call->reasoning_tokens);
    tg_row_int(rows, "total_tokens",
               call->prompt_tokens + call->completion_tokens);
}

/* As the object "call" of GET /calls. */
static void
put_call(struct tg_rows *rows, struct tg_upstream_names *names,
         const struct tg_store_call *call)
{
    const uint8_t *id = call->id.bytes;

    tg_row_begin(rows);
    tg_row_object(rows, "call");
    tg_row_instant(rows, "at", call->at);
    tg_row_hex(rows, "id", "call_", id, sizeof(call->id.bytes));
    tg_row_hex(rows, "request_id", "req_", id, sizeof(call->id.bytes));
    tg_row_plain(rows, "key_id", call->key_id);
    tg_row_plain(rows, "account_id", call->account_id);
    tg_row_plain(rows, "endpoint", tg_call_endpoint(call->endpoint));
    tg_row_text(rows, "model", call->model);
    tg_row_bool(rows, "stream", (call->flags & TG_CALL_STREAM) != 0);
    tg_row_int(rows, "status", call->status);
    tg_row_plain(rows, "code", tg_call_code(call->code));
    put_tokens(rows, call);
    put_unit(rows, call);
    tg_row_money(rows, "cost", call->cost_nanos);
    tg_row_plain(rows, "basis", tg_call_basis(call->basis));
    tg_row_int(rows, "latency_ms", call->latency_ms);
    if (call->ttft_ms < 0)
        tg_row_null(rows, "ttft_ms");
    else
        tg_row_int(rows, "ttft_ms", call->ttft_ms);
    tg_row_plain(rows, "ip", call->ip);
    tg_row_text(rows, "user_agent", call->user_agent);
    tg_row_text(rows, "upstream", tg_upstream_name(names, call->upstream_id));
    tg_row_text(rows, "trace_id", call->trace_id);
    tg_row_bool(rows, "recovered", (call->flags & TG_CALL_RECOVERED) != 0);
    tg_row_end(rows);
}

static void
head(struct tg_rows *rows)
{
    static const struct tg_store_call none;
    struct tg_upstream_names names = {.count = 0};

    put_call(rows, &names, &none);
}

static int
add_call(void *arg, const struct tg_store_call *call)
{
    struct state *state = arg;

    put_call(state->rows, &state->names, call);
    return 0;
}

static int
slice(void *arg, struct tg_store *store, struct tg_rows *rows, bool *is_over)
{
    struct state *state = arg;
    int err;

    state->rows = rows;
    state->slice.look = LOOKED_AT;
    state->slice.limit = ROWS;
    err = store->ops->call_slice(store, &state->query.filter, &state->slice,
                                 add_call, state);
    *is_over = state->slice.is_over;
    return err;
}

static void
release(void *arg)
{
    struct state *state = arg;

    if (state->store != NULL)
        state->store->ops->call_slice_end(&state->slice);
    tg_upstream_names_release(&state->names);
    for (size_t i = 0; i < TEXTS; i++)
        free(state->texts[i]);
    free(state);
}

static const struct tg_export_kind kind = {"calls", head, slice, release};

/* Whether the rollups can say how many calls there are. */
static bool
is_summed(const struct tg_store_call_filter *filter)
{
    bool is_one = filter->status_count == 0 ||
                  (filter->status_count == 1 &&
                   filter->statuses[0].first == filter->statuses[0].last);

    return is_one && filter->id == NULL && !filter->is_not_ok &&
           filter->code == 0 && !filter->has_network && filter->agent == NULL &&
           filter->trace_id == NULL && filter->min_latency_ms == 0;
}

/* About how many rows there will be; -1: nobody knows. */
static int64_t
count_rows(struct tg_store *store, const struct tg_store_call_filter *filter,
           int64_t oldest_at)
{
    struct tg_usage_question question = {
        .key_id = filter->key_id,
        .account_id = filter->account_id,
        .model = filter->model,
        .upstream_id = filter->upstream_id,
        .status = filter->statuses[0].first,
        .endpoints = filter->endpoints,
        .since = filter->since > oldest_at ? filter->since : oldest_at,
        .until = filter->until,
    };
    struct tg_store_usage total = {.group = ""};

    if (!is_summed(filter) ||
        store->ops->usage(store, &question, &total, NULL, NULL) != 0)
        return -1;
    return total.sums.requests;
}

/* Only what the store has now: what comes meanwhile is not half of it. */
static int
begin(struct state *state, struct tg_store *store, int64_t *expected)
{
    int64_t first, last, oldest_at = 0;
    int err = tg_upstream_names_read(&state->names, store);

    if (err == 0)
        err = store->ops->call_span(store, &first, &last);
    if (err == 0)
        err = store->ops->call_oldest(store, &oldest_at);
    if (err != 0)
        return err;
    state->query.filter.seq_end = last + 1;
    state->slice.place = TG_CALLS_FROM_NEWEST;
    state->slice.is_kept = true;
    state->store = store;
    *expected = count_rows(store, &state->query.filter, oldest_at);
    return 0;
}

static bool
keep_texts(struct state *state)
{
    struct tg_store_call_filter *filter = &state->query.filter;
    const char **texts[TEXTS] = {&filter->key_id, &filter->model,
                                 &filter->agent, &filter->trace_id};

    for (size_t i = 0; i < TEXTS; i++) {
        if (!tg_export_keep(texts[i], &state->texts[i]))
            return false;
    }
    return true;
}

static bool
read_query(const struct tg_request *request, struct tg_reply *reply,
           struct state *state, int64_t *expected)
{
    struct tg_store *store = request->daemon->exports;
    int err;

    if (!tg_call_filter_read(request, store, reply, &state->query))
        return false;
    if (!keep_texts(state))
        return tg_export_no_memory(reply);
    err = begin(state, store, expected);
    return err == 0 || tg_reply_store(reply, store, err, "call");
}

void
tg_admin_call_export(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_daemon *daemon = request->daemon;
    struct state *state = calloc(1, sizeof(*state));
    int64_t expected = -1;
    bool is_read;

    if (state == NULL) {
        tg_export_no_memory(reply);
        return;
    }
    tg_daemon_catch_up(daemon);
    pthread_mutex_lock(&daemon->exports_lock);
    is_read = read_query(request, reply, state, &expected);
    pthread_mutex_unlock(&daemon->exports_lock);
    if (is_read)
        tg_export_reply(request, reply, &kind, state, expected);
    else
        release(state);
}
