/*
 * address_text.h: a client's address as text, as calls in the store have it.
 */
#ifndef TG_ADDRESS_TEXT_H
#define TG_ADDRESS_TEXT_H

#include <arpa/inet.h>
#include <stdint.h>

/* Of an IPv6 address, network order; one that maps IPv4 as that.  out. */
const char *tg_address_text(const uint8_t ip[16], char out[INET6_ADDRSTRLEN]);

#endif
