/*
 * conn.h: one connection: bytes in, calls one after the other, bytes out.
 *
 * The socket is registered once, edge-triggered; while a call runs nothing is
 * read, so that the request stays where it is in the buffer.
 */
#ifndef SIM_CONN_H
#define SIM_CONN_H

#include "sim_call.h"
#include "reader.h"
#include "timers.h"

struct sim_worker;

struct sim_conn {
    struct sim_timer timer; /* of the call; first member */
    struct sim_worker *worker;
    struct sim_conn *next, *previous; /* in the worker's list */
    int fd;
    bool is_busy;       /* a call runs */
    bool may_have_more; /* to read, once the call has ended */
    bool is_over;       /* closes when out is empty */
    size_t sent;        /* bytes of out that are gone */
    struct sim_buf in;
    struct sim_buf out;
    struct sim_reader reader;
    struct sim_call call;
};

/* Takes over fd, which must not block. */
struct sim_conn *sim_conn_new(struct sim_worker *worker, int fd);

/* What epoll said of fd; conn may be gone afterwards. */
void sim_conn_ready(struct sim_conn *conn, uint32_t events);

/* The timer ran out; conn may be gone afterwards. */
void sim_conn_due(struct sim_conn *conn);

/* Ends the call and the connection. */
void sim_conn_free(struct sim_conn *conn);

#endif
