/*
 * http_response.h: what a handler answered, as the server sends it.
 */
#ifndef TG_HTTP_RESPONSE_H
#define TG_HTTP_RESPONSE_H

#include <microhttpd.h>

#include "lanes.h"
#include "reply.h"

/*
 * The response of a reply to the request of that id, with its headers; all
 * that the reply owns is taken over.  NULL when there is no memory.
 */
struct MHD_Response *tg_http_response(struct MHD_Connection *connection,
                                      struct tg_lanes *lanes,
                                      struct tg_reply *reply, const char *id);

#endif
