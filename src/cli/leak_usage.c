#include "leak_usage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "client.h"
#include "nouns.h"
#include "own.h"
#include "plural.h"
#include "request.h"
#include "say.h"
#include "table.h"
#include "when.h"

const struct tg_option tg_leak_show_options[] = {
    {"leaked-at", "WHEN", "what it cost since is said", TG_VALUE_WHEN,
     "leaked_at", NULL},
    {"csv", NULL, "one table for spreadsheets", TG_VALUE_SWITCH, NULL, NULL},
    {0},
};

static const struct tg_column status_columns[] = {
    {"STATUS", "status", TG_CELL_TEXT, NULL, 0},
    {"CODE", "code", TG_CELL_TEXT, NULL, 0},
    {"REQUESTS", "requests", TG_CELL_COUNT, NULL, 0},
    {"COST", "cost", TG_CELL_COST, NULL, 0},
    {"FIRST", "first_at", TG_CELL_WHEN, NULL, 0},
    {"LAST", "last_at", TG_CELL_WHEN, NULL, 0},
    {0},
};

static const struct tg_column agent_columns[] = {
    {"NEW", "is_new", TG_CELL_YES, NULL, 0},
    {"REQUESTS", "requests", TG_CELL_COUNT, NULL, 0},
    {"OK", "ok", TG_CELL_COUNT, NULL, 0},
    {"COST", "cost", TG_CELL_COST, NULL, 0},
    {"FIRST", "first_at", TG_CELL_WHEN, NULL, 0},
    {"LAST", "last_at", TG_CELL_WHEN, NULL, 0},
    {"USER_AGENT", "user_agent", TG_CELL_TEXT, "(none, or others)", 60},
    {0},
};

static const struct tg_column address_columns[] = {
    {"ADDRESS", "ip", TG_CELL_TEXT, "(others)", 0},
    {"NEW", "is_new", TG_CELL_YES, NULL, 0},
    {"ALLOWED", "is_allowed", TG_CELL_YES, "any is", 0},
    {"REQUESTS", "requests", TG_CELL_COUNT, NULL, 0},
    {"OK", "ok", TG_CELL_COUNT, NULL, 0},
    {"COST", "cost", TG_CELL_COST, NULL, 0},
    {"FIRST", "first_at", TG_CELL_WHEN, NULL, 0},
    {"LAST", "last_at", TG_CELL_WHEN, NULL, 0},
    {0},
};

static const struct tg_column denial_columns[] = {
    {"CODE", "code", TG_CELL_TEXT, NULL, 0},
    {"ADDRESS", "ip", TG_CELL_TEXT, "(others)", 0},
    {"COUNT", "count", TG_CELL_COUNT, NULL, 0},
    {"FIRST", "first_at", TG_CELL_WHEN, NULL, 0},
    {"LAST", "last_at", TG_CELL_WHEN, NULL, 0},
    {"USER_AGENT", "user_agent", TG_CELL_TEXT, NULL, 40},
    {0},
};

/* One table of all of it: what a row is about, and its figures. */
static const struct tg_column csv_columns[] = {
    {"about", "about", TG_CELL_TEXT, NULL, 0},
    {"value", "value", TG_CELL_TEXT, NULL, 0},
    {"requests", "requests", TG_CELL_COUNT, NULL, 0},
    {"ok", "ok", TG_CELL_COUNT, NULL, 0},
    {"cost", "cost", TG_CELL_COST, NULL, 0},
    {"first_at", "first_at", TG_CELL_WHEN, NULL, 0},
    {"last_at", "last_at", TG_CELL_WHEN, NULL, 0},
    {"is_new", "is_new", TG_CELL_YES, NULL, 0},
    {"is_allowed", "is_allowed", TG_CELL_YES, NULL, 0},
    {"address", "ip", TG_CELL_TEXT, NULL, 0},
    {0},
};

static const struct section {
    const char *list, *title, *about, *value;
    const struct tg_column *columns;
} sections[] = {
    {"statuses", "Calls that were not answered with 200", "status", "code",
     status_columns},
    {"user_agents", "Programs; new ones were never seen before that week",
     "user_agent", "user_agent", agent_columns},
    {"addresses", "Addresses; new ones were never seen before that week",
     "address", "ip", address_columns},
    {"denials", "Refused without a call", "denial", "code", denial_columns},
};

#define SECTION_COUNT (sizeof(sections) / sizeof(sections[0]))

void
tg_leak_usage_print(const struct tg_cli *cli, const json_t *usage)
{
    const char *since = tg_noun_text(usage, "cost_since_leak");
    json_int_t requests =
        json_integer_value(json_object_get(usage, "requests"));
    struct tg_table table;

    printf("\n%lld request%s from %s to %s, %lld of them answered with 200, "
           "for %s %s%s%s.\n",
           (long long)requests, tg_plural(requests),
           tg_noun_text(usage, "from"), tg_noun_text(usage, "to"),
           (long long)json_integer_value(json_object_get(usage, "ok")),
           tg_noun_text(usage, "cost"), tg_noun_text(usage, "currency"),
           *since != '\0' ? "; since it leaked: " : "", since);
    if (json_is_true(json_object_get(usage, "is_cut")))
        printf("There were more calls than are read at once: the newest are "
               "shown.\n");
    for (size_t i = 0; i < SECTION_COUNT; i++) {
        const json_t *rows = json_object_get(usage, sections[i].list);

        if (json_array_size(rows) == 0)
            continue;
        printf("\n%s:\n", sections[i].title);
        tg_table_init(&table, cli, sections[i].columns);
        tg_table_rows(&table, rows);
    }
}

static void
print_csv(const struct tg_cli *cli, const json_t *usage)
{
    json_t *row;
    size_t j;

    tg_table_csv_head(csv_columns);
    for (size_t i = 0; i < SECTION_COUNT; i++) {
        const struct section *section = &sections[i];
        json_t *rows = json_object_get(usage, section->list);

        json_array_foreach(rows, j, row)
        {
            const json_t *status = json_object_get(row, "status");
            json_t *count = json_object_get(row, "count");
            char text[96];

            snprintf(text, sizeof(text), "%lld %s",
                     (long long)json_integer_value(status),
                     tg_noun_text(row, "code"));
            json_object_set_new(row, "about", json_string(section->about));
            json_object_set_new(row, "value",
                                status != NULL ? json_string(text)
                                               : json_incref(json_object_get(
                                                     row, section->value)));
            if (count != NULL)
                json_object_set(row, "requests", count);
        }
        tg_table_csv_rows(cli, csv_columns, rows);
    }
}

int
tg_leak_show(struct tg_cli *cli)
{
    char *path = tg_request_path("keys", cli->operand, "/leak-usage"), *target;
    json_t *usage;
    int rc = tg_request_target(cli, path, &target);

    free(path);
    if (rc != TG_EXIT_OK)
        return rc;
    rc = tg_client_call(cli, "GET", target, NULL, &usage);
    free(target);
    if (rc != TG_EXIT_OK)
        return rc;
    if (cli->is_json)
        tg_table_json(usage);
    else if (tg_args_has(cli, "csv"))
        print_csv(cli, usage);
    else
        tg_leak_usage_print(cli, usage);
    json_decref(usage);
    return TG_EXIT_OK;
}
