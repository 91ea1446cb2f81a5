#include "export_rows.h"
#include "list.h"
#include "nouns.h"

#define OPTION(flag, argument, help, value)                                    \
    {                                                                          \
        flag, argument, help, value, flag, NULL                                \
    }

/* What lists and exports take. */
#define FILTERS                                                                \
    OPTION("key", "ID", "only requests with this key", TG_VALUE_TEXT),         \
        OPTION("account", "ACCOUNT",                                           \
               "only with keys of this account: id or name", TG_VALUE_TEXT),   \
        OPTION("code", "CODE", "only those refused with this code",            \
               TG_VALUE_TEXT),                                                 \
        OPTION("since", "WHEN",                                                \
               "from here: 15m, 168h, 7d, a date, an instant", TG_VALUE_WHEN), \
        OPTION("until", "WHEN", "up to here, not included; now",               \
               TG_VALUE_WHEN)

const struct tg_option tg_denials_list_options[] = {
    FILTERS,
    {"limit", "N", "at most so many rows, newest first; 100", TG_VALUE_COUNT,
     NULL, NULL},
    {"csv", NULL, "print CSV, safe to open in a spreadsheet", TG_VALUE_SWITCH,
     NULL, NULL},
    {0},
};

const struct tg_option tg_denials_export_options[] = {
    FILTERS,
    TG_EXPORT_FORMAT,
    {0},
};

static const struct tg_column columns[] = {
    {"LAST", "last_at", TG_CELL_WHEN, NULL, 0},
    {"COUNT", "count", TG_CELL_COUNT, NULL, 0},
    {"STATUS", "status", TG_CELL_STATUS, NULL, 0},
    {"CODE", "code", TG_CELL_TEXT, NULL, 0},
    {"KEY", "key_id", TG_CELL_TEXT, NULL, 0},
    {"IP", "ip", TG_CELL_TEXT, "(any)", 0},
    {"FIRST", "first_at", TG_CELL_WHEN, NULL, 0},
    {"ENDPOINT", "endpoint", TG_CELL_TEXT, NULL, 0},
    {"MODEL", "model", TG_CELL_TEXT, NULL, 32},
    {"USER_AGENT", "user_agent", TG_CELL_TEXT, NULL, 32},
    {"REQUEST", "request_id", TG_CELL_TEXT, NULL, 0},
    {0},
};

int
tg_denials_list(struct tg_cli *cli)
{
    static const struct tg_list list = {
        "/denials", columns, "No such requests were refused.", true, 100};

    return tg_list_run(cli, &list);
}

int
tg_denials_export(struct tg_cli *cli)
{
    return tg_export_rows(cli, "/denials/export", "rows");
}
