#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conn.h"
#include "worker.h"

enum { ROOM_BYTES = 2048, KEEP_BYTES = 65536, CHUNK_OF_ONE = 6 };

/* What became of the connection. */
enum fate { LIVES, GONE };

static void
say(struct sim_conn *conn, const char *text)
{
    sim_buf_add(&conn->out, text, strlen(text));
}

struct sim_conn *
sim_conn_new(struct sim_worker *worker, int fd)
{
    struct sim_conn *conn = calloc(1, sizeof(*conn));

    if (!conn)
        return NULL;
    conn->worker = worker;
    conn->fd = fd;
    sim_reader_init(&conn->reader, &conn->in);
    if (sim_worker_watch(worker, conn)) {
        free(conn);
        return NULL;
    }
    return conn;
}

void
sim_conn_free(struct sim_conn *conn)
{
    if (conn->is_busy)
        sim_call_abort(&conn->call);
    sim_timers_unset(&conn->worker->timers, &conn->timer);
    close(conn->fd);
    sim_worker_forget(conn->worker, conn);
    sim_buf_release(&conn->in);
    sim_buf_release(&conn->out);
    sim_reader_release(&conn->reader);
    free(conn);
}

static enum fate
give_up(struct sim_conn *conn)
{
    sim_conn_free(conn);
    return GONE;
}

/* How much of the output the next send may take. */
static size_t
portion(const struct sim_conn *conn)
{
    size_t left = conn->out.len - conn->sent;
    size_t most;

    if (!conn->is_busy || !conn->call.is_bytewise)
        return left;
    if (conn->sent < conn->call.head_bytes)
        most = conn->call.head_bytes - conn->sent;
    else
        most =
            conn->call.head.framing == SIM_FRAMED_BY_CHUNKS ? CHUNK_OF_ONE : 1;
    return left < most ? left : most;
}

static enum fate
flush(struct sim_conn *conn)
{
    while (conn->sent < conn->out.len) {
        ssize_t n = send(conn->fd, conn->out.data + conn->sent, portion(conn),
                         MSG_NOSIGNAL);

        if (n < 0 && errno == EAGAIN)
            return LIVES;
        if (n < 0)
            return give_up(conn);
        conn->sent += (size_t)n;
    }
    conn->sent = conn->out.len = 0;
    conn->call.head_bytes = 0;
    if (conn->out.cap > KEEP_BYTES)
        sim_buf_release(&conn->out);
    return LIVES;
}

static bool
is_flushed(const struct sim_conn *conn)
{
    return conn->out.len == 0;
}

/* Sends the rest and closes.  What the peer has sent meanwhile is read away,
 * else the kernel would answer it with a reset and the peer might lose the
 * end of our answer. */
static enum fate
finish(struct sim_conn *conn)
{
    char waste[4096];

    conn->is_over = true;
    if (flush(conn) == GONE)
        return GONE;
    if (!is_flushed(conn))
        return LIVES;
    for (int i = 0; i < 16 && recv(conn->fd, waste, sizeof(waste), 0) > 0; i++)
        ;
    return give_up(conn);
}

/* Steps the call until it has to wait; sends what comes of it. */
static enum fate
drive(struct sim_conn *conn)
{
    struct sim_worker *worker = conn->worker;

    sim_timers_unset(&worker->timers, &conn->timer);
    for (;;) {
        enum sim_step step = sim_call_step(&conn->call, &worker->env,
                                           worker->now_ns, &conn->out);

        if (step == SIM_STEP_END && conn->call.closes)
            return finish(conn);
        if (flush(conn) == GONE)
            return GONE;
        if (step == SIM_STEP_WAIT)
            sim_timers_set(&worker->timers, &conn->timer, conn->call.due_ns);
        if (step != SIM_STEP_FULL && step != SIM_STEP_END)
            return LIVES;
        if (!is_flushed(conn))
            return LIVES;
        if (step == SIM_STEP_END)
            break;
    }
    conn->is_busy = false;
    sim_reader_next(&conn->reader);
    if (conn->in.len == 0 && conn->in.cap > KEEP_BYTES)
        sim_buf_release(&conn->in);
    return LIVES;
}

static enum fate
begin(struct sim_conn *conn)
{
    struct sim_request request;

    sim_reader_request(&conn->reader, &request);
    conn->is_busy = true;
    sim_call_begin(&conn->call, &conn->worker->env, &request,
                   conn->worker->now_ns, &conn->out);
    return drive(conn);
}

/* Takes the requests that are in the buffer, one after the other. */
static enum fate
take(struct sim_conn *conn)
{
    while (!conn->is_busy && !conn->is_over &&
           conn->in.len > conn->reader.used) {
        enum sim_read got = sim_reader_run(&conn->reader);

        if (got == SIM_READ_BAD || got == SIM_READ_TOO_LARGE) {
            say(conn, got == SIM_READ_BAD
                          ? "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n"
                            "Connection: close\r\n\r\n"
                          : "HTTP/1.1 413 Payload Too Large\r\n"
                            "Content-Length: 0\r\nConnection: close\r\n\r\n");
            return finish(conn);
        }
        if (got == SIM_READ_DONE && begin(conn) == GONE)
            return GONE;
        if (got == SIM_READ_MORE && conn->reader.wants_continue) {
            conn->reader.wants_continue = false;
            say(conn, "HTTP/1.1 100 Continue\r\n\r\n");
            if (flush(conn) == GONE)
                return GONE;
        }
    }
    return LIVES;
}

/* Reads until the socket is empty or a call has begun. */
static enum fate
fill(struct sim_conn *conn)
{
    while (!conn->is_busy && !conn->is_over && conn->may_have_more) {
        size_t room;
        ssize_t n;

        sim_buf_reserve(&conn->in, ROOM_BYTES);
        room = conn->in.cap - conn->in.len;
        n = recv(conn->fd, conn->in.data + conn->in.len, room, 0);
        if (n == 0 || (n < 0 && errno != EAGAIN))
            return give_up(conn);
        conn->may_have_more = n == (ssize_t)room;
        if (n > 0) {
            conn->in.len += (size_t)n;
            if (take(conn) == GONE)
                return GONE;
        }
    }
    return LIVES;
}

/* The output has room again. */
static enum fate
resume(struct sim_conn *conn)
{
    if (is_flushed(conn))
        return LIVES;
    if (conn->is_over)
        return finish(conn);
    if (flush(conn) == GONE)
        return GONE;
    return conn->is_busy && is_flushed(conn) ? drive(conn) : LIVES;
}

void
sim_conn_ready(struct sim_conn *conn, uint32_t events)
{
    if ((events & EPOLLOUT) && resume(conn) == GONE)
        return;
    if (events & EPOLLIN)
        conn->may_have_more = true;
    if (take(conn) == GONE || fill(conn) == GONE)
        return;
    if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        sim_conn_free(conn);
}

void
sim_conn_due(struct sim_conn *conn)
{
    if (drive(conn) == GONE)
        return;
    if (take(conn) == LIVES)
        fill(conn);
}
