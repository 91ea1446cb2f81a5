/*
 * signposts.h: whether what others find the daemon by is still there.
 *
 * Workers to come open the state file by its name, and the command line the
 * admin socket.  Both lie in /dev/shm, where a login manager removes what a
 * user has when he leaves; nothing can give a name back to a mapped file.
 */
#ifndef TG_SIGNPOSTS_H
#define TG_SIGNPOSTS_H

#include <sys/stat.h>

#include "paths.h"

struct tg_signposts {
    struct {
        const char *path;
        dev_t device;
        ino_t inode; /* 0: it was not there */
    } of[2];
};

/* Notes what the names stand for now; paths must live as long. */
void tg_signposts_note(struct tg_signposts *posts,
                       const struct tg_paths *paths);

/* The first path that no longer leads there; NULL when all do. */
const char *tg_signposts_lost(const struct tg_signposts *posts);

#endif
