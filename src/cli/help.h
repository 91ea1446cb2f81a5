/*
 * help.h: what the table of commands says about itself.
 */
#ifndef TG_HELP_H
#define TG_HELP_H

#include <stdio.h>

#include "cli.h"

/* All nouns. */
void tg_help_all(FILE *out);

/* A noun's verbs with their options. */
void tg_help_noun(FILE *out, const char *noun);

/* One command with its options and an example. */
void tg_help_command(FILE *out, const struct tg_command *command);

/*
 * `tollgate help [NOUN [VERB]] [--json]`; the words behind "help".  With
 * --json the table itself.  Returns an exit code.
 */
int tg_help_run(int argc, char **argv);

#endif
