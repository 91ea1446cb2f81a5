/*
 * resolve.h: the addresses of upstreams.
 */
#ifndef TG_RESOLVE_H
#define TG_RESOLVE_H

#include "daemon.h"

/*
 * Resolves a host into a JSON list of addresses, sorted; the caller frees
 * it.  Blocks as long as the system's resolver does: hold no lock.  Returns
 * 0, or TG_ERR_NOT_FOUND and *error says why.
 */
int tg_resolve_host(const char *host, char **addresses, struct tg_error *error);

struct tg_resolver;

/*
 * Starts a thread that resolves every upstream again each 30 s, keeps what
 * changed in the store and publishes the catalog, which also brings in
 * prices that wait for room.  Returns 0, or TG_ERR_SYSTEM.
 */
int tg_resolver_start(struct tg_resolver **resolver, struct tg_daemon *daemon);

/*
 * Ends the thread; takes NULL.  One that waits for the system's resolver is
 * not waited for longer than a second: it goes with the process, and gets no
 * further than the admin lock, which the caller takes and keeps.
 */
void tg_resolver_stop(struct tg_resolver *resolver);

#endif
