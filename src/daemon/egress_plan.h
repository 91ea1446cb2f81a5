/*
 * egress_plan.h: where a URL leads, looked up once and judged before anything
 * is sent.
 */
#ifndef TG_EGRESS_PLAN_H
#define TG_EGRESS_PLAN_H

#include <curl/curl.h>

#include "egress_address.h"
#include "lookup.h"

struct tg_egress_plan {
    const struct tg_egress_rules *rules;
    bool is_mail;
    bool is_direct; /* else by way of the proxy */
    uint16_t port;
    CURLU *url;     /* as libcurl reads it, which sends it; owned */
    char host[256]; /* a name, or an address without brackets */
    struct tg_lookup found;
    struct curl_slist *resolve; /* for CURLOPT_RESOLVE; owned, NULL: none */
};

/*
 * Reads the URL (http and https; smtp and smtps for mail), looks its host up
 * within timeout_ms, and judges every address and the port.  With a proxy a
 * name need not be found here, and what lies wholly in the operator's own
 * networks is reached without it.  Returns 0; TG_ERR_FORMAT for a URL that is
 * none of those, TG_ERR_RANGE when the rules forbid it; TG_ERR_NOT_FOUND,
 * TG_ERR_BUSY or TG_ERR_LIMIT as tg_lookup does.  *error then says what was
 * refused and how to allow it.  The plan is released in any case.
 */
int tg_egress_plan(struct tg_egress_plan *plan,
                   const struct tg_egress_rules *rules, const char *url,
                   bool is_mail, uint32_t timeout_ms, struct tg_error *error);

void tg_egress_plan_release(struct tg_egress_plan *plan);

#endif
