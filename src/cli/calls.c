#include "list.h"
#include "nouns.h"

const struct tg_option tg_calls_list_options[] = {
    {"key", "ID", "only calls of this key", TG_VALUE_TEXT, "key", NULL},
    {"account", "ACCOUNT", "only calls of this account: id or name",
     TG_VALUE_TEXT, "account", NULL},
    {"model", "MODEL", "only calls of this model", TG_VALUE_TEXT, "model",
     NULL},
    {"since", "WHEN", "from here: 15m, 168h, 7d, a date, an instant",
     TG_VALUE_WHEN, "since", NULL},
    {"until", "WHEN", "up to here, not included; now", TG_VALUE_WHEN, "until",
     NULL},
    {"status", "STATUS", "only calls answered with this HTTP status",
     TG_VALUE_COUNT, "status", NULL},
    {"not-ok", NULL, "only calls that failed; refused requests: denials list",
     TG_VALUE_SWITCH, "not_ok", NULL},
    {"limit", "N", "at most so many rows, newest first; 100", TG_VALUE_COUNT,
     NULL, NULL},
    {"csv", NULL, "print CSV, safe to open in a spreadsheet", TG_VALUE_SWITCH,
     NULL, NULL},
    {0},
};

static const struct tg_column columns[] = {
    {"AT", "at", TG_CELL_WHEN, NULL, 0},
    {"KEY", "key_id", TG_CELL_TEXT, NULL, 0},
    {"STATUS", "status", TG_CELL_STATUS, NULL, 0},
    {"CODE", "code", TG_CELL_TEXT, NULL, 0},
    {"ENDPOINT", "endpoint", TG_CELL_TEXT, NULL, 0},
    {"MODEL", "model", TG_CELL_TEXT, NULL, 32},
    {"STREAM", "stream", TG_CELL_YES, NULL, 0},
    {"PROMPT", "prompt_tokens", TG_CELL_COUNT, NULL, 0},
    {"CACHED", "prompt_cache_hit_tokens", TG_CELL_COUNT, NULL, 0},
    {"COMPLETION", "completion_tokens", TG_CELL_COUNT, NULL, 0},
    {"UNIT", "unit", TG_CELL_TEXT, NULL, 0},
    {"UNITS", "units", TG_CELL_AMOUNT, NULL, 0},
    {"COST", "cost", TG_CELL_COST, NULL, 0},
    {"BASIS", "basis", TG_CELL_TEXT, NULL, 0},
    {"LATENCY", "latency_ms", TG_CELL_MS, NULL, 0},
    {"FIRST_TOKEN", "ttft_ms", TG_CELL_MS, NULL, 0},
    {"IP", "ip", TG_CELL_TEXT, NULL, 0},
    {"USER_AGENT", "user_agent", TG_CELL_TEXT, NULL, 32},
    {"CALL", "id", TG_CELL_TEXT, NULL, 0},
    {0},
};

int
tg_calls_list(struct tg_cli *cli)
{
    static const struct tg_list list = {
        "/calls", columns,
        "There are no such calls. Make one with a key of: tollgate keys "
        "create --name NAME",
        true, 100};

    return tg_list_run(cli, &list);
}
