/*
 * private.h: small files that hold a secret and must be nobody else's.
 */
#ifndef TG_PRIVATE_H
#define TG_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>

#define TG_PRIVATE_MAX 4096

/*
 * Reads the first line of a file without its line end into out[cap], which
 * ends with a NUL.  Returns TG_EXIT_OK with *is_there false when the file does
 * not exist, else TG_EXIT_FAILED after saying why: unreadable, longer
 * than cap, or (is_secret) open to others than its owner.
 */
int tg_private_read_line(const char *path, bool is_secret, char *out,
                         size_t cap, bool *is_there);

/* Whether others than its owner may read or change the open file fd. */
bool tg_private_is_open_to_others(int fd);

/* Says that path is open to others and what to do.  TG_EXIT_FAILED. */
int tg_private_refuse(const char *path);

#endif
