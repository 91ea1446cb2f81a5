#include "alert_rule.h"

#include <stdio.h>
#include <string.h>

#include "members.h"
#include "money.h"

const char tg_alert_kinds[] =
    "requests error_rate cost budget utilisation event balance";

/* What a kind has, and what it is where nothing is said. */
static const struct kind {
    const char *name;
    const char *members;
    struct tg_alert_params params;
} kinds[TG_ALERT_KINDS] = {
    [TG_ALERT_NONE] = {"", "", {0}},
    [TG_ALERT_REQUESTS] = {"requests",
                           "percent window_minutes min_requests",
                           {.percent = 200,
                            .window_minutes = 60,
                            .min_requests = 100}},
    [TG_ALERT_ERROR_RATE] = {"error_rate",
                             "percent window_minutes min_requests",
                             {.percent = 10,
                              .window_minutes = 15,
                              .min_requests = 20}},
    [TG_ALERT_COST] = {"cost", "amount", {0}},
    [TG_ALERT_BUDGET] = {"budget", "percents", {.percents = {50, 80, 100}}},
    [TG_ALERT_UTILISATION] = {"utilisation",
                              "percent for_seconds",
                              {.percent = 80, .for_seconds = 30}},
    [TG_ALERT_EVENT] = {"event", "types quiet_minutes", {.quiet_minutes = 60}},
    [TG_ALERT_BALANCE] = {"balance",
                          "amount",
                          {.amount_nanos = 5 * TG_NANOS_PER_UNIT}},
};

static const char *const severities[] = {"info", "warning", "critical"};

const char *
tg_alert_kind_name(enum tg_alert_kind kind)
{
    return kinds[kind].name;
}

enum tg_alert_kind
tg_alert_kind_of(const char *name)
{
    for (int i = 1; i < TG_ALERT_KINDS; i++) {
        if (strcmp(kinds[i].name, name) == 0)
            return (enum tg_alert_kind)i;
    }
    return TG_ALERT_NONE;
}

const char *
tg_severity_name(enum tg_severity severity)
{
    return severities[severity];
}

enum tg_severity
tg_severity_of(const char *name)
{
    for (int i = TG_CRITICAL; i > 0; i--) {
        if (strcmp(severities[i], name) == 0)
            return (enum tg_severity)i;
    }
    return TG_INFO;
}

void
tg_alert_params_init(struct tg_alert_params *params, enum tg_alert_kind kind)
{
    *params = kinds[kind].params;
}

static bool
has(enum tg_alert_kind kind, const char *member)
{
    const char *at = strstr(kinds[kind].members, member);
    size_t len = strlen(member);

    /* "percent" stands in "percents", too. */
    return at != NULL && (at[len] == ' ' || at[len] == '\0');
}

static bool
read_percents(struct tg_alert_params *params, const json_t *object,
              struct tg_reply *reply)
{
    const json_t *list = json_object_get(object, "percents");
    size_t n = json_array_size(list);
    int64_t last = 0;

    if (list == NULL)
        return true;
    if (n < 1 || n > TG_ALERT_PERCENTS)
        return tg_reply_invalid(reply, "params.percents",
                                "percents are 1 to %d whole numbers",
                                TG_ALERT_PERCENTS);
    memset(params->percents, 0, sizeof(params->percents));
    for (size_t i = 0; i < n; i++) {
        const json_t *one = json_array_get(list, i);
        int64_t percent = json_integer_value(one);

        if (!json_is_integer(one) || percent <= last || percent > 1000)
            return tg_reply_invalid(reply, "params.percents",
                                    "percents are whole numbers from 1 to "
                                    "1000, each above the one before");
        params->percents[i] = last = percent;
    }
    return true;
}

static bool
is_type(struct tg_reply *reply, const char *param, const char *text)
{
    size_t len = strlen(text);

    if (strspn(text, "abcdefghijklmnopqrstuvwxyz_") == len &&
        len < TG_ALERT_TYPE_SIZE)
        return true;
    return tg_reply_invalid(reply, param,
                            "'%s' is no type of an event: letters and _, such "
                            "as credential_failed",
                            text);
}

static bool
read_types(struct tg_alert_params *params, const json_t *object,
           struct tg_reply *reply)
{
    const json_t *list = NULL;

    if (!tg_members_texts(reply, object, "params.types", TG_ALERT_TYPES,
                          is_type, &list))
        return false;
    if (list == NULL)
        return true;
    memset(params->types, 0, sizeof(params->types));
    for (size_t i = 0; i < json_array_size(list); i++)
        snprintf(params->types[i], TG_ALERT_TYPE_SIZE, "%s",
                 json_string_value(json_array_get(list, i)));
    return true;
}

/* A number of a kind that has it; null is not "none". */
static bool
number(const json_t *object, enum tg_alert_kind kind, const char *param,
       int64_t min, int64_t max, int64_t *value, struct tg_reply *reply)
{
    const char *name = strchr(param, '.') + 1;

    if (!has(kind, name))
        return true;
    if (json_is_null(json_object_get(object, name)))
        return tg_reply_invalid(reply, param, "%s is a whole number", name);
    return tg_members_number(reply, object, param, min, max, value);
}

bool
tg_alert_params_read(struct tg_alert_params *params, enum tg_alert_kind kind,
                     const json_t *object, struct tg_reply *reply)
{
    int64_t least = kind == TG_ALERT_REQUESTS ? 101 : 1;
    int64_t most = kind == TG_ALERT_REQUESTS ? 100000 : 100;

    if (object == NULL)
        return true;
    if (!tg_members_only(reply, object, "params.", kinds[kind].members) ||
        !number(object, kind, "params.percent", least, most, &params->percent,
                reply) ||
        !number(object, kind, "params.window_minutes", 1, 1440,
                &params->window_minutes, reply) ||
        !number(object, kind, "params.min_requests", 1, 1000000000,
                &params->min_requests, reply) ||
        !number(object, kind, "params.for_seconds", 1, 3600,
                &params->for_seconds, reply) ||
        !number(object, kind, "params.quiet_minutes", 1, 43200,
                &params->quiet_minutes, reply))
        return false;
    if (has(kind, "amount") && !tg_members_money(reply, object, "params.amount",
                                                 &params->amount_nanos))
        return false;
    if (kind == TG_ALERT_BALANCE && params->amount_nanos == 0)
        return tg_reply_invalid(reply, "params.amount",
                                "a rule about balances has an amount");
    return (!has(kind, "percents") || read_percents(params, object, reply)) &&
           (!has(kind, "types") || read_types(params, object, reply));
}

json_t *
tg_alert_params_object(const struct tg_alert_params *params,
                       enum tg_alert_kind kind)
{
    json_t *object = json_object(), *list;
    const struct {
        const char *name;
        int64_t value;
    } numbers[] = {
        {"percent", params->percent},
        {"window_minutes", params->window_minutes},
        {"min_requests", params->min_requests},
        {"for_seconds", params->for_seconds},
        {"quiet_minutes", params->quiet_minutes},
    };

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        if (has(kind, numbers[i].name))
            json_object_set_new(object, numbers[i].name,
                                json_integer(numbers[i].value));
    }
    if (has(kind, "amount"))
        json_object_set_new(object, "amount",
                            tg_reply_money_or_null(params->amount_nanos));
    if (has(kind, "percents")) {
        list = json_array();
        for (int i = 0; i < TG_ALERT_PERCENTS && params->percents[i] != 0; i++)
            json_array_append_new(list, json_integer(params->percents[i]));
        json_object_set_new(object, "percents", list);
    }
    if (has(kind, "types")) {
        list = json_array();
        for (int i = 0; i < TG_ALERT_TYPES && params->types[i][0] != '\0'; i++)
            json_array_append_new(list, json_string(params->types[i]));
        json_object_set_new(object, "types", list);
    }
    return object;
}

static void
read_scope(struct tg_alert_rule *rule, const char *scope)
{
    static const struct {
        const char *prefix;
        enum tg_scope_kind kind;
    } scopes[] = {
        {"account:", TG_ALERTS_ACCOUNT},
        {"key:", TG_ALERTS_KEY},
        {"label:", TG_ALERTS_LABEL},
    };

    rule->scope_kind = TG_ALERTS_ALL;
    for (size_t i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++) {
        size_t len = strlen(scopes[i].prefix);

        if (strncmp(scope, scopes[i].prefix, len) != 0)
            continue;
        rule->scope_kind = scopes[i].kind;
        snprintf(rule->scope, sizeof(rule->scope), "%s", scope + len);
    }
}

void
tg_alert_rule_read(struct tg_alert_rule *rule, const struct tg_store_rule *row)
{
    json_t *params = json_loads(row->params, 0, NULL);
    json_t *channels = json_loads(row->channels, 0, NULL);
    struct tg_reply reply = {0};

    memset(rule, 0, sizeof(*rule));
    snprintf(rule->id, sizeof(rule->id), "%s", row->id);
    snprintf(rule->name, sizeof(rule->name), "%s", row->name);
    rule->kind = tg_alert_kind_of(row->kind);
    rule->severity = tg_severity_of(row->severity);
    rule->is_on = row->is_on && rule->kind != TG_ALERT_NONE;
    rule->tells_recovery = row->tells_recovery;
    read_scope(rule, row->scope);
    tg_alert_params_init(&rule->params, rule->kind);
    (void)tg_alert_params_read(&rule->params, rule->kind, params, &reply);
    json_decref(reply.body);
    for (size_t i = 0; i < TG_ALERT_CHANNELS; i++) {
        const char *id = json_string_value(json_array_get(channels, i));

        snprintf(rule->channels[i], TG_ID_TEXT_SIZE, "%s",
                 id != NULL ? id : "");
    }
    json_decref(params);
    json_decref(channels);
}

bool
tg_alert_rule_wants(const struct tg_alert_rule *rule, const char *type,
                    enum tg_severity severity)
{
    if (severity < rule->severity)
        return false;
    for (int i = 0; i < TG_ALERT_TYPES && rule->params.types[i][0] != '\0';
         i++) {
        if (strcmp(rule->params.types[i], type) == 0)
            return true;
    }
    return rule->params.types[0][0] == '\0';
}

bool
tg_alert_rule_tells(const struct tg_alert_rule *rule, const char *channel_id)
{
    for (int i = 0; i < TG_ALERT_CHANNELS && rule->channels[i][0] != '\0';
         i++) {
        if (strcmp(rule->channels[i], channel_id) == 0)
            return true;
    }
    return rule->channels[0][0] == '\0';
}
