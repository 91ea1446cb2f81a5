/*
 * args.h: from argv to a command's row and its options.
 */
#ifndef TG_ARGS_H
#define TG_ARGS_H

#include "cli.h"

/*
 * Fills cli's command, operand and args; values are checked for their kind
 * and choices.  Options that all commands take may stand anywhere, those of
 * a command behind its verb.  Returns TG_EXIT_OK, or TG_EXIT_USAGE after it
 * said what is wrong.  The strings stay argv's; args is cli's, on the heap.
 */
int tg_args_parse(struct tg_cli *cli, int argc, char **argv);

/*
 * Says that a word is no noun, or no verb of cli's noun, and which one is
 * nearest.  Returns TG_EXIT_USAGE.
 */
int tg_args_refuse_noun(const struct tg_cli *cli, const char *word);
int tg_args_refuse_verb(const struct tg_cli *cli, const char *word);

/* The last value of an option, or NULL. */
const char *tg_args_value(const struct tg_cli *cli, const char *name);

bool tg_args_has(const struct tg_cli *cli, const char *name);

/* The option of this name in a table, or NULL. */
const struct tg_option *tg_option_find(const struct tg_option *options,
                                       const char *name, size_t len);

/* The option of cli's command that takes away what option sets, or NULL. */
const struct tg_option *tg_option_away(const struct tg_cli *cli,
                                       const struct tg_option *option);

/* The row of a noun and a verb (NULL: of the noun alone), or NULL. */
const struct tg_command *tg_command_find(const char *noun, const char *verb);

/*
 * A verb may be two words, "rules add", of which the first is a verb itself:
 * the row that a word behind command makes of it, or NULL.
 */
const struct tg_command *tg_command_below(const struct tg_command *command,
                                          const char *word);

/* Whether any row has this noun, and whether any of those has a verb. */
bool tg_noun_exists(const char *noun);
bool tg_noun_has_verbs(const char *noun);

#endif
