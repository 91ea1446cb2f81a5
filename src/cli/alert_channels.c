#include <stdio.h>
#include <string.h>

#include <stdlib.h>

#include "args.h"
#include "ask.h"
#include "client.h"
#include "list.h"
#include "nouns.h"
#include "request.h"
#include "say.h"
#include "table.h"

/* Where alerts are told; addresses of robots are secrets, too. */

static const char *const severities[] = {"info", "warning", "critical", NULL};
static const char *const kinds[] = {"webhook", "slack",   "feishu", "dingtalk",
                                    "wecom",   "discord", "smtp",   NULL};

#define CHANNEL_OPTIONS                                                          \
    {"name", "NAME", "what it is called", TG_VALUE_TEXT, "name", NULL},          \
        {"url",         "URL", "of a webhook or a mail server: smtp://host:587", \
         TG_VALUE_TEXT, "url", NULL},                                            \
        {"url-file",                                                             \
         "FILE",                                                                 \
         "where a robot's URL stands; - or none: standard input",                \
         TG_VALUE_TEXT,                                                          \
         NULL,                                                                   \
         NULL},                                                                  \
        {"secret-file", "FILE", "where its secret stands; -: standard input",    \
         TG_VALUE_TEXT, NULL,   NULL},                                           \
        {"from",        "ADDRESS", "of mail: who sends it",                      \
         TG_VALUE_TEXT, "from",    NULL},                                        \
        {"to",          "ADDRESS", "of mail: who gets it; repeat",               \
         TG_VALUE_LIST, "to",      NULL},                                        \
        {"user",        "NAME", "of mail: to sign in with --password-file",      \
         TG_VALUE_TEXT, "user", NULL},                                           \
        {"password-file", "FILE", "of mail: where the password stands",          \
         TG_VALUE_TEXT,   NULL,   NULL},                                         \
        {"plain",         NULL,    "of mail: it may go without TLS",             \
         TG_VALUE_SWITCH, "plain", NULL},                                        \
        {"min-severity",                                                         \
         "WORD",                                                                 \
         "tell from here on: info, warning or critical",                         \
         TG_VALUE_TEXT,                                                          \
         "min_severity",                                                         \
         severities},                                                            \
        {"quiet-hours",                                                          \
         "HOURS",                                                                \
         "'daily 22:00-07:00 Asia/Shanghai': critical ones alone",               \
         TG_VALUE_TEXT,                                                          \
         "quiet_hours",                                                          \
         NULL},                                                                  \
    {                                                                            \
        "off", NULL, "keep it, and tell it nothing", TG_VALUE_SWITCH, NULL,      \
            NULL                                                                 \
    }

const struct tg_option tg_alerts_channels_add_options[] = {
    {"kind", "KIND", "webhook, a chat's robot, or smtp", TG_VALUE_TEXT, "kind",
     kinds},
    CHANNEL_OPTIONS,
    {0},
};

const struct tg_option tg_alerts_channels_update_options[] = {
    CHANNEL_OPTIONS,
    {"no-quiet-hours", NULL, "tell at any time", TG_VALUE_NONE, "quiet_hours",
     NULL},
    {"on", NULL, "tell it again", TG_VALUE_SWITCH, "on", NULL},
    {0},
};

static const struct tg_column list_columns[] = {
    {"ID", "id", TG_CELL_TEXT, NULL, 0},
    {"NAME", "name", TG_CELL_TEXT, NULL, 32},
    {"KIND", "kind", TG_CELL_TEXT, NULL, 0},
    {"ON", "on", TG_CELL_YES, NULL, 0},
    {"ADDRESS", "address", TG_CELL_TEXT, NULL, 48},
    {"FROM_SEVERITY", "min_severity", TG_CELL_TEXT, NULL, 0},
    {"QUIET_HOURS", "quiet_hours", TG_CELL_TEXT, NULL, 48},
    {0},
};

static const struct tg_column page_columns[] = {
    {"ID", "id", TG_CELL_TEXT, NULL, 0},
    {"Name", "name", TG_CELL_TEXT, NULL, 0},
    {"Kind", "kind", TG_CELL_TEXT, NULL, 0},
    {"On", "on", TG_CELL_YES, NULL, 0},
    {"Address", "address", TG_CELL_TEXT, NULL, 0},
    {"From severity", "min_severity", TG_CELL_TEXT, NULL, 0},
    {"Quiet hours", "quiet_hours", TG_CELL_TEXT, NULL, 0},
    {"Created", "created_at", TG_CELL_WHEN, NULL, 0},
    {0},
};

int
tg_alerts_channels(struct tg_cli *cli)
{
    static const struct tg_list list = {
        "/channels", list_columns,
        "There are no channels. Add one: tollgate alerts channels add", false,
        0};

    return tg_list_run(cli, &list);
}

/* Puts a secret that was asked for into the body. */
static int
ask(const struct tg_cli *cli, const char *file, json_t *body,
    const char *member)
{
    struct tg_asked asked;
    int rc = tg_ask_secret(cli, file, &asked);

    if (rc != TG_EXIT_OK)
        return rc;
    json_object_set_new(body, member, json_string(asked.data));
    explicit_bzero(&asked, sizeof(asked));
    return TG_EXIT_OK;
}

/* A URL that is a secret does not stand among the arguments. */
static int
ask_all(const struct tg_cli *cli, json_t *body, bool is_new)
{
    const char *kind = tg_args_value(cli, "kind");
    bool is_robot = kind != NULL && strcmp(kind, "webhook") != 0 &&
                    strcmp(kind, "smtp") != 0;
    int rc = TG_EXIT_OK;

    if (is_robot && tg_args_has(cli, "url"))
        return tg_say_usage(cli,
                            "a robot's URL is a secret: --url-file FILE, or "
                            "standard input");
    if (tg_args_has(cli, "url-file") || (is_new && is_robot))
        rc = ask(cli, tg_args_value(cli, "url-file"), body, "url");
    if (rc == TG_EXIT_OK &&
        (tg_args_has(cli, "secret-file") ||
         (is_new && kind != NULL && strcmp(kind, "webhook") == 0)))
        rc = ask(cli, tg_args_value(cli, "secret-file"), body, "secret");
    if (rc == TG_EXIT_OK && tg_args_has(cli, "password-file"))
        rc = ask(cli, tg_args_value(cli, "password-file"), body, "password");
    if (tg_args_has(cli, "off"))
        json_object_set_new(body, "on", json_false());
    return rc;
}

int
tg_alerts_channels_add(struct tg_cli *cli)
{
    static const char *const needed[] = {"kind", "name", NULL};
    json_t *body, *made = NULL;
    int rc = tg_noun_require(cli, needed);

    if (rc != TG_EXIT_OK)
        return rc;
    body = tg_request_body(cli);
    rc = ask_all(cli, body, true);
    if (rc == TG_EXIT_OK)
        rc = tg_client_call(cli, "POST", "/channels", body, &made);
    json_decref(body);
    if (rc == TG_EXIT_OK)
        tg_noun_made(cli, page_columns, made);
    json_decref(made);
    return rc;
}

int
tg_alerts_channels_update(struct tg_cli *cli)
{
    static const struct tg_act act = {"PATCH", "channels", "", "is changed",
                                      NULL};
    json_t *body = tg_request_body(cli);
    int rc = tg_noun_agree(cli);

    if (rc == TG_EXIT_OK)
        rc = ask_all(cli, body, false);
    if (rc == TG_EXIT_OK && tg_args_has(cli, "on") && tg_args_has(cli, "off"))
        rc = tg_say_usage(cli, "--on and --off exclude each other");
    if (rc == TG_EXIT_OK && json_object_size(body) == 0)
        rc = tg_say_usage(cli, "say what to change, for example --off");
    if (rc == TG_EXIT_OK)
        rc = tg_noun_act(cli, &act, body);
    json_decref(body);
    return rc;
}

int
tg_alerts_channels_test(struct tg_cli *cli)
{
    char *path = tg_request_path("channels", cli->operand, "/test");
    json_t *result = NULL, *body = json_object();
    int rc = tg_client_call(cli, "POST", path, body, &result);

    free(path);
    json_decref(body);
    if (rc != TG_EXIT_OK)
        return rc;
    if (cli->is_json)
        tg_table_json(result);
    if (!json_is_true(json_object_get(result, "delivered")))
        rc = cli->is_json ? TG_EXIT_FAILED
                          : tg_say_failed("it was not taken: %s",
                                          tg_noun_text(result, "error"));
    else if (!cli->is_json && !cli->is_quiet)
        printf("%s has taken it, with status %lld after %lld ms.\n",
               cli->operand,
               (long long)json_integer_value(json_object_get(result, "status")),
               (long long)json_integer_value(
                   json_object_get(result, "latency_ms")));
    json_decref(result);
    return rc;
}

int
tg_alerts_channels_delete(struct tg_cli *cli)
{
    static const struct tg_act act = {"DELETE", "channels", "", "is deleted",
                                      NULL};
    int rc = tg_say_confirm(cli,
                            "Delete the channel %s? What waits for it is told "
                            "to nobody.",
                            cli->operand);

    return rc == TG_EXIT_OK ? tg_noun_act(cli, &act, NULL) : rc;
}
