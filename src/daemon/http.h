/*
 * http.h: the admin API's HTTP server, on a socket in the file system.
 */
#ifndef TG_HTTP_H
#define TG_HTTP_H

#include "daemon.h"

struct tg_http;

/*
 * Listens on paths.admin_socket (a stale one is replaced), mode 0660, the
 * workers' own, and answers in its threads from now on.  Returns 0 or
 * TG_ERR_SYSTEM, and *error says why.
 */
int tg_http_start(struct tg_http **http, struct tg_daemon *daemon,
                  struct tg_error *error);

/* Ends answers under way, closes and removes the socket; takes NULL. */
void tg_http_stop(struct tg_http *http);

#endif
