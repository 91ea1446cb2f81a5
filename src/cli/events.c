#include "list.h"
#include "nouns.h"

const struct tg_option tg_events_list_options[] = {
    {"type", "TYPE", "only events of this type", TG_VALUE_TEXT, "type", NULL},
    {"account", "ACCOUNT", "only those of this account", TG_VALUE_TEXT,
     "account", NULL},
    {"since", "WHEN", "from here: 15m, 168h, 7d, a date, an instant",
     TG_VALUE_WHEN, "since", NULL},
    {"limit", "N", "at most so many rows, newest first; 100", TG_VALUE_COUNT,
     NULL, NULL},
    {"csv", NULL, "print CSV, safe to open in a spreadsheet", TG_VALUE_SWITCH,
     NULL, NULL},
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

int
tg_events_list(struct tg_cli *cli)
{
    static const struct tg_list list = {"/events", columns,
                                        "There are no such events.", true, 100};

    return tg_list_run(cli, &list);
}
