#include "attempts.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "err.h"
#include "id.h"
#include "log.h"

#define OLD_MS INT64_C(86400000)
#define HOUR_MS INT64_C(3600000)

void
tg_attempts_name(char name[TG_ATTEMPTS_NAME_SIZE], const char *what,
                 const char *text)
{
    struct tg_digest digest;
    size_t len;

    tg_digest_of((struct tg_str){text, strlen(text)}, &digest);
    len = (size_t)snprintf(name, TG_ATTEMPTS_NAME_SIZE, "%.8s:", what);
    for (size_t i = 0; i < sizeof(digest.bytes); i++)
        len += (size_t)snprintf(name + len, TG_ATTEMPTS_NAME_SIZE - len, "%02x",
                                digest.bytes[i]);
}

void
tg_attempts_address(char name[TG_ATTEMPTS_NAME_SIZE], const char *ip)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr v6;

    if (inet_pton(AF_INET6, ip, &v6) == 1 && !IN6_IS_ADDR_V4MAPPED(&v6)) {
        memset(&v6.s6_addr[8], 0, 8);
        if (inet_ntop(AF_INET6, &v6, text, sizeof(text)) != NULL)
            ip = text;
    }
    snprintf(name, TG_ATTEMPTS_NAME_SIZE, "from:%s", ip);
}

int
tg_attempts_take(struct tg_store *store, const char *name,
                 const struct tg_attempts_limit *limit, int64_t now_ms,
                 int64_t *wait_ms)
{
    int64_t full_ms = (limit->burst - 1) * limit->period_ms, paid_at = 0;
    int err = store->operators->attempts(store, name, &paid_at);

    if (err != 0)
        return err;
    /* What a clock that was set back makes of it is not waited for. */
    if (paid_at < now_ms || paid_at > now_ms + full_ms + limit->period_ms)
        paid_at = now_ms;
    *wait_ms = paid_at > now_ms + full_ms ? paid_at - now_ms - full_ms : 0;
    if (*wait_ms > 0)
        return 0;
    return store->operators->set_attempts(
        store, name, paid_at + limit->period_ms, now_ms - OLD_MS);
}

int
tg_attempts_give_back(struct tg_store *store, const char *name,
                      const struct tg_attempts_limit *limit, int64_t now_ms)
{
    int64_t paid_at = 0;
    int err = store->operators->attempts(store, name, &paid_at);

    if (err != 0 || paid_at <= now_ms)
        return err;
    return store->operators->set_attempts(
        store, name, paid_at - limit->period_ms, now_ms - OLD_MS);
}

int
tg_attempts_tell(struct tg_store *store, const char *name, int64_t now_ms,
                 json_t *evidence, const char *message)
{
    char id[TG_ID_TEXT_SIZE], once[TG_ATTEMPTS_NAME_SIZE + 48];
    char *text = json_dumps(evidence, JSON_COMPACT);
    struct tg_store_event event = {
        .id = id,
        .at = now_ms,
        .type = "login_failing",
        .severity = "warning",
        .key_id = "",
        .account_id = "",
        .upstream_id = "",
        .credential_id = "",
        .message = message,
        .evidence = text,
        .once = once,
    };
    bool is_new = false;
    int err = text != NULL ? tg_id_mint(id, "evt_", tg_random) : TG_ERR_SYSTEM;

    snprintf(once, sizeof(once), "login_failing:%s:%lld", name,
             (long long)(now_ms / HOUR_MS));
    if (err == 0)
        err = store->ops->event_add(store, &event, &is_new);
    if (err == 0 && is_new)
        tg_log(TG_LOG_WARNING, "%s", message);
    json_decref(evidence);
    free(text);
    return err;
}
