#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "client.h"
#include "key_plan.h"
#include "nouns.h"
#include "own.h"
#include "plural.h"
#include "request.h"
#include "say.h"
#include "table.h"
#include "verdict.h"

const struct tg_option tg_limits_suggest_options[] = {
    {"all", NULL, "of all keys in force", TG_VALUE_SWITCH, NULL, NULL},
    {"account", "ACCOUNT", "with --all, of this account: id or name",
     TG_VALUE_TEXT, NULL, NULL},
    {"since", "WHEN", "from what was used since: 30d, a date, an instant",
     TG_VALUE_WHEN, "since", NULL},
    {"apply", NULL, "show what would change, ask, and change it",
     TG_VALUE_SWITCH, NULL, NULL},
    {"csv", NULL, "print CSV, safe to open in a spreadsheet", TG_VALUE_SWITCH,
     NULL, NULL},
    {0},
};

static const struct tg_column columns[] = {
    {"LIMIT", "limit", TG_CELL_TEXT, NULL, 0},
    {"NOW", "now", TG_CELL_COUNT, "none", 0},
    {"SUGGESTED", "suggested", TG_CELL_COUNT, NULL, 0},
    {"CHANGE", "change", TG_CELL_TEXT, NULL, 0},
    {"PEAK", "peak", TG_CELL_COUNT, NULL, 0},
    {"PEAK_AT", "peak_at", TG_CELL_WHEN, NULL, 0},
    {0},
};

static const struct tg_column why_columns[] = {
    {"LIMIT", "limit", TG_CELL_TEXT, NULL, 0},
    {"WHY", "why", TG_CELL_TEXT, NULL, 0},
    {0},
};

/* The same of many keys: what they are of comes first. */
static const struct tg_column many_columns[] = {
    {"KEY", "key_id", TG_CELL_TEXT, NULL, 0},
    {"NAME", "key_name", TG_CELL_TEXT, NULL, 24},
    {"LIMIT", "limit", TG_CELL_TEXT, NULL, 0},
    {"NOW", "now", TG_CELL_COUNT, "none", 0},
    {"SUGGESTED", "suggested", TG_CELL_COUNT, NULL, 0},
    {"CHANGE", "change", TG_CELL_TEXT, NULL, 0},
    {"PEAK", "peak", TG_CELL_COUNT, NULL, 0},
    {"PEAK_AT", "peak_at", TG_CELL_WHEN, NULL, 0},
    {0},
};

/* Suggestions for one key after the other. */
struct suggesting {
    struct tg_cli *cli;
    struct tg_key_plan plan;
    struct tg_table table;
    json_t *all; /* with --json */
    size_t keys, poor, fine, gone;
    bool is_many, is_csv, applies;
};

/* Of a key that is listed, and gone when it is asked for, *answer is NULL. */
static int
ask(struct suggesting *all, const char *id, json_t **answer)
{
    char *path = tg_request_path("keys", id, "/limits/suggestion"), *target;
    struct tg_exchange exchange = {.method = "GET"};
    int rc = tg_request_target(all->cli, path, &target);

    free(path);
    if (rc != TG_EXIT_OK)
        return rc;
    exchange.target = target;
    rc = tg_client_exchange(all->cli, &exchange);
    free(target);
    *answer = exchange.answer;
    if (exchange.error != NULL && tg_args_has(all->cli, "all") &&
        strcmp(tg_noun_text(exchange.error, "code"), "key_deleted") == 0) {
        all->gone++;
        tg_say_note(all->cli, "Note: %s was deleted meanwhile: left out.", id);
        rc = TG_EXIT_OK;
    } else if (exchange.error != NULL) {
        rc = tg_verdict_refuse(all->cli, exchange.error);
    }
    json_decref(exchange.error);
    return rc;
}

static void
print_one(struct suggesting *all, const json_t *answer)
{
    long long requests =
                  json_integer_value(json_object_get(answer, "requests")),
              tokens = json_integer_value(json_object_get(answer, "tokens")),
              days = json_integer_value(json_object_get(answer, "days"));
    const json_t *text;
    struct tg_table table;
    size_t i;

    printf("%s %s: %lld request%s and %lld token%s in the %lld day%s from %s "
           "to %s.\n",
           tg_noun_text(answer, "key_id"), tg_noun_text(answer, "key_name"),
           requests, tg_plural(requests), tokens, tg_plural(tokens), days,
           tg_plural(days), tg_noun_text(answer, "from"),
           tg_noun_text(answer, "to"));
    if (json_array_size(json_object_get(answer, "suggestions")) > 0) {
        putchar('\n');
        tg_table_init(&table, all->cli, columns);
        tg_table_rows(&table, json_object_get(answer, "suggestions"));
        putchar('\n');
        tg_table_init(&table, all->cli, why_columns);
        tg_table_rows(&table, json_object_get(answer, "suggestions"));
    }
    fflush(stdout);
    json_array_foreach(json_object_get(answer, "notes"), i, text)
        tg_say_note(all->cli, "Note: %s.", json_string_value(text));
    if (!all->applies &&
        json_object_size(json_object_get(answer, "limits")) > 0)
        tg_say_note(all->cli,
                    "To change them: tollgate limits suggest %s --apply",
                    tg_noun_text(answer, "key_id"));
}

static bool
is_change(const json_t *row)
{
    const char *change = tg_noun_text(row, "change");

    return strcmp(change, "tightened") == 0 || strcmp(change, "loosened") == 0;
}

/* Of many keys only what would change is printed, of a file all of it. */
static void
print_rows(struct suggesting *all, const json_t *answer)
{
    json_t *rows = json_array(), *row;
    size_t i;

    json_array_foreach(json_object_get(answer, "suggestions"), i, row)
    {
        json_object_set(row, "key_id", json_object_get(answer, "key_id"));
        json_object_set(row, "key_name", json_object_get(answer, "key_name"));
        if (all->is_csv || is_change(row))
            json_array_append(rows, row);
    }
    if (all->is_csv)
        tg_table_csv_rows(all->cli, many_columns, rows);
    else if (json_array_size(rows) > 0)
        tg_table_rows(&all->table, rows);
    json_decref(rows);
}

static int
take(struct suggesting *all, const char *id)
{
    json_t *answer = NULL, *limits;
    int rc = ask(all, id, &answer);

    if (rc != TG_EXIT_OK || answer == NULL)
        return rc;
    limits = json_object_get(answer, "limits");
    all->keys++;
    if (!json_is_true(json_object_get(answer, "has_enough")))
        all->poor++;
    else if (json_object_size(limits) == 0)
        all->fine++;
    if (all->applies && json_object_size(limits) > 0)
        rc = tg_key_plan_add(&all->plan, id,
                             tg_own(json_pack("{s:O}", "limits", limits)),
                             false);
    if (all->cli->is_json)
        json_array_append(all->all, answer);
    else if (all->is_csv || all->is_many)
        print_rows(all, answer);
    else
        print_one(all, answer);
    json_decref(answer);
    return rc;
}

static char *
page_target(const struct tg_cli *cli, const char *after)
{
    const char *account = tg_args_value(cli, "account");
    char *escaped = account != NULL ? tg_client_escape(account) : NULL;
    char *target = NULL;

    if (asprintf(&target, "/keys?status=active&limit=1000%s%s%s%s",
                 account != NULL ? "&account=" : "",
                 account != NULL ? escaped : "",
                 *after != '\0' ? "&after=" : "", after) < 0)
        tg_own(NULL);
    free(escaped);
    return target;
}

static int
take_page(struct suggesting *all, const json_t *page)
{
    json_t *keys = json_object_get(page, "data"), *key;
    int rc = TG_EXIT_OK;
    size_t i;

    json_array_foreach(keys, i, key)
    {
        rc = take(all, tg_noun_text(key, "id"));
        if (rc != TG_EXIT_OK || tg_stop_asked())
            break;
        tg_progress(all->cli, "keys", all->keys, 0);
    }
    return rc;
}

static int
take_all(struct suggesting *all)
{
    char *after = tg_own(strdup("")), *target;
    int rc = TG_EXIT_OK;
    json_t *page;

    tg_stop_watch();
    do {
        target = page_target(all->cli, after);
        rc = tg_client_call(all->cli, "GET", target, NULL, &page);
        free(target);
        if (rc != TG_EXIT_OK)
            break;
        rc = take_page(all, page);
        free(after);
        after = tg_own(strdup(tg_noun_text(page, "next")));
        json_decref(page);
    } while (rc == TG_EXIT_OK && *after != '\0' && !tg_stop_asked());
    free(after);
    if (rc == TG_EXIT_OK && tg_stop_asked())
        rc = tg_say_failed("interrupted after %zu key%s; nothing was changed",
                           all->keys, tg_plural(all->keys));
    tg_stop_unwatch();
    return rc;
}

static void
print_end(const struct suggesting *all)
{
    json_t *list;

    if (all->cli->is_json && !all->applies && all->is_many) {
        list = tg_own(json_pack("{s:s,s:O,s:b,s:n}", "object", "list", "data",
                                all->all, "has_more", 0, "next"));
        tg_table_json(list);
        json_decref(list);
    } else if (all->cli->is_json && !all->applies) {
        tg_table_json(json_array_get(all->all, 0));
    } else if (all->is_many && !all->is_csv) {
        tg_say_note(all->cli,
                    "Keys in force that were looked at: %zu. Their limits "
                    "fit: %zu. Used too little to say: %zu.%s%s",
                    all->keys, all->fine, all->poor,
                    all->gone > 0 ? " Some were deleted meanwhile." : "",
                    all->applies || all->fine + all->poor == all->keys
                        ? ""
                        : " --apply changes the others.");
    }
}

static int
suggest(struct suggesting *all)
{
    struct tg_cli *cli = all->cli;
    int rc = TG_EXIT_OK;
    size_t i;

    if (tg_args_has(cli, "all"))
        rc = take_all(all);
    else
        rc = take(all, cli->operand);
    for (i = 0; i < cli->more_count && rc == TG_EXIT_OK; i++)
        rc = take(all, cli->more[i]);
    if (rc != TG_EXIT_OK)
        return rc;
    print_end(all);
    return all->applies ? tg_key_plan_run(&all->plan) : rc;
}

int
tg_limits_suggest(struct tg_cli *cli)
{
    struct suggesting all = {
        .cli = cli,
        .plan = {.cli = cli},
        .is_many = tg_args_has(cli, "all") || cli->more_count > 0,
        .is_csv = tg_args_has(cli, "csv"),
        .applies = tg_args_has(cli, "apply"),
    };
    int rc;

    if ((cli->operand != NULL) == tg_args_has(cli, "all"))
        return tg_say_usage(cli, "say of which keys: their IDs, or --all");
    if (tg_args_has(cli, "account") && !tg_args_has(cli, "all"))
        return tg_say_usage(cli, "--account stands beside --all");
    if (all.applies && all.is_csv)
        return tg_say_usage(cli, "--apply shows a plan, which is no CSV");
    all.all = tg_own(json_array());
    tg_table_init(&all.table, cli, many_columns);
    if (all.is_csv && !cli->is_json)
        tg_table_csv_head(many_columns);
    rc = suggest(&all);
    tg_key_plan_release(&all.plan);
    json_decref(all.all);
    return rc;
}
