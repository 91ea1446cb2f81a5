/*
 * routes.h: the whole admin API, one row a route.
 *
 * A row says what an operator must be allowed to; one without a permission
 * does not compile, and nothing but the dispatcher asks for it.
 */
#ifndef TG_ROUTES_H
#define TG_ROUTES_H

#include "lanes.h"
#include "request.h"

/* What an operator may do; 0 is no permission, and no row has it. */
enum tg_permission {
    TG_MAY_NOTHING = 0,
    TG_MAY_READ,
    TG_MAY_READ_USAGE,
    TG_MAY_CHANGE_KEYS,
    TG_MAY_CHANGE_ACCOUNTS,
    TG_MAY_ADMIT_ACCOUNTS, /* say whether its keys may call at all */
    TG_MAY_CHANGE_CATALOG,
    TG_MAY_CHANGE_CREDENTIALS,
    TG_MAY_CHANGE_BUDGETS,
    TG_MAY_CHANGE_OPERATORS,
    TG_MAY_CHANGE_OWNERS, /* operators that are owners, too */
    TG_MAY_REPORT_LEAKS,
    TG_MAY_CHANGE_ALERTS,   /* rules, and where they are told */
    TG_MAY_ACT_FOR_ONESELF, /* with one's own tokens, sessions, password */
    TG_MAY_READ_AUDIT,
    TG_MAY_READ_METRICS, /* sums over all accounts, and no key */
    TG_PERMISSIONS,      /* how many; each has a name in roles.c */
};

/* What a route is about, for an operator that is bound to accounts. */
enum tg_reach {
    TG_REACH_ALL = 0,  /* things of all accounts: it is refused */
    TG_REACH_COMMON,   /* the same for everybody */
    TG_REACH_OWN_LIST, /* a list, which its handler asks tg_own_filter for */
    TG_REACH_KEY,      /* the key that is its subject */
    TG_REACH_ACCOUNT,  /* the account that is its subject */
    TG_REACH_MEMBER,   /* the account that its body names */
    TG_REACH_SELF,     /* the operator that is its subject */
};

struct tg_admin_route {
    const char *method;
    const char *path; /* "{}" is one segment, the request's subject */
    enum tg_permission permission;
    const char *action;    /* in the audit log, "key.create"; NULL: it reads */
    const char *arguments; /* those its query may have, each behind a ' ' */
    void (*handle)(struct tg_request *request, struct tg_reply *reply);
    enum tg_reach reach;
    bool has_own_tag;        /* its handler asks tg_etag_matches by itself */
    bool is_in_parts;        /* several changes: idempotency.h asks for it */
    bool needs_proof;        /* a fresh one, from those who have set one up */
    bool is_open;            /* to anybody: to log in */
    enum tg_permission also; /* opens members of fields.h, and no others */
    /*
     * Who asks, where that is said by something else than a token: false with
     * the reply made.  NULL: by a token.
     */
    bool (*know)(struct tg_request *request, struct tg_reply *reply);
    bool takes_list;   /* its body is a list */
    enum tg_lane lane; /* whose thread answers; NONE for what waits for nothing
                          but the lock of changes */
};

/*
 * The row that shows one of what a path is about: of "/admin/v1/keys/{}/pause"
 * that of GET "/admin/v1/keys/{}".  NULL: there is none.
 */
const struct tg_admin_route *tg_route_showing(const struct tg_admin_route *one);

/* The rows, for those that list them.  *n is how many. */
const struct tg_admin_route *tg_routes(size_t *n);

#endif
