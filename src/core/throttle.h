/*
 * throttle.h: wrong credentials by the address they come from.
 *
 * TG_THROTTLE_BUCKETS token buckets in the state file.  An address has the
 * bucket that its SipHash under the state file's random name leads to, so
 * nobody outside can aim for another's.  Of IPv6 the network of 64 bits
 * counts, which is what one customer of a provider has.
 *
 * Two addresses may share a bucket.  What that can cost is the full answer to
 * a wrong key: a good key is never asked here.
 */
#ifndef TG_THROTTLE_H
#define TG_THROTTLE_H

#include "state.h"
#include "text.h"

/*
 * Takes one wrong credential of ip (IPv4 as ::ffff:a.b.c.d) from its bucket
 * of per_minute, which is not 0.  Returns 0, or the milliseconds until there
 * is one again.
 */
int64_t tg_throttle_take(const struct tg_state *state, const uint8_t ip[16],
                         uint32_t per_minute, int64_t now_ms);

#define TG_THROTTLE_TEXT_SIZE (TG_TEXT_IP_SIZE + 3)

/* What shares the bucket, as people write it: "192.0.2.1", "2001:db8::/64". */
void tg_throttle_text(char *out, const uint8_t ip[16]);

#endif
