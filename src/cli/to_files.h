/*
 * to_files.h: --to-env and --to-compose: a new secret into files of this
 * machine instead of onto the screen.
 */
#ifndef TG_TO_FILES_H
#define TG_TO_FILES_H

#include <jansson.h>

#include "cli.h"

#define TG_TO_FILES_OPTIONS                                                    \
    {"to-env",                                                                 \
     "FILE[:NAME]",                                                            \
     "write it to a dotenv file; repeat; NAME: TOLLGATE_API_KEY",              \
     TG_VALUE_LIST,                                                            \
     NULL,                                                                     \
     NULL},                                                                    \
    {                                                                          \
        "to-compose", "FILE:SERVICE[:NAME]",                                   \
            "write it to a Compose file; repeat", TG_VALUE_LIST, NULL, NULL    \
    }

bool tg_to_files_wanted(const struct tg_cli *cli);

/*
 * Looks, before a secret is made, whether each file can take it.  Returns an
 * exit code after it said why not; nothing was changed.
 */
int tg_to_files_check(const struct tg_cli *cli);

/*
 * Writes the key's secret, its member "key", into each, and reads it back.
 * Returns TG_EXIT_OK when it is in all of them; else TG_EXIT_FAILED after it
 * said which failed: the secret must be shown then.
 */
int tg_to_files_write(const struct tg_cli *cli, const json_t *key);

#endif
