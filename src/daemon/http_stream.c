#include "http_stream.h"

#include <inttypes.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#define CHUNK_BYTES 65536

struct stream {
    struct tg_reply_stream of;
    struct MHD_Connection *connection;
    int fd; /* of the connection */
    struct tg_lanes *lanes;
    struct tg_lane_job job;
    bool is_empty; /* the last part that was made has nothing */
    bool is_broken;
};

/* Nothing is sent while nothing is found, so nobody else would notice. */
static bool
has_client_left(const struct stream *stream)
{
    struct pollfd at = {.fd = stream->fd, .events = POLLRDHUP};

    return poll(&at, 1, 0) > 0 &&
           (at.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

/* In the lane's thread, while the connection is suspended. */
static void
make_part(struct tg_lane_job *job, bool is_late)
{
    struct stream *stream =
        (struct stream *)((char *)job - offsetof(struct stream, job));

    stream->is_broken = is_late || stream->of.make(stream->of.arg) != 0;
    MHD_resume_connection(stream->connection);
}

static ssize_t
read_stream(void *arg, uint64_t position, char *out, size_t room)
{
    struct stream *stream = arg;
    ptrdiff_t got;

    (void)position;
    if (stream->is_broken)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    got = stream->of.read(stream->of.arg, out, room);
    if (got == TG_STREAM_END)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (got == 0 && stream->is_empty && has_client_left(stream))
        return MHD_CONTENT_READER_END_WITH_ERROR;
    stream->is_empty = got == 0;
    if (got == 0) {
        MHD_suspend_connection(stream->connection);
        tg_lanes_go_on(stream->lanes, &stream->job);
    }
    return got;
}

static void
free_stream(void *arg)
{
    struct stream *stream = arg;

    stream->of.release(stream->of.arg);
    free(stream);
}

static void
add_headers(struct MHD_Response *response, const struct tg_reply_stream *of)
{
    char text[96];

    snprintf(text, sizeof(text), "attachment; filename=\"%s.%s\"", of->name,
             of->ending);
    MHD_add_response_header(response, "Content-Disposition", text);
    /* nginx would put what a slow client has not read yet on a disk. */
    MHD_add_response_header(response, "X-Accel-Buffering", "no");
    if (of->rows < 0)
        return;
    snprintf(text, sizeof(text), "%" PRId64, of->rows);
    MHD_add_response_header(response, "x-tollgate-rows", text);
}

struct MHD_Response *
tg_http_stream(struct MHD_Connection *connection, struct tg_lanes *lanes,
               struct tg_reply *reply)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct stream *stream = malloc(sizeof(*stream));
    struct MHD_Response *response;

    if (stream == NULL) {
        reply->stream.release(reply->stream.arg);
        return NULL;
    }
    *stream = (struct stream){
        .of = reply->stream,
        .connection = connection,
        .fd = info->connect_fd,
        .lanes = lanes,
        .job = {.lane = TG_LANE_EXPORT, .run = make_part},
    };
    reply->stream = (struct tg_reply_stream){.read = NULL};
    response = MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, CHUNK_BYTES, read_stream, stream, free_stream);
    if (response == NULL)
        free_stream(stream);
    else
        add_headers(response, &stream->of);
    return response;
}
