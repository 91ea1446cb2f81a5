/*
 * routes.h: the whole admin API, one row a route.
 *
 * A row says what an operator must be allowed to; one without a permission
 * does not compile, and nothing but the dispatcher asks for it.
 */
#ifndef TG_ROUTES_H
#define TG_ROUTES_H

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
};

struct tg_admin_route {
    const char *method;
    const char *path; /* "{}" is one segment, the request's subject */
    enum tg_permission permission;
    const char *action;    /* in the audit log, "key.create"; NULL: it reads */
    const char *arguments; /* those its query may have, each behind a ' ' */
    void (*handle)(struct tg_request *request, struct tg_reply *reply);
};

/* The rows, for those that list them.  *n is how many. */
const struct tg_admin_route *tg_routes(size_t *n);

#endif
