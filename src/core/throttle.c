#include "throttle.h"

#include <sodium.h>
#include <string.h>

#include "where.h"

#define NETWORK_BYTES 8 /* of an IPv6 address */

_Static_assert(sizeof(((struct tg_state_header *)0)->uuid) ==
                   crypto_shorthash_KEYBYTES,
               "the name is the hash's key");
_Static_assert((TG_THROTTLE_BUCKETS & (TG_THROTTLE_BUCKETS - 1)) == 0,
               "a mask of the hash");

static uint32_t
bucket_of(const struct tg_state *state, const uint8_t ip[16])
{
    uint64_t hash;
    /* Other lengths are other inputs: IPv4 is not within a network of IPv6. */
    bool is_v4 = tg_where_is_v4(ip);

    crypto_shorthash((unsigned char *)&hash, is_v4 ? ip + 12 : ip,
                     is_v4 ? 4 : NETWORK_BYTES, state->header->uuid);
    return (uint32_t)hash & (TG_THROTTLE_BUCKETS - 1);
}

int64_t
tg_throttle_take(const struct tg_state *state, const uint8_t ip[16],
                 uint32_t per_minute, int64_t now_ms)
{
    return tg_bucket_take(&state->throttle[bucket_of(state, ip)],
                          (struct tg_bucket_rate){per_minute, 60000}, 1,
                          now_ms);
}

void
tg_throttle_text(char *out, const uint8_t ip[16])
{
    uint8_t network[16] = {0};

    if (tg_where_is_v4(ip)) {
        tg_text_ip(out, ip);
        return;
    }
    memcpy(network, ip, NETWORK_BYTES);
    tg_text_ip(out, network);
    strcat(out, "/64");
}
