#include "usage_query.h"

#include <stdlib.h>
#include <string.h>

#include "civil.h"
#include "clock.h"
#include "err.h"
#include "own.h"
#include "route.h"
#include "shapes.h"

static const struct tg_usage_group groups[] = {
    {"total", "", TG_BY_TOTAL, NULL},
    {"key", "key_id", TG_BY_KEY, "key_name"},
    {"account", "account_id", TG_BY_ACCOUNT, "account_name"},
    {"model", "model", TG_BY_MODEL, NULL},
    {"scope", "scope", TG_BY_SCOPE, NULL},
    {"endpoint", "endpoint", TG_BY_ENDPOINT, NULL},
    {"upstream", "upstream_id", TG_BY_UPSTREAM, "upstream_name"},
    {"status", "status", TG_BY_STATUS, NULL},
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

bool
tg_usage_zone_read(struct tg_zone *zone, const struct tg_request *request,
                   struct tg_reply *reply, const char **name)
{
    const char *given = tg_request_argument(request, "timezone");

    *name = given != NULL ? given : "UTC";
    return tg_zone_open(zone, *name) == 0 ||
           tg_reply_invalid(reply, "timezone",
                            "there is no time zone '%s'; write a name such as "
                            "Asia/Shanghai",
                            *name);
}

bool
tg_usage_instant_read(const struct tg_zone *zone,
                      const struct tg_request *request, struct tg_reply *reply,
                      const char *name, bool is_end, int64_t *at_ms)
{
    const char *text = tg_request_argument(request, name);
    int32_t day;

    if (text == NULL ||
        tg_civil_parse_date((struct tg_str){text, strlen(text)}, &day) != 0)
        return tg_request_instant(request, reply, name, at_ms);
    *at_ms = tg_zone_day_at(zone, (int64_t)day + is_end);
    return true;
}

static bool
read_times(struct tg_usage_query *query, const struct tg_request *request,
           struct tg_reply *reply, int64_t default_days)
{
    struct tg_usage_question *question = &query->question;

    question->until = tg_clock_ms();
    if (!tg_usage_instant_read(&query->zone, request, reply, "until", false,
                               &question->until))
        return false;
    question->since = question->until - default_days * TG_MS_PER_DAY;
    if (!tg_usage_instant_read(&query->zone, request, reply, "since", false,
                               &question->since))
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
    query->scope = name;
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

static bool
read_upstream(struct tg_usage_query *query, const char *given,
              struct tg_store *store, struct tg_reply *reply)
{
    if (given == NULL)
        return true;
    query->question.upstream_id = query->upstream_id;
    return tg_shapes_upstream(store, reply, "upstream", given,
                              query->upstream_id);
}

/* true or false; by_default when it is not there. */
static bool
read_switch(const struct tg_request *request, struct tg_reply *reply,
            const char *name, bool by_default, bool *is_on)
{
    const char *text = tg_request_argument(request, name);

    *is_on = by_default;
    if (text == NULL)
        return true;
    *is_on = strcmp(text, "true") == 0;
    return *is_on || strcmp(text, "false") == 0 ||
           tg_reply_invalid(reply, name, "%s is true or false", name);
}

static bool
read_switches(struct tg_usage_query *query, const struct tg_request *request,
              struct tg_reply *reply)
{
    if (!read_switch(request, reply, "latency", true,
                     &query->question.has_latency) ||
        !read_switch(request, reply, "fill", false, &query->has_fill))
        return false;
    return !query->has_fill || query->spans.span != NULL ||
           tg_reply_invalid(reply, "fill",
                            "fill is for rows of a span of time: by=day, or "
                            "by=day,model");
}

bool
tg_usage_query_read(struct tg_usage_query *query,
                    const struct tg_request *request, struct tg_store *store,
                    struct tg_reply *reply, const char *by_default,
                    int64_t default_days)
{
    const char *by = tg_request_argument(request, "by");

    *query = (struct tg_usage_query){
        .question = {.model = tg_request_argument(request, "model")},
        .spans = {.zone = &query->zone}};
    if (!tg_usage_zone_read(&query->zone, request, reply, &query->timezone) ||
        !read_by(query, by != NULL ? by : by_default, reply) ||
        !read_times(query, request, reply, default_days) ||
        !read_switches(query, request, reply) ||
        !read_scope(query, tg_request_argument(request, "scope"), reply) ||
        !read_status(query, tg_request_argument(request, "status"), reply) ||
        !tg_own_key(request, store, reply, &query->question.key_id) ||
        !read_upstream(query, tg_request_argument(request, "upstream"), store,
                       reply) ||
        !tg_own_filter(request, store, reply, query->account_id,
                       &query->question.account_id))
        return false;
    if (query->spans.span != NULL) {
        query->question.span_of = tg_usage_span_of;
        query->question.span_arg = &query->spans;
    }
    return true;
}

void
tg_usage_query_close(struct tg_usage_query *query)
{
    tg_zone_close(&query->zone);
}
