#include "network.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"

/* Clears the bits below the prefix; whether any of them was set. */
static bool
clear_host(uint8_t *ip, unsigned size, unsigned prefix)
{
    bool was_set = false;

    for (unsigned bit = prefix; bit < size * 8; bit++) {
        uint8_t mask = (uint8_t)(0x80 >> bit % 8);

        was_set |= (ip[bit / 8] & mask) != 0;
        ip[bit / 8] &= (uint8_t)~mask;
    }
    return was_set;
}

static int
read_prefix(const char *text, unsigned max, unsigned *prefix)
{
    char *end;
    unsigned long n;

    if (text[0] < '0' || text[0] > '9' || (text[0] == '0' && text[1] != '\0'))
        return TG_ERR_FORMAT;
    n = strtoul(text, &end, 10);
    if (*end != '\0' || n > max)
        return TG_ERR_FORMAT;
    *prefix = (unsigned)n;
    return 0;
}

struct network {
    bool is_v6;
    unsigned size; /* bytes of ip */
    unsigned prefix;
    uint8_t ip[16];
};

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

/*
 * An address of IPv4 in IPv6's clothes with a prefix of IPv4's: without what
 * is behind that it would be ::/24, say, which holds no IPv4 at all.
 */
static bool
undress(struct network *network)
{
    if (!network->is_v6 || network->prefix > 32 ||
        memcmp(network->ip, mapped, sizeof(mapped)) != 0)
        return false;
    memmove(network->ip, network->ip + sizeof(mapped), 4);
    network->is_v6 = false;
    network->size = 4;
    return true;
}

/* Returns as tg_network_normalize does, bits below the prefix cleared. */
static int
read_network(const char *text, struct network *network)
{
    char address[INET6_ADDRSTRLEN];
    const char *slash = strchr(text, '/');
    size_t len = slash ? (size_t)(slash - text) : strlen(text);
    bool was_mapped;

    network->is_v6 = memchr(text, ':', len) != NULL;
    network->size = network->is_v6 ? 16 : 4;
    network->prefix = network->size * 8;
    if (len >= sizeof(address))
        return TG_ERR_FORMAT;
    memcpy(address, text, len);
    address[len] = '\0';
    if (inet_pton(network->is_v6 ? AF_INET6 : AF_INET, address, network->ip) !=
        1)
        return TG_ERR_FORMAT;
    if (slash != NULL &&
        read_prefix(slash + 1, network->size * 8, &network->prefix) != 0)
        return TG_ERR_FORMAT;
    was_mapped = undress(network);
    return clear_host(network->ip, network->size, network->prefix) || was_mapped
               ? TG_ERR_RANGE
               : 0;
}

int
tg_network_normalize(const char *text, char *out)
{
    char clean[INET6_ADDRSTRLEN];
    struct network network;
    int err = read_network(text, &network);

    if (err != 0 && err != TG_ERR_RANGE)
        return err;
    inet_ntop(network.is_v6 ? AF_INET6 : AF_INET, network.ip, clean,
              sizeof(clean));
    snprintf(out, TG_NETWORK_TEXT_SIZE, "%s/%u", clean, network.prefix);
    return err;
}

int
tg_network_compile(const char *text, uint8_t *out)
{
    struct network network;
    int err = read_network(text, &network);

    if (err != 0)
        return err;
    if (network.is_v6) {
        out[0] = (uint8_t)network.prefix;
        memcpy(out + 1, network.ip, 16);
    } else {
        out[0] = (uint8_t)(network.prefix + TG_WHERE_MAPPED_BITS);
        memcpy(out + 1, mapped, sizeof(mapped));
        memcpy(out + 1 + sizeof(mapped), network.ip, 4);
    }
    return 0;
}

void
tg_network_text(const uint8_t *network, char *out)
{
    bool is_v4 = network[0] >= TG_WHERE_MAPPED_BITS &&
                 memcmp(network + 1, mapped, sizeof(mapped)) == 0;
    char clean[INET6_ADDRSTRLEN];

    inet_ntop(is_v4 ? AF_INET : AF_INET6,
              network + 1 + (is_v4 ? sizeof(mapped) : 0), clean, sizeof(clean));
    snprintf(out, TG_NETWORK_TEXT_SIZE, "%s/%u", clean,
             network[0] - (is_v4 ? TG_WHERE_MAPPED_BITS : 0u));
}
