/*
 * lookup.h: the addresses of a name, within a time.
 */
#ifndef TG_LOOKUP_H
#define TG_LOOKUP_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define TG_LOOKUP_ADDRESSES 32

/* IPv6 in network order, IPv4 as ::ffff:a.b.c.d. */
struct tg_lookup {
    size_t count;
    uint8_t ips[TG_LOOKUP_ADDRESSES][16];
};

/*
 * Asks the system's resolver, and waits for timeout_ms at most; it goes on by
 * itself then, and is let be.  Returns 0; TG_ERR_NOT_FOUND when the name has
 * no address; TG_ERR_BUSY when no answer came in time, or too many lookups
 * hang already; TG_ERR_LIMIT when it has more than TG_LOOKUP_ADDRESSES: all of
 * them could not be looked at.  *error says which.
 */
int tg_lookup(struct tg_lookup *found, const char *host, uint32_t timeout_ms,
              struct tg_error *error);

#endif
