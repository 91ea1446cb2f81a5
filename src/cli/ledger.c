#include <string.h>
#include <time.h>

#include "args.h"
#include "client.h"
#include "nouns.h"
#include "once.h"
#include "own.h"
#include "plural.h"
#include "say.h"
#include "table.h"

#define POLL_MS 100
#define POLLS_QUIET 10 /* a second */

const struct tg_option tg_ledger_verify_options[] = {
    {"offline", NULL, "where no daemon runs: store and journal alone",
     TG_VALUE_SWITCH, NULL, NULL},
    {0},
};

const struct tg_option tg_ledger_reconcile_options[] = {
    {"upstream", "NAME", "which one; needed when there are several",
     TG_VALUE_TEXT, "upstream", NULL},
    {"reset", NULL, "take this reading for the first one", TG_VALUE_SWITCH,
     "reset", NULL},
    {"topped-up", "AMOUNT", "was paid in there since the first reading",
     TG_VALUE_AMOUNT, "topped_up", NULL},
    {0},
};

static const struct tg_column figure_columns[] = {
    {"SUBJECT", "subject", TG_CELL_TEXT, NULL, 0},
    {"WHAT", "what", TG_CELL_TEXT, NULL, 0},
    {"LEDGER", "ledger", TG_CELL_COST, NULL, 0},
    {"UPSTREAM", "upstream", TG_CELL_COST, NULL, 0},
    {"DIFFERENCE", "difference", TG_CELL_COST, NULL, 0},
    {0},
};

static const struct tg_column columns[] = {
    {"SUBJECT", "subject", TG_CELL_TEXT, NULL, 0},
    {"WHAT", "what", TG_CELL_TEXT, NULL, 0},
    {"EXPECTED", "expected", TG_CELL_COST, NULL, 0},
    {"FOUND", "found", TG_CELL_COST, NULL, 0},
    {"DIFFERENCE", "difference", TG_CELL_COST, NULL, 0},
    {"UNIT", "unit", TG_CELL_TEXT, NULL, 0},
    {0},
};

static void
pause_ms(long ms)
{
    struct timespec pause = {.tv_nsec = ms * 1000000};

    nanosleep(&pause, NULL);
}

static bool
is_running(const json_t *check)
{
    return strcmp(tg_noun_text(check, "status"), "running") == 0;
}

static void
show_progress(const struct tg_cli *cli, const json_t *check)
{
    const json_t *percent = json_object_get(check, "percent");

    if (json_is_integer(percent))
        tg_say_note(cli, "%s: %lld %%", tg_noun_text(check, "phase"),
                    (long long)json_integer_value(percent));
    else
        tg_say_note(cli, "%s", tg_noun_text(check, "phase"));
}

/* Begins one and waits for its end. */
static int
ask_daemon(struct tg_cli *cli, json_t **check)
{
    json_t *body = json_object();
    int rc = tg_client_call(cli, "POST", "/ledger/verify", body, check);

    json_decref(body);
    for (int polls = 1; rc == TG_EXIT_OK && is_running(*check); polls++) {
        if (polls % POLLS_QUIET == 0)
            show_progress(cli, *check);
        json_decref(*check);
        *check = NULL;
        pause_ms(POLL_MS);
        rc = tg_client_call(cli, "GET", "/ledger/verify", NULL, check);
    }
    return rc;
}

static int
ask_nobody(struct tg_cli *cli, json_t **check)
{
    static const char *const words[] = {"--verify", NULL};
    struct tg_up_home home;
    int rc = tg_once_home(cli, &home, false);

    return rc == TG_EXIT_OK ? tg_once_run(&home, words, check) : rc;
}

static long long
count_of(const json_t *check, const char *member)
{
    return (long long)json_integer_value(tg_cell_find(check, member));
}

static void
print_notes(const struct tg_cli *cli, const json_t *check)
{
    long long calls = count_of(check, "checked.calls"),
              keys = count_of(check, "checked.keys"),
              accounts = count_of(check, "checked.accounts"),
              records = count_of(check, "checked.records"),
              segments = count_of(check, "checked.segments"),
              under_way = count_of(check, "in_flight.calls");
    const json_t *note;
    size_t i;

    json_array_foreach(json_object_get(check, "notes"), i, note)
        tg_say_note(cli, "Note: %s", json_string_value(note));
    tg_say_note(
        cli,
        "Looked at: %lld call%s, %lld key%s, %lld account%s, %lld record%s in "
        "%lld segment%s; %lld call%s in flight %s %s %s",
        calls, tg_plural(calls), keys, tg_plural(keys), accounts,
        tg_plural(accounts), records, tg_plural(records), segments,
        tg_plural(segments), under_way, tg_plural(under_way),
        under_way == 1 ? "holds" : "hold",
        tg_noun_text(check, "in_flight.held"), tg_noun_text(check, "currency"));
}

static void
print(const struct tg_cli *cli, const json_t *check)
{
    const json_t *differences = json_object_get(check, "differences");
    long long count = count_of(check, "difference_count");
    struct tg_table table;

    if (cli->is_json) {
        tg_table_json(check);
        return;
    }
    if (count > 0) {
        tg_table_init(&table, cli, columns);
        tg_table_rows(&table, differences);
    }
    print_notes(cli, check);
    if (cli->is_quiet)
        return;
    if (count == 0)
        printf("The books agree.\n");
    else if (count > (long long)json_array_size(differences))
        printf("%lld difference%s; the first %zu are shown.\n", count,
               tg_plural(count), json_array_size(differences));
    else
        printf("%lld difference%s.\n", count, tg_plural(count));
}

int
tg_ledger_verify(struct tg_cli *cli)
{
    json_t *check = NULL;
    int rc = tg_args_has(cli, "offline") ? ask_nobody(cli, &check)
                                         : ask_daemon(cli, &check);

    if (rc != TG_EXIT_OK)
        return rc;
    if (strcmp(tg_noun_text(check, "status"), "failed") == 0) {
        rc = tg_say_failed("the ledger could not be verified: %s",
                           tg_noun_text(check, "error"));
    } else {
        print(cli, check);
        rc = count_of(check, "difference_count") == 0 ? TG_EXIT_OK
                                                      : TG_EXIT_FAILED;
    }
    json_decref(check);
    return rc;
}

/* What is to be known of the result, in words. */
static void
conclude(const struct tg_cli *cli, const json_t *result)
{
    const char *status = tg_noun_text(result, "status");
    const json_t *note;
    size_t i;

    json_array_foreach(json_object_get(result, "notes"), i, note)
        tg_say_note(cli, "Note: %s", json_string_value(note));
    if (cli->is_quiet || strcmp(status, "baseline") == 0)
        return;
    printf("%s and the ledger %s since %s, in %s.\n",
           tg_noun_text(result, "upstream"),
           strcmp(status, "agrees") == 0 ? "agree" : "differ",
           tg_noun_text(result, "since"),
           strcmp(tg_noun_text(result, "source"), "balance") == 0
               ? tg_noun_text(result, "currency")
               : "calls and tokens");
}

int
tg_ledger_reconcile(struct tg_cli *cli)
{
    const json_t *figures;
    struct tg_table table;
    json_t *result;
    int rc = tg_noun_post(cli, "/ledger/reconcile", &result);

    if (rc != TG_EXIT_OK)
        return rc;
    figures = json_object_get(result, "figures");
    if (cli->is_json) {
        tg_table_json(result);
    } else {
        if (json_array_size(figures) > 0 && !cli->is_quiet) {
            tg_table_init(&table, cli, figure_columns);
            tg_table_rows(&table, figures);
        }
        conclude(cli, result);
    }
    rc =
        count_of(result, "difference_count") == 0 ? TG_EXIT_OK : TG_EXIT_FAILED;
    json_decref(result);
    return rc;
}
