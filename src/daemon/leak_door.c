#include "leak_door.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "err.h"
#include "leak_keys.h"
#include "roles.h"
#include "throttle.h"

#define WRONG_PER_MINUTE 30 /* of an address */

/* The address of who asks; ::ffff:0.0.0.0 where it is not known. */
static void
read_address(const char *text, uint8_t ip[16])
{
    struct in_addr v4 = {0};

    if (inet_pton(AF_INET6, text, ip) == 1)
        return;
    inet_pton(AF_INET, text, &v4);
    memset(ip, 0, 10);
    memset(ip + 10, 0xff, 2);
    memcpy(ip + 12, &v4, 4);
}

/* A flood of wrong ones costs their address, and no one else. */
static bool
refuse(const struct tg_request *request, struct tg_reply *reply,
       const char *message)
{
    uint8_t ip[16];
    int64_t wait_ms;

    read_address(request->ip, ip);
    wait_ms = tg_throttle_take(&request->daemon->state, ip, WRONG_PER_MINUTE,
                               tg_clock_ms());
    if (wait_ms > 0)
        return tg_reply_error(reply, 429, "rate_limit_exceeded", NULL,
                              "too many reports without a good signature come "
                              "from your address; again in %lld ms",
                              (long long)wait_ms);
    return tg_reply_error(reply, 401, "invalid_signature", NULL, "%s", message);
}

bool
tg_leak_door(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_operator *who = &request->operator;
    int err;

    if (!tg_leak_keys_are_on(request->daemon))
        return tg_reply_error(reply, 404, "not_found", NULL,
                              "reports of GitHub are not taken here; the "
                              "operator turns them on by [leaks] github_keys "
                              "in tollgate.conf");
    if (request->github_key == NULL || request->github_signature == NULL)
        return refuse(request, reply,
                      "this takes reports that GitHub has signed: "
                      "Github-Public-Key-Identifier and "
                      "Github-Public-Key-Signature");
    err = tg_leak_keys_verify(request->daemon, request->github_key,
                              request->github_signature, request->raw);
    if (err == TG_ERR_NOT_FOUND)
        return refuse(request, reply, "no public key of this name is known");
    if (err != 0)
        return refuse(request, reply,
                      "the signature is not one of this body by this key");
    snprintf(who->name, sizeof(who->name), "github");
    snprintf(who->via, sizeof(who->via), "%.20s", request->github_key);
    who->permissions = TG_BIT(TG_MAY_REPORT_LEAKS);
    return true;
}
