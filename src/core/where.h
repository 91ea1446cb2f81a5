/*
 * where.h: may a key be used from this address, from this page?
 *
 * Both lists are blobs of the state file as tg_blob_next walks them;
 * docs/state.md has their bytes.  An empty list means anywhere: whoever
 * reads a blob that is not 0 and comes back empty must refuse.
 */
#ifndef TG_WHERE_H
#define TG_WHERE_H

#include <stdbool.h>
#include <stdint.h>

#include "str.h"

/* An entry of a list of networks: prefix length 0..128, then the address. */
#define TG_WHERE_NETWORK_BYTES 17
#define TG_WHERE_MAPPED_BITS 96 /* ::ffff:0:0, in which IPv4 lies */

/* Whether an address is IPv4, as ::ffff:a.b.c.d. */
bool tg_where_is_v4(const uint8_t ip[16]);

/*
 * Whether an address lies in one of the networks.  ip is IPv6 in network
 * order, IPv4 as ::ffff:a.b.c.d; the same holds for entries, whose prefix then
 * counts 96 more, so that a mapped address and its IPv4 are one.  An entry of
 * fewer than 96 bits is of IPv6 alone: ::/0 admits no IPv4 address and
 * 0.0.0.0/0 no other.  Entries that are malformed admit nobody.
 */
bool tg_where_network(struct tg_str networks, const uint8_t ip[16]);

/*
 * Whether a page may use the key.  origin and referer are the values of the
 * request's headers, empty when there was none; origin alone decides when it
 * is there.
 *
 * A pattern is "https://app.example.com/chat*": http or https, a host whose
 * first label may be '*' (for one label or more, never none), a port unless
 * it is the scheme's own, and a path that matches as a whole or, when it ends
 * in '*', by its beginning; without a path, any one does.  Scheme and host are
 * compared without case, paths byte by byte, up to a query.  An Origin has no
 * path, so a pattern's counts for a Referer only.  "null", userinfo, and what
 * is no http URL never match; nor does anything match a pattern that is none.
 */
bool tg_where_referrer(struct tg_str patterns, struct tg_str origin,
                       struct tg_str referer);

/* Whether text is such a pattern, for the daemon to ask before it stores. */
bool tg_where_is_pattern(struct tg_str text);

#endif
