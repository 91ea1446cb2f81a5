#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "decimal.h"
#include "nouns.h"
#include "own.h"
#include "price_import.h"
#include "say.h"

#define FILE_MAX ((size_t)64 << 20)

static void
skip(struct tg_import *import, const char *model, const char *reason)
{
    json_array_append_new(import->skipped, json_pack("{s:s,s:s}", "model",
                                                     model, "reason", reason));
}

/* Whether a name is like one of --only; the file's name of it counts, too. */
static bool
is_wanted(const struct tg_import *import, const char *name, const char *key)
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
row_of(const struct tg_import *import, const char *model)
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
add_entry(struct tg_import *import, const struct tg_map_entry *entry)
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
read_map(struct tg_import *import, const json_t *map)
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
read_rows(struct tg_import *import, const json_t *rows)
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
read_document(struct tg_import *import, const json_t *document)
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

int
tg_import_read(struct tg_import *import)
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
