/*
 * once.h: tollgated as a program that does one thing and ends, for what needs
 * the store's file and not the admin API.
 */
#ifndef TG_ONCE_H
#define TG_ONCE_H

#include <jansson.h>

#include "cli.h"
#include "up_home.h"

/*
 * The home of --home, TOLLGATE_HOME or ./var; made when make is true.
 * Returns an exit code after it said why.
 */
int tg_once_home(const struct tg_cli *cli, struct tg_up_home *home, bool make);

/* Whether there is one at all. */
bool tg_once_has_home(const struct tg_cli *cli);

/*
 * Runs tollgated on the home (NULL: on none) with words (NULL ends them) and waits.  What it
 * says on standard error is seen.  Returns TG_EXIT_OK with its object, which
 * the caller releases, whatever its exit status; or TG_EXIT_FAILED after all
 * was said.
 */
int tg_once_run(const struct tg_up_home *home, const char *const *words,
                json_t **object);

#endif
