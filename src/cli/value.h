/*
 * value.h: whether an option's argument is what it must be.
 */
#ifndef TG_VALUE_H
#define TG_VALUE_H

#include "cli.h"

/*
 * Checks an argument for its option's kind and choices.  Instants are read
 * later, when the time zone is known.  Returns TG_EXIT_OK, or TG_EXIT_USAGE
 * after it said what the option takes.
 */
int tg_value_check(const struct tg_cli *cli, const struct tg_option *option,
                   const char *value);

/*
 * Whether a word can be sent: a JSON string is UTF-8, and a word that is none
 * would be left out of a request that goes out without it.
 */
bool tg_value_is_text(const char *value);

/* Whether a value is how some say that there is to be none: none, never. */
bool tg_value_means_none(const char *value);

/* Whether a text is a number of days such as 30 or 30d. */
bool tg_value_is_days(const char *value);

/* Whether a text is an amount such as 10 or 0.28. */
bool tg_value_is_amount(const char *value);

#endif
