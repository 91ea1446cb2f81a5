/*
 * ngx_http_tollgate_room.c: a connection whose request would have fit into one
 * buffer, were that larger, has such a one from the next request on.
 *
 * nginx reads heads into 1 KiB, which is all that most idle or streaming
 * connections need, and what is left of a body into another buffer, by a
 * second recvfrom(2) and an ioctl(2).  Conversations have some KiB, and come
 * again on the same connection: read at once they cost a call less, and their
 * bodies are in one piece.  nginx frees this buffer while a connection is idle
 * and allocates one of the same size for its next request.  A stream would
 * have it for as long as it runs, so who streams keeps the small one.
 */

#include "ngx_http_tollgate_module.h"

#include <malloc.h>

#define NGX_HTTP_TOLLGATE_ROOM        16384
#define NGX_HTTP_TOLLGATE_LARGE_ROOM  65536

/* Freed memory that a worker keeps, and from where on it maps each piece. */

#define NGX_HTTP_TOLLGATE_KEEP        4194304
#define NGX_HTTP_TOLLGATE_MAP         1048576


/*
 * As it is, glibc gives memory at the heap's end back from 128 KiB on.  That is
 * what the buffers of a few calls have, so a worker would shrink its heap at
 * the end of each round of events and grow it, page by page, in the next.
 * Where one of both is set, the other no longer adapts itself.
 */

void
ngx_http_tollgate_keep_memory(void)
{
#if defined(M_TRIM_THRESHOLD) && defined(M_MMAP_THRESHOLD)
    mallopt(M_TRIM_THRESHOLD, NGX_HTTP_TOLLGATE_KEEP);
    mallopt(M_MMAP_THRESHOLD, NGX_HTTP_TOLLGATE_MAP);
#endif
}


/* At the request's end, when nothing points into its head any more. */

void
ngx_http_tollgate_make_room(ngx_http_request_t *r)
{
    u_char                   *start;
    size_t                    size;
    ngx_buf_t                *b;
    ngx_connection_t         *c;
    ngx_http_tollgate_ctx_t  *ctx;

    b = r->header_in;
    c = r->connection;
    ctx = ngx_http_get_module_ctx(r, ngx_http_tollgate_module);

    if (ctx == NULL || ctx->is_stream) {
        return;
    }

    /* What another request is in already stays where it is. */

    if (b != c->buffer || b->pos != b->last
        || r->request_length > NGX_HTTP_TOLLGATE_LARGE_ROOM
        || r->request_length <= b->end - b->start)
    {
        return;
    }

    size = r->request_length <= NGX_HTTP_TOLLGATE_ROOM
           ? NGX_HTTP_TOLLGATE_ROOM : NGX_HTTP_TOLLGATE_LARGE_ROOM;

    start = ngx_palloc(c->pool, size);
    if (start == NULL) {
        return;
    }

    if (ngx_pfree(c->pool, b->start) != NGX_OK) {
        ngx_pfree(c->pool, start);
        return;
    }

    b->start = start;
    b->pos = start;
    b->last = start;
    b->end = start + size;
}
