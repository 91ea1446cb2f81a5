/*
 * envfile.h: a secret into a file of somebody else's: dotenv or Compose.
 *
 * The file is replaced as a whole, by a rename in its folder: whoever reads it
 * sees the old one or the new one.  Mode and owner stay, comments and order,
 * too; a new dotenv file is its owner's alone.  Two that write at once do so
 * one behind the other.  ACLs and extended attributes are not handled.
 */
#ifndef TG_ENVFILE_H
#define TG_ENVFILE_H

#include <sys/types.h>

#include "spot.h"

#define TG_ENVFILE_MAX (1u << 20) /* bytes of a file */

struct tg_envfile {
    const char *path;
    const char *service; /* of Compose; NULL: it is a dotenv file */
    const char *name;    /* of the variable */
    const char *folder;  /* all of path's folder lies in it; NULL: anywhere */
};

/*
 * Reads the file and looks whether the value can be put there; changes
 * nothing.  *mode becomes the file's, 0 when there is none yet.  Returns 0; or
 * TG_ERR_SYSTEM when it cannot be read or written, else as tg_dotenv_find and
 * tg_compose_find.
 *
 * With a folder, no symbolic link is followed; else one that the path ends in
 * is, and stays one.
 */
int tg_envfile_check(const struct tg_envfile *file, mode_t *mode,
                     struct tg_fault *fault);

/*
 * Puts the value there, and makes it durable.  Returns as above, and the file
 * is as it was then; or TG_ERR_BUSY: it was changed by somebody else
 * meanwhile.
 */
int tg_envfile_write(const struct tg_envfile *file, struct tg_str value,
                     struct tg_fault *fault);

/*
 * Copies the value that stands there now, its quotes left out, into out[cap].
 * TG_ERR_NOT_FOUND when there is none, or it is longer.
 */
int tg_envfile_read(const struct tg_envfile *file, char *out, size_t cap,
                    size_t *len, struct tg_fault *fault);

/* Whether the value stands there now, told without saying by time where not. */
int tg_envfile_has(const struct tg_envfile *file, struct tg_str value,
                   bool *has, struct tg_fault *fault);

#endif
