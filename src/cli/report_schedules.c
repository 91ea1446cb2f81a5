#include <stdio.h>
#include <stdlib.h>

#include "args.h"
#include "client.h"
#include "list.h"
#include "nouns.h"
#include "request.h"
#include "say.h"
#include "table.h"

/* Reports that are sent by a schedule. */

static const char *const periods[] = {"daily", "weekly", "monthly", NULL};
static const char *const formats[] = {"html", "text", "markdown", NULL};
static const char *const languages[] = {"en", "zh", NULL};

#define SCHEDULE_OPTIONS                                                       \
    {"name", "NAME", "what it is called", TG_VALUE_TEXT, "name", NULL},        \
        {"period",      "PERIOD", "daily, weekly or monthly; weekly",          \
         TG_VALUE_TEXT, "period", periods},                                    \
        {"at",          "HH:MM", "when, on the day behind the period; 08:00",  \
         TG_VALUE_TEXT, "at",    NULL},                                        \
        {"timezone",    "ZONE",     "by whose clocks; UTC",                    \
         TG_VALUE_TEXT, "timezone", NULL},                                     \
        {"channel",     "CHANNEL", "where to: tollgate alerts channels",       \
         TG_VALUE_TEXT, "channel", NULL},                                      \
        {"account",     "ACCOUNT", "only calls of this account: id or name",   \
         TG_VALUE_TEXT, "account", NULL},                                      \
        {"key", "ID", "only calls of this key", TG_VALUE_TEXT, "key", NULL},   \
        {"format",      "FORMAT", "of a mail: html, text or markdown; html",   \
         TG_VALUE_TEXT, "format", formats},                                    \
        {"lang", "LANG", "en or zh; en", TG_VALUE_TEXT, "lang", languages},    \
    {                                                                          \
        "off", NULL, "keep it, and send nothing", TG_VALUE_SWITCH, NULL, NULL  \
    }

const struct tg_option tg_report_schedule_create_options[] = {
    SCHEDULE_OPTIONS,
    {0},
};

const struct tg_option tg_report_schedule_update_options[] = {
    SCHEDULE_OPTIONS,
    {"all", NULL, "of all calls again, not of an account or key",
     TG_VALUE_SWITCH, NULL, NULL},
    {"on", NULL, "send it again", TG_VALUE_SWITCH, "on", NULL},
    {0},
};

static const struct tg_column list_columns[] = {
    {"ID", "id", TG_CELL_TEXT, NULL, 0},
    {"NAME", "name", TG_CELL_TEXT, NULL, 32},
    {"ON", "on", TG_CELL_YES, NULL, 0},
    {"PERIOD", "period", TG_CELL_TEXT, NULL, 0},
    {"AT", "at", TG_CELL_TEXT, NULL, 0},
    {"TIMEZONE", "timezone", TG_CELL_TEXT, NULL, 0},
    {"CHANNEL", "channel_id", TG_CELL_TEXT, NULL, 0},
    {"NEXT", "next.at", TG_CELL_WHEN, NULL, 0},
    {"LAST", "last.period", TG_CELL_TEXT, "never", 0},
    {0},
};

static const struct tg_column page_columns[] = {
    {"ID", "id", TG_CELL_TEXT, NULL, 0},
    {"Name", "name", TG_CELL_TEXT, NULL, 0},
    {"On", "on", TG_CELL_YES, NULL, 0},
    {"Period", "period", TG_CELL_TEXT, NULL, 0},
    {"At", "at", TG_CELL_TEXT, NULL, 0},
    {"Time zone", "timezone", TG_CELL_TEXT, NULL, 0},
    {"Channel", "channel_id", TG_CELL_TEXT, NULL, 0},
    {"Account", "account_id", TG_CELL_TEXT, "all", 0},
    {"Key", "key_id", TG_CELL_TEXT, "all", 0},
    {"Format of a mail", "format", TG_CELL_TEXT, NULL, 0},
    {"Language", "lang", TG_CELL_TEXT, NULL, 0},
    {"Next one", "next.at", TG_CELL_WHEN, NULL, 0},
    {"Of", "next.period", TG_CELL_TEXT, NULL, 0},
    {"Last one", "last.at", TG_CELL_WHEN, "never", 0},
    {"Of", "last.period", TG_CELL_TEXT, NULL, 0},
    {"Its delivery", "last.notice_id", TG_CELL_TEXT, NULL, 0},
    {"Created", "created_at", TG_CELL_WHEN, NULL, 0},
    {0},
};

int
tg_report_schedule_list(struct tg_cli *cli)
{
    static const struct tg_list list = {
        "/report-schedules", list_columns,
        "No report is sent by itself. Let one be: tollgate report schedule "
        "create --name NAME --channel CHANNEL",
        false, 0};

    return tg_list_run(cli, &list);
}

int
tg_report_schedule_show(struct tg_cli *cli)
{
    return tg_noun_show(cli, "report-schedules", page_columns);
}

static json_t *
body_of(const struct tg_cli *cli)
{
    json_t *body = tg_request_body(cli);

    if (tg_args_has(cli, "off"))
        json_object_set_new(body, "on", json_false());
    if (tg_args_has(cli, "all")) {
        json_object_set_new(body, "account", json_null());
        json_object_set_new(body, "key", json_null());
    }
    return body;
}

int
tg_report_schedule_create(struct tg_cli *cli)
{
    static const char *const needed[] = {"name", "channel", NULL};
    json_t *body, *made = NULL;
    int rc = tg_noun_require(cli, needed);

    if (rc != TG_EXIT_OK)
        return rc;
    body = body_of(cli);
    rc = tg_client_call(cli, "POST", "/report-schedules", body, &made);
    json_decref(body);
    if (rc == TG_EXIT_OK)
        tg_noun_made(cli, page_columns, made);
    json_decref(made);
    return rc;
}

int
tg_report_schedule_update(struct tg_cli *cli)
{
    static const struct tg_act act = {"PATCH", "report-schedules", "",
                                      "is changed", NULL};
    json_t *body = body_of(cli);
    int rc = TG_EXIT_OK;

    if (tg_args_has(cli, "on") && tg_args_has(cli, "off"))
        rc = tg_say_usage(cli, "--on and --off exclude each other");
    else if (json_object_size(body) == 0)
        rc = tg_say_usage(cli, "say what to change, for example --at 09:00");
    if (rc == TG_EXIT_OK)
        rc = tg_noun_act(cli, &act, body);
    json_decref(body);
    return rc;
}

int
tg_report_schedule_delete(struct tg_cli *cli)
{
    static const struct tg_act act = {"DELETE", "report-schedules", "",
                                      "is deleted", NULL};
    int rc = tg_say_confirm(
        cli, "Delete the schedule %s? update --off keeps it.", cli->operand);

    return rc == TG_EXIT_OK ? tg_noun_act(cli, &act, NULL) : rc;
}

static int
say_sent(struct tg_cli *cli, const json_t *result)
{
    if (cli->is_json)
        tg_table_json(result);
    if (!json_is_true(json_object_get(result, "delivered")))
        return cli->is_json ? TG_EXIT_FAILED
                            : tg_say_failed("the report %s was not taken: %s",
                                            tg_noun_text(result, "period"),
                                            tg_noun_text(result, "error"));
    if (!cli->is_json && !cli->is_quiet)
        printf("The report %s was taken, with status %lld after %lld ms.\n",
               tg_noun_text(result, "period"),
               (long long)json_integer_value(json_object_get(result, "status")),
               (long long)json_integer_value(
                   json_object_get(result, "latency_ms")));
    return TG_EXIT_OK;
}

int
tg_report_schedule_send_now(struct tg_cli *cli)
{
    char *path = tg_request_path("report-schedules", cli->operand, "/send-now");
    json_t *result = NULL, *body = json_object();
    int rc = tg_client_call(cli, "POST", path, body, &result);

    free(path);
    json_decref(body);
    if (rc != TG_EXIT_OK)
        return rc;
    rc = say_sent(cli, result);
    json_decref(result);
    return rc;
}
