#include "session.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "err.h"

#define HOUR_MS INT64_C(3600000)

static const struct tg_session_kind kinds[] = {
    {"bearer", 12 * HOUR_MS, 7 * 24 * HOUR_MS},
    {"cookie", 1 * HOUR_MS, 12 * HOUR_MS},
};

const struct tg_session_kind *
tg_session_kind(const char *name)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    }
    return NULL;
}

bool
tg_session_is_over(const struct tg_store_access *row, int64_t now_ms)
{
    const struct tg_session_kind *kind = tg_session_kind(row->kind);

    return kind == NULL || row->ended_at != 0 || row->expires_at <= now_ms ||
           row->last_used_at < now_ms - kind->idle_ms;
}

struct tg_str
tg_session_of_cookie(const char *header)
{
    static const char name[] = TG_SESSION_COOKIE "=";

    while (*header != '\0') {
        size_t len = strcspn(header, ";");

        if (strncmp(header, name, sizeof(name) - 1) == 0)
            return (struct tg_str){header + sizeof(name) - 1,
                                   len - (sizeof(name) - 1)};
        header += len;
        header += strspn(header, "; ");
    }
    return (struct tg_str){header, 0};
}

/* Of the secret one way: it lets nobody in, and needs no keeping. */
int
tg_session_csrf(struct tg_str token, char csrf[TG_SESSION_CSRF_SIZE])
{
    static const char what[] = "csrf:";
    char text[128];
    struct tg_digest digest;
    size_t len = sizeof(what) - 1 + token.len;

    if (len > sizeof(text))
        return TG_ERR_LIMIT;
    memcpy(text, what, sizeof(what) - 1);
    memcpy(text + sizeof(what) - 1, token.data, token.len);
    tg_digest_of((struct tg_str){text, len}, &digest);
    sodium_memzero(text, sizeof(text));
    sodium_bin2hex(csrf, TG_SESSION_CSRF_SIZE, digest.bytes,
                   sizeof(digest.bytes));
    return 0;
}

/* The host and port of an origin are those that the page was fetched from. */
static bool
is_same_host(const char *origin, const char *host)
{
    const char *at = origin != NULL ? strstr(origin, "://") : NULL;

    return at != NULL && host != NULL && *host != '\0' &&
           strcasecmp(at + 3, host) == 0;
}

bool
tg_session_is_own_page(const struct tg_request *request, struct tg_reply *reply,
                       struct tg_str token)
{
    char csrf[TG_SESSION_CSRF_SIZE];

    if (!is_same_host(request->origin, request->host))
        return tg_reply_error(reply, 403, "foreign_origin", NULL,
                              "a session in a cookie is used from pages of "
                              "this address only; the Origin header has to "
                              "say so");
    if (token.len == 0)
        return true;
    if (request->csrf != NULL && strlen(request->csrf) == sizeof(csrf) - 1 &&
        tg_session_csrf(token, csrf) == 0 &&
        sodium_memcmp(request->csrf, csrf, sizeof(csrf) - 1) == 0)
        return true;
    return tg_reply_error(reply, 403, "csrf_token", NULL,
                          "send the session's csrf_token in the header "
                          "X-CSRF-Token");
}
