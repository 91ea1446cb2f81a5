/*
 * Policy files: whatever stands in one, it is read as things or refused with a
 * place in it; what was read is in its one spelling, and what is written of it
 * reads the same.
 */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy_form.h"
#include "policy_value.h"
#include "say.h"
#include "yaml_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Instead of src/cli/say.c: of five seconds' faults nobody wants to read. */
void
tg_say_error(const char *format, ...)
{
    char text[2048];
    va_list ap;

    va_start(ap, format);
    vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);
    assert(strncmp(text, "fuzz:", 5) == 0);
}

static void
check_spelling(const struct tg_policy_kind *kind, json_t *flat)
{
    const struct tg_policy_member *member = kind->members;
    char why[TG_POLICY_WHY_SIZE];
    json_t *value, *again;

    for (; member->name != NULL; member++) {
        value = json_object_get(flat, member->name);
        if (value == NULL)
            continue;
        again = tg_policy_value(member, value, why);
        assert(again != NULL && json_equal(value, again));
        json_decref(again);
    }
}

static void
check_round(const struct tg_policy_file *file,
            const struct tg_policy_kind *kind, json_t *flat)
{
    struct tg_policy_file again = {.path = file->path, .faults = file->faults};
    json_t *object = json_object(), *value, *read;
    struct tg_yaml_fault fault;
    const char *name;
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    json_object_foreach(flat, name, value)
        tg_policy_put(object, name, json_incref(value));
    fprintf(out, "%s:\n", kind->section);
    tg_yaml_put_item(out, object);
    fclose(out);
    if (!tg_yaml_read(&again.yaml, text, len, &fault))
        abort();
    read = tg_policy_read(
        &again, kind,
        tg_yaml_member(again.yaml.documents[0], kind->section)->items[0]);
    assert(read != NULL && json_equal(read, flat));
    json_decref(read);
    tg_yaml_release(&again.yaml);
    free(text);
    json_decref(object);
}

static void
read_list(const struct tg_policy_file *file, const struct tg_policy_kind *kind,
          const struct tg_yaml_node *list)
{
    for (uint32_t i = 0; list != NULL && i < list->count; i++) {
        json_t *flat = tg_policy_read(file, kind, list->items[i]);

        if (flat != NULL) {
            check_spelling(kind, flat);
            check_round(file, kind, flat);
        }
        json_decref(flat);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned faults = 0;
    char path[] = "fuzz";
    struct tg_policy_file file = {.path = path, .faults = &faults};
    struct tg_yaml_fault fault = {0, 0, ""};

    if (!tg_yaml_read(&file.yaml, (const char *)data, size, &fault))
        assert(fault.line > 0 && fault.column > 0 && *fault.text != '\0');
    for (size_t i = 0; i < file.yaml.count; i++) {
        for (int kind = 0; kind < TG_POLICY_KINDS; kind++)
            read_list(&file, &tg_policy_kinds[kind],
                      tg_yaml_member(file.yaml.documents[i],
                                     tg_policy_kinds[kind].section));
    }
    tg_yaml_release(&file.yaml);
    return 0;
}
