/*
 * resolve.h: the addresses of upstreams.
 */
#ifndef TG_RESOLVE_H
#define TG_RESOLVE_H

#include "daemon.h"

/*
 * Resolves a host into a JSON list of addresses, sorted; the caller frees
 * it.  Blocks as long as the system's resolver does: hold no lock.  Returns
 * 0, TG_ERR_NOT_FOUND, or TG_ERR_RANGE when one of them is none that an
 * upstream has (egress_address.h), and *error says why.
 */
int tg_resolve_host(const char *host, char **addresses, struct tg_error *error);

/*
 * Resolves every upstream again, keeps what changed in the store and publishes
 * the catalog, which also brings in prices that wait for room.  A round:
 * rounds.h.
 */
void tg_resolve_pass(struct tg_daemon *daemon, struct tg_store *store,
                     int64_t now_ms);

#endif
