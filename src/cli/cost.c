#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "client.h"
#include "nouns.h"
#include "plural.h"
#include "request.h"
#include "say.h"
#include "table.h"

const struct tg_option tg_cost_optimize_options[] = {
    {"key", "ID", "only calls of this key", TG_VALUE_TEXT, "key", NULL},
    {"account", "ACCOUNT", "only calls of this account: id or name",
     TG_VALUE_TEXT, "account", NULL},
    {"since", "WHEN", "calls since: 30d, a date, an instant", TG_VALUE_WHEN,
     "since", NULL},
    {"min-saving", "AMOUNT", "only what saves so much a month; 0.01",
     TG_VALUE_AMOUNT, NULL, NULL},
    {"limit", "N", "at most so many, the largest first; 100", TG_VALUE_COUNT,
     "limit", NULL},
    {"csv", NULL, "print CSV, safe to open in a spreadsheet", TG_VALUE_SWITCH,
     NULL, NULL},
    {"apply", NULL, "refused: says who can do what is recommended",
     TG_VALUE_SWITCH, NULL, NULL},
    {0},
};

/* Columns of a table, of which each kind of advice has some. */
enum { INSTEAD = 1 << 0, AT_MOST = 1 << 1 };

static const struct {
    struct tg_column column;
    unsigned only; /* of kinds that have this; 0: of all */
    bool is_money;
} columns[] = {
    {{"KEY", "key_id", TG_CELL_TEXT, NULL, 0}, 0, false},
    {{"NAME", "key_name", TG_CELL_TEXT, NULL, 16}, 0, false},
    {{"MODEL", "model", TG_CELL_TEXT, NULL, 24}, 0, false},
    {{"INSTEAD", "candidate", TG_CELL_TEXT, NULL, 24}, INSTEAD, false},
    {{"REQUESTS", "requests", TG_CELL_COUNT, NULL, 0}, 0, false},
    {{"COST", "cost", TG_CELL_COST, NULL, 0}, 0, true},
    {{"THEN", "cost_then", TG_CELL_COST, NULL, 0}, 0, true},
    {{"MONTH", "saving_per_month", TG_CELL_COST, NULL, 0}, 0, true},
    {{"AT_MOST", "saving_at_most_per_month", TG_CELL_COST, NULL, 0},
     AT_MOST,
     true},
    {{"SURE", "confidence", TG_CELL_TEXT, NULL, 0}, 0, false},
};

#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

/* The columns of one kind, with the currency; ended by an empty one. */
struct view {
    struct tg_column columns[COLUMNS + 1];
    char titles[COLUMNS][24];
};

/* For a spreadsheet, also what a page says in sentences. */
static const struct tg_column csv_columns[] = {
    {"kind", "kind", TG_CELL_TEXT, NULL, 0},
    {"key_id", "key_id", TG_CELL_TEXT, NULL, 0},
    {"key_name", "key_name", TG_CELL_TEXT, NULL, 0},
    {"account_id", "account_id", TG_CELL_TEXT, NULL, 0},
    {"model", "model", TG_CELL_TEXT, NULL, 0},
    {"candidate", "candidate", TG_CELL_TEXT, NULL, 0},
    {"requests", "requests", TG_CELL_COUNT, NULL, 0},
    {"tokens", "tokens", TG_CELL_COUNT, NULL, 0},
    {"cost", "cost", TG_CELL_COST, NULL, 0},
    {"cost_then", "cost_then", TG_CELL_COST, NULL, 0},
    {"saving", "saving", TG_CELL_COST, NULL, 0},
    {"saving_per_month", "saving_per_month", TG_CELL_COST, NULL, 0},
    {"saving_at_most", "saving_at_most", TG_CELL_COST, NULL, 0},
    {"saving_at_most_per_month", "saving_at_most_per_month", TG_CELL_COST, NULL,
     0},
    {"confidence", "confidence", TG_CELL_TEXT, NULL, 0},
    {"assumption", "assumption", TG_CELL_TEXT, NULL, 0},
    {"command", "command", TG_CELL_TEXT, NULL, 0},
    {0},
};

/* What each kind of advice is about, once for all of a kind. */
static const struct kind {
    const char *kind, *title;
    unsigned has;
} kinds[] = {
    {"cheaper_model", "A cheaper model", INSTEAD},
    {"batching", "Fewer, larger requests", AT_MOST},
    {"prompt_cache", "More from the provider's prompt cache", 0},
    {"off_peak", "Work at off-peak hours", AT_MOST},
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static int
ask(struct tg_cli *cli, json_t **answer)
{
    const char *least = tg_args_value(cli, "min-saving");
    char *escaped = tg_client_escape(least != NULL ? least : "0.01");
    char *path = NULL, *target;
    int rc;

    if (asprintf(&path, "/cost/advice?min_saving=%s", escaped) < 0)
        path = NULL;
    free(escaped);
    rc = tg_request_target(cli, path, &target);
    free(path);
    if (rc != TG_EXIT_OK)
        return rc;
    rc = tg_client_call(cli, "GET", target, NULL, answer);
    free(target);
    return rc;
}

static json_t *
of_kind(const json_t *answer, const char *kind)
{
    const json_t *rows = json_object_get(answer, "recommendations");
    json_t *found = json_array(), *row;
    size_t i;

    json_array_foreach((json_t *)rows, i, row)
    {
        if (strcmp(tg_noun_text(row, "kind"), kind) == 0)
            json_array_append(found, row);
    }
    return found;
}

static void
init_view(struct view *view, const struct kind *kind, const char *currency)
{
    size_t n = 0;

    *view = (struct view){.columns = {{0}}};
    for (size_t i = 0; i < COLUMNS; i++) {
        if (columns[i].only != 0 && !(columns[i].only & kind->has))
            continue;
        view->columns[n] = columns[i].column;
        if (columns[i].is_money) {
            snprintf(view->titles[n], sizeof(view->titles[n]), "%s_%.8s",
                     columns[i].column.title, currency);
            view->columns[n].title = view->titles[n];
        }
        n++;
    }
}

static void
print_kind(const struct tg_cli *cli, const json_t *answer,
           const struct kind *kind)
{
    json_t *rows = of_kind(answer, kind->kind);
    const json_t *first = json_array_get(rows, 0);
    struct tg_table table;
    struct view view;

    if (first != NULL) {
        printf("\n%s, if %s.\n", kind->title,
               tg_noun_text(first, "assumption"));
        init_view(&view, kind, tg_noun_text(answer, "currency"));
        tg_table_init(&table, cli, view.columns);
        tg_table_rows(&table, rows);
        printf("For the first: %s\n", tg_noun_text(first, "command"));
    }
    json_decref(rows);
}

static void
print(const struct tg_cli *cli, const json_t *answer)
{
    json_int_t hidden = json_integer_value(json_object_get(answer, "hidden")),
               requests =
                   json_integer_value(json_object_get(answer, "requests"));
    const json_t *text;
    size_t i;

    printf("%lld request%s from %s to %s cost %s %s.\n", (long long)requests,
           tg_plural(requests), tg_noun_text(answer, "from"),
           tg_noun_text(answer, "to"), tg_noun_text(answer, "cost"),
           tg_noun_text(answer, "currency"));
    for (i = 0; i < KINDS; i++)
        print_kind(cli, answer, &kinds[i]);
    if (json_integer_value(json_object_get(answer, "total")) == 0)
        printf("There is nothing to save that can be computed from these "
               "calls.\n");
    fflush(stdout);
    if (hidden > 0)
        tg_say_note(cli,
                    "Left out because they save less than a month's minimum: "
                    "%lld (%s); --min-saving 0 shows them.",
                    (long long)hidden,
                    tg_args_has(cli, "min-saving")
                        ? tg_args_value(cli, "min-saving")
                        : "0.01");
    json_array_foreach(json_object_get(answer, "notes"), i, text)
        tg_say_note(cli, "Note: %s.", json_string_value(text));
}

int
tg_cost_optimize(struct tg_cli *cli)
{
    json_t *answer;
    int rc;

    if (tg_args_has(cli, "apply"))
        return tg_say_failed(
            "a gate cannot do this for a program: which model it names, what "
            "stands first in its prompts and when it calls is the program's. "
            "Each recommendation says a command; tollgate keys update ID "
            "--hours holds a key to off-peak hours");
    rc = ask(cli, &answer);
    if (rc != TG_EXIT_OK)
        return rc;
    if (cli->is_json) {
        tg_table_json(answer);
    } else if (tg_args_has(cli, "csv")) {
        tg_table_csv_head(csv_columns);
        tg_table_csv_rows(cli, csv_columns,
                          json_object_get(answer, "recommendations"));
    } else {
        print(cli, answer);
    }
    json_decref(answer);
    return TG_EXIT_OK;
}
