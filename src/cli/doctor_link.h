/*
 * doctor_link.h: the way to the server, from the proxy to TLS.
 */
#ifndef TG_DOCTOR_LINK_H
#define TG_DOCTOR_LINK_H

#include "doctor.h"

enum tg_proxy_verdict {
    TG_PROXY_STOP = 0, /* nothing can be looked at */
    TG_PROXY_DIRECT,   /* look on without it */
    TG_PROXY_FINE,     /* look on as it is */
};

/*
 * Judges the proxy by a request through it that did not reach an API (NULL: it
 * did, or there is no proxy); is_direct_fine: without it one is reached.
 */
enum tg_proxy_verdict tg_doctor_judge_proxy(struct tg_doctor *doctor,
                                            const struct tg_doctor_proxy *proxy,
                                            const struct tg_fetch *fetch,
                                            bool is_direct_fine);

/*
 * Adds what a request shows of DNS, connection and TLS.  Returns whether HTTP
 * can be talked of.  Where TLS failed, it connects again to see why.
 */
bool tg_doctor_judge_link(struct tg_doctor *doctor,
                          const struct tg_fetch *fetch);

#endif
