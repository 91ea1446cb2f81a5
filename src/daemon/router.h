/*
 * router.h: from a request to its handler, by way of its permission.
 */
#ifndef TG_ROUTER_H
#define TG_ROUTER_H

#include "request.h"

/*
 * Reads a request whose path, undecoded and without the query, is path.
 * body is the text of its body (NULL: it had none), which stays as long as the
 * request.  Does all but the work: finds the route, who asks, whether that one
 * may, and what is in the body.  Returns true when it is to be handled, in the
 * lane that request->route says; false with the reply made.
 */
bool tg_router_take(struct tg_request *request, char *path, struct tg_str body,
                    struct tg_reply *reply);

/* Answers it. Where its route has a lane, who asks is asked for once more. */
void tg_router_handle(struct tg_request *request, struct tg_reply *reply);

#endif
