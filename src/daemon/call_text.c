#include "call_text.h"

#include <stdlib.h>
#include <string.h>

#include "code.h"
#include "err.h"
#include "route.h"
#include "unit.h"

static const char *const bases[] = {
    [TG_BASIS_HELD] = "held",
    [TG_BASIS_COUNTED] = "counted",
    [TG_BASIS_REPORTED] = "reported",
    [TG_BASIS_NONE] = "none",
};

static int
add_name(void *arg, const struct tg_store_upstream *row)
{
    struct tg_upstream_names *names = arg;

    if (names->count == names->room) {
        size_t room = names->room != 0 ? 2 * names->room : 16;
        void *rows = realloc(names->rows, room * sizeof(names->rows[0]));

        if (rows == NULL)
            return TG_ERR_SYSTEM;
        names->rows = rows;
        names->room = room;
    }
    names->rows[names->count].name = strdup(row->name);
    if (names->rows[names->count].name == NULL)
        return TG_ERR_SYSTEM;
    strncpy(names->rows[names->count].id, row->id, TG_ID_TEXT_SIZE - 1);
    names->rows[names->count++].id[TG_ID_TEXT_SIZE - 1] = '\0';
    return 0;
}

int
tg_upstream_names_read(struct tg_upstream_names *names, struct tg_store *store)
{
    return store->ops->upstream_each(store, add_name, names);
}

void
tg_upstream_names_release(struct tg_upstream_names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->rows[i].name);
    free(names->rows);
    *names = (struct tg_upstream_names){.rows = NULL};
}

const char *
tg_upstream_name(struct tg_upstream_names *names, const char *id)
{
    for (size_t i = 0; i < names->count; i++) {
        size_t at = (names->last + i) % names->count;

        if (strcmp(names->rows[at].id, id) == 0) {
            names->last = at;
            return names->rows[at].name;
        }
    }
    return NULL;
}

const char *
tg_call_basis(int64_t basis)
{
    size_t count = sizeof(bases) / sizeof(bases[0]);

    return bases[basis > 0 && (size_t)basis < count ? basis : 0];
}

const char *
tg_call_code(int64_t code)
{
    return code == TG_CODE_NONE ? NULL : tg_code_row((enum tg_code)code)->name;
}

const char *
tg_call_endpoint(int64_t endpoint)
{
    const struct tg_route *route = tg_route_of((enum tg_endpoint)endpoint);

    return route != NULL ? route->name : NULL;
}

/* A decimal string, seconds for audio; null when all was tokens. */
static json_t *
amount(const struct tg_store_call *row)
{
    char text[TG_UNIT_AMOUNT_SIZE];

    if (tg_unit_name((enum tg_unit)row->unit) == NULL)
        return json_null();
    tg_unit_amount((enum tg_unit)row->unit, row->units, text);
    return json_string(text);
}

json_t *
tg_call_object(struct tg_upstream_names *names, const struct tg_store_call *row)
{
    char id[TG_CALL_ID_TEXT_SIZE], request_id[TG_REQUEST_ID_TEXT_SIZE];

    tg_call_id_text(&row->id, id);
    tg_request_id_text(&row->id, request_id);
    return json_pack(
        "{s:s,s:s,s:s,s:o,s:s,s:s,s:s?,s:o,s:b,s:I,s:s?,s:I,s:I,s:I,s:I,s:I,"
        "s:s?,s:o,s:o,s:s,s:I,s:o,s:o,s:o,s:o,s:o,s:b}",
        "object", "call", "id", id, "request_id", request_id, "at",
        tg_reply_instant(row->at), "key_id", row->key_id, "account_id",
        row->account_id, "endpoint", tg_call_endpoint(row->endpoint), "model",
        tg_reply_text(row->model), "stream", (row->flags & TG_CALL_STREAM) != 0,
        "status", (json_int_t)row->status, "code", tg_call_code(row->code),
        "prompt_tokens", (json_int_t)row->prompt_tokens,
        "prompt_cache_hit_tokens", (json_int_t)row->prompt_cache_hit_tokens,
        "completion_tokens", (json_int_t)row->completion_tokens,
        "reasoning_tokens", (json_int_t)row->reasoning_tokens, "total_tokens",
        (json_int_t)(row->prompt_tokens + row->completion_tokens), "unit",
        tg_unit_name((enum tg_unit)row->unit), "units", amount(row), "cost",
        tg_reply_money(row->cost_nanos), "basis", tg_call_basis(row->basis),
        "latency_ms", (json_int_t)row->latency_ms, "ttft_ms",
        row->ttft_ms < 0 ? json_null() : json_integer(row->ttft_ms), "ip",
        tg_reply_text(row->ip), "user_agent", tg_reply_text(row->user_agent),
        "upstream", tg_reply_text(tg_upstream_name(names, row->upstream_id)),
        "trace_id", tg_reply_text(row->trace_id), "recovered",
        (row->flags & TG_CALL_RECOVERED) != 0);
}
