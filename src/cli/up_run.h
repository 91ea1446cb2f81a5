/*
 * up_run.h: the daemon and nginx, kept running until we are told to stop.
 */
#ifndef TG_UP_RUN_H
#define TG_UP_RUN_H

#include "up_home.h"
#include "proxies.h"

struct tg_up_run {
    const struct tg_up_home *home;
    const struct tg_listen *listen;
    const struct tg_proxies *proxies;
    bool is_strict;           /* see tollgate.conf's sync */
    int children_fd;          /* every child keeps it: tg_up_lock_children */
    void (*ready)(void *arg); /* called once, when calls are served */
    void *ready_arg;
};

/*
 * Starts the daemon, then nginx, and starts again what dies.  SIGINT and
 * SIGTERM end it: nginx first, when its calls are done or 10 s are over (a
 * second signal: at once), then the daemon.  SIGHUP reloads nginx.  A first
 * start that fails ends it too.  No process is left.  Returns the exit
 * status.
 */
int tg_up_run(const struct tg_up_run *run);

#endif
