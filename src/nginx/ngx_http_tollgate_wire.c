/*
 * ngx_http_tollgate_wire.c: what a client's connection brings is shown to
 * core as it is received, before nginx's parser has it; see wire.h.
 *
 * nginx has no hook for this.  Connections of its HTTP listeners get our
 * receive function when they are accepted, with TLS after the handshake, and
 * a place of 16 bytes by their number in the worker's table.
 */

#include "ngx_http_tollgate_module.h"

#include "wire.h"

static void ngx_http_tollgate_accept(ngx_connection_t *c);
static void ngx_http_tollgate_await_tls(ngx_connection_t *c);
static void ngx_http_tollgate_first(ngx_event_t *rev);
static void ngx_http_tollgate_handshaken(ngx_connection_t *c);
static void ngx_http_tollgate_watch(ngx_connection_t *c);
static ssize_t ngx_http_tollgate_recv(ngx_connection_t *c, u_char *buf,
    size_t size);
static void ngx_http_tollgate_next_request(void *data);


static struct tg_wire        *ngx_http_tollgate_wires;

/* nginx's own, which are static there; one of each is all there is. */

static ngx_event_handler_pt   ngx_http_tollgate_http_first;
static void                 (*ngx_http_tollgate_http_handshaken)
    (ngx_connection_t *c);


ngx_int_t
ngx_http_tollgate_wire_init(ngx_cycle_t *cycle)
{
    ngx_uint_t        i;
    ngx_listening_t  *ls;

    ngx_http_tollgate_wires = ngx_pcalloc(cycle->pool,
                                          cycle->connection_n
                                          * sizeof(struct tg_wire));
    if (ngx_http_tollgate_wires == NULL) {
        return NGX_ERROR;
    }

    ls = cycle->listening.elts;

    for (i = 0; i < cycle->listening.nelts; i++) {
        if (ls[i].handler == ngx_http_init_connection) {
            ls[i].handler = ngx_http_tollgate_accept;
        }
    }

    return NGX_OK;
}


/* NULL for what is no client's connection by itself: a stream of HTTP/2. */

static struct tg_wire *
ngx_http_tollgate_wire(ngx_connection_t *c)
{
    ngx_connection_t  *first;

    first = ngx_cycle->connections;

    if (ngx_http_tollgate_wires == NULL || c < first
        || c >= first + ngx_cycle->connection_n)
    {
        return NULL;
    }

    return &ngx_http_tollgate_wires[c - first];
}


static void
ngx_http_tollgate_accept(ngx_connection_t *c)
{
    ngx_uint_t              is_ready;
    ngx_http_connection_t  *hc;

    /* Where accept() is deferred, nginx would handle the first bytes now. */

    is_ready = c->read->ready;
    c->read->ready = 0;

    tg_wire_open(ngx_http_tollgate_wire(c));
    c->recv = ngx_http_tollgate_recv;

    ngx_http_init_connection(c);

    if (c->fd == (ngx_socket_t) -1) {
        return;
    }

    hc = c->data;

    if (hc->ssl) {
        ngx_http_tollgate_http_first = c->read->handler;
        c->read->handler = ngx_http_tollgate_first;
    }

    if (is_ready) {
        c->read->ready = 1;
        ngx_post_event(c->read, &ngx_posted_events);
    }
}


/* The first bytes of what may become a TLS connection. */

static void
ngx_http_tollgate_first(ngx_event_t *rev)
{
    ngx_connection_t   *c;
    ngx_atomic_uint_t   number;

    c = rev->data;
    number = c->number;

    rev->handler = ngx_http_tollgate_http_first;
    rev->handler(rev);

    /* It may be closed by now, and its place another connection's. */

    if (c->fd == (ngx_socket_t) -1 || c->number != number) {
        return;
    }

    if (c->ssl != NULL) {
        ngx_http_tollgate_await_tls(c);

    } else if (rev->handler == ngx_http_tollgate_http_first) {
        rev->handler = ngx_http_tollgate_first;
    }
}


static void
ngx_http_tollgate_await_tls(ngx_connection_t *c)
{
    if (!c->ssl->handshaked) {

        if (c->ssl->handler != NULL) {
            ngx_http_tollgate_http_handshaken = c->ssl->handler;
            c->ssl->handler = ngx_http_tollgate_handshaken;
        }

        return;
    }

    /* A quick client's handshake is over at its first event.  If even its
       first request was read by then, nobody watches this connection. */

    if (c->requests == 0) {
        ngx_http_tollgate_watch(c);
    }
}


static void
ngx_http_tollgate_watch(ngx_connection_t *c)
{
    tg_wire_next(ngx_http_tollgate_wire(c));
    c->recv = ngx_http_tollgate_recv;
}


static void
ngx_http_tollgate_handshaken(ngx_connection_t *c)
{
    if (c->ssl->handshaked) {
        ngx_http_tollgate_watch(c);
    }

    ngx_http_tollgate_http_handshaken(c);
}


static ssize_t
ngx_http_tollgate_recv(ngx_connection_t *c, u_char *buf, size_t size)
{
    ssize_t          n;
    struct tg_wire  *wire;

#if (NGX_HTTP_SSL)
    n = c->ssl ? ngx_ssl_recv(c, buf, size) : ngx_recv(c, buf, size);
#else
    n = ngx_recv(c, buf, size);
#endif

    wire = ngx_http_tollgate_wire(c);

    if (n > 0 && wire != NULL) {
        tg_wire_feed(wire, buf, n);
    }

    return n;
}


/* NULL, too, for a connection that is read without us. */

static struct tg_wire *
ngx_http_tollgate_watched(ngx_http_request_t *r)
{
    if (r->connection->recv != ngx_http_tollgate_recv) {
        return NULL;
    }

    return ngx_http_tollgate_wire(r->connection);
}


/* Each request has one, wherever it leads: the next one comes behind it. */

ngx_int_t
ngx_http_tollgate_post_read_handler(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t  *cln;

    if (r != r->main || ngx_http_tollgate_watched(r) == NULL) {
        return NGX_DECLINED;
    }

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    cln->handler = ngx_http_tollgate_next_request;
    cln->data = r;

    return NGX_DECLINED;
}


static void
ngx_http_tollgate_next_request(void *data)
{
    ngx_http_request_t  *r = data;

    ngx_buf_t       *b;
    struct tg_wire  *wire;

    b = r->header_in;
    wire = ngx_http_tollgate_wire(r->connection);

    tg_wire_next(wire);
    tg_wire_feed(wire, b->pos, b->last - b->pos);

    ngx_http_tollgate_make_room(r);
}


/* Begins to watch the request's chunks, and those already received. */

void
ngx_http_tollgate_watch_chunks(ngx_http_request_t *r)
{
    ngx_buf_t       *b;
    struct tg_wire  *wire;

    wire = ngx_http_tollgate_watched(r);

    if (wire != NULL && r->headers_in.chunked) {
        b = r->header_in;
        tg_wire_chunks(wire);
        tg_wire_feed(wire, b->pos, b->last - b->pos);
    }
}


enum tg_wire_fault
ngx_http_tollgate_wire_verdict(ngx_http_request_t *r)
{
    struct tg_wire  *wire;

    if (r->http_version >= NGX_HTTP_VERSION_20) {
        return TG_WIRE_FINE;
    }

    wire = ngx_http_tollgate_watched(r);

    return wire != NULL ? tg_wire_verdict(wire) : TG_WIRE_UNSEEN;
}
