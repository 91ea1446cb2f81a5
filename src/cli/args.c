#include "args.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "own.h"
#include "say.h"
#include "suggest.h"
#include "value.h"
#include "glyph.h"

const struct tg_option *
tg_option_find(const struct tg_option *options, const char *name, size_t len)
{
    for (; options != NULL && options->name != NULL; options++) {
        if (strlen(options->name) == len &&
            memcmp(options->name, name, len) == 0)
            return options;
    }
    return NULL;
}

const struct tg_option *
tg_option_away(const struct tg_cli *cli, const struct tg_option *option)
{
    char name[64];
    const struct tg_option *away;
    int len = snprintf(name, sizeof(name), "no-%s", option->name);

    away = tg_option_find(cli->command->options, name, (size_t)len);
    return away != NULL && away->value == TG_VALUE_NONE ? away : NULL;
}

const struct tg_command *
tg_command_find(const char *noun, const char *verb)
{
    const struct tg_command *row;

    for (row = tg_commands; row->noun != NULL; row++) {
        if (strcmp(row->noun, noun) != 0)
            continue;
        if (verb == NULL ? row->verb == NULL
                         : row->verb != NULL && strcmp(row->verb, verb) == 0)
            return row;
    }
    return NULL;
}

const struct tg_command *
tg_command_below(const struct tg_command *command, const char *word)
{
    char verb[64];

    if (command == NULL || command->verb == NULL)
        return NULL;
    snprintf(verb, sizeof(verb), "%s %s", command->verb, word);
    return tg_command_find(command->noun, verb);
}

bool
tg_noun_exists(const char *noun)
{
    const struct tg_command *row;

    for (row = tg_commands; row->noun != NULL; row++) {
        if (strcmp(row->noun, noun) == 0)
            return true;
    }
    return false;
}

bool
tg_noun_has_verbs(const char *noun)
{
    const struct tg_command *row;

    for (row = tg_commands; row->noun != NULL; row++) {
        if (row->verb != NULL && strcmp(row->noun, noun) == 0)
            return true;
    }
    return false;
}

const char *
tg_args_value(const struct tg_cli *cli, const char *name)
{
    size_t i;

    for (i = cli->arg_count; i > 0; i--) {
        if (strcmp(cli->args[i - 1].option->name, name) == 0)
            return cli->args[i - 1].value;
    }
    return NULL;
}

bool
tg_args_has(const struct tg_cli *cli, const char *name)
{
    size_t i;

    for (i = 0; i < cli->arg_count; i++) {
        if (strcmp(cli->args[i].option->name, name) == 0)
            return true;
    }
    return false;
}

static bool
may_repeat(const struct tg_option *option)
{
    return option->argument == NULL || option->value == TG_VALUE_LIST ||
           option->value == TG_VALUE_LABEL;
}

static int
add_arg(struct tg_cli *cli, const struct tg_option *option, const char *value)
{
    int rc;

    if (value != NULL) {
        rc = tg_value_check(cli, option, value);
        if (rc != TG_EXIT_OK)
            return rc;
    }
    if (!may_repeat(option) && tg_args_has(cli, option->name))
        return tg_say_usage(cli, "--%s stands twice", option->name);
    cli->args[cli->arg_count++] = (struct tg_arg){option, value};
    return TG_EXIT_OK;
}

static int
refuse_option(const struct tg_cli *cli, const char *name, size_t len)
{
    struct tg_suggestion near;
    const struct tg_option *option;
    char *shown = strndup(name, len);
    int rc;

    tg_suggest_init(&near, shown);
    option = cli->command != NULL ? cli->command->options : NULL;
    for (; option != NULL && option->name != NULL; option++)
        tg_suggest_try(&near, option->name);
    for (option = tg_global_options; option->name != NULL; option++)
        tg_suggest_try(&near, option->name);
    if (tg_suggest_best(&near) != NULL)
        rc = tg_say_usage(cli, "unknown option --%s; did you mean --%s?", shown,
                          tg_suggest_best(&near));
    else if (cli->noun != NULL && cli->command == NULL)
        rc = tg_say_usage(cli,
                          "unknown option --%s; options of a verb stand "
                          "behind the verb",
                          shown);
    else
        rc = tg_say_usage(cli, "unknown option --%s", shown);
    free(shown);
    return rc;
}

static int
take_long(struct tg_cli *cli, int argc, char **argv, int *i)
{
    char *name = argv[*i] + 2;
    size_t len = strcspn(name, "=");
    char *value = name[len] == '=' ? name + len + 1 : NULL;
    const struct tg_option *option = NULL;

    if (cli->command != NULL)
        option = tg_option_find(cli->command->options, name, len);
    if (option == NULL)
        option = tg_option_find(tg_global_options, name, len);
    if (option == NULL)
        return refuse_option(cli, name, len);
    if (option->argument == NULL) {
        if (value != NULL)
            return tg_say_usage(cli, "--%s takes no value", option->name);
        return add_arg(cli, option, NULL);
    }
    if (value == NULL) {
        if (*i + 1 >= argc)
            return tg_say_usage(cli, "--%s needs a value: --%s %s",
                                option->name, option->name, option->argument);
        value = argv[++*i];
    }
    if (strcmp(option->name, "token") != 0)
        return add_arg(cli, option, value);
    /* Those who list processes need not see it. */
    free(cli->token);
    cli->token = tg_own(strdup(value));
    memset(value, '*', strlen(value));
    return add_arg(cli, option, cli->token);
}

/* -f is a command's --file; its value stands behind it. */
static int
take_file(struct tg_cli *cli, const struct tg_option *option, int argc,
          char **argv, int *i)
{
    if (*i + 1 >= argc)
        return tg_say_usage(cli, "-f needs a value: -f %s", option->argument);
    return add_arg(cli, option, argv[++*i]);
}

static int
take_short(struct tg_cli *cli, int argc, char **argv, int *at)
{
    const char *arg = argv[*at];
    const struct tg_option *file = NULL;
    static const struct {
        const char *arg, *name;
    } names[] = {
        {"-h", "help"}, {"-V", "version"}, {"-q", "quiet"}, {"-y", "yes"}};
    size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(arg, names[i].arg) == 0)
            return add_arg(cli,
                           tg_option_find(tg_global_options, names[i].name,
                                          strlen(names[i].name)),
                           NULL);
    }
    if (tg_option_find(tg_global_options, arg + 1, strlen(arg + 1)) != NULL ||
        (cli->command != NULL &&
         tg_option_find(cli->command->options, arg + 1, strlen(arg + 1))))
        return tg_say_usage(cli, "unknown option %s; did you mean -%s?", arg,
                            arg);
    if (cli->command != NULL && strcmp(arg, "-f") == 0)
        file = tg_option_find(cli->command->options, "file", 4);
    if (file != NULL && file->argument != NULL)
        return take_file(cli, file, argc, argv, at);
    return tg_say_usage(cli, "unknown option %s", arg);
}

int
tg_args_refuse_noun(const struct tg_cli *cli, const char *word)
{
    struct tg_suggestion near;
    const struct tg_command *row;

    tg_suggest_init(&near, word);
    for (row = tg_commands; row->noun != NULL; row++)
        tg_suggest_try(&near, row->noun);
    tg_suggest_try(&near, "help");
    if (tg_suggest_best(&near) != NULL)
        return tg_say_usage(cli,
                            "\"%s\" is not a tollgate command; did you mean "
                            "\"%s\"?",
                            word, tg_suggest_best(&near));
    return tg_say_usage(cli, "\"%s\" is not a tollgate command", word);
}

int
tg_args_refuse_verb(const struct tg_cli *cli, const char *word)
{
    struct tg_suggestion near;
    const struct tg_command *row;

    tg_suggest_init(&near, word);
    for (row = tg_commands; row->noun != NULL; row++) {
        if (row->verb != NULL && strcmp(row->noun, cli->noun) == 0)
            tg_suggest_try(&near, row->verb);
    }
    if (tg_suggest_best(&near) != NULL)
        return tg_say_usage(
            cli, "\"%s\" is not a verb of \"%s\"; did you mean \"%s\"?", word,
            cli->noun, tg_suggest_best(&near));
    return tg_say_usage(cli, "\"%s\" is not a verb of \"%s\"", word, cli->noun);
}

static bool
takes_two(const struct tg_command *command)
{
    return strchr(command->operand, ' ') != NULL;
}

static bool
takes_many(const struct tg_command *command)
{
    size_t len = strlen(command->operand);

    return len > 3 && strcmp(command->operand + len - 3, "...") == 0;
}

/* Where a name was typed as it is, and the command has an option for it. */
static int
refuse_word(const struct tg_cli *cli, const char *word)
{
    const struct tg_option *name =
        tg_option_find(cli->command->options, "name", 4);

    if (name != NULL && name->argument != NULL && *word != '\0' &&
        !tg_args_has(cli, "name"))
        return tg_say_usage(cli,
                            "nothing can stand here: \"%s\"; did you mean "
                            "--name?",
                            word);
    return tg_say_usage(cli, "nothing can stand here: \"%s\"", word);
}

/* A word that cannot name anything: "$ID" of a shell without ID, bytes. */
static int
check_word(const struct tg_cli *cli, const char *word)
{
    const char *name = cli->command->operand, *behind = strchr(name, ' ');
    int len;

    if (cli->operand != NULL && behind != NULL)
        name = behind + 1;
    name += strspn(name, "[");
    len = (int)strcspn(name, " ].");
    if (*word == '\0')
        return tg_say_usage(cli, "%.*s is empty", len, name);
    if (strncmp(name, "FILE", 4) != 0 && !tg_value_is_text(word))
        return tg_say_usage(cli, "%.*s takes UTF-8, not \"%s\"", len, name,
                            word);
    return TG_EXIT_OK;
}

static int
take_word(struct tg_cli *cli, const char *word)
{
    const struct tg_command *row;
    int rc;

    if (cli->noun == NULL) {
        if (!tg_noun_exists(word))
            return tg_args_refuse_noun(cli, word);
        cli->noun = word;
        cli->command = tg_command_find(word, NULL);
        return TG_EXIT_OK;
    }
    if (tg_noun_has_verbs(cli->noun) &&
        (cli->command == NULL || cli->command->verb == NULL)) {
        row = tg_command_find(cli->noun, word);
        if (row == NULL)
            return tg_args_refuse_verb(cli, word);
        cli->command = row;
        return TG_EXIT_OK;
    }
    row = tg_command_below(cli->command, word);
    if (row != NULL && cli->operand == NULL) {
        cli->command = row;
        return TG_EXIT_OK;
    }
    if (tg_glyph_is_secret(word))
        return tg_say_usage(cli,
                            "that is a secret, and a command line is no place "
                            "for one: %s",
                            tg_option_find(cli->command->options, "file", 4)
                                ? "--file names a file that has it"
                                : "name a key by its ID, key_…");
    if (cli->command->operand == NULL)
        return refuse_word(cli, word);
    rc = check_word(cli, word);
    if (rc != TG_EXIT_OK)
        return rc;
    if (cli->operand == NULL)
        cli->operand = word;
    else if (takes_two(cli->command) && cli->second == NULL)
        cli->second = word;
    else if (takes_many(cli->command))
        cli->more[cli->more_count++] = word;
    else
        return tg_say_usage(cli, "%s%s only, not \"%s\" as well",
                            takes_two(cli->command) ? "" : "one ",
                            cli->command->operand, word);
    return TG_EXIT_OK;
}

/* Words of an operand but those in brackets. */
static int
count_needed(const char *operand)
{
    int count = 0;

    for (const char *at = operand; *at != '\0'; at++) {
        if ((at == operand || at[-1] == ' ') && *at != '[')
            count++;
    }
    return count;
}

static int
refuse_noun_alone(const struct tg_cli *cli)
{
    const struct tg_command *row;
    char *verbs = NULL;
    size_t size;
    FILE *out = tg_own(open_memstream(&verbs, &size));
    int rc;

    for (row = tg_commands; row->noun != NULL; row++) {
        if (strcmp(row->noun, cli->noun) == 0)
            fprintf(out, "%s%s", ftell(out) > 0 ? ", " : "", row->verb);
    }
    fclose(out);
    rc = tg_say_usage(cli, "\"%s\" needs a verb: %s", cli->noun, verbs);
    free(verbs);
    return rc;
}

static int
check_whole(const struct tg_cli *cli)
{
    if (cli->noun == NULL || cli->wants_help || cli->wants_version)
        return TG_EXIT_OK;
    if (cli->command == NULL)
        return refuse_noun_alone(cli);
    if (cli->command->operand != NULL &&
        (cli->operand != NULL) + (cli->second != NULL) <
            count_needed(cli->command->operand))
        return tg_say_usage(cli, "%s%s%s needs %s", cli->noun,
                            cli->command->verb != NULL ? " " : "",
                            cli->command->verb != NULL ? cli->command->verb
                                                       : "",
                            cli->command->operand);
    return TG_EXIT_OK;
}

/* -5 is an amount, which is refused as one, and no option. */
static bool
is_amount(const struct tg_cli *cli, const char *arg)
{
    return cli->command != NULL && cli->command->operand != NULL &&
           arg[0] == '-' && arg[1] >= '0' && arg[1] <= '9';
}

static int
take(struct tg_cli *cli, int argc, char **argv, int *i, bool *is_over)
{
    if (*is_over || argv[*i][0] != '-' || argv[*i][1] == '\0' ||
        is_amount(cli, argv[*i]))
        return take_word(cli, argv[*i]);
    if (strcmp(argv[*i], "--") == 0) {
        *is_over = true;
        return TG_EXIT_OK;
    }
    if (argv[*i][1] == '-')
        return take_long(cli, argc, argv, i);
    return take_short(cli, argc, argv, i);
}

int
tg_args_parse(struct tg_cli *cli, int argc, char **argv)
{
    bool is_over = false;
    int i, rc;

    cli->args = calloc((size_t)argc + 1, sizeof(*cli->args));
    cli->more = calloc((size_t)argc + 1, sizeof(*cli->more));
    if (cli->args == NULL || cli->more == NULL)
        return tg_say_failed("out of memory");
    for (i = 1; i < argc; i++) {
        rc = take(cli, argc, argv, &i, &is_over);
        if (rc != TG_EXIT_OK)
            return rc;
        cli->wants_help = tg_args_has(cli, "help");
        if (cli->wants_help)
            break;
    }
    cli->is_json = tg_args_has(cli, "json");
    cli->is_quiet = tg_args_has(cli, "quiet");
    cli->is_yes = tg_args_has(cli, "yes");
    cli->wants_version = tg_args_has(cli, "version");
    return check_whole(cli);
}
