#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "client.h"
#include "glyph.h"
#include "health_nagios.h"
#include "nouns.h"
#include "own.h"
#include "plural.h"
#include "request.h"
#include "table.h"

const struct tg_option tg_health_options[] = {
    {"live", NULL, "ask the upstreams now, not what they said last",
     TG_VALUE_SWITCH, NULL, NULL},
    {"strict", NULL, "exit with 1 for a warning, too", TG_VALUE_SWITCH, NULL,
     NULL},
    {"nagios", NULL, "one line for a monitor; exit with 0, 1, 2 or 3",
     TG_VALUE_SWITCH, NULL, NULL},
    {0},
};

static const struct tg_column check_columns[] = {
    {"STATUS", "status", TG_CELL_STATUS, NULL, 0},
    {"CHECK", "name", TG_CELL_TEXT, NULL, 0},
    {"SAYS", "message", TG_CELL_TEXT, NULL, 0},
    {0},
};

static const struct tg_column key_columns[] = {
    {"STATUS", "status", TG_CELL_STATUS, NULL, 0},
    {"KEY", "key_id", TG_CELL_TEXT, NULL, 0},
    {"NAME", "name", TG_CELL_TEXT, NULL, 32},
    {"SAYS", "message", TG_CELL_TEXT, NULL, 0},
    {0},
};

static int
get_report(struct tg_cli *cli, json_t **report)
{
    char *path;
    int rc;

    if (cli->operand == NULL)
        return tg_client_call(cli, "GET", "/health/checks", NULL, report);
    path = tg_request_path("keys", cli->operand, "/health");
    rc = tg_client_call(cli, "GET", path, NULL, report);
    free(path);
    return rc;
}

/* How many of a test's credentials the upstream took. */
static size_t
count_fine(const json_t *checks, const char **first_message)
{
    const json_t *check;
    size_t i, fine = 0;

    *first_message = "";
    json_array_foreach(checks, i, check)
    {
        bool is_fine = strcmp(tg_noun_text(check, "status"), "ok") == 0;

        fine += is_fine;
        if (!is_fine || **first_message == '\0')
            *first_message = tg_noun_text(check, "message");
    }
    return fine;
}

/* Asks one upstream now, and adds what came of it. */
static int
ask_live(struct tg_cli *cli, const char *upstream, json_t *checks)
{
    char *path = tg_request_path("upstreams", upstream, "/test");
    char *name = NULL, *text = NULL;
    json_t *body = json_object(), *test = NULL;
    const char *message;
    size_t fine, count;
    int rc = tg_client_call(cli, "POST", path, body, &test);

    free(path);
    json_decref(body);
    if (rc != TG_EXIT_OK)
        return rc;
    count = json_array_size(json_object_get(test, "checks"));
    fine = count_fine(json_object_get(test, "checks"), &message);
    if (asprintf(&name, "live %s", upstream) < 0 ||
        asprintf(&text, "asked now, it takes %zu of %zu credential%s: %s", fine,
                 count, tg_plural(count), message) < 0)
        tg_own(NULL);
    json_array_append_new(
        checks, json_pack("{s:s,s:s,s:s,s:s?}", "name", name, "status",
                          fine == count && count > 0 ? "healthy"
                          : fine > 0                 ? "warning"
                                                     : "unhealthy",
                          "message", text, "cure",
                          fine == count ? NULL : "tollgate credentials list"));
    free(name);
    free(text);
    json_decref(test);
    return TG_EXIT_OK;
}

/* All upstreams that the report is about. */
static int
ask_all_live(struct tg_cli *cli, json_t *checks)
{
    static const char before[] = "upstream ";
    size_t count = json_array_size(checks);
    int rc = TG_EXIT_OK;

    for (size_t i = 0; i < count && rc == TG_EXIT_OK; i++) {
        const char *name = tg_noun_text(json_array_get(checks, i), "name");

        if (strncmp(name, before, sizeof(before) - 1) == 0)
            rc = ask_live(cli, name + sizeof(before) - 1, checks);
    }
    return rc;
}

/* 0 healthy, 1 warning, 2 unhealthy; what is unknown is no good news. */
static int
badness(const char *status)
{
    return strcmp(status, "healthy") == 0   ? 0
           : strcmp(status, "warning") == 0 ? 1
                                            : 2;
}

static int
settle_status(json_t *report)
{
    static const char *const names[] = {"healthy", "warning", "unhealthy"};
    const json_t *check;
    int worst = badness(tg_noun_text(report, "status"));
    size_t i;

    json_array_foreach(json_object_get(report, "checks"), i, check)
    {
        int is = badness(tg_noun_text(check, "status"));

        worst = is > worst ? is : worst;
    }
    json_object_set_new(report, "status", json_string(names[worst]));
    return worst;
}

static void
print_safe(const char *before, const char *text, const char *behind)
{
    char *safe = tg_glyph_safe(text);

    printf("%s%s%s", before, safe, behind);
    free(safe);
}

/* What to do about what is not well. */
static void
print_cures(const json_t *checks)
{
    const char *title = "\nWhat to do:\n";
    const json_t *check;
    size_t i;

    json_array_foreach(checks, i, check)
    {
        const char *cure = tg_noun_text(check, "cure");

        if (*cure == '\0')
            continue;
        fputs(title, stdout);
        title = "";
        print_safe("    ", tg_noun_text(check, "name"), ": ");
        print_safe("", cure, "\n");
    }
}

static long long
count_of(const json_t *keys, const char *member)
{
    return json_integer_value(json_object_get(keys, member));
}

static void
print_keys(const struct tg_cli *cli, const json_t *keys)
{
    struct tg_table table;
    const json_t *rows = json_object_get(keys, "data");

    if (!json_is_object(keys))
        return;
    printf("\nActive keys: %lld, of them healthy %lld, with a warning %lld, "
           "unhealthy %lld%s\n",
           count_of(keys, "active"), count_of(keys, "healthy"),
           count_of(keys, "warning"), count_of(keys, "unhealthy"),
           json_array_size(rows) == 0                        ? "."
           : json_is_true(json_object_get(keys, "has_more")) ? "; the first:"
                                                             : ":");
    if (json_array_size(rows) == 0)
        return;
    tg_table_init(&table, cli, key_columns);
    tg_table_rows(&table, rows);
}

static void
print_report(const struct tg_cli *cli, const json_t *report)
{
    struct tg_table table;
    const json_t *checks = json_object_get(report, "checks");

    if (cli->is_json) {
        tg_table_json(report);
        return;
    }
    if (cli->is_quiet) {
        print_safe("", tg_noun_text(report, "status"), "\n");
        return;
    }
    tg_table_init(&table, cli, check_columns);
    tg_table_rows(&table, checks);
    print_cures(checks);
    print_keys(cli, json_object_get(report, "keys"));
    print_safe("\n", cli->operand != NULL ? cli->operand : "The gate", " is ");
    print_safe("", tg_noun_text(report, "status"), ".\n");
}

int
tg_health_show(struct tg_cli *cli)
{
    bool is_nagios = tg_args_has(cli, "nagios");
    json_t *report = NULL;
    int rc = get_report(cli, &report), worst;

    if (rc == TG_EXIT_OK && tg_args_has(cli, "live"))
        rc = ask_all_live(cli, json_object_get(report, "checks"));
    if (rc != TG_EXIT_OK) {
        json_decref(report);
        return is_nagios ? tg_nagios_unknown() : rc;
    }
    worst = settle_status(report);
    if (is_nagios)
        rc = tg_nagios_print(report, worst);
    else {
        print_report(cli, report);
        rc = worst == 2 || (worst == 1 && tg_args_has(cli, "strict"))
                 ? TG_EXIT_FAILED
                 : TG_EXIT_OK;
    }
    json_decref(report);
    return rc;
}
