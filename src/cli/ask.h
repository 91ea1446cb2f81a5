/*
 * ask.h: reading secrets from where no other user sees them.
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

/*
 * What a person is asked: its lines stand in a file, or in standard input
 * for "-"; without one each is asked for on the terminal that the program
 * was started from, whatever its standard input is, and nothing is shown.
 */
struct tg_answers {
    bool is_read;
    struct tg_asked text;
    char *next; /* line of the file */
};

/*
 * Reads the next answer into line, without the line end.  An empty one is
 * refused unless it may be; a file without more lines gives empty ones.
 * Returns an exit code after saying why not; wipe both after use.
 */
int tg_ask_line(struct tg_answers *answers, const char *file,
                const char *prompt, bool may_be_empty, struct tg_asked *line);

#endif
