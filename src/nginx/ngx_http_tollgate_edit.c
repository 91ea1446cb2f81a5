/*
 * ngx_http_tollgate_edit.c: what we asked an upstream's stream for, and the
 * client did not, is taken out again.
 */

#include "ngx_http_tollgate_module.h"


/* Collects what an edit leaves, as buffers of our own. */

typedef struct {
    ngx_http_request_t       *r;
    ngx_http_tollgate_ctx_t  *ctx;
    ngx_chain_t              *out;
    ngx_chain_t             **last;
} ngx_http_tollgate_sink_t;


static int
ngx_http_tollgate_emit(void *arg, const char *data, size_t len)
{
    ngx_http_tollgate_sink_t  *sink = arg;

    size_t        size;
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    while (len) {
        cl = ngx_chain_get_free_buf(sink->r->pool, &sink->ctx->free);
        if (cl == NULL) {
            return -1;
        }

        b = cl->buf;

        if (b->start == NULL) {
            b->start = ngx_palloc(sink->r->pool, 4096);
            if (b->start == NULL) {
                return -1;
            }

            b->end = b->start + 4096;
            b->temporary = 1;
            b->tag = (ngx_buf_tag_t) &ngx_http_tollgate_module;
        }

        size = ngx_min(len, (size_t) (b->end - b->start));
        b->pos = b->start;
        b->last = ngx_cpymem(b->start, data, size);
        b->flush = 1;
        b->last_buf = 0;

        cl->next = NULL;
        *sink->last = cl;
        sink->last = &cl->next;

        data += size;
        len -= size;
    }

    return 0;
}


/* The answer without what we asked for and the client did not. */

ngx_int_t
ngx_http_tollgate_forward(ngx_http_request_t *r, ngx_http_tollgate_ctx_t *ctx,
    ngx_chain_t *in)
{
    int                       err;
    ngx_int_t                 rc;
    ngx_uint_t                has_last;
    ngx_chain_t              *cl;
    ngx_http_tollgate_sink_t  sink;

    if (ctx->edit == NULL) {
        return ngx_http_tollgate_next(r, ctx, in);
    }

    sink.r = r;
    sink.ctx = ctx;
    sink.out = NULL;
    sink.last = &sink.out;
    has_last = 0;
    err = 0;

    for (cl = in; cl && err == 0; cl = cl->next) {
        err = tg_edit_feed(ctx->edit, cl->buf->pos,
                           cl->buf->last - cl->buf->pos,
                           ngx_http_tollgate_emit, &sink);
        cl->buf->pos = cl->buf->last;

        if (cl->buf->last_buf) {
            has_last = 1;
            if (err == 0) {
                err = tg_edit_end(ctx->edit, ngx_http_tollgate_emit, &sink);
            }
        }
    }

    if (err != 0) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "tollgate: an event of the upstream is too long to "
                      "take its usage out");
        return ngx_http_tollgate_break_off(r, ctx);
    }

    if (has_last) {
        cl = ngx_chain_get_free_buf(r->pool, &ctx->free);
        if (cl == NULL) {
            return NGX_ERROR;
        }

        cl->buf->pos = cl->buf->last = cl->buf->start;
        cl->buf->temporary = 0;
        cl->buf->flush = 0;
        cl->buf->last_buf = 1;
        cl->buf->tag = (ngx_buf_tag_t) &ngx_http_tollgate_module;
        cl->next = NULL;
        *sink.last = cl;
    }

    if (sink.out == NULL && !r->connection->buffered) {
        return NGX_OK;
    }

    rc = ngx_http_tollgate_next(r, ctx, sink.out);

    ngx_chain_update_chains(r->pool, &ctx->free, &ctx->busy, &sink.out,
                            (ngx_buf_tag_t) &ngx_http_tollgate_module);

    return rc;
}
