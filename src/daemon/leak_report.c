#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "book.h"
#include "code.h"
#include "leak_usage.h"
#include "network.h"
#include "reply.h"
#include "where.h"

#define DENIALS_MAX 1000 /* rows of the store, of a quarter-hour each */

/* An address as where.h has them.  False: it is none. */
static bool
read_address(const char *text, uint8_t ip[16])
{
    struct in_addr v4;

    if (inet_pton(AF_INET6, text, ip) == 1)
        return true;
    if (inet_pton(AF_INET, text, &v4) != 1)
        return false;
    memset(ip, 0, 10);
    memset(ip + 10, 0xff, 2);
    memcpy(ip + 12, &v4, 4);
    return true;
}

/* Whether a key's networks have an address; null when it has none. */
static json_t *
is_allowed(const json_t *networks, const char *address)
{
    /* A list of one: its length stands before each entry. */
    uint8_t bytes[1 + TG_WHERE_NETWORK_BYTES] = {TG_WHERE_NETWORK_BYTES};
    uint8_t ip[16];
    const json_t *item;
    bool is = false;
    size_t i;

    if (json_array_size(networks) == 0 || !read_address(address, ip))
        return json_null();
    json_array_foreach((json_t *)networks, i, item)
    {
        if (tg_network_compile(json_string_value(item), bytes + 1) == 0)
            is |= tg_where_network(
                (struct tg_str){(const char *)bytes, sizeof(bytes)}, ip);
    }
    return json_boolean(is);
}

static json_t *
row_object(const char *name, const struct tg_tally_row *row)
{
    return json_pack("{s:o,s:I,s:I,s:o,s:o,s:o}", name,
                     tg_reply_text(row->text), "requests",
                     (json_int_t)row->calls, "ok", (json_int_t)row->ok, "cost",
                     tg_reply_money(row->cost_nanos), "first_at",
                     tg_reply_instant(row->first_at), "last_at",
                     tg_reply_instant(row->last_at));
}

/* Rows of a tally; what found no room is the last one, with null. */
static json_t *
list_of(struct tg_tally *tally, const char *name, const json_t *networks)
{
    json_t *list = json_array(), *object;

    tg_tally_sort(tally);
    for (size_t i = 0; i <= tally->count; i++) {
        const struct tg_tally_row *row =
            i < tally->count ? &tally->rows[i] : &tally->rest;

        if (row->calls == 0)
            continue;
        object = row_object(name, row);
        json_object_set_new(object, "is_new", json_boolean(!row->was_seen));
        if (networks != NULL)
            json_object_set_new(object, "is_allowed",
                                is_allowed(networks, row->text));
        json_array_append_new(list, object);
    }
    return list;
}

/* "429 rate_limit_exceeded" taken apart again. */
static json_t *
statuses_of(struct tg_tally *tally)
{
    json_t *list = json_array(), *object;

    tg_tally_sort(tally);
    for (size_t i = 0; i < tally->count; i++) {
        const char *code = strchr(tally->rows[i].text, ' ') + 1;

        object = row_object("code", &tally->rows[i]);
        json_object_set_new(object, "code", tg_reply_text(code));
        json_object_del(object, "ok");
        json_object_set_new(
            object, "status",
            json_integer(strtoll(tally->rows[i].text, NULL, 10)));
        json_array_append_new(list, object);
    }
    return list;
}

/* Denials, by code and address. */
static int
take_denial(void *arg, const struct tg_store_denial *row)
{
    json_t *list = arg, *object;
    const char *code = tg_code_row((enum tg_code)row->code)->name;
    size_t i;

    json_array_foreach(list, i, object)
    {
        const char *ip = json_string_value(json_object_get(object, "ip"));

        if (strcmp(json_string_value(json_object_get(object, "code")), code) !=
                0 ||
            strcmp(ip != NULL ? ip : "", row->ip) != 0)
            continue;
        json_object_set_new(
            object, "count",
            json_integer(json_integer_value(json_object_get(object, "count")) +
                         row->count));
        json_object_set_new(object, "first_at",
                            tg_reply_instant(row->first_at));
        return 0;
    }
    json_array_append_new(
        list, json_pack("{s:s,s:o,s:I,s:o,s:o,s:o}", "code", code, "ip",
                        tg_reply_text(row->ip), "count", (json_int_t)row->count,
                        "first_at", tg_reply_instant(row->first_at), "last_at",
                        tg_reply_instant(row->last_at), "user_agent",
                        tg_reply_text(row->user_agent)));
    return 0;
}

static json_t *
denials_of(struct tg_store *store, const char *key_id,
           const struct tg_leak_span *span)
{
    struct tg_store_denial_filter filter = {.key_id = key_id,
                                            .since = span->since,
                                            .until = span->until,
                                            .limit = DENIALS_MAX};
    json_t *list = json_array();

    store->ops->denial_each(store, &filter, take_denial, list);
    return list;
}

json_t *
tg_leak_usage_object(struct tg_leak_usage *usage, struct tg_store *store,
                     const char *key_id, const char *allowed_ips)
{
    const struct tg_leak_span *span = &usage->span;
    json_t *networks = tg_reply_stored(allowed_ips), *object;

    object = json_pack(
        "{s:s,s:s,s:o,s:o,s:o,s:s,s:I,s:I,s:o,s:o,s:b,s:o,s:o,s:o,s:o}",
        "object", "leak.usage", "key_id", key_id, "from",
        tg_reply_instant(span->since), "to", tg_reply_instant(span->until),
        "leaked_at", tg_reply_instant(span->leaked_at), "currency",
        TG_BOOK_CURRENCY, "requests", (json_int_t)usage->calls, "ok",
        (json_int_t)usage->ok, "cost", tg_reply_money(usage->cost_nanos),
        "cost_since_leak",
        span->leaked_at != 0 ? tg_reply_money(usage->cost_after_nanos)
                             : json_null(),
        "is_cut", usage->is_cut, "statuses", statuses_of(&usage->statuses),
        "user_agents", list_of(&usage->agents, "user_agent", NULL), "addresses",
        list_of(&usage->addresses, "ip", networks), "denials",
        denials_of(store, key_id, span));
    json_decref(networks);
    return object;
}
