/*
 * egress_address.h: may a request of the daemon's own go to this address?
 *
 * Public addresses may be reached on the usual ports and those the operator
 * named; others only where [egress] allow names their network, on any port;
 * some never: of nobody, of many, of the future.
 */
#ifndef TG_EGRESS_ADDRESS_H
#define TG_EGRESS_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "egress_rules.h"

enum tg_egress_verdict {
    TG_EGRESS_REFUSED = 0, /* not public, and not allowed */
    TG_EGRESS_NEVER,       /* nothing allows it */
    TG_EGRESS_PUBLIC,      /* on the ports of tg_egress_port */
    TG_EGRESS_ALLOWED,     /* by the operator's file */
};

/*
 * Judges an address: IPv6 in network order, IPv4 as ::ffff:a.b.c.d.  An IPv4
 * address that is translated (64:ff9b::/96) is judged as what it is.  *kind
 * becomes what the address is, "a private network".
 */
enum tg_egress_verdict tg_egress_judge(const struct tg_egress_rules *rules,
                                       const uint8_t ip[16], const char **kind);

/*
 * Whether an upstream may be at an address: private ones are usual, but none is
 * at no host's address, at a group's, or where clouds tell machines their
 * secrets.  *kind as above.
 */
bool tg_egress_is_upstream(const uint8_t ip[16], const char **kind);

/* Whether a public address may be reached on it; is_mail: by SMTP. */
bool tg_egress_port(const struct tg_egress_rules *rules, uint16_t port,
                    bool is_mail);

#endif
