/*
 * network.h: networks in CIDR notation.
 */
#ifndef TG_NETWORK_H
#define TG_NETWORK_H

#include <stdint.h>

#include "where.h"

#define TG_NETWORK_TEXT_SIZE 52

/*
 * Reads "10.0.0.0/8", "2001:db8::/32", or an address alone, and writes the
 * network's one spelling into out[TG_NETWORK_TEXT_SIZE].  Returns 0;
 * TG_ERR_FORMAT when it is none; TG_ERR_RANGE when bits below the prefix are
 * set, and out is what was probably meant.
 */
int tg_network_normalize(const char *text, char *out);

/*
 * Writes the network as tg_where_network reads it into
 * out[TG_WHERE_NETWORK_BYTES].  Returns as above; out is written on 0 only.
 */
int tg_network_compile(const char *text, uint8_t *out);

/* Writes such bytes as the network's one spelling; no more than 128 bits. */
void tg_network_text(const uint8_t *network, char *out);

#endif
