/*
 * files.h: files that are whole or not there, folders, and who may read them.
 */
#ifndef TG_FILES_H
#define TG_FILES_H

#include <stdbool.h>
#include <sys/types.h>

#include "error.h"
#include "str.h"

/*
 * Writes path, mode 0600: under another name in the same folder, synced,
 * renamed, and the folder synced.  Returns 0 or TG_ERR_SYSTEM, and *error says
 * why.
 */
int tg_files_write(const char *path, struct tg_str bytes,
                   struct tg_error *error);

/* Removes what a killed tg_files_write of this path left behind. */
void tg_files_remove_leftover(const char *path);

/*
 * Reads a secret file of at most cap bytes; refuses one that others than its
 * owner may read.  Returns its length, TG_ERR_NOT_FOUND, TG_ERR_LIMIT when
 * it is longer, TG_ERR_FORMAT when its mode is too open, TG_ERR_SYSTEM; but
 * for NOT_FOUND, *error says why.
 */
long tg_files_read_secret(const char *path, void *buf, size_t cap,
                          struct tg_error *error);

/* Makes a folder and those above it; one that is there is left as it is. */
int tg_files_make_folder(const char *path, mode_t mode, struct tg_error *error);

/* An owner to give things to; is_set false means: keep what they have. */
struct tg_owner {
    bool is_set;
    uid_t uid;
    gid_t gid;
};

/*
 * Makes a folder, mode 0700, owned by owner; refuses one that is a link or
 * somebody else's.
 */
int tg_files_make_private(const char *path, const struct tg_owner *owner,
                          struct tg_error *error);

#endif
