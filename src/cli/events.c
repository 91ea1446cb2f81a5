#include <stdio.h>
#include <stdlib.h>

#include "client.h"
#include "export_rows.h"
#include "list.h"
#include "nouns.h"
#include "own.h"
#include "request.h"
#include "say.h"
#include "table.h"

static const char *const severities[] = {"info", "warning", "critical", NULL};

#define OPTION(flag, argument, help, value, choices)                           \
    {                                                                          \
        flag, argument, help, value, flag, choices                             \
    }

/* What lists and exports take. */
#define FILTERS                                                                \
    OPTION("key", "ID", "only events of this key", TG_VALUE_TEXT, NULL),       \
        OPTION("account", "ACCOUNT", "only events of this account's keys",     \
               TG_VALUE_TEXT, NULL),                                           \
        OPTION("type", "TYPE", "only events of this type", TG_VALUE_TEXT,      \
               NULL),                                                          \
        OPTION("severity", "SEVERITY", "only events that are so grave",        \
               TG_VALUE_TEXT, severities),                                     \
        OPTION("since", "WHEN",                                                \
               "from here: 15m, 168h, 7d, a date, an instant", TG_VALUE_WHEN,  \
               NULL),                                                          \
        OPTION("until", "WHEN", "up to here, exclusive", TG_VALUE_WHEN, NULL)

const struct tg_option tg_events_list_options[] = {
    FILTERS,
    {"limit", "N", "at most so many rows, newest first; 100", TG_VALUE_COUNT,
     NULL, NULL},
    {"csv", NULL, "print CSV, safe to open in a spreadsheet", TG_VALUE_SWITCH,
     NULL, NULL},
    {0},
};

const struct tg_option tg_events_export_options[] = {
    FILTERS,
    TG_EXPORT_FORMAT,
    {0},
};

static const struct tg_column columns[] = {
    {"AT", "at", TG_CELL_WHEN, NULL, 0},
    {"SEVERITY", "severity", TG_CELL_STATUS, NULL, 0},
    {"TYPE", "type", TG_CELL_TEXT, NULL, 0},
    {"MESSAGE", "message", TG_CELL_TEXT, NULL, 0},
    {"EVENT", "id", TG_CELL_TEXT, NULL, 0},
    {0},
};

static const struct tg_column page_columns[] = {
    {"Event", "id", TG_CELL_TEXT, NULL, 0},
    {"At", "at", TG_CELL_WHEN, NULL, 0},
    {"Type", "type", TG_CELL_TEXT, NULL, 0},
    {"Severity", "severity", TG_CELL_STATUS, NULL, 0},
    {"Message", "message", TG_CELL_TEXT, NULL, 0},
    {"Key", "key_id", TG_CELL_TEXT, NULL, 0},
    {"Account", "account_id", TG_CELL_TEXT, NULL, 0},
    {"Upstream", "upstream_id", TG_CELL_TEXT, NULL, 0},
    {"Credential", "credential_id", TG_CELL_TEXT, NULL, 0},
    {0},
};

int
tg_events_list(struct tg_cli *cli)
{
    static const struct tg_list list = {"/events", columns,
                                        "There are no such events.", true, 100};

    return tg_list_run(cli, &list);
}

/* JSON escapes what a terminal would obey, but for what is not ASCII. */
static void
print_evidence(const json_t *event)
{
    char *text = json_dumps(json_object_get(event, "evidence"),
                            JSON_INDENT(2) | JSON_ENSURE_ASCII);

    if (text != NULL)
        printf("\nEvidence:\n%s\n", text);
    free(text);
}

int
tg_events_show(struct tg_cli *cli)
{
    char *path = tg_request_path("events", cli->operand, "");
    json_t *event;
    int rc = tg_client_call(cli, "GET", path, NULL, &event);

    free(path);
    if (rc != TG_EXIT_OK)
        return rc;
    if (cli->is_json) {
        tg_table_json(event);
    } else {
        tg_table_page(cli, page_columns, event);
        print_evidence(event);
    }
    json_decref(event);
    return TG_EXIT_OK;
}

int
tg_events_export(struct tg_cli *cli)
{
    return tg_export_rows(cli, "/events/export", "events");
}
