/*
 * backup_file.h: a copy of the store in a file, while the daemon runs or not.
 */
#ifndef TG_BACKUP_FILE_H
#define TG_BACKUP_FILE_H

#include <jansson.h>

#include "backup.h"
#include "options.h"

/* Says on standard error how far it is, once a second; what is a verb. */
struct tg_backup_progress {
    const char *what;
    int64_t next_at_ms;
};

/* For tg_store_copy.  progress outlives what it gives. */
struct tg_store_progress tg_backup_progress(struct tg_backup_progress *progress,
                                            const char *what);

/*
 * Copies the store of options->home to options->backup: mode 0600, whole or
 * not there.  One that is there is left unless options->replaces.  *said is
 * the caller's then.  Returns 0 or an enum tg_err; *error says why.
 */
int tg_backup_make(const struct tg_options *options, json_t **said,
                   struct tg_error *error);

#endif
