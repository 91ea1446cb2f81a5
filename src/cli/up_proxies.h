/*
 * up_proxies.h: the proxies whose X-Forwarded-For is believed.
 *
 * What fails here has already been said on standard error in one sentence.
 */
#ifndef TG_UP_PROXIES_H
#define TG_UP_PROXIES_H

#include <stddef.h>

#include "network.h"

#define TG_UP_PROXIES_MAX 64

/* Zeros believe nobody. */
struct tg_up_proxies {
    size_t count;
    char networks[TG_UP_PROXIES_MAX][TG_NETWORK_TEXT_SIZE]; /* as nginx takes
                                                               them */
};

/*
 * Adds networks in CIDR notation or addresses, with commas between them and
 * maybe blanks.  IPv4 that is written as IPv6 becomes IPv4, as nginx compares
 * them.  Networks of everybody are refused.  Returns 0 or 1.
 */
int tg_up_proxies_add(struct tg_up_proxies *proxies, const char *list);

#endif
