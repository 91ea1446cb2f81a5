/*
 * nginxconf.h: the configuration that `tollgate up` runs nginx with.
 */
#ifndef TG_NGINXCONF_H
#define TG_NGINXCONF_H

#include <stdbool.h>

#include "paths.h"
#include "proxies.h"

struct tg_nginx_conf {
    const struct tg_paths *paths;
    const char *listen;               /* as nginx's listen directive takes it */
    const struct tg_proxies *proxies; /* who may name a client's address */
    bool is_strict;                   /* the journal is durable at once */
    const char *module;               /* path of ngx_http_tollgate_module.so */
    const char *user;                 /* whom workers run as; NULL: as we do */
    const char *group;                /* of user */
    unsigned long open_files;         /* how many a worker may have */
};

/*
 * Whether a path can stand in a quoted word of nginx's configuration: no
 * quote, backslash, dollar sign, control character, or wildcard.
 */
bool tg_nginx_conf_is_safe(const char *path);

/*
 * Writes run/gate.conf, the locations that an operator's own server block
 * may include too, and run/nginx.conf.  Each is whole or not there.  The
 * paths must be safe.  Returns 0 or TG_ERR_SYSTEM with errno.
 */
int tg_nginx_conf_write(const struct tg_nginx_conf *conf);

#endif
