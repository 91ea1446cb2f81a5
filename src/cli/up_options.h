/*
 * up_options.h: the options of `up`, `down` and `status`.
 */
#ifndef TG_UP_OPTIONS_H
#define TG_UP_OPTIONS_H

#include <stdbool.h>

#include "proxies.h"

struct tg_up_options {
    const char *home;   /* --home, else TOLLGATE_HOME, else ./var */
    const char *listen; /* --listen, else TOLLGATE_LISTEN */
    bool is_detached;
    bool dies_with_parent;
    bool is_json;
    bool is_quiet;
    /* --trusted-proxy, else TOLLGATE_TRUSTED_PROXIES, else none: then
       tollgate.conf's count. */
    struct tg_proxies proxies;
    bool is_strict; /* only tollgate.conf says so */
};

/*
 * Reads the options of one verb; accepts is a string of those it has: h
 * home, l listen, t trusted-proxy, d detach, p die-with-parent, j json; all
 * take --quiet,
 * --no-color, --yes and --help.  Returns true, or false with *exit_status
 * set when all is said: help was asked for, or an option is wrong.
 */
bool tg_up_options_parse(struct tg_up_options *options, const char *accepts,
                         int argc, char **argv, int *exit_status);

#endif
