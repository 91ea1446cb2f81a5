/*
 * request.h: a request to the admin API as its handler sees it.
 */
#ifndef TG_REQUEST_H
#define TG_REQUEST_H

#include "daemon.h"
#include "id.h"
#include "reply.h"

#define TG_REQUEST_ARGUMENTS 24
#define TG_OPERATOR_NAME_SIZE 256
#define TG_OPERATOR_ACCOUNTS 32
#define TG_ADDRESS_TEXT_SIZE 46

enum tg_role { TG_ROLE_NONE = 0, OWNER, ADMIN, AUDITOR, BILLING };

struct tg_operator {
    char id[TG_ID_TEXT_SIZE];
    char name[TG_OPERATOR_NAME_SIZE];
    char via[TG_ID_TEXT_SIZE]; /* its token's or session's id */
    enum tg_role role;
    unsigned permissions; /* its role's that are also its token's: TG_BIT */
    bool has_proof;       /* a password or TOTP: what a row may demand */
    int64_t fresh_until;  /* it was given by what is asked with */
    bool is_narrow;       /* its token is not for all that it may */
    bool is_bound;        /* to the accounts that follow, and no others */
    size_t account_count;
    char accounts[TG_OPERATOR_ACCOUNTS][TG_ID_TEXT_SIZE];
};

struct tg_admin_route; /* see routes.h */
struct tg_idempotency; /* see idempotency.h */

struct tg_argument {
    const char *name, *value; /* decoded */
};

/* All of it is valid while the handler runs. */
struct tg_request {
    struct tg_daemon *daemon;
    const char *method;
    const struct tg_admin_route *route;
    const char *authorization; /* headers' values, or NULL */
    const char *if_match;
    const char *idempotency_key;
    const char *user_agent;
    const char *cookie, *origin, *csrf;
    const char *host;                 /* as it was asked for, by nginx's word */
    const char *github_key, *github_signature; /* see leak_door.h */
    struct tg_str raw; /* the bytes of its body; NULL data: it had none */
    char id[TG_REQUEST_ID_TEXT_SIZE]; /* as its answer's x-request-id */
    char ip[TG_ADDRESS_TEXT_SIZE]; /* who asks, as nginx saw it; "": unknown */
    const char *subject;           /* what stands at {id}, decoded; or NULL */
    struct tg_argument arguments[TG_REQUEST_ARGUMENTS];
    size_t argument_count;
    json_t *body; /* an object, or a list where the row takes one; NULL for a
                     GET */
    struct tg_operator operator;
    struct tg_idempotency *idempotency; /* NULL: not asked for */
    char own_account[TG_ID_TEXT_SIZE];  /* where subject may point */
};

/* The value of an argument of the query, NULL when it is not there. */
const char *tg_request_argument(const struct tg_request *request,
                                const char *name);

/*
 * Decodes %XX in place.  Returns false for a bad escape, a NUL, or bytes
 * that are not UTF-8.
 */
bool tg_request_decode(char *text);

/*
 * Reads the arguments limit (1 to 1000, else 100) and after.  Returns false
 * with the reply made when they are wrong.
 */
bool tg_request_page(const struct tg_request *request, struct tg_reply *reply,
                     const char *prefix, struct tg_store_page *page);

/* Reads the argument limit alone. */
bool tg_request_limit(const struct tg_request *request, struct tg_reply *reply,
                      uint32_t *limit);

/*
 * Reads an instant, RFC 3339 or a date (its first moment in UTC), from an
 * argument; *at_ms stays as it is when the argument is not there.
 */
bool tg_request_instant(const struct tg_request *request,
                        struct tg_reply *reply, const char *name,
                        int64_t *at_ms);

#endif
