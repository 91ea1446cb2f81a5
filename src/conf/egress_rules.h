/*
 * egress_rules.h: where the daemon may send requests of its own, as the
 * operator's file says.  src/daemon/egress_address.h judges by it.
 */
#ifndef TG_EGRESS_RULES_H
#define TG_EGRESS_RULES_H

#include <stddef.h>

#include "network.h"

#define TG_EGRESS_NETWORKS_MAX 64
#define TG_EGRESS_PORTS_MAX 32
#define TG_EGRESS_TEXT_SIZE 200 /* of a proxy's URL and of a file's name */

/* Zeros allow public addresses on the usual ports alone. */
struct tg_egress_rules {
    size_t network_count; /* not public, yet allowed, on every port */
    uint8_t networks[TG_EGRESS_NETWORKS_MAX][TG_WHERE_NETWORK_BYTES];
    size_t port_count; /* allowed beyond the usual ones */
    uint16_t ports[TG_EGRESS_PORTS_MAX];
    char proxy[TG_EGRESS_TEXT_SIZE];   /* URL; "": none */
    char ca_file[TG_EGRESS_TEXT_SIZE]; /* "": the system's */
};

/* Room for why a value is refused: one sentence without a final stop. */
#define TG_EGRESS_WHY_SIZE 256

/*
 * Each adds what a line of the file says: networks in CIDR notation, or ports,
 * with commas between them and maybe blanks.  Returns 0; or TG_ERR_FORMAT or
 * TG_ERR_FULL, and why says what is wrong.
 */
int tg_egress_rules_allow(struct tg_egress_rules *rules, const char *list,
                          char why[TG_EGRESS_WHY_SIZE]);
int tg_egress_rules_ports(struct tg_egress_rules *rules, const char *list,
                          char why[TG_EGRESS_WHY_SIZE]);

/* Sets the proxy, "http://host:port", which may stand once; as above. */
int tg_egress_rules_proxy(struct tg_egress_rules *rules, const char *url,
                          char why[TG_EGRESS_WHY_SIZE]);

/* Sets the file of certificates, an absolute name, once; as above. */
int tg_egress_rules_ca(struct tg_egress_rules *rules, const char *path,
                       char why[TG_EGRESS_WHY_SIZE]);

#endif
