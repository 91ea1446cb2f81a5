/*
 * router.h: from a request to its handler, by way of its permission.
 */
#ifndef TG_ROUTER_H
#define TG_ROUTER_H

#include "request.h"

/*
 * Answers a request whose path, undecoded and without the query, is path.
 * body is the text of its body (NULL: it had none).  Does all: finding the
 * route, who asks, whether that one may, and what is in the body.
 */
void tg_router_dispatch(struct tg_request *request, char *path,
                        struct tg_str body, struct tg_reply *reply);

#endif
