/*
 * restore.h: a copy of the store in the store's place.
 *
 * The journal's kept segments go back to the journal, what calls a killed
 * gate left in the state file is written there, and the state file goes; so
 * the next start takes in what is newer than the copy, and makes a state file
 * of both.
 */
#ifndef TG_RESTORE_H
#define TG_RESTORE_H

#include <jansson.h>

#include "error.h"
#include "options.h"
#include "paths.h"

/*
 * Restores options->restore into options->home, where no process of a gate
 * runs.  The store that is there is moved aside.  Nothing is touched before
 * the copy was found to be whole, of this version or older, sealed under this
 * home's master key, and, unless options->accepts_gap, older than nothing
 * that is kept no more.  *said is the caller's then.  Returns 0 or an enum
 * tg_err; *error says why.  When it is killed half-way, the home has a file
 * run/restoring and the daemon does not start until a restore is done.
 */
int tg_restore_make(const struct tg_options *options, json_t **said,
                    struct tg_error *error);

/* Whether a restore of this home was begun and not ended. */
int tg_restore_check(const struct tg_paths *paths, struct tg_error *error);

#endif
