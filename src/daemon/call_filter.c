#include "call_filter.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "code.h"
#include "err.h"
#include "network.h"
#include "own.h"
#include "route.h"
#include "shapes.h"

#define LATENCY_MAX 9 /* digits of milliseconds */

_Static_assert(TG_ENDPOINT_JOB_CHECKPOINTS < 64, "a bit for each endpoint");

static bool
read_switch(const struct tg_request *request, struct tg_reply *reply,
            const char *name, bool *is)
{
    const char *text = tg_request_argument(request, name);

    *is = text != NULL && strcmp(text, "true") == 0;
    return text == NULL || *is || strcmp(text, "false") == 0 ||
           tg_reply_invalid(reply, name, "%s is true or false", name);
}

/* The next of several, with commas between. */
static bool
next_word(const char **list, struct tg_str *word)
{
    if (*list == NULL)
        return false;
    *word = (struct tg_str){*list, strcspn(*list, ",")};
    *list += word->len;
    *list = **list == ',' ? *list + 1 : NULL;
    return true;
}

/* "429", or "5xx" for all that begin with 5. */
static bool
read_status(struct tg_str word, struct tg_status_span *span)
{
    int64_t hundreds;

    if (word.len != 3 || word.data[0] < '1' || word.data[0] > '5')
        return false;
    hundreds = (word.data[0] - '0') * 100;
    if ((word.data[1] | 0x20) == 'x' && (word.data[2] | 0x20) == 'x') {
        *span = (struct tg_status_span){hundreds, hundreds + 99};
        return true;
    }
    if (word.data[1] < '0' || word.data[1] > '9' || word.data[2] < '0' ||
        word.data[2] > '9')
        return false;
    hundreds += (word.data[1] - '0') * 10 + (word.data[2] - '0');
    *span = (struct tg_status_span){hundreds, hundreds};
    return true;
}

static bool
read_statuses(const struct tg_request *request, struct tg_reply *reply,
              struct tg_store_call_filter *filter)
{
    const char *list = tg_request_argument(request, "status");
    struct tg_str word;

    while (next_word(&list, &word)) {
        if (filter->status_count == TG_CALL_STATUSES)
            return tg_reply_invalid(reply, "status",
                                    "status names %d at most; write 4xx for "
                                    "all of a class",
                                    TG_CALL_STATUSES);
        if (!read_status(word, &filter->statuses[filter->status_count++]))
            return tg_reply_invalid(reply, "status",
                                    "status is an HTTP status, 100 to 599, a "
                                    "class such as 5xx, or several: 429,5xx");
    }
    return true;
}

static bool
read_network(const struct tg_request *request, struct tg_reply *reply,
             struct tg_store_call_filter *filter)
{
    const char *text = tg_request_argument(request, "ip");
    char meant[TG_NETWORK_TEXT_SIZE];
    int err;

    if (text == NULL)
        return true;
    err = tg_network_compile(text, filter->network);
    filter->has_network = err == 0;
    if (err == TG_ERR_RANGE && tg_network_normalize(text, meant) == err)
        return tg_reply_invalid(reply, "ip",
                                "ip has bits below its prefix; perhaps %s is "
                                "meant",
                                meant);
    return err == 0 ||
           tg_reply_invalid(reply, "ip",
                            "ip is an address or a network, such as "
                            "203.0.113.7, 10.0.0.0/8 or 2001:db8::/32");
}

/* Whether a row of the data plane is meant by its name or its path. */
static bool
is_route(const struct tg_route *route, const char *text)
{
    const char *path = strchr(route->name, ' ');
    struct tg_str asked = tg_route_path((struct tg_str){text, strlen(text)});

    if (strcmp(route->name, text) == 0)
        return true;
    return path != NULL && asked.len > 0 &&
           tg_str_eq(tg_route_path((struct tg_str){path + 1, strlen(path + 1)}),
                     asked);
}

/* Bits of the routes of this name and scope; NULL and NONE mean any. */
static uint64_t
endpoints_of(const char *name, enum tg_scope scope)
{
    const struct tg_route *route;
    uint64_t bits = 0;

    for (size_t i = 0; (route = tg_route_at(i)) != NULL; i++) {
        if ((name == NULL || is_route(route, name)) &&
            (scope == TG_SCOPE_NONE || route->scope == scope))
            bits |= UINT64_C(1) << route->endpoint;
    }
    return bits;
}

static bool
read_endpoint(const struct tg_request *request, struct tg_reply *reply,
              struct tg_store_call_filter *filter)
{
    const char *name = tg_request_argument(request, "endpoint");
    const char *text = tg_request_argument(request, "scope");
    enum tg_scope scope = TG_SCOPE_NONE;

    if (text != NULL) {
        scope = tg_scope_of((struct tg_str){text, strlen(text)});
        if (scope == TG_SCOPE_NONE)
            return tg_reply_invalid(reply, "scope",
                                    "scope is one of: chat code image audio "
                                    "embeddings files fine_tuning");
    }
    if (name == NULL && text == NULL)
        return true;
    if (endpoints_of(name, TG_SCOPE_NONE) == 0)
        return tg_reply_invalid(reply, "endpoint",
                                "there is no endpoint '%s'; one is named like "
                                "'POST /v1/chat/completions'",
                                name);
    filter->endpoints = endpoints_of(name, scope);
    return filter->endpoints != 0 ||
           tg_reply_invalid(reply, "scope",
                            "the endpoint '%s' is not of the scope '%s'", name,
                            text);
}

int64_t
tg_call_filter_code(const char *name)
{
    for (int i = 1; i < TG_CODE_COUNT; i++) {
        if (strcmp(tg_code_row((enum tg_code)i)->name, name) == 0)
            return i;
    }
    return TG_CODE_NONE;
}

static bool
read_code(const struct tg_request *request, struct tg_reply *reply,
          struct tg_store_call_filter *filter)
{
    const char *name = tg_request_argument(request, "code");

    if (name == NULL)
        return true;
    filter->code = tg_call_filter_code(name);
    return filter->code != TG_CODE_NONE ||
           tg_reply_invalid(reply, "code",
                            "there is no code '%s'; it is what an answer says "
                            "as its code, such as upstream_error",
                            name);
}

bool
tg_call_filter_id(const char *text, struct tg_call_id *id)
{
    size_t prefix = strncmp(text, "call_", 5) == 0  ? 5
                    : strncmp(text, "req_", 4) == 0 ? 4
                                                    : 0;
    size_t len;

    return prefix != 0 && strlen(text + prefix) == 2 * sizeof(id->bytes) &&
           sodium_hex2bin(id->bytes, sizeof(id->bytes), text + prefix,
                          2 * sizeof(id->bytes), NULL, &len, NULL) == 0 &&
           len == sizeof(id->bytes);
}

static bool
read_id(const struct tg_request *request, struct tg_reply *reply,
        struct tg_call_query *query)
{
    const char *text = tg_request_argument(request, "request_id");

    if (text == NULL)
        return true;
    query->filter.id = &query->id;
    return tg_call_filter_id(text, &query->id) ||
           tg_reply_invalid(reply, "request_id",
                            "request_id is what an answer says as its "
                            "x-request-id: req_ and 32 hex digits");
}

static bool
read_latency(const struct tg_request *request, struct tg_reply *reply,
             int64_t *ms)
{
    const char *text = tg_request_argument(request, "min_latency_ms");

    if (text == NULL)
        return true;
    if (*text == '\0' || strlen(text) > LATENCY_MAX ||
        text[strspn(text, "0123456789")] != '\0')
        return tg_reply_invalid(reply, "min_latency_ms",
                                "min_latency_ms is a number of milliseconds");
    *ms = strtoll(text, NULL, 10);
    return true;
}

/* What is a text and may be any but none. */
static bool
read_text(const struct tg_request *request, struct tg_reply *reply,
          const char *name, const char **text)
{
    *text = tg_request_argument(request, name);
    return *text == NULL || **text != '\0' ||
           tg_reply_invalid(reply, name, "%s is empty", name);
}

static bool
read_key(const struct tg_request *request, struct tg_reply *reply,
         const char **key_id)
{
    *key_id = tg_request_argument(request, "key");
    return *key_id == NULL || tg_id_is(*key_id, "key_") ||
           tg_reply_invalid(reply, "key",
                            "key is the id of a key, key_ and 20 letters and "
                            "digits: tollgate keys list");
}

static bool
read_upstream(const struct tg_request *request, struct tg_store *store,
              struct tg_reply *reply, struct tg_call_query *query)
{
    const char *given = tg_request_argument(request, "upstream");

    if (given == NULL)
        return true;
    query->filter.upstream_id = query->upstream_id;
    return tg_shapes_upstream(store, reply, "upstream", given,
                              query->upstream_id);
}

bool
tg_call_filter_read(const struct tg_request *request, struct tg_store *store,
                    struct tg_reply *reply, struct tg_call_query *query)
{
    struct tg_store_call_filter *filter = &query->filter;

    return read_key(request, reply, &filter->key_id) &&
           read_text(request, reply, "model", &filter->model) &&
           read_text(request, reply, "agent", &filter->agent) &&
           read_text(request, reply, "trace_id", &filter->trace_id) &&
           read_switch(request, reply, "not_ok", &filter->is_not_ok) &&
           read_statuses(request, reply, filter) &&
           read_network(request, reply, filter) &&
           read_endpoint(request, reply, filter) &&
           read_code(request, reply, filter) &&
           read_id(request, reply, query) &&
           read_latency(request, reply, &filter->min_latency_ms) &&
           tg_request_instant(request, reply, "since", &filter->since) &&
           tg_request_instant(request, reply, "until", &filter->until) &&
           read_upstream(request, store, reply, query) &&
           tg_own_filter(request, store, reply, query->account_id,
                         &filter->account_id);
}
