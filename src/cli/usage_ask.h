/*
 * usage_ask.h: what a command about usage asks for, and what is drawn of it.
 */
#ifndef TG_USAGE_ASK_H
#define TG_USAGE_ASK_H

#include "cli.h"

/*
 * path with the command's options as a query, and more ("by=day") behind
 * them.  Returns TG_EXIT_OK and *target, which the caller frees, or
 * TG_EXIT_USAGE after it said what is wrong.
 */
int tg_usage_target(struct tg_cli *cli, const char *path, const char *more,
                    char **target);

/* Draws it, as --plot says.  Returns an exit code after all was said. */
int tg_usage_plot(struct tg_cli *cli);

#endif
