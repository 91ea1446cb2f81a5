#include <assert.h>
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

/* What the rows of each group are named by. */
static const struct group {
    const char *by;
    struct tg_column id, name; /* name: no title when it has none */
} group_rows[] = {
    {"day", {"DAY", "day", TG_CELL_TEXT, NULL, 0}, {0}},
    {"hour", {"HOUR", "hour", TG_CELL_TEXT, NULL, 0}, {0}},
    {"key",
     {"KEY", "key_id", TG_CELL_TEXT, NULL, 0},
     {"NAME", "key_name", TG_CELL_TEXT, NULL, 32}},
    {"model", {"MODEL", "model", TG_CELL_TEXT, NULL, 48}, {0}},
    {"account",
     {"ACCOUNT", "account_id", TG_CELL_TEXT, NULL, 0},
     {"NAME", "account_name", TG_CELL_TEXT, NULL, 32}},
};

#define GROUP_COUNT (sizeof(group_rows) / sizeof(group_rows[0]))

static const struct tg_column sums[] = {
    {"REQUESTS", "requests", TG_CELL_COUNT, NULL, 0},
    {"ERRORS", "errors", TG_CELL_COUNT, NULL, 0},
    {"PROMPT", "prompt_tokens", TG_CELL_COUNT, NULL, 0},
    {"CACHED", "prompt_cache_hit_tokens", TG_CELL_COUNT, NULL, 0},
    {"COMPLETION", "completion_tokens", TG_CELL_COUNT, NULL, 0},
    {"REASONING", "reasoning_tokens", TG_CELL_COUNT, NULL, 0},
    {"TOKENS", "total_tokens", TG_CELL_COUNT, NULL, 0},
    {"IMAGES", "images", TG_CELL_COUNT, NULL, 0},
    {"AUDIO_S", "audio_seconds", TG_CELL_AMOUNT, NULL, 0},
    {"CHARACTERS", "characters", TG_CELL_COUNT, NULL, 0},
    {"COST", "cost", TG_CELL_COST, NULL, 0},
};

#define SUM_COUNT (sizeof(sums) / sizeof(sums[0]))

/* The columns of one group, ended by an empty one. */
struct view {
    const struct group *group;
    struct tg_column columns[2 + SUM_COUNT + 1];
    char cost[24];
};

static void
init_view(struct view *view, const char *by, const char *currency)
{
    size_t n = 0, i = 0;

    *view = (struct view){.group = group_rows};
    while (i < GROUP_COUNT && strcmp(group_rows[i].by, by) != 0)
        i++;
    assert(i < GROUP_COUNT);
    view->group = &group_rows[i];
    view->columns[n++] = view->group->id;
    if (view->group->name.title != NULL)
        view->columns[n++] = view->group->name;
    memcpy(&view->columns[n], sums, sizeof(sums));
    if (*currency != '\0') {
        snprintf(view->cost, sizeof(view->cost), "COST_%s", currency);
        view->columns[n + SUM_COUNT - 1].title = view->cost;
    }
}

static void
print_table(struct tg_cli *cli, const struct view *view, json_t *usage)
{
    json_t *rows = json_object_get(usage, "rows");
    json_t *total = json_deep_copy(json_object_get(usage, "total"));
    struct tg_table table;

    if (json_is_object(total)) {
        json_object_set_new(total, view->group->id.member,
                            json_string("total"));
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
        print_table(cli, &view, usage);
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
