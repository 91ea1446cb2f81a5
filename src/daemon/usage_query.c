#include "usage_query.h"

#include <stdlib.h>
#include <string.h>

#include "book.h"
#include "civil.h"
#include "clock.h"
#include "err.h"
#include "own.h"
#include "route.h"

static const struct tg_usage_group groups[] = {
    {"total", "", TG_BY_TOTAL},
    {"key", "key_id", TG_BY_KEY},
    {"account", "account_id", TG_BY_ACCOUNT},
    {"model", "model", TG_BY_MODEL},
    {"scope", "scope", TG_BY_SCOPE},
    {"endpoint", "endpoint", TG_BY_ENDPOINT},
    {"upstream", "upstream_id", TG_BY_UPSTREAM},
    {"status", "status", TG_BY_STATUS},
};

#define BY_LIST                                                                \
    "15m hour day week month, or total key account model scope endpoint "      \
    "upstream status, or one of both with a comma: day,model"

static const struct tg_usage_group *
group_named(const char *name)
{
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
        if (strcmp(groups[i].name, name) == 0)
            return &groups[i];
    }
    return NULL;
}

/* Takes one word of by; false when it is none, or there was one. */
static bool
take_word(struct tg_usage_query *query, const char *word)
{
    const struct tg_usage_span *span = tg_usage_span_named(word);
    const struct tg_usage_group *group = group_named(word);

    if (span != NULL && query->spans.span == NULL) {
        query->spans.span = span;
        return true;
    }
    if (group == NULL || query->group != NULL)
        return false;
    query->group = group;
    query->question.by = group->by;
    return true;
}

static bool
read_by(struct tg_usage_query *query, const char *by, struct tg_reply *reply)
{
    char *words = strdup(by), *rest = words;
    bool is_good = words != NULL;

    while (is_good && rest != NULL)
        is_good = take_word(query, strsep(&rest, ","));
    free(words);
    return is_good || tg_reply_invalid(reply, "by", "by is one of " BY_LIST);
}

static bool
read_zone(struct tg_usage_query *query, const struct tg_request *request,
          struct tg_reply *reply)
{
    query->timezone = tg_request_argument(request, "timezone");
    if (query->timezone == NULL)
        query->timezone = "UTC";
    query->spans.zone = &query->zone;
    return tg_zone_open(&query->zone, query->timezone) == 0 ||
           tg_reply_invalid(reply, "timezone",
                            "there is no time zone '%s'; write a name such as "
                            "Asia/Shanghai",
                            query->timezone);
}

/* A date is the day's begin in the time zone. */
static bool
read_instant(const struct tg_usage_query *query,
             const struct tg_request *request, struct tg_reply *reply,
             const char *name, int64_t *at_ms)
{
    const char *text = tg_request_argument(request, name);
    int32_t day;

    if (text == NULL ||
        tg_civil_parse_date((struct tg_str){text, strlen(text)}, &day) != 0)
        return tg_request_instant(request, reply, name, at_ms);
    *at_ms = tg_zone_day_at(&query->zone, day);
    return true;
}

static bool
read_times(struct tg_usage_query *query, const struct tg_request *request,
           struct tg_reply *reply, int64_t default_days)
{
    struct tg_usage_question *question = &query->question;

    question->until = tg_clock_ms();
    if (!read_instant(query, request, reply, "until", &question->until))
        return false;
    question->since = question->until - default_days * TG_MS_PER_DAY;
    if (!read_instant(query, request, reply, "since", &question->since))
        return false;
    return question->since < question->until ||
           tg_reply_invalid(reply, "since", "since is not before until");
}

static bool
read_scope(struct tg_usage_query *query, const char *name,
           struct tg_reply *reply)
{
    const struct tg_route *route;
    enum tg_scope scope;

    if (name == NULL)
        return true;
    scope = tg_scope_of((struct tg_str){name, strlen(name)});
    if (scope == TG_SCOPE_NONE)
        return tg_reply_invalid(reply, "scope",
                                "scope is one of: chat code image audio "
                                "embeddings files fine_tuning");
    for (size_t i = 0; (route = tg_route_at(i)) != NULL; i++) {
        if (route->scope == scope)
            query->question.endpoints |= UINT64_C(1) << route->endpoint;
    }
    return true;
}

static bool
read_status(struct tg_usage_query *query, const char *text,
            struct tg_reply *reply)
{
    if (text == NULL)
        return true;
    if (strlen(text) != 3 || strspn(text, "0123456789") != 3 || *text == '0')
        return tg_reply_invalid(reply, "status",
                                "status is an HTTP status, such as 429");
    query->question.status = strtoll(text, NULL, 10);
    return true;
}

static int
take_upstream(void *arg, const struct tg_store_upstream *row)
{
    char *id = arg;

    snprintf(id, TG_ID_TEXT_SIZE, "%s", row->id);
    return 0;
}

static bool
read_upstream(struct tg_usage_query *query, const struct tg_request *request,
              struct tg_store *store, struct tg_reply *reply)
{
    const char *name = tg_request_argument(request, "upstream");
    int err;

    if (name == NULL)
        return true;
    err = store->ops->upstream_get(store, name, take_upstream,
                                   query->upstream_id);
    query->question.upstream_id = query->upstream_id;
    return err == 0 || tg_reply_store(reply, store, err, "upstream");
}

bool
tg_usage_query_read(struct tg_usage_query *query,
                    const struct tg_request *request, struct tg_store *store,
                    struct tg_reply *reply, const char *by_default,
                    int64_t default_days)
{
    const char *by = tg_request_argument(request, "by");

    *query = (struct tg_usage_query){
        .question = {.key_id = tg_request_argument(request, "key"),
                     .model = tg_request_argument(request, "model")}};
    if (!read_zone(query, request, reply) ||
        !read_by(query, by != NULL ? by : by_default, reply) ||
        !read_times(query, request, reply, default_days) ||
        !read_scope(query, tg_request_argument(request, "scope"), reply) ||
        !read_status(query, tg_request_argument(request, "status"), reply) ||
        !read_upstream(query, request, store, reply) ||
        !tg_own_filter(request, store, reply, query->account_id,
                       &query->question.account_id))
        return false;
    if (query->spans.span != NULL) {
        query->question.span_of = tg_usage_span_of;
        query->question.span_arg = &query->spans;
    }
    return true;
}

static int
take_key_name(void *arg, const struct tg_store_key *row)
{
    json_object_set_new(arg, "key_name", json_string(row->name));
    return 0;
}

static int
take_account_name(void *arg, const struct tg_store_account *row)
{
    json_object_set_new(arg, "account_name", json_string(row->name));
    return 0;
}

static int
take_upstream_name(void *arg, const struct tg_store_upstream *row)
{
    json_object_set_new(arg, "upstream_name", json_string(row->name));
    return 0;
}

static void
name_group(const struct tg_usage_query *query, struct tg_store *store,
           const char *group, json_t *object)
{
    if (query->group->by == TG_BY_TOTAL)
        return;
    if (query->group->by == TG_BY_STATUS) {
        json_object_set_new(object, query->group->member,
                            json_integer(strtoll(group, NULL, 10)));
        return;
    }
    json_object_set_new(object, query->group->member, tg_reply_text(group));
    if (query->group->by == TG_BY_KEY)
        store->ops->key_get(store, group, take_key_name, object);
    else if (query->group->by == TG_BY_ACCOUNT)
        store->ops->account_get(store, group, take_account_name, object);
    else if (query->group->by == TG_BY_UPSTREAM)
        store->ops->upstream_get(store, group, take_upstream_name, object);
}

json_t *
tg_usage_query_row(const struct tg_usage_query *query, struct tg_store *store,
                   const struct tg_store_usage *row)
{
    json_t *object = json_object();
    char at[TG_SPAN_TEXT_SIZE] = "";

    if (query->spans.span != NULL) {
        query->spans.span->text(row->span, at);
        json_object_set_new(object, query->spans.span->member, json_string(at));
    }
    if (query->group != NULL)
        name_group(query, store, row->group, object);
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

void
tg_usage_query_close(struct tg_usage_query *query)
{
    tg_zone_close(&query->zone);
}
