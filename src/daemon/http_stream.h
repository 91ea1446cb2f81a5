/*
 * http_stream.h: an answer that is made while it is sent.
 */
#ifndef TG_HTTP_STREAM_H
#define TG_HTTP_STREAM_H

#include <microhttpd.h>

#include "reply.h"

/*
 * The response of a reply that is a stream, which is taken over; NULL when
 * there is no memory. It is released with the response.
 */
struct MHD_Response *tg_http_stream(struct MHD_Connection *connection,
                                    struct tg_reply *reply);

#endif
