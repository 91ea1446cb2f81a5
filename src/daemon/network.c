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

int
tg_network_normalize(const char *text, char *out)
{
    char address[INET6_ADDRSTRLEN], clean[INET6_ADDRSTRLEN];
    const char *slash = strchr(text, '/');
    size_t len = slash ? (size_t)(slash - text) : strlen(text);
    bool is_v6 = memchr(text, ':', len) != NULL;
    unsigned size = is_v6 ? 16 : 4, prefix = size * 8;
    uint8_t ip[16];
    bool was_set;

    if (len >= sizeof(address))
        return TG_ERR_FORMAT;
    memcpy(address, text, len);
    address[len] = '\0';
    if (inet_pton(is_v6 ? AF_INET6 : AF_INET, address, ip) != 1)
        return TG_ERR_FORMAT;
    if (slash != NULL && read_prefix(slash + 1, size * 8, &prefix) != 0)
        return TG_ERR_FORMAT;
    was_set = clear_host(ip, size, prefix);
    inet_ntop(is_v6 ? AF_INET6 : AF_INET, ip, clean, sizeof(clean));
    snprintf(out, TG_NETWORK_TEXT_SIZE, "%s/%u", clean, prefix);
    return was_set ? TG_ERR_RANGE : 0;
}
