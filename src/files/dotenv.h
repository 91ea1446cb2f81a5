/*
 * dotenv.h: a variable of a dotenv file.
 *
 * Lines are NAME=value, maybe with "export" in front, comments, and blank
 * ones; a value is bare, or in quotes (', " or `), and may go on over lines
 * then.  What stands behind a bare value after " #" is a comment.
 */
#ifndef TG_DOTENV_H
#define TG_DOTENV_H

#include "spot.h"

/* Whether a name is one that programs and shells take. */
bool tg_dotenv_is_name(const char *name);

/*
 * Finds the variable, or the place for it at the end.  Returns 0; or
 * TG_ERR_FORMAT when the text is no such file, TG_ERR_DUPLICATE when the name
 * stands twice, and *fault says where.
 */
int tg_dotenv_find(struct tg_str text, const char *name, struct tg_spot *spot,
                   struct tg_fault *fault);

#endif
