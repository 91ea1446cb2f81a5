/*
 * http_stream.h: an answer that is made while it is sent.
 */
#ifndef TG_HTTP_STREAM_H
#define TG_HTTP_STREAM_H

#include <microhttpd.h>

#include "lanes.h"
#include "reply.h"

/*
 * The response of a reply that is a stream, which is taken over; NULL when
 * there is no memory.  It is released with the response.  Its parts are made in
 * the lane of exports, one whenever the client has read the one before; so one
 * that reads slowly holds no thread.
 */
struct MHD_Response *tg_http_stream(struct MHD_Connection *connection,
                                    struct tg_lanes *lanes,
                                    struct tg_reply *reply);

#endif
