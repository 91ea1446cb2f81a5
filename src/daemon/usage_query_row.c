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

static void
set_group(const struct tg_usage_group *group, const char *id, const char *name,
          json_t *object)
{
    if (group->by == TG_BY_TOTAL)
        return;
    json_object_set_new(object, group->member,
                        group->by == TG_BY_STATUS
                            ? json_integer(strtoll(id, NULL, 10))
                            : tg_reply_text(id));
    if (group->name_member != NULL)
        json_object_set_new(object, group->name_member, tg_reply_text(name));
}

json_t *
tg_usage_query_named_row(const struct tg_usage_query *query, int64_t span,
                         const char *group, const char *name)
{
    json_t *object = json_object();
    char at[TG_SPAN_TEXT_SIZE] = "";

    if (query->spans.span != NULL) {
        query->spans.span->text(span, at);
        json_object_set_new(object, query->spans.span->member, json_string(at));
    }
    if (query->group != NULL)
        set_group(query->group, group, name, object);
    return object;
}

json_t *
tg_usage_query_row(const struct tg_usage_query *query, struct tg_store *store,
                   const struct tg_store_usage *row)
{
    char *name = tg_usage_query_name(query, store, row->group);
    json_t *object =
        tg_usage_query_named_row(query, row->span, row->group, name);

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
