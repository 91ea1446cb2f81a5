#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nouns.h"
#include "own.h"
#include "price_import.h"
#include "price_rows.h"
#include "say.h"
#include "table.h"

#define SKIPPED_SHOWN 20
#define EXAMPLES_SHOWN 3

size_t
tg_import_count(const json_t *plan, const char *change)
{
    const json_t *row;
    size_t i, n = 0;

    json_array_foreach(json_object_get(plan, "data"), i, row) n +=
        strcmp(tg_noun_text(row, "change"), change) == 0;
    return n;
}

/* What stays as it is is counted, not shown. */
void
tg_import_print_plan(const struct tg_import *import, const json_t *plan)
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
    tg_table_init(&table, import->cli, tg_price_plan_columns);
    if (json_array_size(rows) > 0)
        tg_table_rows(&table, rows);
    json_decref(rows);
}

/* The reason, and models that are skipped for it: all, or some of many. */
static void
note_reason(const struct tg_import *import, size_t first)
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

void
tg_import_note_skipped(const struct tg_import *import)
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

void
tg_import_print_json(const struct tg_import *import, const json_t *plan,
                     bool is_dry)
{
    json_t *answer = json_pack(
        "{s:s,s:b,s:O?,s:O}", "object", "price.import", "dry_run", is_dry,
        "data", json_object_get(plan, "data"), "skipped", import->skipped);

    tg_table_json(tg_own(answer));
    json_decref(answer);
}

void
tg_import_print_sums(const struct tg_import *import, const json_t *plan,
                     bool is_dry)
{
    printf("%s%zu new, %zu changed, %zu unchanged, %zu skipped.\n",
           is_dry ? "It would be: " : "", tg_import_count(plan, "new"),
           tg_import_count(plan, "changed"), tg_import_count(plan, "unchanged"),
           json_array_size(import->skipped));
    if (import->has_prefix && import->options.provider == NULL)
        tg_say_note(import->cli,
                    "Names of new models have their provider in front, as in "
                    "the file; --provider NAME takes it off.");
}
