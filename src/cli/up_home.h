/*
 * up_home.h: a home that `tollgate up` runs: its folders, its locks, and the
 * address it serves.
 *
 * What fails here has already been said on standard error in one sentence.
 */
#ifndef TG_UP_HOME_H
#define TG_UP_HOME_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "paths.h"

struct tg_listen {
    char text[64]; /* as nginx takes it: 127.0.0.1:8080 or [::1]:8080 */
    char url[80];  /* a base URL that reaches it from this machine */
    struct sockaddr_storage addr;
    socklen_t addr_len;
    int held; /* the socket that keeps its port from others, or -1 */
};

struct tg_up_home {
    struct tg_paths paths;
    char log_dir[TG_PATH_SIZE];
    char log_file[TG_PATH_SIZE + 32];      /* of a detached `up` */
    char url_file[TG_PATH_SIZE + 32];      /* run/admin.url */
    char lock_file[TG_PATH_SIZE + 32];     /* held by the one `up` */
    char children_file[TG_PATH_SIZE + 32]; /* held by all it started */
};

/* Fills home from a folder that exists, or is made when make is true. */
int tg_up_home_open(struct tg_up_home *home, const char *folder, bool make);

/* Makes run, log and nginx.d. */
int tg_up_home_make_folders(const struct tg_up_home *home);

/*
 * Reads ADDR:PORT.  ADDR is an IPv4 address, an IPv6 one in brackets,
 * localhost, or *; port 0 picks one that is free.
 */
int tg_listen_parse(struct tg_listen *listen, const char *text);

/*
 * Fails when the address cannot be bound for a second, and says why.  Replaces
 * port 0 by a free port.  From then on, until we end, the kernel gives the port
 * to nobody who asks for any; nginx, which asks for this one, may listen.
 */
int tg_listen_hold(struct tg_listen *listen);

/* Whether a request there is answered, with whatever, within half a second. */
bool tg_listen_answers(const struct tg_listen *listen);

/*
 * Takes the lock of the one `up` and writes our pid to it.  Returns the
 * descriptor, which is the lock, or -1 when another one runs.
 */
int tg_up_lock(const struct tg_up_home *home);

/* Pid of the `up` that holds the lock; 0 when none runs. */
pid_t tg_up_holder(const struct tg_up_home *home);

/*
 * Takes the lock that every child inherits.  What an earlier run left
 * behind holds it still: that is ended first.  Returns the descriptor, to
 * which tg_up_note_child writes, or -1.
 */
int tg_up_lock_children(const struct tg_up_home *home);

/* Notes a child, which leads a process group, for whoever comes after us. */
void tg_up_note_child(int children_fd, pid_t pid);

/* Whether no process of any run on this home is left. */
bool tg_up_is_gone(const struct tg_up_home *home);

#endif
