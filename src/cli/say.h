/*
 * say.h: sentences for people, on standard error, so that standard output
 * holds results only.
 *
 * Whatever goes into a sentence is made safe for a terminal; a word that
 * looks like a secret is not shown.
 */
#ifndef TG_SAY_H
#define TG_SAY_H

#include "cli.h"

/* Says why it failed.  Returns TG_EXIT_FAILED. */
int tg_say_failed(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/* Says what is wrong with the command line and which help to read. */
int tg_say_usage(const struct tg_cli *cli, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Says that nobody answers.  Returns TG_EXIT_UNREACHABLE. */
int tg_say_unreachable(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/* Says what is wrong as it is, for sentences that begin with a place. */
void tg_say_error(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/* Says something worth knowing, unless --quiet. */
void tg_say_note(const struct tg_cli *cli, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Asks a yes-or-no question on the terminal; --yes answers it.  Returns
 * TG_EXIT_OK for yes; TG_EXIT_FAILED after saying so for no, and when there
 * is no terminal to ask on.
 */
int tg_say_confirm(const struct tg_cli *cli, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
