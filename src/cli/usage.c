#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "client.h"
#include "nouns.h"
#include "own.h"
#include "request.h"
#include "say.h"
#include "table.h"
#include "glyph.h"

static const char *const groups[] = {"day",   "hour",    "key",
                                     "model", "account", NULL};

const struct tg_option tg_usage_options[] = {
    {"key", "ID", "only calls of this key", TG_VALUE_TEXT, "key", NULL},
    {"account", "ACCOUNT", "only calls of this account: id or name",
     TG_VALUE_TEXT, "account", NULL},
    {"model", "MODEL", "only calls of this model", TG_VALUE_TEXT, "model",
     NULL},
    {"since", "WHEN", "from here: 15m, 168h, 7d, a date, an instant",
     TG_VALUE_WHEN, "since", NULL},
    {"until", "WHEN", "up to here, not included; now", TG_VALUE_WHEN, "until",
     NULL},
    {"by", "GROUP", "a row for each: day, hour, key, model or account; day",
     TG_VALUE_TEXT, NULL, groups},
    {"timezone", "ZONE", "where days begin; UTC", TG_VALUE_TEXT, "timezone",
     NULL},
    {"csv", NULL, "print CSV, safe to open in a spreadsheet", TG_VALUE_SWITCH,
     NULL, NULL},
    {0},
};

/* The first column is the group's; the member is set when it is known. */
static const struct tg_column columns[] = {
    {"GROUP", "group", TG_CELL_TEXT, NULL, 48},
    {"REQUESTS", "requests", TG_CELL_COUNT, NULL, 0},
    {"ERRORS", "errors", TG_CELL_COUNT, NULL, 0},
    {"PROMPT", "prompt_tokens", TG_CELL_COUNT, NULL, 0},
    {"CACHED", "prompt_cache_hit_tokens", TG_CELL_COUNT, NULL, 0},
    {"COMPLETION", "completion_tokens", TG_CELL_COUNT, NULL, 0},
    {"REASONING", "reasoning_tokens", TG_CELL_COUNT, NULL, 0},
    {"TOKENS", "total_tokens", TG_CELL_COUNT, NULL, 0},
    {"COST", "cost", TG_CELL_COST, NULL, 0},
    {0},
};

#define COLUMN_COUNT (sizeof(columns) / sizeof(columns[0]))

/* What one group of rows needs to be printed. */
struct view {
    struct tg_column columns[COLUMN_COUNT];
    char title[16];
    char cost[24];
};

static void
init_view(struct view *view, const char *by, const char *currency)
{
    size_t i;

    memcpy(view->columns, columns, sizeof(columns));
    for (i = 0; by[i] != '\0' && i + 1 < sizeof(view->title); i++)
        view->title[i] = (char)(by[i] - 'a' + 'A');
    view->title[i] = '\0';
    snprintf(view->cost, sizeof(view->cost), "COST_%s", currency);
    view->columns[0].title = view->title;
    view->columns[0].member = by;
    if (*currency != '\0')
        view->columns[COLUMN_COUNT - 2].title = view->cost;
}

static void
print_table(struct tg_cli *cli, const struct view *view, const char *by,
            json_t *usage)
{
    json_t *rows = json_object_get(usage, "rows");
    json_t *total = json_deep_copy(json_object_get(usage, "total"));
    struct tg_table table;

    if (json_is_object(total)) {
        json_object_set_new(total, by, json_string("total"));
        json_array_append(rows, total);
    }
    tg_table_init(&table, cli, view->columns);
    tg_table_rows(&table, rows);
    json_decref(total);
}

static void
print_empty(const json_t *usage)
{
    char *from = tg_glyph_safe(tg_noun_text(usage, "from"));
    char *to = tg_glyph_safe(tg_noun_text(usage, "to"));

    printf("There were no calls from %s to %s. Make one with a key of: "
           "tollgate keys create --name NAME\n",
           *from != '\0' ? from : "the beginning", *to != '\0' ? to : "now");
    free(from);
    free(to);
}

static void
print_usage(struct tg_cli *cli, const char *by, json_t *usage)
{
    json_t *rows = json_object_get(usage, "rows");
    struct view view;

    init_view(&view, by, tg_noun_text(usage, "currency"));
    if (tg_args_has(cli, "csv")) {
        tg_table_csv_head(view.columns);
        tg_table_csv_rows(cli, view.columns, rows);
        return;
    }
    if (json_array_size(rows) == 0)
        print_empty(usage);
    else
        print_table(cli, &view, by, usage);
}

int
tg_usage_show(struct tg_cli *cli)
{
    const char *by = tg_args_value(cli, "by");
    char *target, *whole = NULL;
    json_t *usage;
    int rc = tg_request_target(cli, "/usage", &target);

    if (rc != TG_EXIT_OK)
        return rc;
    by = by != NULL ? by : "day";
    if (asprintf(&whole, "%s%sby=%s", target,
                 strchr(target, '?') != NULL ? "&" : "?", by) < 0)
        tg_own(NULL);
    rc = tg_client_call(cli, "GET", whole, NULL, &usage);
    free(whole);
    free(target);
    if (rc != TG_EXIT_OK)
        return rc;
    if (cli->is_json)
        tg_table_json(usage);
    else
        print_usage(cli, by, usage);
    json_decref(usage);
    return TG_EXIT_OK;
}
