#include <stdlib.h>
#include <string.h>

#include "book.h"
#include "usage_query.h"

static int
take_key_name(void *arg, const struct tg_store_key *row)
{
    *(char **)arg = strdup(row->name);
    return 0;
}

static int
take_account_name(void *arg, const struct tg_store_account *row)
{
    *(char **)arg = strdup(row->name);
    return 0;
}

static int
take_upstream_name(void *arg, const struct tg_store_upstream *row)
{
    *(char **)arg = strdup(row->name);
    return 0;
}

char *
tg_usage_query_name(const struct tg_usage_query *query, struct tg_store *store,
                    const char *group)
{
    enum tg_usage_by by = query->group ? query->group->by : TG_BY_TOTAL;
    char *name = NULL;

    if (by == TG_BY_KEY)
        store->ops->key_get(store, group, take_key_name, &name);
    else if (by == TG_BY_ACCOUNT)
        store->ops->account_get(store, group, take_account_name, &name);
    else if (by == TG_BY_UPSTREAM && group[0] != '\0')
        store->ops->upstream_get(store, group, take_upstream_name, &name);
    return name;
}

json_t *
tg_usage_query_group(const struct tg_usage_query *query, const char *group,
                     const char *name)
{
    json_t *object = json_object();
    const struct tg_usage_group *way = query->group;

    if (way == NULL || way->by == TG_BY_TOTAL)
        return object;
    json_object_set_new(object, way->member,
                        way->by == TG_BY_STATUS
                            ? json_integer(strtoll(group, NULL, 10))
                            : tg_reply_text(group));
    if (way->name_member != NULL)
        json_object_set_new(object, way->name_member, tg_reply_text(name));
    return object;
}

json_t *
tg_usage_query_row(const struct tg_usage_query *query, struct tg_store *store,
                   const struct tg_store_usage *row)
{
    char *name = tg_usage_query_name(query, store, row->group);
    json_t *object = json_object();
    json_t *group = tg_usage_query_group(query, row->group, name);
    char at[TG_SPAN_TEXT_SIZE] = "";

    if (query->spans.span != NULL) {
        query->spans.span->text(row->span, at);
        json_object_set_new(object, query->spans.span->member, json_string(at));
    }
    json_object_update(object, group);
    json_decref(group);
    free(name);
    return object;
}

json_t *
tg_usage_query_object(const struct tg_usage_query *query)
{
    return json_pack("{s:s,s:o,s:o,s:s,s:s}", "object", "usage", "from",
                     tg_reply_instant(query->question.since), "to",
                     tg_reply_instant(query->question.until), "timezone",
                     query->timezone, "currency", TG_BOOK_CURRENCY);
}
