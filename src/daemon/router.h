/*
 * router.h: from a request to its handler, by way of its permission.
 *
 * The table of routes is the whole admin API: a row without a permission
 * does not compile, and nothing but the dispatcher asks for one.
 */
#ifndef TG_ROUTER_H
#define TG_ROUTER_H

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
    const char *arguments; /* those its query may have, each behind a ' ' */
    void (*handle)(struct tg_request *request, struct tg_reply *reply);
};

/* The rows, for those that list them.  *n is how many. */
const struct tg_admin_route *tg_router_table(size_t *n);

/*
 * Answers a request whose path, undecoded and without the query, is path.
 * body is the text of its body (NULL: it had none).  Does all: finding the
 * route, who asks, whether that one may, and what is in the body.
 */
void tg_router_dispatch(struct tg_request *request, char *path,
                        struct tg_str body, struct tg_reply *reply);

#endif
