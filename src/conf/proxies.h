/*
 * proxies.h: the proxies whose X-Forwarded-For is believed.
 */
#ifndef TG_PROXIES_H
#define TG_PROXIES_H

#include <stddef.h>

#include "network.h"

#define TG_PROXIES_MAX 64

/* Zeros believe nobody. */
struct tg_proxies {
    size_t count;
    char networks[TG_PROXIES_MAX][TG_NETWORK_TEXT_SIZE]; /* as nginx takes
                                                            them */
};

/* Room for why a list is refused: one sentence without a final stop. */
#define TG_PROXIES_WHY_SIZE 256

/*
 * Adds networks in CIDR notation or addresses, with commas between them and
 * maybe blanks.  IPv4 that is written as IPv6 becomes IPv4, as nginx compares
 * them.  Networks of everybody are refused.  Returns 0; or TG_ERR_FORMAT or
 * TG_ERR_FULL, and why says what is wrong.
 */
int tg_proxies_add(struct tg_proxies *proxies, const char *list,
                   char why[TG_PROXIES_WHY_SIZE]);

#endif
