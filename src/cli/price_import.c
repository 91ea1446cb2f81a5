#include <errno.h>
#include <fnmatch.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "capacity.h"
#include "client.h"
#include "decimal.h"
#include "nouns.h"
#include "own.h"
#include "price_map.h"
#include "price_rows.h"
#include "say.h"
#include "table.h"

#define FILE_MAX ((size_t)64 << 20)
#define SKIPPED_SHOWN 20
#define EXAMPLES_SHOWN 3

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

/* What a file came to. */
struct import {
    struct tg_cli *cli;
    struct tg_map_options options;
    char source[128];
    json_t *known;   /* names of the models there are */
    json_t *rows;    /* for the API */
    json_t *models;  /* that are new */
    json_t *skipped; /* {"model","reason"} */
    bool has_prefix; /* of a provider, in the name of a new model */
};

static void
skip(struct import *import, const char *model, const char *reason)
{
    json_array_append_new(import->skipped, json_pack("{s:s,s:s}", "model",
                                                     model, "reason", reason));
}

/* Whether a name is like one of --only; the file's name of it counts, too. */
static bool
is_wanted(const struct import *import, const char *name, const char *key)
{
    const struct tg_cli *cli = import->cli;
    bool has_any = false;

    for (size_t i = 0; i < cli->arg_count; i++) {
        if (strcmp(cli->args[i].option->name, "only") != 0)
            continue;
        has_any = true;
        if (fnmatch(cli->args[i].value, name, 0) == 0 ||
            fnmatch(cli->args[i].value, key, 0) == 0)
            return true;
    }
    return !has_any;
}

static const json_t *
row_of(const struct import *import, const char *model)
{
    const json_t *row;
    size_t i;

    json_array_foreach(import->rows, i, row)
    {
        if (strcmp(tg_noun_text(row, "model"), model) == 0)
            return row;
    }
    return NULL;
}

/* Two entries may be one model, such as with and without its provider. */
static void
add_entry(struct import *import, const struct tg_map_entry *entry)
{
    const json_t *other = row_of(import, entry->name);
    const char *upstream = tg_args_value(import->cli, "upstream");
    bool is_new = json_object_get(import->known, entry->name) == NULL;

    if (other != NULL) {
        if (!json_equal((json_t *)other, entry->row))
            skip(import, entry->name, "it stands twice, at two prices");
        return;
    }
    if (is_new && entry->model == NULL) {
        skip(import, entry->name,
             "it says no max_output_tokens, which calls are held by; add it "
             "with tollgate models add, and import again");
        return;
    }
    json_array_append(import->rows, entry->row);
    if (!is_new)
        return;
    if (upstream != NULL)
        json_object_set_new(entry->model, "upstream", json_string(upstream));
    json_array_append(import->models, entry->model);
    import->has_prefix = import->has_prefix || strchr(entry->name, '/') != NULL;
}

static void
read_map(struct import *import, const json_t *map)
{
    struct tg_map_entry entry;
    const char *key;
    json_t *object;

    json_object_foreach((json_t *)map, key, object)
    {
        tg_price_map_read(&entry, key, object, &import->options);
        if (entry.is_meant && is_wanted(import, entry.name, key)) {
            if (entry.row != NULL)
                add_entry(import, &entry);
            else
                skip(import, entry.name, entry.reason);
        }
        tg_price_map_release(&entry);
    }
}

/* Our own rows, as they are listed. */
static int
read_rows(struct import *import, const json_t *rows)
{
    const json_t *row;
    const char *model;
    size_t i;

    json_array_foreach(rows, i, row)
    {
        model = tg_noun_text(row, "model");
        if (*model == '\0')
            return tg_say_failed("row %zu of the file names no model", i + 1);
        if (!is_wanted(import, model, model))
            continue;
        if (json_object_get(import->known, model) == NULL)
            skip(import, model,
                 "there is no such model here; add it first: tollgate models "
                 "add");
        else
            json_array_append(import->rows, (json_t *)row);
    }
    return TG_EXIT_OK;
}

/* Of our own files a row has a model, of LiteLLM's an entry is named so. */
static int
read_document(struct import *import, const json_t *document)
{
    const json_t *data = json_object_get(document, "data");
    json_t *one;
    int rc;

    if (json_is_array(document))
        return read_rows(import, document);
    if (!json_is_object(document))
        return tg_say_failed("the file is no price list: it holds neither an "
                             "object nor a list");
    if (json_is_array(data))
        return read_rows(import, data);
    if (json_is_string(json_object_get(document, "model"))) {
        one = json_pack("[O]", document);
        rc = read_rows(import, one);
        json_decref(one);
        return rc;
    }
    read_map(import, document);
    return TG_EXIT_OK;
}

static int
read_file(const char *path, char **data, size_t *len)
{
    bool is_input = strcmp(path, "-") == 0;
    FILE *in = is_input ? stdin : fopen(path, "re");
    size_t cap = 1 << 16, n;

    if (in == NULL)
        return tg_say_failed("cannot read %s: %s", path, strerror(errno));
    *data = tg_own(malloc(cap));
    *len = 0;
    while ((n = fread(*data + *len, 1, cap - *len, in)) > 0) {
        *len += n;
        if (*len == cap && cap < FILE_MAX)
            *data = tg_own(realloc(*data, cap *= 2));
    }
    n = (size_t)ferror(in);
    if (!is_input)
        fclose(in);
    if (n == 0 && *len < FILE_MAX)
        return TG_EXIT_OK;
    free(*data);
    return n != 0 ? tg_say_failed("cannot read %s: %s", path, strerror(errno))
                  : tg_say_failed("%s is too large for a price list", path);
}

static int
read_source(struct import *import)
{
    const char *path = import->cli->operand;
    json_error_t error;
    json_t *document;
    char *data = NULL;
    size_t len = 0;
    int rc = read_file(path, &data, &len);

    if (rc != TG_EXIT_OK)
        return rc;
    document = tg_decimal_load(data, len, &error);
    free(data);
    if (document == NULL)
        return tg_say_failed("%s is not JSON: %s (line %d)", path, error.text,
                             error.line);
    rc = read_document(import, document);
    json_decref(document);
    return rc;
}

/* Which models there are: new ones are described along with their prices. */
static int
ask_known(struct import *import)
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
refuse_too_many(const struct import *import)
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
send_rows(const struct import *import, bool is_dry, json_t **answer)
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

static size_t
count_of(const json_t *plan, const char *change)
{
    const json_t *row;
    size_t i, n = 0;

    json_array_foreach(json_object_get(plan, "data"), i, row) n +=
        strcmp(tg_noun_text(row, "change"), change) == 0;
    return n;
}

/* What stays as it is is counted, not shown. */
static void
print_plan(const struct tg_cli *cli, const json_t *plan)
{
    json_t *rows = json_array(), *row;
    struct tg_table table;
    size_t i;

    json_array_foreach(json_object_get(plan, "data"), i, row)
    {
        if (strcmp(tg_noun_text(row, "change"), "unchanged") != 0)
            json_array_append_new(rows, json_copy(row));
    }
    tg_price_rows_shape(rows);
    tg_table_init(&table, cli, tg_price_plan_columns);
    if (json_array_size(rows) > 0)
        tg_table_rows(&table, rows);
    json_decref(rows);
}

/* The reason, and models that are skipped for it: all, or some of many. */
static void
note_reason(const struct import *import, size_t first)
{
    const json_t *row = json_array_get(import->skipped, first), *other;
    const char *reason = tg_noun_text(row, "reason");
    char *names = NULL;
    size_t size, i, n = 0;
    FILE *out = tg_own(open_memstream(&names, &size));

    json_array_foreach(import->skipped, i, other)
    {
        if (strcmp(tg_noun_text(other, "reason"), reason) != 0)
            continue;
        if (n++ < EXAMPLES_SHOWN)
            fprintf(out, "%s%s", n > 1 ? ", " : "",
                    tg_noun_text(other, "model"));
    }
    if (n > EXAMPLES_SHOWN)
        fprintf(out, " and %zu more", n - EXAMPLES_SHOWN);
    if (fclose(out) != 0)
        tg_own(NULL);
    tg_say_note(import->cli, "Skipped %s: %s.", names, reason);
    free(names);
}

static bool
is_first_of_reason(const json_t *skipped, size_t index)
{
    const char *reason = tg_noun_text(json_array_get(skipped, index), "reason");

    for (size_t i = 0; i < index; i++) {
        if (strcmp(tg_noun_text(json_array_get(skipped, i), "reason"),
                   reason) == 0)
            return false;
    }
    return true;
}

static void
note_skipped(const struct import *import)
{
    size_t count = json_array_size(import->skipped), said = 0;

    for (size_t i = 0; i < count; i++) {
        if (!is_first_of_reason(import->skipped, i))
            continue;
        if (said++ == SKIPPED_SHOWN) {
            tg_say_note(import->cli, "More were skipped; --json lists them.");
            return;
        }
        note_reason(import, i);
    }
}

static void
print_json(const struct import *import, const json_t *plan, bool is_dry)
{
    json_t *answer = json_pack(
        "{s:s,s:b,s:O?,s:O}", "object", "price.import", "dry_run", is_dry,
        "data", json_object_get(plan, "data"), "skipped", import->skipped);

    tg_table_json(tg_own(answer));
    json_decref(answer);
}

static void
print_sums(const struct import *import, const json_t *plan, bool is_dry)
{
    printf("%s%zu new, %zu changed, %zu unchanged, %zu skipped.\n",
           is_dry ? "It would be: " : "", count_of(plan, "new"),
           count_of(plan, "changed"), count_of(plan, "unchanged"),
           json_array_size(import->skipped));
    if (import->has_prefix && import->options.provider == NULL)
        tg_say_note(import->cli,
                    "Names of new models have their provider in front, as in "
                    "the file; --provider NAME takes it off.");
}

/* Shows what will be, then does it, in one transaction. */
static int
carry_out(struct import *import)
{
    struct tg_cli *cli = import->cli;
    bool is_dry = tg_args_has(cli, "dry-run");
    json_t *plan = NULL, *done = NULL;
    int rc = send_rows(import, true, &plan);

    if (rc == TG_EXIT_OK && !cli->is_json && !cli->is_quiet)
        print_plan(cli, plan);
    if (!cli->is_json)
        note_skipped(import);
    fflush(stdout);
    if (rc == TG_EXIT_OK && !is_dry &&
        json_array_size(json_object_get(plan, "data")) >
            count_of(plan, "unchanged"))
        rc = send_rows(import, false, &done);
    if (rc == TG_EXIT_OK && cli->is_json)
        print_json(import, done != NULL ? done : plan, is_dry);
    else if (rc == TG_EXIT_OK && !cli->is_quiet)
        print_sums(import, done != NULL ? done : plan, is_dry);
    json_decref(plan);
    json_decref(done);
    return rc;
}

static int
run(struct import *import)
{
    int rc = ask_known(import);

    if (rc == TG_EXIT_OK)
        rc = read_source(import);
    if (rc == TG_EXIT_OK)
        rc = refuse_too_many(import);
    if (rc != TG_EXIT_OK)
        return rc;
    if (json_array_size(import->rows) > 0)
        return carry_out(import);
    if (import->cli->is_json)
        print_json(import, NULL, tg_args_has(import->cli, "dry-run"));
    else
        note_skipped(import);
    return tg_say_failed(
        json_array_size(import->skipped) > 0
            ? "nothing of %s can be imported"
            : "%s has no such models: see --only and --provider",
        import->cli->operand);
}

int
tg_prices_import(struct tg_cli *cli)
{
    struct import import = {
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
