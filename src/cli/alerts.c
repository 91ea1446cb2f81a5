#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "client.h"
#include "list.h"
#include "nouns.h"
#include "request.h"
#include "say.h"

static const char *const severities[] = {"info", "warning", "critical", NULL};
static const char *const kinds[] = {"requests", "error_rate",  "cost",
                                    "budget",   "utilisation", "event",
                                    "balance",  NULL};

const struct tg_option tg_alerts_list_options[] = {
    {"all", NULL, "what is over, too", TG_VALUE_SWITCH, NULL, NULL},
    {"key", "ID", "only of this key", TG_VALUE_TEXT, "key", NULL},
    {"limit", "N", "at most so many rows, newest first; 100", TG_VALUE_COUNT,
     NULL, NULL},
    {"csv", NULL, "print CSV, safe to open in a spreadsheet", TG_VALUE_SWITCH,
     NULL, NULL},
    {0},
};

#define RULE_OPTIONS                                                            \
    {"name", "NAME", "what it is called", TG_VALUE_TEXT, "name", NULL},         \
        {"severity",                                                            \
         "WORD",                                                                \
         "info, warning or critical; of events, the least",                     \
         TG_VALUE_TEXT,                                                         \
         "severity",                                                            \
         severities},                                                           \
        {"scope",       "SCOPE", "all, account:ID, key:ID or label:NAME=VALUE", \
         TG_VALUE_TEXT, "scope", NULL},                                         \
        {"channel",     "CHANNEL",  "tell this one; repeat; none given: all",   \
         TG_VALUE_LIST, "channels", NULL},                                      \
        {"percent",                                                             \
         "N",                                                                   \
         "the line: of the average, of all calls, of a limit",                  \
         TG_VALUE_COUNT,                                                        \
         "params.percent",                                                      \
         NULL},                                                                 \
        {"percents",                                                            \
         "N",                                                                   \
         "lines of a budget; repeat: 50, 80, 100",                              \
         TG_VALUE_LIST,                                                         \
         "params.percents",                                                     \
         NULL},                                                                 \
        {"amount",                                                              \
         "AMOUNT",                                                              \
         "the line of a day's cost, or of a balance",                           \
         TG_VALUE_AMOUNT,                                                       \
         "params.amount",                                                       \
         NULL},                                                                 \
        {"window",                                                              \
         "MINUTES",                                                             \
         "how far back it looks",                                               \
         TG_VALUE_COUNT,                                                        \
         "params.window_minutes",                                               \
         NULL},                                                                 \
        {"min-requests",                                                        \
         "N",                                                                   \
         "fewer calls than these are no alert",                                 \
         TG_VALUE_COUNT,                                                        \
         "params.min_requests",                                                 \
         NULL},                                                                 \
        {"for",                                                                 \
         "SECONDS",                                                             \
         "how long a limit must be used so",                                    \
         TG_VALUE_COUNT,                                                        \
         "params.for_seconds",                                                  \
         NULL},                                                                 \
        {"type",        "TYPE",         "of events: this type; repeat",         \
         TG_VALUE_LIST, "params.types", NULL},                                  \
        {"quiet",                                                               \
         "MINUTES",                                                             \
         "of events: over when there was none so long",                         \
         TG_VALUE_COUNT,                                                        \
         "params.quiet_minutes",                                                \
         NULL},                                                                 \
        {"no-recovery",   NULL, "do not tell when it is over",                  \
         TG_VALUE_SWITCH, NULL, NULL},                                          \
    {                                                                           \
        "off", NULL, "keep it, and do not look", TG_VALUE_SWITCH, NULL, NULL    \
    }

const struct tg_option tg_alerts_rules_add_options[] = {
    {"kind", "KIND", "what it is about", TG_VALUE_TEXT, "kind", kinds},
    RULE_OPTIONS,
    {0},
};

const struct tg_option tg_alerts_rules_update_options[] = {
    RULE_OPTIONS,
    {"on", NULL, "look again", TG_VALUE_SWITCH, "on", NULL},
    {"recovery", NULL, "tell when it is over", TG_VALUE_SWITCH, "recovery",
     NULL},
    {0},
};

const struct tg_option tg_alerts_deliveries_options[] = {
    {"channel", "ID", "only to this channel", TG_VALUE_TEXT, "channel", NULL},
    {"status", "WORD", "pending, held, delivered, summarised or given_up",
     TG_VALUE_TEXT, "status", NULL},
    {"limit", "N", "at most so many rows, newest first; 100", TG_VALUE_COUNT,
     NULL, NULL},
    {"csv", NULL, "print CSV, safe to open in a spreadsheet", TG_VALUE_SWITCH,
     NULL, NULL},
    {0},
};

static const struct tg_column episode_columns[] = {
    {"SINCE", "opened_at", TG_CELL_WHEN, NULL, 0},
    {"SEVERITY", "severity", TG_CELL_STATUS, NULL, 0},
    {"ALERT", "alert", TG_CELL_TEXT, NULL, 40},
    {"MESSAGE", "message", TG_CELL_TEXT, NULL, 0},
    {"OVER", "closed_at", TG_CELL_WHEN, NULL, 0},
    {"EPISODE", "id", TG_CELL_TEXT, NULL, 0},
    {0},
};

static const struct tg_column rule_columns[] = {
    {"ID", "id", TG_CELL_TEXT, NULL, 0},
    {"NAME", "name", TG_CELL_TEXT, NULL, 40},
    {"KIND", "kind", TG_CELL_TEXT, NULL, 0},
    {"ON", "on", TG_CELL_YES, NULL, 0},
    {"SEVERITY", "severity", TG_CELL_STATUS, NULL, 0},
    {"SCOPE", "scope", TG_CELL_TEXT, NULL, 40},
    {"CHANNELS", "channels", TG_CELL_LIST, "all", 40},
    {0},
};

static const struct tg_column page_columns[] = {
    {"ID", "id", TG_CELL_TEXT, NULL, 0},
    {"Name", "name", TG_CELL_TEXT, NULL, 0},
    {"Kind", "kind", TG_CELL_TEXT, NULL, 0},
    {"On", "on", TG_CELL_YES, NULL, 0},
    {"Severity", "severity", TG_CELL_STATUS, NULL, 0},
    {"Scope", "scope", TG_CELL_TEXT, NULL, 0},
    {"Channels", "channels", TG_CELL_LIST, "all", 0},
    {"Tells the end", "recovery", TG_CELL_YES, NULL, 0},
    {"Percent", "params.percent", TG_CELL_COUNT, NULL, 0},
    {"Amount", "params.amount", TG_CELL_TEXT, NULL, 0},
    {"Window, minutes", "params.window_minutes", TG_CELL_COUNT, NULL, 0},
    {"Calls, at least", "params.min_requests", TG_CELL_COUNT, NULL, 0},
    {"For, seconds", "params.for_seconds", TG_CELL_COUNT, NULL, 0},
    {"Types of events", "params.types", TG_CELL_LIST, NULL, 0},
    {"Over after, minutes", "params.quiet_minutes", TG_CELL_COUNT, NULL, 0},
    {"Created", "created_at", TG_CELL_WHEN, NULL, 0},
    {"Changed", "updated_at", TG_CELL_WHEN, NULL, 0},
    {0},
};

static const struct tg_column delivery_columns[] = {
    {"AT", "created_at", TG_CELL_WHEN, NULL, 0},
    {"CHANNEL", "channel", TG_CELL_TEXT, NULL, 32},
    {"WHAT", "what", TG_CELL_TEXT, NULL, 0},
    {"STATUS", "status", TG_CELL_STATUS, NULL, 0},
    {"TRIES", "attempts", TG_CELL_COUNT, NULL, 0},
    {"LAST_STATUS", "last_status", TG_CELL_COUNT, NULL, 0},
    {"NEXT", "next_at", TG_CELL_WHEN, NULL, 0},
    {"LAST_ERROR", "last_error", TG_CELL_TEXT, NULL, 60},
    {"DELIVERY", "id", TG_CELL_TEXT, NULL, 0},
    {0},
};

int
tg_alerts_list(struct tg_cli *cli)
{
    static const struct tg_list open = {
        "/alerts/episodes?open=true", episode_columns,
        "No alert is open. Rules: tollgate alerts rules", true, 100};
    static const struct tg_list all = {"/alerts/episodes", episode_columns,
                                       "No alert was ever open.", true, 100};

    return tg_list_run(cli, tg_args_has(cli, "all") ? &all : &open);
}

int
tg_alerts_rules(struct tg_cli *cli)
{
    static const struct tg_list list = {"/alerts", rule_columns,
                                        "There are no rules.", false, 0};

    return tg_list_run(cli, &list);
}

int
tg_alerts_rules_show(struct tg_cli *cli)
{
    return tg_noun_show(cli, "alerts", page_columns);
}

/* Numbers come as words; what is none the API refuses by its name. */
static void
read_percents(json_t *body)
{
    json_t *list = json_object_get(json_object_get(body, "params"), "percents");

    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *text = json_string_value(json_array_get(list, i));
        char *end;
        long number = strtol(text, &end, 10);

        if (*text != '\0' && *end == '\0')
            json_array_set_new(list, i, json_integer(number));
    }
}

static json_t *
body_of(const struct tg_cli *cli)
{
    json_t *body = tg_request_body(cli);

    read_percents(body);
    if (tg_args_has(cli, "off"))
        json_object_set_new(body, "on", json_false());
    if (tg_args_has(cli, "no-recovery"))
        json_object_set_new(body, "recovery", json_false());
    return body;
}

int
tg_alerts_rules_add(struct tg_cli *cli)
{
    static const char *const needed[] = {"kind", "name", NULL};
    json_t *body, *made = NULL;
    int rc = tg_noun_require(cli, needed);

    if (rc != TG_EXIT_OK)
        return rc;
    body = body_of(cli);
    rc = tg_client_call(cli, "POST", "/alerts", body, &made);
    json_decref(body);
    if (rc == TG_EXIT_OK)
        tg_noun_made(cli, page_columns, made);
    json_decref(made);
    return rc;
}

int
tg_alerts_rules_update(struct tg_cli *cli)
{
    static const struct tg_act act = {"PATCH", "alerts", "", "is changed",
                                      NULL};
    json_t *body = body_of(cli);
    int rc = TG_EXIT_OK;

    if (tg_args_has(cli, "on") && tg_args_has(cli, "off"))
        rc = tg_say_usage(cli, "--on and --off exclude each other");
    else if (json_object_size(body) == 0)
        rc = tg_say_usage(cli, "say what to change, for example --off");
    if (rc == TG_EXIT_OK)
        rc = tg_noun_act(cli, &act, body);
    json_decref(body);
    return rc;
}

int
tg_alerts_rules_delete(struct tg_cli *cli)
{
    static const struct tg_act act = {"DELETE", "alerts", "", "is deleted",
                                      NULL};
    int rc = tg_say_confirm(cli,
                            "Delete the rule %s? What it has found is over "
                            "then; update --off keeps it.",
                            cli->operand);

    return rc == TG_EXIT_OK ? tg_noun_act(cli, &act, NULL) : rc;
}

int
tg_alerts_deliveries(struct tg_cli *cli)
{
    static const struct tg_list list = {"/alerts/deliveries", delivery_columns,
                                        "Nothing was told to anybody.", true,
                                        100};

    return tg_list_run(cli, &list);
}
