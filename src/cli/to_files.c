#include "to_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "args.h"
#include "dotenv.h"
#include "envfile.h"
#include "nouns.h"
#include "own.h"
#include "say.h"

#define NAME_DEFAULT "TOLLGATE_API_KEY"

/* An option's argument, taken apart; text is owned and holds the parts. */
struct target {
    char *text;
    struct tg_envfile file;
};

bool
tg_to_files_wanted(const struct tg_cli *cli)
{
    return tg_args_has(cli, "to-env") || tg_args_has(cli, "to-compose");
}

/* Takes ":word" off the end; NULL when there is none. */
static char *
take_last(char *text)
{
    char *colon = strrchr(text, ':');

    if (colon == NULL || colon == text)
        return NULL;
    *colon = '\0';
    return colon + 1;
}

/* FILE[:NAME]: what is behind the last colon, if it is a name. */
static void
parse_env(struct target *target)
{
    char *colon = strrchr(target->text, ':');

    target->file.name = NAME_DEFAULT;
    if (colon != NULL && colon != target->text && tg_dotenv_is_name(colon + 1))
        target->file.name = take_last(target->text);
    target->file.path = target->text;
}

/* FILE:SERVICE[:NAME] */
static bool
parse_compose(struct target *target)
{
    char *last = take_last(target->text);
    char *before = last != NULL ? take_last(target->text) : NULL;

    target->file.path = target->text;
    target->file.service = before != NULL ? before : last;
    target->file.name = before != NULL ? last : NAME_DEFAULT;
    return last != NULL && *target->file.service != '\0' &&
           tg_dotenv_is_name(target->file.name);
}

static int
parse(const struct tg_arg *arg, struct target *target)
{
    *target = (struct target){.text = tg_own(strdup(arg->value))};
    if (strcmp(arg->option->name, "to-env") == 0) {
        parse_env(target);
        return TG_EXIT_OK;
    }
    if (parse_compose(target))
        return TG_EXIT_OK;
    tg_say_failed("--to-compose takes FILE:SERVICE or FILE:SERVICE:NAME, not "
                  "%s",
                  arg->value);
    return TG_EXIT_USAGE;
}

static int
say(const struct target *target, const struct tg_fault *fault)
{
    if (fault->line != 0)
        return tg_say_failed("%s, line %u: %s", target->file.path, fault->line,
                             fault->text);
    return tg_say_failed("%s: %s", target->file.path, fault->text);
}

static int
check(const struct tg_cli *cli, const struct target *target)
{
    struct tg_fault fault;
    mode_t mode;

    if (tg_envfile_check(&target->file, &mode, &fault) != 0)
        return say(target, &fault);
    if (mode & (S_IROTH | S_IRGRP))
        tg_say_note(cli, "%s can be read by others, too (mode %o).",
                    target->file.path, (unsigned)mode);
    return TG_EXIT_OK;
}

static int
write_to(const struct tg_cli *cli, const struct target *target,
         struct tg_str secret)
{
    struct tg_fault fault;
    bool has = false;

    if (tg_envfile_write(&target->file, secret, &fault) != 0 ||
        tg_envfile_has(&target->file, secret, &has, &fault) != 0)
        return say(target, &fault);
    if (!has)
        return tg_say_failed("%s was written, but another value is read back",
                             target->file.path);
    tg_say_note(cli, "%s has it as %s%s%s.", target->file.path,
                target->file.name, target->file.service != NULL ? ", of " : "",
                target->file.service != NULL ? target->file.service : "");
    return TG_EXIT_OK;
}

/* Each of them; secret NULL: only looks. */
static int
each(const struct tg_cli *cli, const char *secret)
{
    int rc = TG_EXIT_OK;

    for (size_t i = 0; i < cli->arg_count; i++) {
        const struct tg_arg *arg = &cli->args[i];
        struct target target;
        int one;

        if (strcmp(arg->option->name, "to-env") != 0 &&
            strcmp(arg->option->name, "to-compose") != 0)
            continue;
        one = parse(arg, &target);
        if (one == TG_EXIT_OK)
            one = secret == NULL
                      ? check(cli, &target)
                      : write_to(cli, &target,
                                 (struct tg_str){secret, strlen(secret)});
        if (rc == TG_EXIT_OK)
            rc = one;
        free(target.text);
    }
    return rc;
}

int
tg_to_files_check(const struct tg_cli *cli)
{
    return each(cli, NULL);
}

int
tg_to_files_write(const struct tg_cli *cli, const json_t *key)
{
    return each(cli, tg_noun_text(key, "key"));
}
