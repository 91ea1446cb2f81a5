#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "export_rows.h"
#include "list.h"
#include "nouns.h"
#include "request.h"
#include "table.h"

static const char *const scopes[] = {"chat",        "code",       "image",
                                     "audio",       "embeddings", "files",
                                     "fine_tuning", NULL};

#define OPTION(flag, argument, help, value, member, choices)                   \
    {                                                                          \
        flag, argument, help, value, member, choices                           \
    }
#define ONLY(flag, argument, member, what)                                     \
    OPTION(flag, argument, "only " what, TG_VALUE_TEXT, member, NULL)

/* What lists and exports take. */
#define FILTERS                                                                \
    ONLY("key", "ID", "key", "calls of this key"),                             \
        ONLY("account", "ACCOUNT", "account",                                  \
             "calls of this account: id or name"),                             \
        ONLY("model", "MODEL", "model", "calls of this model"),                \
        OPTION("since", "WHEN",                                                \
               "from here: 15m, 168h, 7d, a date, an instant", TG_VALUE_WHEN,  \
               "since", NULL),                                                 \
        OPTION("until", "WHEN", "up to here, not included; now",               \
               TG_VALUE_WHEN, "until", NULL),                                  \
        ONLY("status", "STATUS", "status",                                     \
             "those answered with 429, 5xx, or several: 429,5xx"),             \
        OPTION("not-ok", NULL,                                                 \
               "only calls that failed; refused requests: denials list",       \
               TG_VALUE_SWITCH, "not_ok", NULL),                               \
        ONLY("code", "CODE", "code",                                           \
             "those with this code, such as upstream_error"),                  \
        ONLY("ip", "ADDRESS", "ip",                                            \
             "from this one, or a network such as 10.0.0.0/8"),                \
        ONLY("agent", "TEXT", "agent", "those whose user agent contains it"),  \
        ONLY("endpoint", "PATH", "endpoint",                                   \
             "of this one, such as /v1/chat/completions"),                     \
        OPTION("scope", "SCOPE", "only of this scope", TG_VALUE_TEXT, "scope", \
               scopes),                                                        \
        ONLY("upstream", "UPSTREAM", "upstream",                               \
             "those it answered: id or name"),                                 \
        ONLY("request-id", "ID", "request_id", "the one answered with it"),    \
        ONLY("trace-id", "ID", "trace_id", "what the upstream calls so"),      \
        OPTION("min-latency", "TIME", "only what took so long: 500ms, 2s, 1m", \
               TG_VALUE_MS, "min_latency_ms", NULL)

const struct tg_option tg_calls_list_options[] = {
    FILTERS,
    {"limit", "N", "at most so many rows, newest first; 100", TG_VALUE_COUNT,
     NULL, NULL},
    {"csv", NULL, "print CSV, safe to open in a spreadsheet", TG_VALUE_SWITCH,
     NULL, NULL},
    {0},
};

const struct tg_option tg_calls_export_options[] = {
    FILTERS,
    TG_EXPORT_FORMAT,
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
    {"REASONING", "reasoning_tokens", TG_CELL_COUNT, NULL, 0},
    {"UNIT", "unit", TG_CELL_TEXT, NULL, 0},
    {"UNITS", "units", TG_CELL_AMOUNT, NULL, 0},
    {"COST", "cost", TG_CELL_COST, NULL, 0},
    {"BASIS", "basis", TG_CELL_TEXT, NULL, 0},
    {"LATENCY", "latency_ms", TG_CELL_MS, NULL, 0},
    {"FIRST_TOKEN", "ttft_ms", TG_CELL_MS, NULL, 0},
    {"IP", "ip", TG_CELL_TEXT, NULL, 0},
    {"USER_AGENT", "user_agent", TG_CELL_TEXT, NULL, 32},
    {"UPSTREAM", "upstream", TG_CELL_TEXT, NULL, 0},
    {"REQUEST", "request_id", TG_CELL_TEXT, NULL, 0},
    {"TRACE", "trace_id", TG_CELL_TEXT, NULL, 40},
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

static const struct tg_column page_columns[] = {
    {"Call", "id", TG_CELL_TEXT, NULL, 0},
    {"Request", "request_id", TG_CELL_TEXT, NULL, 0},
    {"At", "at", TG_CELL_WHEN, NULL, 0},
    {"Key", "key_id", TG_CELL_TEXT, NULL, 0},
    {"Account", "account_id", TG_CELL_TEXT, NULL, 0},
    {"Endpoint", "endpoint", TG_CELL_TEXT, NULL, 0},
    {"Model", "model", TG_CELL_TEXT, NULL, 0},
    {"Stream", "stream", TG_CELL_YES, NULL, 0},
    {"Status", "status", TG_CELL_STATUS, NULL, 0},
    {"Code", "code", TG_CELL_TEXT, "none: all is well", 0},
    {"Client left", "client_left", TG_CELL_YES, NULL, 0},
    {"Latency", "latency_ms", TG_CELL_MS, NULL, 0},
    {"First token", "ttft_ms", TG_CELL_MS, "none came", 0},
    {"Address", "ip", TG_CELL_TEXT, NULL, 0},
    {"User agent", "user_agent", TG_CELL_TEXT, NULL, 0},
    {"Upstream", "upstream", TG_CELL_TEXT, NULL, 0},
    {"Its trace id", "trace_id", TG_CELL_TEXT, NULL, 0},
    {"Prompt tokens", "prompt_tokens", TG_CELL_COUNT, NULL, 0},
    {"of them cached", "prompt_cache_hit_tokens", TG_CELL_COUNT, NULL, 0},
    {"and written", "prompt_cache_write_tokens", TG_CELL_COUNT, NULL, 0},
    {"Completion tokens", "completion_tokens", TG_CELL_COUNT, NULL, 0},
    {"of them reasoning", "reasoning_tokens", TG_CELL_COUNT, NULL, 0},
    {"Known by", "known_by", TG_CELL_TEXT, NULL, 0},
    {"Held on entry", "held", TG_CELL_COST, NULL, 0},
    {"Cost", "cost", TG_CELL_COST, NULL, 0},
    {0},
};

static const struct tg_column line_columns[] = {
    {"OF", "of", TG_CELL_TEXT, NULL, 0},
    {"COUNT", "count", TG_CELL_COUNT, NULL, 0},
    {"UNIT", "unit", TG_CELL_TEXT, NULL, 0},
    {"PRICE", "price", TG_CELL_AMOUNT, NULL, 0},
    {"PER", "per", TG_CELL_COUNT, NULL, 0},
    {"COST", "cost", TG_CELL_AMOUNT, NULL, 0},
    {0},
};

static const char *
known_by(const json_t *call)
{
    static const char *const words[][2] = {
        {"reported", "reported: the upstream said so"},
        {"counted", "counted: what passed by on the way"},
        {"held", "held: nothing is known, so what was set aside is charged"},
        {"none", "none: nothing was produced, so nothing is charged"},
    };
    const char *basis = tg_noun_text(call, "basis");

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(words[i][0], basis) == 0)
            return words[i][1];
    }
    return basis;
}

static void
print_call(const struct tg_cli *cli, json_t *call)
{
    const json_t *lines = json_object_get(call, "cost_lines");
    struct tg_table table;

    json_object_set_new(call, "known_by", json_string(known_by(call)));
    tg_table_page(cli, page_columns, call);
    if (json_array_size(lines) == 0 || cli->is_quiet)
        return;
    printf("\nPrices as they were on entry%s; the cost is the sum, rounded up "
           "once to a nano-unit:\n",
           json_is_true(json_object_get(call, "peak")) ? ", of peak hours"
                                                       : "");
    tg_table_init(&table, cli, line_columns);
    tg_table_rows(&table, lines);
}

int
tg_calls_show(struct tg_cli *cli)
{
    char *path = tg_request_path("calls", cli->operand, "");
    json_t *call;
    int rc = tg_client_call(cli, "GET", path, NULL, &call);

    free(path);
    if (rc != TG_EXIT_OK)
        return rc;
    if (cli->is_json)
        tg_table_json(call);
    else
        print_call(cli, call);
    json_decref(call);
    return TG_EXIT_OK;
}

int
tg_calls_export(struct tg_cli *cli)
{
    return tg_export_rows(cli, "/calls/export", "calls");
}
