#include "address_text.h"

#include <string.h>

/* inet_ntop, without printf for IPv4: each call that comes in has one. */
const char *
tg_address_text(const uint8_t ip[16], char out[INET6_ADDRSTRLEN])
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255};
    char *end = out;

    if (memcmp(ip, mapped, sizeof(mapped)) != 0)
        return inet_ntop(AF_INET6, ip, out, INET6_ADDRSTRLEN);
    for (int i = 12; i < 16; i++) {
        if (ip[i] >= 100)
            *end++ = (char)('0' + ip[i] / 100);
        if (ip[i] >= 10)
            *end++ = (char)('0' + ip[i] / 10 % 10);
        *end++ = (char)('0' + ip[i] % 10);
        *end++ = '.';
    }
    end[-1] = '\0';
    return out;
}
