/*
 * server.h: which admin API to talk to, and as whom.
 *
 * In this order: --admin-url and --token; TOLLGATE_ADMIN_URL and
 * TOLLGATE_ADMIN_TOKEN; the home of a gate on this machine; the profile in
 * the user's configuration folder.  The token of one home or profile is never
 * sent to the address of another.
 */
#ifndef TG_SERVER_H
#define TG_SERVER_H

#include "cli.h"

/* All strings are the struct's. */
struct tg_server {
    char *url;        /* http:// or https://, without a slash at the end */
    char *socket;     /* path of a unix socket, or NULL */
    char *shown;      /* the address as people know it */
    char *token;      /* NULL: none was found */
    char *token_from; /* where it was found, for sentences */
    char *home;       /* TOLLGATE_HOME or ./var */
};

/*
 * Finds both.  Returns TG_EXIT_OK (token may still be NULL), or another exit
 * code after saying what is wrong: a token file that others can read, an
 * address that is none, a profile that does not parse.
 */
int tg_server_find(struct tg_server *server, const struct tg_cli *cli);

/*
 * http://ADDR:PORT of a listening address, "any" being reached by loopback;
 * the caller's.
 */
char *tg_server_url_of_listen(const char *listen);

/* Whether the address is this machine's own. */
bool tg_server_is_local(const struct tg_server *server);

/* Wipes the token and frees all. */
void tg_server_release(struct tg_server *server);

#endif
