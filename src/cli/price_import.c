#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "capacity.h"
#include "client.h"
#include "nouns.h"
#include "own.h"
#include "price_import.h"
#include "say.h"

const struct tg_option tg_prices_import_options[] = {
    {"only", "PATTERN", "only models like this: 'gpt-5*'; repeatable",
     TG_VALUE_LIST, NULL, NULL},
    {"provider", "NAME",
     "of LiteLLM's: only its entries, without NAME/ in front", TG_VALUE_TEXT,
     NULL, NULL},
    {"upstream", "NAME", "who serves the models that are new", TG_VALUE_TEXT,
     NULL, NULL},
    {"effective", "WHEN", "from when: a date, an instant; now", TG_VALUE_TEXT,
     NULL, NULL},
    {"dearest", NULL, "where a row has room for one price of several",
     TG_VALUE_SWITCH, NULL, NULL},
    {"not-on-holidays", NULL, "of LiteLLM's: holidays have no peak hours",
     TG_VALUE_SWITCH, NULL, NULL},
    {"dry-run", NULL, "say what it would do and change nothing",
     TG_VALUE_SWITCH, NULL, NULL},
    {0},
};

/* Which models there are: new ones are described along with their prices. */
static int
ask_known(struct tg_import *import)
{
    json_t *models, *model;
    size_t i;
    int rc = tg_client_call(import->cli, "GET", "/models", NULL, &models);

    if (rc != TG_EXIT_OK)
        return rc;
    json_array_foreach(json_object_get(models, "data"), i, model)
        json_object_set_new(import->known, tg_noun_text(model, "id"),
                            json_true());
    json_decref(models);
    return TG_EXIT_OK;
}

/* The most that there is room for is not asked for first. */
static int
refuse_too_many(const struct tg_import *import)
{
    size_t count =
        json_object_size(import->known) + json_array_size(import->models);

    if (json_array_size(import->models) == 0 || count <= TG_CATALOG_MODELS)
        return TG_EXIT_OK;
    return tg_say_failed("there is room for %d models, and with these %zu new "
                         "ones it would be %zu; nothing was changed. Import "
                         "what is used: --provider NAME, --only PATTERN",
                         TG_CATALOG_MODELS, json_array_size(import->models),
                         count);
}

static int
send_rows(const struct tg_import *import, bool is_dry, json_t **answer)
{
    const char *effective = tg_args_value(import->cli, "effective");
    json_t *body =
        json_pack("{s:O,s:O}", "data", import->rows, "models", import->models);
    int rc;

    if (effective != NULL)
        json_object_set_new(body, "effective_at", json_string(effective));
    rc = tg_client_call(import->cli, "POST",
                        is_dry ? "/prices?dry_run=true" : "/prices", body,
                        answer);
    json_decref(body);
    return rc;
}

/* Shows what will be, then does it, in one transaction. */
static int
carry_out(struct tg_import *import)
{
    struct tg_cli *cli = import->cli;
    bool is_dry = tg_args_has(cli, "dry-run");
    json_t *plan = NULL, *done = NULL;
    int rc = send_rows(import, true, &plan);

    if (rc == TG_EXIT_OK && !cli->is_json && !cli->is_quiet)
        tg_import_print_plan(import, plan);
    if (!cli->is_json)
        tg_import_note_skipped(import);
    fflush(stdout);
    if (rc == TG_EXIT_OK && !is_dry &&
        json_array_size(json_object_get(plan, "data")) >
            tg_import_count(plan, "unchanged"))
        rc = send_rows(import, false, &done);
    if (rc == TG_EXIT_OK && cli->is_json)
        tg_import_print_json(import, done != NULL ? done : plan, is_dry);
    else if (rc == TG_EXIT_OK && !cli->is_quiet)
        tg_import_print_sums(import, done != NULL ? done : plan, is_dry);
    json_decref(plan);
    json_decref(done);
    return rc;
}

static int
run(struct tg_import *import)
{
    int rc = ask_known(import);

    if (rc == TG_EXIT_OK)
        rc = tg_import_read(import);
    if (rc == TG_EXIT_OK)
        rc = refuse_too_many(import);
    if (rc != TG_EXIT_OK)
        return rc;
    if (json_array_size(import->rows) > 0)
        return carry_out(import);
    if (import->cli->is_json)
        tg_import_print_json(import, NULL, tg_args_has(import->cli, "dry-run"));
    else
        tg_import_note_skipped(import);
    return tg_say_failed(
        json_array_size(import->skipped) > 0
            ? "nothing of %s can be imported"
            : "%s has no such models: see --only and --provider",
        import->cli->operand);
}

int
tg_prices_import(struct tg_cli *cli)
{
    struct tg_import import = {
        .cli = cli,
        .options = {.provider = tg_args_value(cli, "provider"),
                    .takes_dearest = tg_args_has(cli, "dearest"),
                    .is_off_on_holidays = tg_args_has(cli, "not-on-holidays")},
    };
    char *path = tg_own(strdup(cli->operand));
    int rc;

    snprintf(import.source, sizeof(import.source), "LiteLLM's price map, %.80s",
             strcmp(path, "-") == 0 ? "from standard input" : basename(path));
    free(path);
    import.options.source = import.source;
    import.known = json_object();
    import.rows = json_array();
    import.models = json_array();
    import.skipped = json_array();
    rc = run(&import);
    json_decref(import.known);
    json_decref(import.rows);
    json_decref(import.models);
    json_decref(import.skipped);
    return rc;
}
