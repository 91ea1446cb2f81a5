/*
 * ask.h: reading an upstream's secret from where no other user sees it.
 */
#ifndef TG_ASK_H
#define TG_ASK_H

#include "cli.h"

#define TG_ASKED_MAX 4096

/* Wipe it (explicit_bzero) after use. */
struct tg_asked {
    char data[TG_ASKED_MAX + 1];
};

/*
 * Reads one secret from a file, or from standard input when file is NULL or
 * "-"; on a terminal it asks, and shows nothing of what is typed.  A line end
 * behind it is dropped.  Returns an exit code after saying why not: empty,
 * too long, more than one word, unreadable, interrupted.
 */
int tg_ask_secret(const struct tg_cli *cli, const char *file,
                  struct tg_asked *secret);

#endif
