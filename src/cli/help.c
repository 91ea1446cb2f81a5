#include "help.h"

#include <jansson.h>
#include <string.h>

#include "args.h"
#include "say.h"
#include "table.h"

#define LEFT 26

static void
put_row(FILE *out, const char *left, const char *right)
{
    fprintf(out, "  %-*s %s\n", LEFT, left, right);
}

static void
put_options(FILE *out, const struct tg_option *option)
{
    char left[64];

    for (; option != NULL && option->name != NULL; option++) {
        snprintf(left, sizeof(left), "--%s%s%s", option->name,
                 option->argument != NULL ? " " : "",
                 option->argument != NULL ? option->argument : "");
        put_row(out, left, option->help);
    }
}

static void
put_usage(FILE *out, const char *before, const struct tg_command *command)
{
    fprintf(out, "%stollgate %s%s%s%s%s%s\n", before, command->noun,
            command->verb != NULL ? " " : "",
            command->verb != NULL ? command->verb : "",
            command->operand != NULL ? " " : "",
            command->operand != NULL ? command->operand : "",
            command->options != NULL ? " [options]" : "");
}

void
tg_help_all(FILE *out)
{
    const struct tg_command *row, *before = NULL;

    fputs("usage: tollgate <noun> <verb> [options]\n\n", out);
    for (row = tg_commands; row->noun != NULL; before = row++) {
        if (before == NULL || strcmp(before->noun, row->noun) != 0)
            put_row(out, row->noun, tg_noun_summary(row->noun));
    }
    fputs("\nEverywhere:\n", out);
    put_options(out, tg_global_options);
    fputs("\nMore: tollgate help NOUN; the manual page tollgate(1).\n", out);
}

void
tg_help_command(FILE *out, const struct tg_command *command)
{
    put_usage(out, "usage: ", command);
    fprintf(out, "\n%s\n", command->summary);
    if (command->options != NULL) {
        fputc('\n', out);
        put_options(out, command->options);
    }
    fprintf(out, "\nExample: tollgate %s\n", command->example);
}

void
tg_help_noun(FILE *out, const char *noun)
{
    const struct tg_command *row;
    const char *before = "usage: ";

    for (row = tg_commands; row->noun != NULL; row++) {
        if (strcmp(row->noun, noun) != 0)
            continue;
        put_usage(out, before, row);
        before = "       ";
    }
    for (row = tg_commands; row->noun != NULL; row++) {
        if (strcmp(row->noun, noun) != 0)
            continue;
        fprintf(out, "\n%s%s%s: %s\n", noun, row->verb != NULL ? " " : "",
                row->verb != NULL ? row->verb : "", row->summary);
        put_options(out, row->options);
        fprintf(out, "  Example: tollgate %s\n", row->example);
    }
}

static json_t *
options_json(const struct tg_option *option)
{
    json_t *list = json_array(), *choices;
    size_t i;

    for (; option != NULL && option->name != NULL; option++) {
        choices = json_array();
        for (i = 0; option->choices != NULL && option->choices[i] != NULL; i++)
            json_array_append_new(choices, json_string(option->choices[i]));
        json_array_append_new(
            list, json_pack("{s:s, s:s?, s:s, s:o}", "name", option->name,
                            "argument", option->argument, "help", option->help,
                            "choices", choices));
    }
    return list;
}

static void
print_json(void)
{
    const struct tg_command *row;
    json_t *commands = json_array(), *root;

    for (row = tg_commands; row->noun != NULL; row++) {
        json_array_append_new(commands,
                              json_pack("{s:s, s:s?, s:s?, s:s, s:s, s:o}",
                                        "noun", row->noun, "verb", row->verb,
                                        "operand", row->operand, "summary",
                                        row->summary, "example", row->example,
                                        "options", options_json(row->options)));
    }
    root = json_pack("{s:s, s:o, s:o}", "object", "commands", "options",
                     options_json(tg_global_options), "data", commands);
    tg_table_json(root);
    json_decref(root);
}

int
tg_help_run(int argc, char **argv)
{
    struct tg_cli cli = {0};
    const struct tg_command *row;

    if (argc > 0 && strcmp(argv[0], "--json") == 0) {
        print_json();
        return TG_EXIT_OK;
    }
    if (argc == 0 || argv[0][0] == '-' || strcmp(argv[0], "help") == 0) {
        tg_help_all(stdout);
        return TG_EXIT_OK;
    }
    if (!tg_noun_exists(argv[0]))
        return tg_args_refuse_noun(&cli, argv[0]);
    cli.noun = argv[0];
    row = tg_command_find(argv[0], argc > 1 ? argv[1] : NULL);
    if (argc > 2 && tg_command_below(row, argv[2]) != NULL)
        row = tg_command_below(row, argv[2]);
    if (argc > 1 && row == NULL)
        return tg_args_refuse_verb(&cli, argv[1]);
    if (row != NULL && (argc > 1 || !tg_noun_has_verbs(argv[0])))
        tg_help_command(stdout, row);
    else
        tg_help_noun(stdout, argv[0]);
    return TG_EXIT_OK;
}
